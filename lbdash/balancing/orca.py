"""Weights that backends report themselves (gRFC A58): load reports in, one weight for each endpoint out. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import isfinite


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What one ORCA report says. Utilizations: 1.0 = full. Rates per second."""

    qps: float = 0.0
    eps: float = 0.0
    application_utilization: float = 0.0
    cpu_utilization: float = 0.0

    def weight(self, penalty: float = 1.0) -> float | None:
        """Calls per utilization, where errors count `penalty` times; None when the report says too little."""
        used = self.application_utilization or self.cpu_utilization
        if not all(map(isfinite, (used, self.qps, self.eps))) or used <= 0 or self.qps <= 0 or self.eps < 0:
            return None
        return self.qps / (used + self.eps / self.qps * penalty)


class Standing(StrEnum):
    """Why a reported weight counts, or does not. The words are gRPC's metric names."""

    OK = "ok"
    NOT_YET_USABLE = "not_yet_usable"
    STALE = "stale"


class ReportedWeight:
    """The newest weight of one endpoint. Times in seconds, monotonic.

    It counts once reports have come for a whole blackout, and until none has come for a whole expiration.
    """

    __slots__ = ("last", "since", "weight")

    def __init__(self) -> None:
        self.weight = 0.0
        self.last: float | None = None
        self.since: float | None = None  # the first report after a gap

    def update(self, weight: float, now: float) -> None:
        self.weight, self.last = weight, now
        if self.since is None:
            self.since = now

    def connected(self) -> None:
        """The endpoint became READY again: what it said before may no longer hold."""
        self.last = self.since = None

    def effective(self, now: float, expiration: float, blackout: float) -> tuple[float, Standing]:
        """0 with a reason, or the weight."""
        if self.last is None:
            return 0.0, Standing.NOT_YET_USABLE
        if now - self.last >= expiration:
            self.since = None
            return 0.0, Standing.STALE
        if blackout > 0 and (self.since is None or now - self.since < blackout):
            return 0.0, Standing.NOT_YET_USABLE
        return self.weight, Standing.OK
