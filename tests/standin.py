"""Stand-ins for the roles, started as real processes by a real supervisor.

`python standin.py supervise [role=behaviour …]` runs the supervisor; it starts
`python standin.py <role> --behaviour …`. Behaviours: crash (at once), fault (exit code 2),
unreachable (exit code 3), deaf (ignores the stop), die-once (kills itself on its first start).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from streams.engine.logs import setup_logging
from streams.engine.role import Role, run_role
from streams.engine.supervise import Supervisor
from streams.errors import BrokerError, Fault, FaultsError, FlankwatchError
from streams.settings import Settings, load_settings


async def run(settings: Settings, role: Role, behaviour: str) -> None:
    """Be ready and idle until told to stop, or misbehave."""
    if behaviour == "crash":
        raise RuntimeError("stand-in crash")
    if behaviour == "fault":
        raise FaultsError([Fault("seeds/x.toml", "key", "stand-in fault")])
    if behaviour == "unreachable":
        raise BrokerError("cannot reach Kafka at stand-in")
    mark = settings.state_dir / f"{role.name}.started"
    if behaviour == "die-once" and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    role.set_ready()
    await role.stopping.wait()
    if behaviour == "deaf":
        await asyncio.sleep(3600)
    with (settings.state_dir / "stopped").open("a", encoding="utf-8") as file:
        file.write(f"{role.name}\n")


def supervise(behaviours: dict[str, str]) -> int:
    """Run the supervisor over stand-ins; return its exit code."""
    settings = load_settings()
    setup_logging(settings, "run")
    options = {name: (f"--behaviour={value}",) for name, value in behaviours.items()}
    command = (sys.executable, str(Path(__file__).resolve()))
    try:
        supervisor = Supervisor(settings, options, command=command, pauses=(0.1,))
        return asyncio.run(supervisor.run())
    except FlankwatchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 3


def main() -> int:
    """Parse the arguments and run."""
    if sys.argv[1] == "supervise":
        return supervise(dict(argument.split("=", 1) for argument in sys.argv[2:]))
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--parent", type=int)
    parser.add_argument("--worker", type=int, default=0)
    parser.add_argument("--behaviour", default="idle")
    given = parser.parse_args()

    async def role_main(settings: Settings, role: Role) -> None:
        await run(settings, role, given.behaviour)

    run_role(given.name, load_settings(), role_main, worker=given.worker, parent=given.parent)


if __name__ == "__main__":
    sys.exit(main())
