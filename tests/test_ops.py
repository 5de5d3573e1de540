"""topics, status, doctor as commands: output, JSON, exit codes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from kafka_server import KafkaServer

from streams import topics


def flankwatch(
    tmp_path: Path, *arguments: str, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run a command; settings are given without prefix."""
    environment = os.environ | {
        "FLANKWATCH_STATE_DIR": str(tmp_path / "state"),
        **{f"FLANKWATCH_{name.upper()}": value for name, value in settings.items()},
    }
    return subprocess.run(
        [sys.executable, "-m", "streams", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def findings(done: subprocess.CompletedProcess[str]) -> dict[str, list[Any]]:
    """Return the verdicts, then the texts, of each kind of finding."""
    found: dict[str, list[Any]] = {}
    for one in json.loads(done.stdout):
        found.setdefault(one["what"], []).extend((one["is_ok"], one["told"]))
    return found


@pytest.mark.kafka
def test_topics_are_made_and_compared(kafka: KafkaServer, tmp_path: Path) -> None:
    where = {"kafka": kafka.address, "prefix": f"t{uuid.uuid4().hex[:8]}."}
    before = flankwatch(tmp_path, "topics", "check", **where)
    assert before.returncode == 1
    assert f"{where['prefix']}news.ledger.v1: missing" in before.stdout

    made = flankwatch(tmp_path, "topics", "create", "--json", **where)
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout) == [where["prefix"] + topic.name for topic in topics.ALL]
    again = flankwatch(tmp_path, "topics", "create", "--json", **where)
    assert json.loads(again.stdout) == []

    after = flankwatch(tmp_path, "topics", "check", "--json", **where)
    assert (after.returncode, json.loads(after.stdout)) == (0, [])


@pytest.mark.kafka
async def test_changed_topic_is_told(kafka: KafkaServer, tmp_path: Path) -> None:
    from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
    from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

    where = {"kafka": kafka.address, "prefix": f"t{uuid.uuid4().hex[:8]}."}
    flankwatch(tmp_path, "topics", "create", **where)
    ledger, incidents = (where["prefix"] + one.name for one in (topics.LEDGER, topics.INCIDENTS))
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.address)
    await admin.start()
    await admin.create_partitions({ledger: NewPartitions(3)})
    changed = {"cleanup.policy": "delete", "segment.ms": "3600000"}
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, incidents, changed)])
    await admin.close()

    for _ in range(20):  # the controller has answered, the broker may not know yet
        done = flankwatch(tmp_path, "topics", "check", "--json", **where)
        if len(json.loads(done.stdout)) == 2:
            break
    assert done.returncode == 1
    found = {(one["topic"], one["what"]): one for one in json.loads(done.stdout)}
    assert found[ledger, "partitions"]["declared"] == "1"
    assert found[ledger, "partitions"]["found"] == "3"
    assert found[incidents, "cleanup.policy"]["found"] == "delete"
    assert not any(name.endswith("articles.v1") for name, _ in found)


@pytest.mark.kafka
def test_run_without_topics_says_what_to_do(kafka: KafkaServer, tmp_path: Path) -> None:
    done = flankwatch(
        tmp_path, "run", kafka=kafka.address, prefix=f"t{uuid.uuid4().hex[:8]}.", health_port="0"
    )
    assert done.returncode == 2
    assert "lacks topics" in done.stderr
    assert "flankwatch topics create" in done.stderr


def test_topics_of_the_embedded_broker_are_not_made(tmp_path: Path) -> None:
    done = flankwatch(tmp_path, "topics", "create")
    assert done.returncode == 2
    assert "FLANKWATCH_KAFKA: must be set" in done.stderr


def test_status_of_nothing_exits_3(tmp_path: Path) -> None:
    done = flankwatch(tmp_path, "status", "--json")
    assert done.returncode == 3
    told = json.loads(done.stdout)
    assert [role["state"] for role in told["roles"]] == ["down"] * 4
    assert "no embedded broker runs" in told["broker"]


def test_doctor_finds_nothing_wrong(tmp_path: Path) -> None:
    done = flankwatch(tmp_path, "doctor", "--json", health_port="0")
    told = findings(done)
    assert done.returncode == 0, done.stdout
    assert told["state directory"][0] is True
    assert told["broker"][0] is None


def test_doctor_tells_every_obstacle(tmp_path: Path) -> None:
    own = tmp_path / "seeds"
    (own / "feeds").mkdir(parents=True)
    (own / "feeds" / "x.toml").write_text("[[feed]\n")
    with socket.socket() as taken, socket.socket() as nobody:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        nobody.bind(("127.0.0.1", 0))  # bound but not listening: refuses
        done = flankwatch(
            tmp_path,
            "doctor",
            "--json",
            kafka=f"127.0.0.1:{nobody.getsockname()[1]}",
            health_port=str(taken.getsockname()[1]),
            seeds=str(own),
        )
    told = findings(done)
    assert done.returncode == 1
    assert any("feeds/x.toml" in str(fault) for fault in told["seeds"])
    assert "Address already in use" in told["health ports"][1]
    assert "cannot reach Kafka" in told["broker"][1]
    assert "Traceback" not in done.stderr


def test_doctor_tells_wrong_settings(tmp_path: Path) -> None:
    done = flankwatch(tmp_path, "doctor", detect_worker="2", log_level="loud")
    assert done.returncode == 1
    assert "did you mean FLANKWATCH_DETECT_WORKERS?" in done.stdout
    assert "FLANKWATCH_LOG_LEVEL" in done.stdout
