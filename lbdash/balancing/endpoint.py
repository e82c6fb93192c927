"""One backend as one channel sees it: what it is, and what its calls told. Outlives every picker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil, exp, inf, log2
from types import MappingProxyType
from typing import Any

from lbdash.balancing.orca import ReportedWeight
from lbdash.model import DEFAULT_WEIGHT, LATENCY_BUCKETS, Method, Outcome

CANCELLED, INFRASTRUCTURE = Outcome.CANCELLED, Outcome.INFRASTRUCTURE
DECAY_S = 10.0  # time constant of both averages: go-zero's, from Finagle
SUCCESS_KEPT = 15 / 16  # at most this much of the success average survives a call: dozens of failures are news enough
FIRST_SAMPLE_WEIGHT = 0.5  # how much of the initial success survives the first completion: one failure is no proof
NOTHING: Mapping[str, Any] = MappingProxyType({})  # one for all: most backends tell neither


@dataclass(frozen=True, slots=True)
class Backend:
    """What the resolver says of one address (canonical). `online` False: the backend itself asks for no calls."""

    address: str
    version: str = ""
    weight: int = DEFAULT_WEIGHT
    online: bool = True
    metadata: Mapping[str, str] = field(default_factory=dict)
    methods: Mapping[str, Method] = field(default_factory=dict)


def bucket_of(seconds: float) -> int:
    """The first of model.LATENCY_BOUNDS_US (100 us x 2^(i/4)) that is not below; computed, which beats a search."""
    return 0 if seconds <= 1e-4 else min(LATENCY_BUCKETS - 1, ceil(4.0 * log2(seconds * 1e4)))


class Endpoint:
    """Identity and statistics of one address within one channel. Times in seconds on the monotonic clock.

    `begin` and `done` bracket every call handed to a connection; a second `done` with one token does nothing.
    Unary-response calls feed `lag` and the latency buckets. Streams count as in flight and by outcome only:
    how long somebody listened says nothing about how fast the backend is.
    """

    __slots__ = (
        "address",
        "calls",
        "connection",
        "index",
        "lag",
        "last_done",
        "last_ok",
        "last_pick",
        "latency",
        "leaving",
        "listener",
        "metadata",
        "methods",
        "outcomes",
        "picks",
        "reported",
        "streams",
        "success",
        "version",
        "weight",
    )

    def __init__(self, address: str, index: int = 0, version: str = "", weight: float = DEFAULT_WEIGHT) -> None:
        self.address = address
        self.index = index
        self.version = version
        self.weight = weight
        self.metadata: Mapping[str, str] = NOTHING  # as the backend registered them
        self.methods: Mapping[str, Method] = NOTHING
        self.connection: Any = None  # the transport's; policies leave it alone
        self.leaving = False  # the pool closes the connection when the last call ends
        self.listener: Callable[[float, float, Outcome], None] | None = None  # a policy's: (began, now, outcome)
        self.picks = 0
        self.outcomes = [0, 0, 0, 0]  # by Outcome
        self.calls: dict[int, float] = {}  # token -> start, oldest first
        self.streams: dict[int, float] = {}
        self.latency: dict[int, int] = {}  # bucket -> calls since the reporter took them
        self.lag: float | None = None  # EWMA of latency; None = cold
        self.success = 1.0  # EWMA of 1 = acceptable, 0 = infrastructure failure
        self.last_done: float | None = None
        self.last_ok = True  # how the newest completion went
        self.last_pick = -inf
        self.reported: ReportedWeight | None = None  # what the backend itself says of its load, if it does

    @property
    def inflight(self) -> int:
        return len(self.calls) + len(self.streams)

    def begin(self, now: float) -> int:
        """A unary-response call was handed over. The token goes to `done`."""
        self.picks = token = self.picks + 1
        self.calls[token] = now
        return token

    def begin_stream(self, now: float) -> int:
        self.picks = token = self.picks + 1
        self.streams[token] = now
        return token

    def done(self, token: int, now: float, outcome: Outcome) -> None:
        """The call ended. Cancelled calls say nothing of the backend, so they move no average."""
        start = self.calls.pop(token, None)
        began = self.streams.pop(token, None) if start is None else start
        if began is None:
            return
        self.outcomes[outcome] += 1
        if self.listener is not None:
            self.listener(began, now, outcome)
        if outcome is CANCELLED:
            return
        lag = None
        if start is not None:
            lag = now - start if now > start else 0.0
            bucket = bucket_of(lag)
            self.latency[bucket] = self.latency.get(bucket, 0) + 1
        self.observe(now, lag, outcome is not INFRASTRUCTURE)

    def observe(self, now: float, lag: float | None, ok: bool) -> None:
        """Move both averages by one completion (SPEC 5.3 in floats, 5.6 for the first sample).

        A failure may raise the lag, never lower it: that it failed fast does not make a backend fast.
        """
        last = self.last_done
        keep = FIRST_SAMPLE_WEIGHT if last is None else exp(min(0.0, last - now) / DECAY_S)
        self.last_done, self.last_ok = now, ok
        kept = keep if keep < SUCCESS_KEPT else SUCCESS_KEPT
        self.success = self.success * kept + (1.0 - kept if ok else 0.0)
        if lag is None:
            return
        mean = self.lag
        if mean is None:
            self.lag = lag if ok else None
        elif ok or lag > mean:
            self.lag = mean * keep + lag * (1.0 - keep)

    def oldest(self) -> float | None:
        """When the oldest call or stream in flight began; None when there is none."""
        starts = [next(iter(flights.values())) for flights in (self.calls, self.streams) if flights]
        return min(starts) if starts else None

    def take_latency(self) -> dict[int, int]:
        taken, self.latency = self.latency, {}
        return taken

    def __repr__(self) -> str:
        return f"<Endpoint {self.address} v={self.version!r} picks={self.picks} inflight={self.inflight}>"
