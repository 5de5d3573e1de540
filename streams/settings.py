"""Where Flankwatch runs: the environment, prefix `FLANKWATCH_`, validated at once.

Every secret may also be given as `FLANKWATCH_<NAME>_FILE`, a path whose content is the secret.
What Flankwatch watches is in seeds/, not here.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from streams.errors import Fault, FaultsError

PREFIX = "FLANKWATCH_"
SECRET_PREFIX = PREFIX + "SECRET_"
#: Variables that are not settings: named secrets of rooms and feeds, and the tests' switch.
_FREE = (SECRET_PREFIX, "FLANKWATCH_REQUIRE_ALL")
_ROLE_PORT = {"fetch": 0, "detect": 1, "merge": 2, "deliver": 3}


def _state_dir() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "flankwatch"


class Settings(BaseSettings):
    """All settings, frozen. Field order is the order of the README's table."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    kafka: str | None = Field(
        None, description="Kafka's `host:port[,host:port]`; unset: the embedded trial broker"
    )
    kafka_tls: bool = Field(False, description="TLS to Kafka")
    kafka_tls_ca: Path | None = Field(
        None, description="PEM file of the CA that signed Kafka's certificate"
    )
    kafka_tls_cert: Path | None = Field(None, description="PEM file of our client certificate")
    kafka_tls_key: Path | None = Field(None, description="PEM file of our client key")
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        None, description="SASL mechanism; needs TLS"
    )
    kafka_username: str | None = Field(None, description="SASL user name")
    kafka_password: SecretStr | None = Field(None, description="SASL password (secret)")
    kafka_replication: int = Field(
        1, ge=1, le=7, description="replicas of topics that `topics create` makes"
    )
    prefix: str = Field(
        "",
        pattern=r"^([a-z0-9-]+\.)?$",
        description="prefix of topics and groups, for a second instance: `staging.`",
    )
    state_dir: Path = Field(default_factory=_state_dir, description="state of the embedded broker")
    seeds: Path | None = Field(
        None, description="your own seeds directory, laid over the shipped one"
    )
    health_host: str = Field("127.0.0.1", description="address of /metrics, /livez, /readyz")
    health_port: int = Field(
        9310,
        ge=0,
        le=65_532,
        description="port of fetch; detect, merge, deliver take the next three; 0: any free",
    )
    log_format: Literal["auto", "json", "pretty"] = Field(
        "auto", description="auto: pretty on a terminal, else JSON"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least level that is logged"
    )
    detect_workers: int = Field(
        1, ge=1, le=64, description="detect processes that `run` starts; above 1 on Kafka only"
    )
    fetch_shard: str = Field(
        "1/1",
        pattern=r"^[1-9][0-9]*/[1-9][0-9]*$",
        description="this fetcher's share of the feeds, by domain: `1/4` is the first of four",
    )
    full_text: bool = Field(
        False,
        description="fetch the page of every hit and near miss, not only where the feed's seed says so",
    )
    websub_callback: str | None = Field(
        None,
        pattern=r"^https?://[^\s?#]+$",
        description="public address of our WebSub callback server, `https://news.example/websub`; unset: off",
    )
    websub_host: str = Field("127.0.0.1", description="address that the callback server binds")
    websub_port: int = Field(9330, ge=1, le=65_535, description="port of the callback server")
    websub_secret: SecretStr | None = Field(
        None, description="any 16 characters or more; signs callbacks (secret)"
    )
    contact: str | None = Field(
        None, description="URL or address in the User-Agent that publishers see"
    )
    proxy: str | None = Field(
        None, description="HTTP proxy for feeds and rooms, `http://host:port`"
    )
    allow_addresses: str = Field(
        "",
        description="private targets that may be reached: `10.0.0.5:8080, 127.0.0.1, 192.168.1.0/24:443`",
    )
    unknown_delivery: Literal["repeat", "hold"] = Field(
        "repeat",
        description="when we cannot know whether a room has a message: post again, marked, or hold for a person",
    )
    uvloop: bool = Field(True, description="run the roles on uvloop")

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.kafka_sasl_mechanism and not self.kafka_tls:
            raise ValueError(
                "kafka_sasl_mechanism without kafka_tls would send the password in the clear; set FLANKWATCH_KAFKA_TLS=1"
            )
        if self.kafka_sasl_mechanism and not (self.kafka_username and self.kafka_password):
            raise ValueError("kafka_sasl_mechanism needs kafka_username and kafka_password")
        if self.websub_callback and (
            self.websub_secret is None or len(self.websub_secret.get_secret_value()) < 16
        ):
            raise ValueError("websub_callback needs websub_secret, 16 characters or more")
        if self.shard[0] > self.shard[1]:
            raise ValueError("fetch_shard must be N/M with N <= M")
        if self.kafka is None and (self.kafka_tls or self.kafka_sasl_mechanism):
            raise ValueError(
                "TLS and SASL settings need FLANKWATCH_KAFKA; the embedded broker is local only"
            )
        if self.kafka is None and self.detect_workers > 1:
            raise ValueError(
                "detect_workers above 1 needs FLANKWATCH_KAFKA; the embedded broker cannot share"
                " a group's work reliably"
            )
        return self

    @property
    def shard(self) -> tuple[int, int]:
        """Return `fetch_shard` as (number from 1, count)."""
        number, _, count = self.fetch_shard.partition("/")
        return int(number), int(count)

    @property
    def is_embedded(self) -> bool:
        """True when no Kafka is given and the trial broker serves."""
        return self.kafka is None

    def topic(self, name: str) -> str:
        """Return a topic's name with this instance's prefix."""
        return self.prefix + name

    def group(self, role: str) -> str:
        """Return a role's consumer group."""
        return f"{self.prefix}flankwatch-{role}"

    def port_of(self, role: str, worker: int = 0) -> int:
        """Return a role's health port; 0 lets the system choose. Detect's workers 2… follow deliver."""
        if self.health_port == 0:
            return 0
        return self.health_port + (_ROLE_PORT[role] if worker == 0 else 3 + worker)


