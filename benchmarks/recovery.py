"""How long merge takes to be ready, and how much memory, with 5,000 incidents. Run by hand.

    python benchmarks/recovery.py [--incidents 5000] [--accounts 50]

A node of deploy/kafka is started in a temporary folder (JDK and Maven); the incidents are written
to their topic as merge writes them, then merge starts as its own process and reads them back.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from detect import rss_megabytes  # noqa: E402
from on_kafka import kafka_node, running  # noqa: E402

from benchmarks.ledger import START, copy_of, fill, new_ledger  # noqa: E402
from streams import topics  # noqa: E402
from streams.engine.bus import Bus, Outgoing  # noqa: E402
from streams.engine.provision import Provisioner  # noqa: E402
from streams.records import Tick  # noqa: E402
from streams.settings import Settings  # noqa: E402

AT_ONCE = 200


async def measure(kafka: str, number: int, accounts: int) -> None:
    folder = Path(tempfile.mkdtemp())
    settings = Settings(kafka=kafka, prefix="recovery.", state_dir=folder)
    async with Provisioner(settings) as provisioner:
        await provisioner.create()
    ledger = new_ledger()
    fill(ledger, 35, accounts, 100.0)
    ready = [
        found for found in ledger.incidents("europe") if len(found.accounts) >= accounts * 2 // 3
    ]
    kept = [len(found.accounts) for found in ready]
    async with Bus(settings, "merge") as bus:
        for first in range(0, number, AT_ONCE):
            copies = [
                copy_of(ready[index % len(ready)], index)
                for index in range(first, min(first + AT_ONCE, number))
            ]
            await bus.send_all([Outgoing(topics.INCIDENTS, one.id, one) for one in copies])
        # the clock goes on from where the incidents were reported last
        await bus.send(topics.LEDGER, None, Tick(at=START + timedelta(days=101), theatre="europe"))
    async with running(settings, ("merge",)) as (roles, took):
        await asyncio.sleep(15.0)  # some ticks
        pid = roles["merge"].pid
        held, peak = rss_megabytes(pid), rss_megabytes(pid, "VmHWM")
        print(
            f"{number} incidents of {min(kept)} to {max(kept)} accounts: ready after {took:.1f} s, "
            f"RSS {held:.0f} MB, at most {peak:.0f} MB"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--incidents", type=int, default=5000)
    parser.add_argument("--accounts", type=int, default=50)
    arguments = parser.parse_args()
    with kafka_node() as address:
        asyncio.run(measure(address, arguments.incidents, arguments.accounts))


if __name__ == "__main__":
    main()
