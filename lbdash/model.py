"""The nouns everyone shares: connectivity, admin state, addresses, registrations. Frozen, standard library only."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

DEFAULT_WEIGHT = 100
MAX_WEIGHT = 65535


class Connectivity(IntEnum):
    """A SubConn's state, by gRPC's names; the numbers are grpc-go's and travel in telemetry."""

    IDLE = 0
    CONNECTING = 1
    READY = 2
    TRANSIENT_FAILURE = 3
    SHUTDOWN = 4


class Admin(StrEnum):
    """What the operator said of a backend. `drain`: no new picks while others can serve. `maint`: none at all."""

    READY = "ready"
    DRAIN = "drain"
    MAINT = "maint"


class Outcome(IntEnum):
    """How a call ended. Infrastructure = what a balancer should hold against a backend (SPEC 5.3's code list)."""

    OK = 0
    CANCELLED = 1
    INFRASTRUCTURE = 2
    APPLICATION = 3


INFRASTRUCTURE_CODES = frozenset(
    {"DEADLINE_EXCEEDED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNIMPLEMENTED", "RESOURCE_EXHAUSTED"}
)


def outcome_of(code: str) -> Outcome:
    """`code` is a gRPC status name, e.g. "NOT_FOUND"."""
    if code == "OK":
        return Outcome.OK
    if code == "CANCELLED":
        return Outcome.CANCELLED
    return Outcome.INFRASTRUCTURE if code in INFRASTRUCTURE_CODES else Outcome.APPLICATION


# Upper bounds of the latency buckets, microseconds: 0.1 ms x 2^(i/4) up to about 80 s, and one bucket above.
# Both ends of the telemetry wire use these; a change needs a new scheme number.
LATENCY_SCHEME = 1
LATENCY_BOUNDS_US: tuple[float, ...] = tuple(100.0 * 2 ** (i / 4) for i in range(79))
LATENCY_BUCKETS = len(LATENCY_BOUNDS_US) + 1


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that needs eyes. `code` is stable and for machines, `text` is a sentence for people."""

    code: str
    text: str
    severity: str = "warning"  # "info" | "warning" | "error"


# ---- addresses

_HOST = re.compile(r"^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?$")


class AddressError(ValueError):
    """The text is no address; the message says why."""


def canonical_address(text: str) -> str:
    """`host:port`, `[v6]:port` or `unix:path`: the one spelling of a backend's address. Raises AddressError.

    Accepts gRPC's spellings too (`ipv4:1.2.3.4:80`, `ipv6:%5B::1%5D:80`, `dns:///h:80`).
    """
    text = text.strip()
    if len(text) > 300:
        raise AddressError("address is longer than 300 characters")
    if text.startswith("unix:"):
        return _unix(text)
    for scheme in ("ipv4:", "ipv6:", "dns:///", "dns:", "passthrough:///"):
        text = text.removeprefix(scheme)
    host, port = _split(text.replace("%5B", "[").replace("%5D", "]"))
    return f"{_host(host)}:{_port(port)}"


def _unix(text: str) -> str:
    path = text.removeprefix("unix:").removeprefix("//")
    if not path or "\0" in path:
        raise AddressError("unix address has no path")
    return "unix:" + path


def _split(text: str) -> tuple[str, str]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or not rest.startswith(":"):
            raise AddressError(f"{text!r} is not [v6]:port")
        return host, rest[1:]
    host, colon, port = text.rpartition(":")
    if not colon:
        raise AddressError(f"{text!r} has no port")
    if ":" in host:
        raise AddressError(f"{text!r}: write IPv6 as [v6]:port")
    return host, port


def _host(host: str) -> str:
    if not host:
        raise AddressError("address has no host")
    if ":" in host:
        try:
            return f"[{ipaddress.IPv6Address(host).compressed}]"
        except ValueError:
            raise AddressError(f"{host!r} is not an IPv6 address") from None
    if not _HOST.match(host):
        raise AddressError(f"{host!r} is not a host name")
    return host.lower()


def _port(port: str) -> int:
    if not (port.isascii() and port.isdigit() and len(port) <= 6 and 0 < int(port) < 65536):
        raise AddressError(f"port {port!r} is not in 1..65535")
    return int(port)


def is_unroutable(address: str) -> bool:
    """True when nobody can dial `address` (canonical): `0.0.0.0` or `[::]`."""
    return address.startswith(("0.0.0.0:", "[::]:"))


def is_loopback(address: str) -> bool:
    """True when only the same host can dial `address` (canonical)."""
    return address.startswith(("127.", "[::1]:", "localhost:", "unix:"))


# ---- registrations


@dataclass(frozen=True, slots=True)
class Method:
    """What a backend says of one of its methods. `limit`: calls a second that it will take; None = any number."""

    online: bool = True
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Registration:
    """What one key says of one backend, whatever convention wrote it (SPEC 8.9).

    `address` is canonical, or "" when the value names none: then `problems` says why and nobody can dial it.
    `key` is the etcd key as text (undecodable bytes escaped). `lease` 0 = none: a ghost when its process dies.
    """

    key: str
    service: str
    convention: str  # "hwholiday" | "etcd" | "gozero" | ... | "invalid"
    id: str
    address: str
    version: str = ""
    weight: int = DEFAULT_WEIGHT
    online: bool = True
    metadata: Mapping[str, str] = field(default_factory=dict)
    lease: int = 0
    create_revision: int = 0
    mod_revision: int = 0
    problems: tuple[Problem, ...] = ()
    methods: Mapping[str, Method] = field(default_factory=dict)  # by the last part of the name; empty = not told
