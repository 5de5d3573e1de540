"""The Faust profile that every Faust role runs with."""

from __future__ import annotations

import ssl
from pathlib import Path

from faust.types.auth import AuthProtocol, SASLMechanism
from pydantic import SecretStr

from streams.engine.app import Transport, build_app, raw_topic
from streams.settings import Settings
from streams.topics import LEDGER


async def test_profile_keeps_what_loses_nothing(tmp_path: Path) -> None:
    settings = Settings(kafka="127.0.0.1:1,127.0.0.1:2", prefix="staging.", state_dir=tmp_path)
    app = build_app(settings, "merge", worker=3)
    conf = app.conf
    assert conf.id == "staging.flankwatch-merge", "no version suffix: it would be a new group"
    assert [str(url) for url in conf.broker] == ["kafka://127.0.0.1:1", "kafka://127.0.0.1:2"]
    assert conf.stream_wait_empty
    assert conf.processing_guarantee.value == "at_least_once"
    assert not conf.topic_allow_declare
    assert conf.topic_disable_leader
    assert not conf.web_enabled
    assert conf.broker_session_timeout <= conf.broker_request_timeout
    assert conf.broker_heartbeat_interval * 3 <= conf.broker_session_timeout
    assert conf.consumer_group_instance_id.startswith("staging.flankwatch-merge-")
    assert conf.consumer_group_instance_id.endswith("-3"), "unique among workers of a machine"
    assert isinstance(app.transport, Transport)
    assert not app.boot_strategy.enable_kafka_producer
    assert raw_topic(app, settings, LEDGER).get_topic_name() == "staging.news.ledger.v1"
    assert not list(tmp_path.iterdir()), "no folder is made"  # noqa: ASYNC240


async def test_plain_text_has_no_credentials(tmp_path: Path) -> None:
    app = build_app(Settings(kafka="127.0.0.1:1", state_dir=tmp_path), "detect")
    assert app.conf.broker_credentials is None


async def test_tls_alone(tmp_path: Path) -> None:
    settings = Settings(kafka="127.0.0.1:1", kafka_tls=True, state_dir=tmp_path)
    credentials = build_app(settings, "detect").conf.broker_credentials
    assert credentials.protocol is AuthProtocol.SSL
    assert isinstance(credentials.context, ssl.SSLContext)
    assert credentials.context.check_hostname


async def test_sasl_goes_over_tls(tmp_path: Path) -> None:
    settings = Settings(
        kafka="127.0.0.1:1",
        kafka_tls=True,
        kafka_sasl_mechanism="SCRAM-SHA-512",
        kafka_username="me",
        kafka_password=SecretStr("not told"),
        state_dir=tmp_path,
    )
    credentials = build_app(settings, "detect").conf.broker_credentials
    assert credentials.protocol is AuthProtocol.SASL_SSL
    assert credentials.mechanism is SASLMechanism.SCRAM_SHA_512
    assert (credentials.username, credentials.password) == ("me", "not told")
    assert "not told" not in repr(credentials)
