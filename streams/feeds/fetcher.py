"""Polls what is due: the loop of the fetch role, one task a poll.

Order within a poll: fetched, folded, articles confirmed, state saved, next poll planned.
"""

from __future__ import annotations

import asyncio
import gc
import random
from collections import deque
from functools import partial

import structlog

from connectors.clock import Clock
from streams import topics
from streams.catalog.feeds import FeedSpec
from streams.engine.bus import Bus
from streams.engine.role import Role
from streams.errors import BrokerError
from streams.feeds import surge as surging
from streams.feeds.fulltext import FullText
from streams.feeds.memory import resumed
from streams.feeds.poll import Polled, Poller
from streams.feeds.queue import Queue
from streams.feeds.replay import send_articles
from streams.feeds.tell import count_groups, forget, prepare, tell, tell_push
from streams.feeds.websub import WebSub
from streams.records import FeedState, decode, encode

#: Polls under way at most, those that wait for detection to catch up counted.
ACTIVE_MAX = 64
IDLE_SECONDS = 1.0
#: Pushes of one feed that wait for their turn.
PUSHES_MAX = 4
#: After the broker refused, or a poll crashed.
AGAIN_SECONDS = 15.0
CRASHED_SECONDS = 900.0
STOP_SECONDS = 2.0

log = structlog.get_logger()


