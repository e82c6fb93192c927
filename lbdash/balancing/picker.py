"""What a picker is asked, what it answers, and how it says why. No asyncio, no I/O: a pick never blocks.

The balancer builds a new picker whenever the READY backends or the routing change; readers always hold a whole
one. Statistics live in the endpoints, so they survive every build.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from lbdash.balancing.endpoint import Backend, Endpoint
from lbdash.model import Connectivity


class PickError(Exception):
    """No endpoint for this call. A fail-fast call ends UNAVAILABLE with the text, a wait-for-ready call waits.

    `reason` is for counters: "no_version" | "none_ready" | "all_maint" | "dropped".
    """

    def __init__(self, text: str, reason: str = "none_ready") -> None:
        super().__init__(text)
        self.reason = reason


class Drop(PickError):
    """The call itself is wrong: it ends with `code` (a gRPC status name) at once, wait-for-ready or not."""

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text, "dropped")
        self.code = code


class Queue(Exception):
    """Nothing can serve yet, and nothing has failed: every call waits for the next picker (ErrNoSubConnAvailable)."""


@dataclass(slots=True)
class Candidate:
    """One endpoint the policy looked at, as it stood then. `lag_us` and `success` are None while unknown."""

    address: str
    load: float
    lag_us: float | None
    inflight: int
    success: float | None
    weight: float
    version: str = ""


@dataclass(slots=True)
class PickRecord:
    """Why one call went where it went. The router and the policy fill it in; only sampled picks have one.

    `at` is on the channel's monotonic clock (seconds). `result`: "complete" | "queue" | "fail" | "drop".
    `reason` is the policy's word: "single", "lower_load", "tie", "probe", "next", "weight", "first".
    """

    at: float
    method: str
    policy: str = ""
    picker_build: int = 0
    ready: int = 0
    total: int = 0
    wait_for_ready: bool = False
    requested_version: str = ""
    chosen_version: str = ""
    result: str = "queue"
    chosen: str = ""
    reason: str = ""
    candidates: Sequence[Candidate] = ()
    queued_us: int = 0
    repicks: int = 0
    pick_us: float = 0.0
    error: str = ""
    traced: bool = False
    detail: dict[str, str] = field(default_factory=dict)


class PickInfo:
    """One call that wants an endpoint. `now`: seconds on the monotonic clock. `record` None = not sampled.

    `route` is the router's note to itself; policies leave it alone.
    """

    __slots__ = ("metadata", "method", "now", "record", "route")

    def __init__(self, method: str, metadata: Any, now: float, record: PickRecord | None = None) -> None:
        self.method = method
        self.metadata = metadata
        self.now = now
        self.record = record
        self.route: Any = None


class Picker(Protocol):
    """Chooses among the endpoints it was built with (at least one, all READY)."""

    def pick(self, info: PickInfo) -> Endpoint:
        """Called once per attempt, on the event loop; may raise PickError. Fills `info.record` when there is one."""
        ...


class Policy(Protocol):
    """A load balancing policy: lives as long as it is in use, and builds pickers.

    What must outlive a picker (a budget, a generator) lives here or in the endpoints. `name` is the word that
    operators and reports use. `eager` False: connect to one endpoint at a time, in address order.
    """

    name: str
    eager: bool

    def build(self, endpoints: Sequence[Endpoint], now: float) -> Picker:
        """`endpoints` is never empty. Called at each picker build, once per version and once for all together."""
        ...

    def load(self, endpoint: Endpoint, now: float) -> float | None:
        """The number this policy compares, for display; None when it compares none."""
        ...


@runtime_checkable
class Timed(Protocol):
    """A policy with something to do from time to time, away from the calls' path."""

    period: float

    def tick(self, now: float) -> bool:
        """Called about every `period` seconds. True: the pickers must be built again."""
        ...


@runtime_checkable
class Subsetting(Protocol):
    """A policy that connects to some of the backends only."""

    def subset(self, backends: Sequence[Backend]) -> Sequence[Backend]: ...


@runtime_checkable
class KeepsPlaces(Protocol):
    """A policy that places keys, and so must know the endpoints that cannot serve at present, too."""

    def build_with(self, endpoints: Sequence[Endpoint], others: Mapping[Endpoint, Connectivity], now: float) -> Picker:
        """Instead of `build`. `others`: as they count for a pick; a drained one as TRANSIENT_FAILURE."""
        ...


PolicyConfig = Mapping[str, Any]


def candidate(endpoint: Endpoint, load: float) -> Candidate:
    """The endpoint as it stands, for a record."""
    lag = endpoint.lag
    return Candidate(
        endpoint.address,
        load,
        None if lag is None else lag * 1e6,
        endpoint.inflight,
        endpoint.success if endpoint.last_done is not None else None,
        endpoint.weight,
        endpoint.version,
    )
