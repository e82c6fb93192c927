"""Topology: who exists, what is connected, what operators said. Frozen; `reduce` makes the next from events.

Small and rarely changing. What is large and always changing (picks, latency, per-SubConn columns) is in `counters`.
All times are seconds since the epoch on one clock that never jumps (see `sources.clock`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lbdash.model import Connectivity, Problem, Registration
from lbdash.registry.routing import Routing, Stamp


@dataclass(frozen=True, slots=True)
class Source:
    """One thing we listen to. Stale while `lost_at` is set; `proven_at` is the last proof of life."""

    name: str  # "registry /hwholiday/" | "control" | "telemetry"
    kind: str  # "registry" | "control" | "telemetry" | "channelz" | ...
    connected_at: float | None = None
    proven_at: float | None = None
    lost_at: float | None = None
    reason: str = ""
    revision: int = 0
    synced: bool = False  # the first complete list is in
    events: int = 0


@dataclass(frozen=True, slots=True)
class Backend:
    """One address of one service. Two keys with one address are one backend until both go.

    `registrations` empty and `gone_at` None: clients know it, the registry never did ("seen by clients only").
    """

    address: str
    registrations: tuple[Registration, ...] = ()
    first_seen: float = 0.0
    gone_at: float | None = None

    @property
    def registered(self) -> bool:
        return bool(self.registrations)

    @property
    def version(self) -> str:
        return self.registrations[0].version if self.registrations else ""

    @property
    def weight(self) -> int | None:
        """As registered; None = not registered."""
        return self.registrations[0].weight if self.registrations else None


@dataclass(frozen=True, slots=True)
class Client:
    """One channel of one process."""

    id: str  # 32 hex digits
    name: str
    service: str  # Service.key
    policy: str
    source: str  # "telemetry" | "xds" | "channelz"
    convention: str = ""  # as its target named it; "" = it did not
    target: str = ""
    process: str = ""
    host: str = ""
    pid: int = 0
    language: str = ""
    library: str = ""
    can_obey: frozenset[str] = frozenset()
    can_tell: frozenset[str] = frozenset()
    opened_at: float = 0.0
    gone_at: float | None = None
    gone_reason: str = ""
    applied_revision: int = 0
    applied_at: float | None = None  # receive time of the report that first said `applied_revision`
    list_epoch: int = 0
    control_denied: bool = False
    rejected: tuple[tuple[str, str], ...] = ()  # (control key, reason)
    connectivity: Connectivity = Connectivity.IDLE
    picker_build: int = 0
    problems: tuple[Problem, ...] = ()  # what was wrong with its telemetry


@dataclass(frozen=True, slots=True)
class Service:
    """(registry, convention, name). `key` is unique and what URLs show: the name, or name@convention on a clash."""

    key: str
    name: str
    convention: str
    routing: Routing
    backends: Mapping[str, Backend] = field(default_factory=dict)  # by address; gone ones stay for a while
    clients: Mapping[str, Client] = field(default_factory=dict)  # by id; gone ones stay for a while
    invalid: Mapping[str, Registration] = field(default_factory=dict)  # by key: registrations without a usable address
    first_seen: float = 0.0


@dataclass(frozen=True, slots=True)
class Peer:
    """Another lbdash on the same etcd (its leased instance key)."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class State:
    services: Mapping[str, Service] = field(default_factory=dict)  # by Service.key
    sources: Mapping[str, Source] = field(default_factory=dict)
    freeze: Stamp | None = None  # while set every command is refused
    freeze_revision: int = 0
    instance: str = ""  # our own instance key's id: not a peer
    peers: tuple[Peer, ...] = ()
    orphans: Mapping[str, Routing] = field(default_factory=dict)  # by service name: control keys nobody's service has
    announced: Mapping[str, str] = field(default_factory=dict)  # client id -> value of its /lbdash/v1/clients/ key
    owners: Mapping[str, str] = field(default_factory=dict)  # client id -> Service.key
    keys: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # registration key -> (Service.key, address)
    overflow: int = 0  # services and addresses that only clients named and that were too many to keep
    version: int = 0  # rises with every change of anything above
