"""What happened, past tense: the only way for the store to learn anything. Frozen plain data, so that another
process can be the source. Times are the receive time in seconds on the store's clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lbdash.live.columns import F32, I64, U8, U32, U64
from lbdash.model import Connectivity, Registration
from lbdash.registry.kv import WatchDelete, WatchPut

# ---- sources


@dataclass(frozen=True, slots=True)
class SourceProven:
    """Proof of life; a first one, or one after `SourceLost`, means connected."""

    source: str
    kind: str
    at: float
    revision: int = 0
    synced: bool = False
    events: int = 0


@dataclass(frozen=True, slots=True)
class SourceLost:
    source: str
    kind: str
    at: float
    reason: str


# ---- registry


@dataclass(frozen=True, slots=True)
class RegistrationsChanged:
    """Puts and deletes of one watched prefix, after each other; `deletes` are keys."""

    source: str
    puts: tuple[Registration, ...]
    deletes: tuple[str, ...]
    revision: int
    at: float


@dataclass(frozen=True, slots=True)
class ControlChanged:
    """Control keys of all services (and freeze, clients, instances), in revision order."""

    events: tuple[WatchPut | WatchDelete, ...]
    revision: int
    epoch: int
    at: float


# ---- telemetry


@dataclass(frozen=True, slots=True)
class ClientOpened:
    id: str
    name: str
    service: str
    convention: str
    policy: str
    source: str
    at: float
    target: str = ""
    process: str = ""
    host: str = ""
    pid: int = 0
    language: str = ""
    library: str = ""
    can_obey: frozenset[str] = frozenset()
    can_tell: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ClientClosed:
    """`reason` "closed" = it said so; anything else = its stream ended or it fell silent."""

    id: str
    at: float
    reason: str


@dataclass(frozen=True, slots=True)
class SubConnOpened:
    index: int
    address: str
    state: Connectivity
    since: float


@dataclass(frozen=True, slots=True)
class Transition:
    index: int
    state: Connectivity
    at: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class CounterColumns:
    """One row per SubConn that changed; cumulative where the name is a total. NaN = unknown."""

    index: U32
    picks: U64
    ok: U64
    cancelled: U64
    infrastructure: U64
    application: U64
    inflight: U32
    oldest_us: U64
    lag_us: F32
    success: F32
    load: F32
    weight: F32

    def packed(self) -> PackedCounters:
        totals = (self.picks, self.ok, self.cancelled, self.infrastructure, self.application, self.oldest_us)
        gauges = (self.lag_us, self.success, self.load, self.weight)
        return PackedCounters(
            self.index,
            np.stack([column.astype(np.int64) for column in totals]),
            self.inflight,
            np.stack([column.astype(np.float32) for column in gauges]),
        )


UNKNOWN_TOTAL = -1


@dataclass(frozen=True, slots=True)
class PackedCounters:
    """The same in two matrices, which many reports are folded from at once; sources of high rate make these.

    `totals`: picks, ok, cancelled, infrastructure, application, oldest_us, by row; UNKNOWN_TOTAL = not told, what was
    known stays. `gauges`: lag_us, success, load, weight.
    """

    index: U32
    totals: I64  # shape (6, n)
    inflight: U32
    gauges: F32  # shape (4, n)

    def packed(self) -> PackedCounters:
        return self


@dataclass(frozen=True, slots=True)
class LatencyColumns:
    """Calls per (SubConn, bucket) since the last group of this client."""

    index: U32
    bucket: U8
    count: U32


@dataclass(frozen=True, slots=True)
class VersionCount:
    requested: str
    chosen: str
    reason: str  # "" | "no_version" | "none_ready" | "all_maint"
    source: str  # "metadata" | "rule" | "share" | "any" | "on_missing"
    count: int


@dataclass(frozen=True, slots=True)
class RuleHits:
    header: str
    exact: str
    version: str
    count: int


@dataclass(frozen=True, slots=True)
class ResolverEvent:
    at: float
    kind: str
    added: int
    removed: int
    size: int
    text: str


@dataclass(frozen=True, slots=True)
class Candidate:
    address: str
    load: float
    lag_us: float
    inflight: int
    success: float
    weight: float
    version: str


@dataclass(frozen=True, slots=True)
class PickSample:
    at: float
    client: str
    method: str
    requested_version: str
    chosen_version: str
    result: str
    chosen: str
    reason: str
    policy: str
    candidates: tuple[Candidate, ...]
    queued_us: int
    repicks: int
    picker_build: int
    ready: int
    total: int
    error: str
    traced: bool
    detail: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ClientReported:
    """One batch of one client, with columns whose lengths agree.

    What only the store can know it refuses itself, telling it as `TelemetryRejected`: an index that stands for no
    SubConn, indexes that do not rise strictly, a total that goes back.
    """

    id: str
    at: float
    offset_s: float | None  # client's clock minus ours, estimated; None = unknown
    opened: tuple[SubConnOpened, ...] = ()
    gone: tuple[int, ...] = ()
    transitions: tuple[Transition, ...] = ()
    counters: CounterColumns | PackedCounters | None = None
    latency: LatencyColumns | None = None
    versions: tuple[VersionCount, ...] = ()
    rule_hits: tuple[RuleHits, ...] = ()
    override_ignored: int = 0
    unplaced: int = 0
    applied_revision: int = 0
    list_epoch: int = 0
    rejected: tuple[tuple[str, str], ...] = ()
    control_denied: bool = False
    resolver: tuple[ResolverEvent, ...] = ()
    samples: tuple[PickSample, ...] = ()
    samples_dropped: int = 0
    picker_build: int = 0
    policy: str = ""
    connectivity: Connectivity = Connectivity.IDLE
    offset_error_s: float | None = None  # +- of `offset_s`


@dataclass(frozen=True, slots=True)
class TelemetryRejected:
    """Something a client sent was refused; shown as a problem of the client when it is known."""

    id: str
    at: float
    reason: str


# ---- operators (from the executor, after the outcome is known; the effect itself arrives by the watch)


@dataclass(frozen=True, slots=True)
class CommandRecorded:
    id: str
    service: str
    at: float
    verb: str
    by: str
    outcome: str  # "attempted" | "applied" | "conflict" | "refused" | "failed" | "unknown"
    text: str


@dataclass(frozen=True, slots=True)
class Ticked:
    """Once a second: rates are taken, the gone are folded, the silent declared gone."""

    at: float


Event = (
    SourceProven
    | SourceLost
    | RegistrationsChanged
    | ControlChanged
    | ClientOpened
    | ClientClosed
    | ClientReported
    | TelemetryRejected
    | CommandRecorded
    | Ticked
)
