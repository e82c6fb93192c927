"""Everything that can be set, frozen. `Config.from_env` is the only reader of the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any


class ConfigError(ValueError):
    """A setting is wrong; the message names it and the fix."""


@dataclass(frozen=True, slots=True)
class Watch:
    """One watched prefix. `convention` "" = each key is detected."""

    prefix: str
    convention: str = ""

    @classmethod
    def parse(cls, text: str) -> Watch:
        """`PREFIX[=convention]`; the prefix gains a slash at its end."""
        prefix, _, convention = text.partition("=")
        if not prefix.strip("/"):
            raise ConfigError(
                f"--watch {text!r}: an empty prefix would read the whole etcd; name one, e.g. /hwholiday/"
            )
        return cls(prefix if prefix.endswith("/") else prefix + "/", convention)

    def __str__(self) -> str:
        return f"{self.prefix}={self.convention}" if self.convention else self.prefix


@dataclass(frozen=True, slots=True)
class Tls:
    """Paths of PEM files. `ca` alone = verify the peer; `cert` and `key` = show our own (mTLS)."""

    ca: str = ""
    cert: str = ""
    key: str = ""

    def __bool__(self) -> bool:
        return bool(self.ca or self.cert)


@dataclass(frozen=True, slots=True)
class Config:
    """Addresses are `host:port`; port 0 = any free one. Secrets never appear in the repr."""

    name: str = ""  # the environment's name, in every page's header
    colour: str = ""  # its colour: "red", "amber", "green", "blue", "violet"
    etcd: tuple[str, ...] = ("127.0.0.1:2379",)
    etcd_user: str = ""
    etcd_password: str = field(default="", repr=False)
    etcd_tls: Tls = Tls()
    watch: tuple[Watch, ...] = ()
    control: tuple[str, ...] = ()  # globs of service names it may steer; empty = read-only
    http: str = "127.0.0.1:8000"
    telemetry: str = "127.0.0.1:50051"
    telemetry_tls: Tls = Tls()
    xds: str = ""  # stock clients dial it for their configuration; "" = not served
    xds_tls: Tls = Tls()
    data: Path = Path("var")
    database_url: str = field(default="", repr=False)
    hosts: tuple[str, ...] = ()  # further names this dashboard is reached by
    capacity_floor: int = 1  # READY backends a service must keep
    demo: bool = False

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None, **overrides: Any) -> Config:
        """`LBDASH_<FIELD>` variables under `overrides` (None = not given). Raises ConfigError."""
        given = {key: value for key, value in overrides.items() if value is not None}
        return cls(**{**_from_env(os.environ if env is None else env), **given})

    @property
    def read_only(self) -> bool:
        return not self.control


@dataclass(frozen=True, slots=True)
class Remote:
    """Where the command line finds a dashboard that runs, and what it shows at its door."""

    url: str = "http://127.0.0.1:8000"
    token: str = field(default="", repr=False)

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Remote:
        """`LBDASH_URL` and `LBDASH_TOKEN`."""
        env = os.environ if env is None else env
        given = {"url": env.get("LBDASH_URL"), "token": env.get("LBDASH_TOKEN")}
        return cls(**{key: value for key, value in given.items() if value})


def _from_env(env: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for item in fields(Config):
        text = env.get("LBDASH_" + item.name.upper())
        if item.type == "Tls":
            values[item.name] = _tls(env, item.name)
        elif text:
            values[item.name] = _convert(item.name, text)
    if url := env.get("DATABASE_URL"):
        values.setdefault("database_url", url)
    return values


def _tls(env: Mapping[str, str], name: str) -> Tls:
    stem = "LBDASH_" + name.removesuffix("_tls").upper()
    return Tls(*(env.get(f"{stem}_{part}", "") for part in ("CA", "CERT", "KEY")))


def _convert(name: str, text: str) -> Any:
    match name:
        case "watch":
            return tuple(Watch.parse(part) for part in split(text))
        case "etcd" | "control" | "hosts":
            return split(text)
        case "data":
            return Path(text)
        case "demo":
            return text == "1"
        case "capacity_floor":
            if not text.isdigit():
                raise ConfigError(f"LBDASH_CAPACITY_FLOOR={text!r} is not a whole number")
            return int(text)
    return text


def split(text: str) -> tuple[str, ...]:
    """A comma list, blanks dropped."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def host_port(text: str, what: str) -> tuple[str, int]:
    """`HOST:PORT` or `[v6]:PORT` taken apart; raises ConfigError naming `what`, the option."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise ConfigError(f"{what} {text!r} is not HOST:PORT, e.g. 127.0.0.1:8000 (port 0 = any free one)")
    return host.strip("[]"), int(port)
