"""Settings: every fault at once, with a suggestion; secrets from files; SASL never without TLS."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.errors import FaultsError
from streams.settings import Settings, load_settings, read_secret


def test_defaults_need_nothing() -> None:
    settings = load_settings({})
    assert settings.is_embedded
    assert settings.topic("news.articles.v1") == "news.articles.v1"
    assert [settings.port_of(role) for role in ("fetch", "detect", "merge", "deliver")] == [
        9310, 9311, 9312, 9313,
    ]  # fmt: skip


def test_all_faults_at_once_with_suggestion() -> None:
    with pytest.raises(FaultsError) as caught:
        load_settings(
            {
                "FLANKWATCH_KAFAK": "localhost:9092",
                "FLANKWATCH_HEALTH_PORT": "many",
                "FLANKWATCH_LOG_FORMAT": "loud",
                "PATH": "/bin",
            }
        )
    text = str(caught.value)
    assert "FLANKWATCH_KAFAK: unknown setting; did you mean FLANKWATCH_KAFKA?" in text
    assert "FLANKWATCH_HEALTH_PORT" in text and "many" in text
    assert "FLANKWATCH_LOG_FORMAT" in text and "loud" in text


def test_sasl_without_tls_refuses_to_start() -> None:
    with pytest.raises(FaultsError, match="in the clear"):
        load_settings(
            {
                "FLANKWATCH_KAFKA": "localhost:9092",
                "FLANKWATCH_KAFKA_SASL_MECHANISM": "PLAIN",
                "FLANKWATCH_KAFKA_USERNAME": "me",
                "FLANKWATCH_KAFKA_PASSWORD": "hunter2",
            }
        )


def test_secret_from_file_and_never_printed(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("hunter2\n")
    settings = load_settings(
        {
            "FLANKWATCH_KAFKA": "localhost:9092",
            "FLANKWATCH_KAFKA_TLS": "1",
            "FLANKWATCH_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "FLANKWATCH_KAFKA_USERNAME": "me",
            "FLANKWATCH_KAFKA_PASSWORD_FILE": str(secret),
        }
    )
    assert settings.kafka_password is not None
    assert settings.kafka_password.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(settings)


def test_a_missing_secret_file_is_a_fault_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(FaultsError, match="FLANKWATCH_KAFKA_PASSWORD_FILE: cannot read the file"):
        load_settings({"FLANKWATCH_KAFKA_PASSWORD_FILE": str(tmp_path / "nowhere")})


def test_named_secrets_of_rooms(tmp_path: Path) -> None:
    (tmp_path / "hook").write_text("https://hooks.example/abc\n")
    assert read_secret("DESK", {"FLANKWATCH_SECRET_DESK": "x"}).get_secret_value() == "x"
    env = {"FLANKWATCH_SECRET_DESK_FILE": str(tmp_path / "hook")}
    assert read_secret("DESK", env).get_secret_value() == "https://hooks.example/abc"
    assert "hooks.example" not in repr(read_secret("DESK", env))
    with pytest.raises(FaultsError, match="FLANKWATCH_SECRET_DESK: not set"):
        read_secret("DESK", {})


def test_every_setting_has_a_description() -> None:
    missing = [name for name, field in Settings.model_fields.items() if not field.description]
    assert not missing