class Fetcher:
    """Polls what is due, for as long as the role runs."""

    def __init__(
        self,
        feeds: tuple[FeedSpec, ...],
        states: dict[str, bytes],
        bus: Bus,
        poller: Poller,
        clock: Clock,
    ) -> None:
        self.surge = surging.Surge()
        self.full_text: FullText | None = None
        self.websub: WebSub | None = None
        self._pushed: dict[str, deque[tuple[bytes, str]]] = {}
        self._feeds = {feed.id: feed for feed in feeds}
        self._states = states
        self._bus = bus
        self._poller = poller
        self._clock = clock
        self._queue = Queue(clock.now(), feeds, self._state)
        self._polls: dict[str, asyncio.Task[None]] = {}
        self._sending: set[str] = set()
        self._woken = asyncio.Event()
        count_groups(feeds, (), clock.now())
        for feed in feeds:
            prepare(feed, self._state(feed))
        self._unpolled: set[str] | None = set(self._feeds)
        _settle()

    async def run(self, role: Role) -> None:
        """Poll until the role is to stop; then finish what is being sent."""
        log.info("fetching", feeds=len(self._feeds), remembered=len(self._states))
        stopping = asyncio.create_task(role.stopping.wait())
        try:
            while not role.stopping.is_set():
                role.beat()
                self._start_due()
                await self._until_due(stopping)
        finally:
            stopping.cancel()
            await self._finish()

    def unknown(self, feeds: tuple[FeedSpec, ...]) -> tuple[FeedSpec, ...]:
        """Return the feeds of whose past nothing is known here; it may have been saved."""
        return tuple(feed for feed in feeds if feed.id not in self._states)

    def use(self, feeds: tuple[FeedSpec, ...], states: dict[str, bytes]) -> None:
        """Poll these feeds from now on: new ones begin, changed ones go on, others end.

        Args:
            feeds: All feeds of this fetcher.
            states: What is saved of those that were `unknown`.
        """
        now = self._clock.now()
        given = {feed.id: feed for feed in feeds}
        self._states = states | self._states
        for feed in self._feeds.values():
            if feed.id not in given:
                self._queue.drop(feed)
                self._pushed.pop(feed.id, None)
                if self.websub is not None:
                    self.websub.drop(feed.id)
                forget(feed.id)
        changed = [feed for feed in feeds if self._feeds.get(feed.id) != feed]
        log.info("feeds reloaded", feeds=len(given), changed=len(changed))
        count_groups(feeds, self._feeds.values(), now)
        for feed in changed:
            if feed.id not in self._feeds:
                prepare(feed, self._state(feed))
            self._queue.begin(feed, self._state(feed), now, len(changed))
        self._feeds = given
        self._woken.set()

    def take_over(self, state: FeedState) -> None:
        """Take an operator's word on one of our feeds: it is due; what we know newer of it stays."""
        feed = self._feeds.get(state.id)
        if feed is None:
            return
        own, now = self._state(feed), self._clock.now()
        log.info("feed resumed", feed=feed.id)
        newest = state if state.version > own.version else resumed(own, now)
        self._states[feed.id] = encode(newest)
        self._queue.push(feed, newest.next_poll_at or now)
        self._woken.set()

    def use_websub(self, websub: WebSub) -> None:
        """Take news that hubs push, too; leases that were saved go on."""
        self.websub = websub
        for feed in self._feeds.values():
            websub.note(feed, self._state(feed))

    def push(self, id: str, body: bytes, content_type: str) -> bool:
        """Take what a hub pushed; return False when so much waits that it should come again."""
        waiting = self._pushed.setdefault(id, deque())
        if len(waiting) >= PUSHES_MAX or id not in self._feeds:
            return False
        waiting.append((body, content_type))
        self._woken.set()
        return True

    def wants_full_text(self, id: str) -> bool:
        """Return whether the feed's seed asks for the pages behind its entries."""
        feed = self._feeds.get(id)
        return feed is not None and feed.full_text

    def hurry(self) -> None:
        """Bring forward the polls of feeds where something is happening now."""
        now = self._clock.now()
        for feed in self.surge.covered(self._feeds.values(), now):
            self._queue.hurry(feed, self._state(feed))
        self._woken.set()

    def _state(self, feed: FeedSpec) -> FeedState:
        raw = self._states.get(feed.id)
        return FeedState(id=feed.id, url="") if raw is None else decode(FeedState, raw)

    def _start_due(self) -> None:
        now = self._clock.now()
        for id in [id for id in self._pushed if id not in self._polls]:  # one at a time of a feed
            waiting = self._pushed[id]
            if not waiting:
                del self._pushed[id]
            elif len(self._polls) < ACTIVE_MAX:
                taking = asyncio.create_task(self._take(self._feeds[id], *waiting.popleft()))
                self._polls[id] = taking
                taking.add_done_callback(partial(self._ended, id))
        while len(self._polls) < ACTIVE_MAX and (feed := self._queue.pop_due(now)) is not None:
            if feed.id in self._polls:  # planned anew while under way
                self._queue.free(feed)
                self._queue.push_in(feed, now, AGAIN_SECONDS)
                continue
            task = asyncio.create_task(self._poll(feed))
            self._polls[feed.id] = task
            task.add_done_callback(partial(self._done, feed))

    def _done(self, feed: FeedSpec, task: asyncio.Task[None]) -> None:
        self._queue.free(feed)
        self._ended(feed.id, task)

    def _ended(self, id: str, _task: asyncio.Task[None]) -> None:
        self._polls.pop(id, None)
        self._sending.discard(id)
        self._woken.set()

    async def _until_due(self, stopping: asyncio.Task[bool]) -> None:
        """Wait until a feed is due, a poll has ended, something happened or the role stops."""
        wait = IDLE_SECONDS
        if len(self._polls) < ACTIVE_MAX:
            due = self._queue.seconds_until_due(self._clock.now()) / self._clock.speed
            wait = min(wait, max(due, 0.01))
        self._woken.clear()
        woken = asyncio.create_task(self._woken.wait())
        await asyncio.wait({stopping, woken}, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
        woken.cancel()

    async def _poll(self, feed: FeedSpec) -> None:
        """Poll one feed, send what is new, save its state; no error leaves this."""
        state = self._state(feed)
        is_surge = self.surge.covers(feed, self._clock.now())
        try:
            polled = await self._poller.poll(feed, state, luck=random.random(), is_surge=is_surge)
            await self._save(feed, polled)
        except BrokerError as error:
            log.warning("feed not saved", feed=feed.id, why=str(error), again_in=AGAIN_SECONDS)
            self._again(feed, AGAIN_SECONDS)
            return
        except asyncio.CancelledError:
            raise
        except Exception:  # a bug: it costs this feed this poll, and is told in full
            log.exception("feed crashed", feed=feed.id)
            self._again(feed, CRASHED_SECONDS)
            return
        self._plan(feed, polled)
        if not is_surge and self.surge.covers(feed, self._clock.now()):  # it began meanwhile
            self._queue.hurry(feed, polled.state)
        if feed.id in self._feeds:
            tell(feed, state, polled, self._clock.now())
        self._settle_once(feed)

    async def _take(self, feed: FeedSpec, body: bytes, content_type: str) -> None:
        """Send what is new in a push, save the feed's memory; no error leaves this.

        What fails here is not lost: the next poll finds it.
        """
        try:
            polled = await self._poller.take(feed, self._state(feed), body, content_type)
            if polled.outcome != "ok":
                log.warning("push not read", feed=feed.id, why=polled.why)
                return
            await self._save(feed, polled)
        except BrokerError as error:
            log.warning("push not saved", feed=feed.id, why=str(error))
            return
        except Exception:
            log.exception("push crashed", feed=feed.id)
            return
        tell_push(feed, polled, self._clock.now())

    async def _save(self, feed: FeedSpec, polled: Polled) -> None:
        """Send the articles, then the state.

        Raises:
            BrokerError: not all is confirmed; the state is then as it was.
        """
        self._sending.add(feed.id)
        if self.full_text is not None:
            self.full_text.remember(polled.articles)
        if self.websub is not None:
            polled.state = self.websub.note(feed, polled.state)
        await send_articles(self._bus, polled.articles)
        await self._bus.send(topics.FEEDS, feed.id, polled.state)
        self._states[feed.id] = encode(polled.state)

    def _settle_once(self, feed: FeedSpec) -> None:
        """After the first round, when what a feed needs in memory is there, settle once more."""
        if self._unpolled is not None:
            self._unpolled.discard(feed.id)
            if not self._unpolled:
                self._unpolled = None
                _settle()

    def _again(self, feed: FeedSpec, seconds: float) -> None:
        """Plan a poll that did not come to its end; unless the seeds have another word by now."""
        if self._feeds.get(feed.id) == feed:
            self._queue.push_in(feed, self._clock.now(), seconds)

    def _plan(self, feed: FeedSpec, polled: Polled) -> None:
        """Queue the next poll; a Retry-After may hold back a whole host or domain."""
        at = polled.state.next_poll_at
        if at is None or self._feeds.get(feed.id) != feed:
            return  # gone, or its seed has changed meanwhile
        self._queue.push(feed, at)
        if polled.outcome == "throttled" and polled.retry_after_seconds:
            self._queue.hold(feed, at)

    async def _finish(self) -> None:
        """Give what is being sent a little time; drop what is only being fetched."""
        for id, task in self._polls.items():
            if id not in self._sending:
                task.cancel()
        if self._polls:
            await asyncio.wait(list(self._polls.values()), timeout=STOP_SECONDS)
        for task in list(self._polls.values()):
            task.cancel()
        await asyncio.gather(*self._polls.values(), return_exceptions=True)


def _settle() -> None:
    """Take what is there for ever out of the garbage collector's rounds.

    Thousands of feeds are a million objects, mostly metrics; a full round over them would hold the
    loop for a quarter of a second, again and again.
    """
    gc.collect()
    gc.freeze()
