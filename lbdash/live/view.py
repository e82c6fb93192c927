"""What readers get: one consistent look at everything, as plain data. `Store.view()` returns a `LiveView`.

Unknown numbers are None, never 0. A rate or quantile names its window; quantiles under 20 samples are None.
Reading is synchronous, in the store's loop, and never blocks; results are not kept up to date: ask again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lbdash.live.events import PickSample, RuleHits, VersionCount
from lbdash.live.state import State
from lbdash.model import Connectivity


@dataclass(frozen=True, slots=True)
class Totals:
    """Calls since each client began, retired clients and SubConns included."""

    picks: int = 0
    ok: int = 0
    cancelled: int = 0
    infrastructure: int = 0
    application: int = 0

    @property
    def errors(self) -> int:
        return self.infrastructure + self.application


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds over `window_s`; `n` samples. None under 20."""

    p50: float | None
    p95: float | None
    p99: float | None
    n: int
    window_s: int


@dataclass(frozen=True, slots=True)
class Numbers:
    """Of a service, a backend, a client or a version. `rps` and `error_ratio` over `window_s`."""

    totals: Totals
    rps: float | None  # None: nobody reports
    error_ratio: float | None  # None: no call ended in the window
    window_s: int
    inflight: int | None
    oldest_s: float | None  # age of the oldest call in flight; None = none or unknown
    latency: Latency
    share: float | None = None  # of the service's picks in the window, 0..1


@dataclass(frozen=True, slots=True)
class BackendNumbers:
    numbers: Numbers
    connectivity: Mapping[Connectivity, int]  # SubConns of connected clients, by state
    picks_since_override: int | None = None  # picks after every client had applied the drain/maint; None = no override


@dataclass(frozen=True, slots=True)
class ClientNumbers:
    numbers: Numbers
    connectivity: Mapping[Connectivity, int]
    last_report_at: float
    offset_s: float | None
    offset_error_s: float | None
    override_ignored: int
    unplaced: int
    samples_dropped: int
    retired_subconns: int


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """Requested version (or "" by share / rule name) against the answering version. Counts and rps over the window."""

    requested: str
    source: str
    answered: Mapping[str, int]  # version -> total
    answered_rps: Mapping[str, float]
    no_version: int
    none_ready: int
    all_maint: int
    failed_rps: float


@dataclass(frozen=True, slots=True)
class ServiceNumbers:
    numbers: Numbers
    backends: Mapping[str, BackendNumbers]  # by address
    clients: Mapping[str, ClientNumbers]  # by client id; connected and recently gone
    versions: Mapping[str, Numbers]  # by version
    matrix: tuple[MatrixRow, ...]
    version_counts: tuple[VersionCount, ...]
    rule_hits: tuple[RuleHits, ...]
    override_ignored: int
    unplaced: int
    subconns: int


@dataclass(frozen=True, slots=True)
class SubConnRow:
    client: str
    address: str
    index: int
    state: Connectivity
    since: float
    last_error: str
    totals: Totals
    inflight: int
    oldest_s: float | None
    lag_ms: float | None
    success: float | None
    load: float | None
    weight: float | None


@dataclass(frozen=True, slots=True)
class Heatmap:
    """Cell (i, j): client i, address j. `state` 255 = no SubConn (not in its subset, or unknown)."""

    clients: tuple[str, ...]
    addresses: tuple[str, ...]
    state: npt.NDArray[np.uint8]  # shape (clients, addresses)
    picks: npt.NDArray[np.float32]  # picks in the last window
    lag_ms: npt.NDArray[np.float32]  # NaN = unknown


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """`serial` rises; equal neighbours are folded into one with `count`."""

    serial: int
    at: float
    kind: str  # "registered" "deregistered" "expired" "state" "command" "client" "routing" "problem" "source"
    severity: str  # "info" "ok" "warning" "error"
    service: str
    text: str
    backend: str = ""
    client: str = ""
    command: str = ""
    count: int = 1
    until: float | None = None  # time of the last one folded in


@dataclass(frozen=True, slots=True)
class StateSpan:
    """One stretch of a SubConn's history."""

    client: str
    address: str
    state: Connectivity
    at: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """`values[k]` covers the step that ends at `end - (len-1-k) * step_s`. NaN = not known then."""

    end: float
    step_s: int
    values: npt.NDArray[np.float32]


class LiveView(Protocol):
    @property
    def state(self) -> State: ...

    @property
    def now(self) -> float: ...

    def numbers(self, service: str) -> ServiceNumbers:
        """Of a service key in `state.services`. Cached per counter version: cheap to ask twice."""
        ...

    def subconns(self, service: str, *, client: str = "", address: str = "") -> Sequence[SubConnRow]: ...

    def heatmap(self, service: str) -> Heatmap: ...

    def picks(self, service: str, *, client: str = "", limit: int = 200) -> Sequence[PickSample]:
        """Newest first."""
        ...

    def pick_reasons(self, service: str) -> Mapping[str, int]:
        """Reasons of the samples in the ring, as a histogram."""
        ...

    def timeline(self, service: str = "", *, limit: int = 200, before: int = 0) -> Sequence[TimelineEntry]:
        """Newest first, of one service or all; `before` a serial pages back."""
        ...

    def spans(self, service: str, *, client: str = "", address: str = "", limit: int = 500) -> Sequence[StateSpan]:
        """Recent SubConn transitions, newest first."""
        ...

    def history(self, service: str, series: str, *, address: str = "", version: str = "", span_s: int = 600) -> Series:
        """`series`: "rps" | "error_ratio" | "p50" | "p99" | "inflight" | "picks"; `span_s` 60, 600 or 3600."""
        ...

    def sparklines(self, service: str) -> Mapping[str, Sequence[float | None]]:
        """By address ("" = the whole service): rps of the last 10 min in 60 points of 10 s, oldest first."""
        ...

    def memory_bytes(self) -> Mapping[str, int]:
        """What history and counters hold, by part."""
        ...
