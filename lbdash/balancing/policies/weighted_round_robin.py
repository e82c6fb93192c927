"""weighted_round_robin: by the operator's weights exactly, or by what the backends report (gRFC A58) times those.

As long as fewer than two endpoints report a usable load (ORCA), shares are the operator's, exact in every full turn.
From then on an endpoint's weight is reported weight x operator's weight / 100, and one whose report is missing, new or
stale counts as the mean of the others. The scheduler is made anew once a second, away from the calls' path.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.orca import LoadReport, ReportedWeight
from lbdash.balancing.picker import PickInfo, candidate
from lbdash.balancing.policies.settings import Settings
from lbdash.balancing.schedulers import STRIDE, Edf, ExactShares, Scheduler, SmoothWrr, StaticStride, scale
from lbdash.model import DEFAULT_WEIGHT

MIN_PERIOD_S = 0.1
SCHEDULERS: dict[str, Callable[[Sequence[float], random.Random], Scheduler]] = {
    "exact": ExactShares,
    "edf": Edf,
    "smooth": SmoothWrr,
}


class WeightedRoundRobin:
    name = "weighted_round_robin"
    eager = True

    def __init__(self, rng: random.Random, settings: Settings | None = None) -> None:
        """gRPC's settings, and `scheduler` for the operator's weights: "exact" (default), "edf" or "smooth"."""
        settings = settings or Settings(self.name, {})
        self.rng = rng
        self.enable_oob = settings.flag("enableOobLoadReport", False)
        self.oob_period = settings.seconds("oobReportingPeriod", 10.0)
        self.blackout = settings.seconds("blackoutPeriod", 10.0)
        self.expiration = settings.seconds("weightExpirationPeriod", 180.0)
        self.period = max(MIN_PERIOD_S, settings.seconds("weightUpdatePeriod", 1.0))
        self.penalty = settings.number("errorUtilizationPenalty", 1.0, 0.0)
        self.make_scheduler = SCHEDULERS[settings.text("scheduler", "exact", tuple(SCHEDULERS))]
        self._pickers: list[WeightedRoundRobinPicker] = []
        self._built_at: float | None = None
        self._reported = False

    def report(self, endpoint: Endpoint, report: LoadReport, now: float) -> None:
        """A backend said how loaded it is, with a reply or out of band. Too little said changes nothing."""
        weight = report.weight(self.penalty)
        if weight is not None:
            if endpoint.reported is None:
                endpoint.reported = ReportedWeight()
            endpoint.reported.update(weight, now)
            self._reported = True

    def reported_weight(self, endpoint: Endpoint, now: float) -> float:
        """x operator's weight / 100; 0 = not usable."""
        if endpoint.reported is None:
            return 0.0
        weight, _ = endpoint.reported.effective(now, self.expiration, self.blackout)
        return weight * endpoint.weight / DEFAULT_WEIGHT

    def build(self, endpoints: Sequence[Endpoint], now: float) -> WeightedRoundRobinPicker:
        """Pickers built at one `now` are in use together, and are refreshed together."""
        if now != self._built_at:
            self._pickers, self._built_at = [], now
        picker = WeightedRoundRobinPicker(endpoints, self, now)
        self._pickers.append(picker)
        return picker

    def tick(self, now: float) -> bool:
        """New weights for the pickers in use; they need not be built again."""
        if self._reported:
            for picker in self._pickers:
                picker.refresh(now)
        return False

    def load(self, endpoint: Endpoint, now: float) -> float | None:
        return self.reported_weight(endpoint, now) or None


class WeightedRoundRobinPicker:
    __slots__ = ("_endpoints", "_next_index", "_policy", "_weights", "by_reports")

    def __init__(self, endpoints: Sequence[Endpoint], policy: WeightedRoundRobin, now: float) -> None:
        self._endpoints = tuple(endpoints)
        self._policy = policy
        self._weights: Sequence[float] = ()
        self.by_reports = False
        self._schedule_own()
        self.refresh(now)

    def refresh(self, now: float) -> None:
        """Follow the reports as they stand; the operator's weights go on undisturbed while too few are usable."""
        weights = [self._policy.reported_weight(endpoint, now) for endpoint in self._endpoints]
        if sum(weight > 0 for weight in weights) < 2:
            if self.by_reports:
                self._schedule_own()
            return
        scaled = scale(self._with_mean(weights)) or [STRIDE] * len(weights)
        self.by_reports, self._weights = True, scaled
        self._next_index = StaticStride(scaled, self._policy.rng.getrandbits(32)).next_index

    def _schedule_own(self) -> None:
        self.by_reports = False
        self._weights = [endpoint.weight for endpoint in self._endpoints]
        self._next_index = self._policy.make_scheduler(self._weights, self._policy.rng).next_index

    def _with_mean(self, weights: Sequence[float]) -> Sequence[float]:
        """Endpoints without a usable report: the mean report, by their own operator's weight."""
        pairs = list(zip(weights, self._endpoints, strict=True))
        known = [weight * DEFAULT_WEIGHT / endpoint.weight for weight, endpoint in pairs if weight > 0]
        mean = sum(known) / len(known)
        return [weight or mean * endpoint.weight / DEFAULT_WEIGHT for weight, endpoint in pairs]

    def pick(self, info: PickInfo) -> Endpoint:
        index = self._next_index()
        chosen = self._endpoints[index]
        if info.record is not None:
            self._explain(info, index)
        return chosen

    def _explain(self, info: PickInfo, index: int) -> None:
        record = info.record
        assert record is not None
        record.reason = "weight" if len(self._endpoints) > 1 else "single"
        record.candidates = (candidate(self._endpoints[index], 0.0),)
        record.detail.update(
            weight=f"{self._weights[index]:g}", total_weight=f"{sum(self._weights):g}", n=str(len(self._endpoints))
        )
        if self.by_reports:
            record.detail["kind"] = "reported"
