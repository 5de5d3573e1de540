"""The Faust app of a role: one profile, one transport of our own, started and stopped by the role.

Faust consumes; it neither produces, nor declares topics, nor serves pages. Every setting that
differs from Faust's default has its reason beside it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import faust
import structlog
from faust.app.base import BootStrategy
from faust.transport.drivers import aiokafka as driver

from streams import metrics
from streams.engine.bus import connection
from streams.engine.commits import Consumer, Producer
from streams.engine.role import Role
from streams.engine.watchdog import Progress, fail_stop
from streams.settings import Settings
from streams.topics import Topic

log = structlog.get_logger()

EXIT_CRASHED = 1
#: A member that never worked gets so long to leave its group in good order.
JOIN_STOP_SECONDS = 2.0
#: After so much silence a member is given up and its partitions go to another.
SESSION_SECONDS = 20.0
#: The embedded broker does not know a killed role when it comes back; it must be given up first.
EMBEDDED_SESSION_SECONDS = 6.0


class Transport(driver.Transport):  # type: ignore[misc]
    """Faust's aiokafka transport with our consumer and producer."""

    Consumer = Consumer
    Producer = Producer


class Boot(BootStrategy):  # type: ignore[misc]
    """Starts neither Faust's producer (the bus sends) nor its web server (role.py serves)."""

    enable_kafka_producer = False
    enable_web = False


class App(faust.App):  # type: ignore[misc]
    """A Faust app that knows its stage, for the metrics."""

    BootStrategy = Boot
    stage: str = ""

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)

    def _new_producer_transport(self) -> Transport:
        return Transport(self.conf.broker_producer, self)

    def _create_directories(self) -> None:
        """Make none: there are no tables, and a container's file system may be read-only."""


def build_app(settings: Settings, role: str, worker: int = 0) -> App:
    """Return the app of one role process; must be called inside the running loop.

    Args:
        settings: Broker, prefix.
        role: Name of the role; its group is `settings.group(role)`.
        worker: Number among the processes of this role on this machine.
    """
    link = connection(settings)
    session = EMBEDDED_SESSION_SECONDS if settings.is_embedded else SESSION_SECONDS
    brokers = str(link["bootstrap_servers"]).split(",")
    app = App(
        settings.group(role),
        broker=[f"kafka://{address}" for address in brokers],
        broker_credentials=_credentials(link),
        datadir=Path(settings.state_dir) / "faust",  # never created
        processing_guarantee="at_least_once",
        consumer_auto_offset_reset="earliest",
        stream_wait_empty=True,  # False loses the record in work at every SIGTERM
        stream_buffer_maxsize=2048,  # records; bounds memory, caps throughput at ~2,000/s
        broker_max_poll_records=500,
        broker_commit_interval=1.0,  # fewer repeats after a crash
        broker_session_timeout=session,
        broker_heartbeat_interval=session / 6,
        broker_rebalance_timeout=60.0,
        broker_request_timeout=40.0,
        broker_max_poll_interval=300.0,
        producer_request_timeout=30.0,
        topic_allow_declare=False,
        topic_disable_leader=True,
        # Static membership: a quick restart takes its partitions back without a rebalance.
        # The embedded broker knows only members that come and go.
        consumer_group_instance_id=None
        if settings.is_embedded
        else f"{settings.group(role)}-{socket.gethostname()}-{worker}",
        web_enabled=False,
        web_bind="127.0.0.1",
    )
    app.stage = role
    return app


def _credentials(link: dict[str, Any]) -> Any:
    """Return Faust's form of the bus's TLS and SASL arguments; None for plain text."""
    context = link.get("ssl_context")
    if link.get("sasl_mechanism"):
        return faust.SASLCredentials(
            username=link["sasl_plain_username"],
            password=link["sasl_plain_password"],
            mechanism=link["sasl_mechanism"],
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context is not None else None


def raw_topic(app: App, settings: Settings, topic: Topic) -> Any:
    """Return a topic whose keys and values stay bytes; we decode, so a bad record is ours to judge."""
    return app.topic(
        settings.topic(topic.name),
        key_type=bytes,
        value_type=bytes,
        key_serializer="raw",
        value_serializer="raw",
    )


@contextlib.asynccontextmanager
async def running(app: App, role: Role) -> AsyncIterator[None]:
    """Start the app; leave when it must stop; finish what is in work; commit.

    A crash of any Faust service ends the process without acknowledging anything. A role that is
    told to stop while it still joins its group does not wait for the group: Faust's start returns
    only once partitions are assigned, which a rebalance may put off for as long as it takes.
    """

    def count_rebalance(*_: Any, **__: Any) -> None:
        metrics.rebalances.labels(app.stage).inc()

    app.on_partitions_assigned.connect(count_rebalance, weak=False)
    if not await _start(app, role):
        yield
        return
    watch = asyncio.create_task(Progress(app).watch(role.beat))
    crash = asyncio.create_task(_end_on_crash(app))
    try:
        yield
    finally:
        watch.cancel()
        await app.stop()
        crash.cancel()


async def _start(app: App, role: Role) -> bool:
    """Start the app; return False, with the app let go, when the role is told to stop before."""
    start = asyncio.create_task(app.start())
    stopping = asyncio.create_task(role.stopping.wait())
    await asyncio.wait((start, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if start.done():
        await start  # raises what kept it from starting
        return True
    start.cancel()
    # Whatever it has taken already is not acknowledged and comes again.
    log.info("told to stop while joining the group")
    with contextlib.suppress(Exception):
        await asyncio.wait_for(app.stop(), JOIN_STOP_SECONDS)
    return False


async def _end_on_crash(app: App) -> None:
    """End the process when a Faust service has crashed."""
    while True:
        await asyncio.sleep(0.5)
        services = (app, app.consumer, app.consumer._thread, app.agents, app.topics)
        for service in services:
            if service.crashed:
                fail_stop(EXIT_CRASHED, "Faust crashed", error=repr(service.crash_reason))
