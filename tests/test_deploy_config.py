"""deploy/ as files: each is accepted by the program it is for, and they agree with one another."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, need
from monitoring import DEPLOY, PROMETHEUS, ROLES, WHY, read_yaml, rules

from streams.settings import Settings
from streams.topics import DEAD_LETTER_MAX_BYTES

RUNBOOK = (DEPLOY / "RUNBOOK.md").read_text(encoding="utf-8")
ALERTS = [rule["alert"] for rule in rules()]
COMPOSE = read_yaml(ROOT / "docker-compose.yml")
PINNED = re.compile(r"^[a-z0-9./-]+:v?\d+\.\d+\.\d+([.-][a-z0-9.-]+)?(@sha256:[0-9a-f]{64})?$")


def run(*command: str, **options: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


# --- Prometheus and Alertmanager ---------------------------------------------------------------


@pytest.mark.prometheus
def test_prometheus_accepts_its_configuration_and_rules() -> None:
    promtool = need("promtool", WHY)
    run(promtool, "check", "config", str(PROMETHEUS / "prometheus.yml"))
    run(promtool, "check", "rules", str(PROMETHEUS / "rules" / "flankwatch.yml"))


@pytest.mark.prometheus
def test_rules_fire_and_do_not_fire_as_their_tests_say() -> None:
    promtool = need("promtool", WHY)
    run(promtool, "test", "rules", "flankwatch_test.yml", cwd=PROMETHEUS / "tests")


def test_each_alert_has_a_test_for_firing_and_one_for_not_firing() -> None:
    fires, quiet = set(), set()
    for story in read_yaml(PROMETHEUS / "tests" / "flankwatch_test.yml")["tests"]:
        for case in story["alert_rule_test"]:
            (fires if case["exp_alerts"] else quiet).add(case["alertname"])
    assert fires == set(ALERTS)
    assert quiet == set(ALERTS) - {"FlankwatchWatchdog"}  # which always fires


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_rule_says_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning", "none")
    notes = rule["annotations"]
    assert notes["summary"] and notes["description"]
    assert notes["runbook_url"] == f"deploy/RUNBOOK.md#{rule['alert'].lower()}"


def test_every_alert_has_its_runbook_heading_and_the_reverse() -> None:
    assert re.findall(r"^## (.+)$", RUNBOOK, re.M) == ALERTS


@pytest.mark.parametrize("alert", ALERTS)
def test_runbook_entry_is_complete(alert: str) -> None:
    entry = RUNBOOK.split(f"## {alert}\n")[1].split("\n## ")[0]
    for part in ("Means", "Asks", "First", "Quiet", "Escalate", "Provoked by"):
        assert re.search(rf"\*\*{part}\b", entry), part


def test_the_runbook_names_tests_that_exist() -> None:
    stories = {
        story["name"] for story in read_yaml(PROMETHEUS / "tests" / "flankwatch_test.yml")["tests"]
    }
    provoked = " ".join(re.findall(r"\*\*Provoked by:\*\*(.+?)(?=\n\n|\Z)", RUNBOOK, re.S))
    named = {" ".join(name.split()) for name in re.findall(r"\*([^*]+)\*", provoked)}
    assert named <= stories


@pytest.mark.prometheus
def test_alertmanager_accepts_its_configuration() -> None:
    run(need("amtool", WHY), "check-config", str(DEPLOY / "alertmanager" / "alertmanager.yml"))


@pytest.mark.prometheus
@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ("alertname=FlankwatchRoleDown severity=critical role=merge", "on-call"),
        ("alertname=FlankwatchRoomFailing severity=critical", "on-call"),
        ("alertname=FlankwatchDeadLetters severity=warning", "office"),
        ("alertname=FlankwatchWatchdog severity=none", "watchdog"),
        ("alertname=SomethingElse", "office"),
    ],
)
def test_route(labels: str, receiver: str) -> None:
    config = f"--config.file={DEPLOY / 'alertmanager' / 'alertmanager.yml'}"
    told = run(
        need("amtool", WHY), "config", "routes", "test", config, "--verify.receivers", receiver,
        *labels.split(),
    )  # fmt: skip
    assert receiver in told


# --- Grafana -------------------------------------------------------------------------------------


def test_grafana_is_provisioned_from_files_only() -> None:
    provisioning = DEPLOY / "grafana" / "provisioning"
    (source,) = read_yaml(provisioning / "datasources" / "prometheus.yml")["datasources"]
    assert source["uid"] == "flankwatch-prometheus"
    assert source["editable"] is False
    scraped = read_yaml(PROMETHEUS / "prometheus.yml")["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == scraped
    (provider,) = read_yaml(provisioning / "dashboards" / "flankwatch.yml")["providers"]
    assert provider["allowUiUpdates"] is False
    assert provider["disableDeletion"] is True
    mounts = COMPOSE["services"]["grafana"]["volumes"]
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in mounts


# --- compose -------------------------------------------------------------------------------------


def test_compose_accepts_the_file(tmp_path: Path) -> None:
    program = need("docker-compose", "apt-get install docker-compose")
    for name in ("docker-compose.yml", ".env.example"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copy(ROOT / ".env.example", tmp_path / ".env")
    told = yaml.safe_load(run(program, "config", cwd=tmp_path))
    assert set(told["services"]) >= {"kafka", "topics", *ROLES, "prometheus", "alertmanager"}


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_service_is_pinned_and_watched(name: str) -> None:
    service = COMPOSE["services"][name]
    assert PINNED.match(service["image"]), service["image"]
    if name == "topics":
        assert service["healthcheck"] == {"disable": True}  # runs once
        return
    check = service["healthcheck"]
    assert check["test"][0] == "CMD" and check["retries"]
    assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("role", ROLES)
def test_role_waits_for_its_topics_and_is_locked_down(role: str) -> None:
    service = COMPOSE["services"][role]
    assert service["command"] == [role]
    assert service["depends_on"] == {"topics": {"condition": "service_completed_successfully"}}
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    assert service["healthcheck"]["test"] == ["CMD", "flankwatch", "healthy"]
    assert "ports" not in service


def test_nothing_listens_beyond_loopback() -> None:
    published = [p for s in COMPOSE["services"].values() for p in s.get("ports", [])]
    assert published == ["127.0.0.1:3000:3000"]


def test_prometheus_asks_each_role_where_compose_has_it() -> None:
    told = read_yaml(PROMETHEUS / "targets" / "roles.yml")
    settings = Settings()
    for entry, role in zip(told, ROLES, strict=True):
        assert entry == {"targets": [f"{role}:{settings.port_of(role)}"], "labels": {"role": role}}


def test_both_kafkas_take_our_largest_record_and_make_no_topics_by_themselves() -> None:
    told = (DEPLOY / "kafka" / "kraft.properties").read_text(encoding="utf-8")
    lines = dict(line.split("=", 1) for line in told.splitlines() if "=" in line and line[0] != "#")
    environment = COMPOSE["services"]["kafka"]["environment"]
    for key in (
        "message.max.bytes",
        "replica.fetch.max.bytes",
        "offsets.retention.minutes",
        "auto.create.topics.enable",
        "log.cleaner.dedupe.buffer.size",
    ):
        assert str(environment["KAFKA_" + key.upper().replace(".", "_")]) == lines[key], key
    assert int(lines["message.max.bytes"]) > DEAD_LETTER_MAX_BYTES


def test_every_variable_given_is_a_setting() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    text += (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    text += (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    named = {name.lower() for name in re.findall(r"FLANKWATCH_([A-Z_]+)(?=[=:])", text)}
    named = {name for name in named if not name.startswith("secret_")}
    assert named <= set(Settings.model_fields)


# --- image and units ---------------------------------------------------------------------------


def test_image_is_small_and_runs_as_nobody() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    bases = re.findall(r"^FROM (\S+)", text, re.M)
    assert len(bases) == 2 and all(PINNED.match(base) for base in bases)
    final = text.split(f"FROM {bases[1]}")[-1]
    assert re.search(r"^USER 65534:65534$", final, re.M)
    assert re.search(r'^HEALTHCHECK .*CMD \["flankwatch", "healthy"\]$', final, re.M)
    assert re.search(r'^ENTRYPOINT \["flankwatch"\]$', final, re.M)
    assert "apt-get" not in text


def test_the_image_holds_what_it_copies() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    allowed = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.M):
        *sources, _ = line.split()
        for source in sources:
            assert (ROOT / source).exists(), source
            assert f"!{source}\n" in allowed, source


@pytest.mark.parametrize("unit", sorted((DEPLOY / "systemd").iterdir()), ids=lambda p: p.name)
def test_unit(unit: Path) -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(unit.read_text(encoding="utf-8"))
    service = parser["Service"]
    assert service["User"] == "flankwatch"
    assert service["NoNewPrivileges"] == "yes" and service["ProtectSystem"] == "strict"
    program = service["ExecStart"].split()[0].removeprefix("/opt/flankwatch/")
    if not program.startswith(".venv"):
        assert (ROOT / program).is_file()