def load_settings(environment: dict[str, str] | None = None) -> Settings:
    """Return the settings from the environment.

    Raises:
        FaultsError: with every fault at once, unknown `FLANKWATCH_` variables included.
    """
    env = dict(os.environ if environment is None else environment)
    faults: list[Fault] = []
    values: dict[str, Any] = {}
    for name, raw in sorted(env.items()):
        if not name.startswith(PREFIX) or name.startswith(_FREE):
            continue
        key = name.removeprefix(PREFIX).lower()
        if key.endswith("_file") and key.removesuffix("_file") in Settings.model_fields:
            key = key.removesuffix("_file")
            try:
                raw = Path(raw).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                faults.append(Fault("environment", name, f"cannot read the file: {error}"))
                continue
        if key not in Settings.model_fields:
            near = difflib.get_close_matches(key, Settings.model_fields, n=1)
            hint = f"; did you mean {PREFIX}{near[0].upper()}?" if near else ""
            faults.append(Fault("environment", name, f"unknown setting{hint}"))
            continue
        if raw != "":
            values[key] = raw
    try:
        settings = _OnlyGiven(**values)
    except ValidationError as error:
        for item in error.errors():
            where = PREFIX + str(item["loc"][0]).upper() if item["loc"] else ""
            secret = item["loc"] and item["loc"][0] in ("kafka_password", "websub_secret")
            got = "" if secret or not item["loc"] else f", got {item['input']!r}"
            faults.append(
                Fault("environment", where, item["msg"].removeprefix("Value error, ") + got)
            )
    if faults:
        raise FaultsError(faults)
    return settings


def read_secret(name: str, environment: dict[str, str] | None = None) -> SecretStr:
    """Return a room's or feed's named secret: `FLANKWATCH_SECRET_<NAME>`, or the file `…_FILE`.

    Raises:
        FaultsError: it is not set, or its file cannot be read; the value is never in the text.
    """
    env = os.environ if environment is None else environment
    variable = SECRET_PREFIX + name
    if value := env.get(variable, "").strip():
        return SecretStr(value)
    if path := env.get(variable + "_FILE", ""):
        try:
            value = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not UTF-8"
            fault = Fault("environment", variable + "_FILE", f"cannot read the file: {why}")
            raise FaultsError([fault]) from None
        if value:
            return SecretStr(value)
        raise FaultsError([Fault("environment", variable + "_FILE", "the file is empty")])
    raise FaultsError([Fault("environment", variable, f"not set (nor {variable}_FILE)")])


class _OnlyGiven(Settings):
    """Settings from arguments alone; the environment was read above, with its faults."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read nothing but the arguments."""
        return (init_settings,)
