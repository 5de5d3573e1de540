"""What operators tell a running fetcher: poll a feed again, or use the seeds as they are now.

Only what is said from its start on is listened to; before, the state and the seeds tell it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
from msgspec import DecodeError

from connectors.clock import Clock
from streams import topics
from streams.engine.bus import Bus, Received, read_latest
from streams.engine.follow import Place
from streams.engine.follow import follow as listen
from streams.engine.state import StateFile
from streams.errors import BrokerError, FlankwatchError
from streams.feeds.memory import resumed
from streams.records import FeedState, decode, encode
from streams.settings import Settings

#: Header of a state that an operator wrote; a fetcher's own have none.
OPERATOR = "operator"
#: Where operators' words are said.
HEARD = (topics.FEEDS, topics.LEDGER)

log = structlog.get_logger()


async def follow(
    settings: Settings,
    begin: Place,
    on_state: Callable[[FeedState], None],
    on_switch: Callable[[Received], Awaitable[None]],
) -> None:
    """Pass operators' words on, for ever.

    Args:
        settings: Where Kafka is.
        begin: Where to begin: taken before states and seeds were read.
        on_state: Gets a feed's state that an operator wrote.
        on_switch: Gets each record of the ledger.
    """
    ledger = settings.topic(topics.LEDGER.name)

    async def take(message: Received) -> None:
        if message.topic == ledger:
            await on_switch(message)
        elif OPERATOR in message.headers and message.value is not None:
            try:
                on_state(decode(FeedState, message.value))
            except DecodeError as error:
                log.warning("order not understood", error=str(error))

    await listen(settings, HEARD, take, begin=begin)


async def resume(settings: Settings, feed: str, who: str) -> FeedState:
    """Make a feed due again: one that is gone, or waits out a long pause.

    Args:
        settings: Where Kafka is; an embedded broker need not run.
        feed: Its id.
        who: The operator.

    Raises:
        FlankwatchError: nothing is known of the feed.
        BrokerError: Kafka cannot be reached.
    """
    known = (await read_latest(settings, topics.FEEDS, FeedState)).get(feed)
    if known is None:
        raise FlankwatchError(f"{feed}: nothing is known of it; it was never polled")
    state = resumed(known, Clock().now())
    try:
        async with Bus(settings, "fetch") as bus:
            await bus.send(topics.FEEDS, feed, state, {OPERATOR: who})
    except BrokerError:
        if not settings.is_embedded:
            raise
        file = StateFile(settings.state_dir)  # nothing runs: the next start reads it
        try:
            file.keep_latest(topics.FEEDS, feed, encode(state), [])
        finally:
            file.close()
    return state
