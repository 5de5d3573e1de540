"""How to reach the broker: address, TLS, SASL; for the embedded broker, who runs it and where."""

from __future__ import annotations

import json
import os
import ssl
from typing import Any

from streams.errors import BrokerError, Fault, FaultsError
from streams.settings import Settings

BROKER_FILE = "broker.json"
CLIENT_ID = "flankwatch"


def connection(settings: Settings) -> dict[str, Any]:
    """Return the arguments that every aiokafka client takes.

    Raises:
        BrokerError: no Kafka is set and no embedded broker runs on this state directory.
        FaultsError: a TLS file cannot be used.
    """
    arguments: dict[str, Any] = {
        "bootstrap_servers": address(settings),
        "client_id": CLIENT_ID,
        "security_protocol": ("SASL_" if settings.kafka_sasl_mechanism else "")
        + ("SSL" if settings.kafka_tls else "PLAINTEXT"),
    }
    if settings.kafka_tls:
        arguments["ssl_context"] = _tls(settings)
    if settings.kafka_sasl_mechanism and settings.kafka_password:
        arguments["sasl_mechanism"] = settings.kafka_sasl_mechanism
        arguments["sasl_plain_username"] = settings.kafka_username
        arguments["sasl_plain_password"] = settings.kafka_password.get_secret_value()
    return arguments


def address(settings: Settings) -> str:
    """Return `host:port[,host:port]` of Kafka, or of the running embedded broker."""
    if settings.kafka is not None:
        return settings.kafka
    return str(_embedded(settings)["address"])


def ledger_base(settings: Settings) -> int:
    """Return what to add to an offset of `news.ledger` so that it rises over restarts.

    0 on Kafka. The embedded broker's offsets begin at 0 whenever it starts, while incidents
    remember the ledger offset they were folded through; the base closes that gap.
    """
    return 0 if settings.kafka is not None else int(_embedded(settings)["ledger_base"])


def run_id(settings: Settings) -> str:
    """Return which run of the embedded broker this is; "" on Kafka."""
    return "" if settings.kafka is not None else str(_embedded(settings)["run"])


def unreachable(settings: Settings, error: Exception) -> BrokerError:
    """Return the error that says where we looked and what happened."""
    where = settings.kafka or "the embedded broker"
    return BrokerError(f"cannot reach Kafka at {where}: {str(error) or type(error).__name__}")


def _embedded(settings: Settings) -> dict[str, Any]:
    path = settings.state_dir / BROKER_FILE
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        os.kill(told["pid"], 0)  # a killed supervisor leaves its file behind
    except (OSError, ValueError, KeyError) as error:
        raise BrokerError(
            f"no embedded broker runs on {settings.state_dir}: start `flankwatch run`,"
            " or set FLANKWATCH_KAFKA=host:port"
        ) from error
    return told


def _tls(settings: Settings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(
            cafile=str(settings.kafka_tls_ca) if settings.kafka_tls_ca else None
        )
        if settings.kafka_tls_cert:
            context.load_cert_chain(settings.kafka_tls_cert, settings.kafka_tls_key)
    except OSError as error:  # ssl.SSLError is one
        raise FaultsError(
            [Fault("environment", "FLANKWATCH_KAFKA_TLS_*", f"cannot be used: {error}")]
        ) from error
    return context
