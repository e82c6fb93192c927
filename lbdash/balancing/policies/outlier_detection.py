"""outlier_detection: any policy, without the endpoints that did much worse than their peers (gRFC A50).

It counts from the outcomes that every endpoint keeps anyway, so it costs a call nothing. Where everybody a call could
go to is ejected, ejections are ignored for that group: our drains follow the same rule.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.outlier import FailurePercentage, Finding, Host, OutlierConfig, SuccessRate, sweep
from lbdash.balancing.picker import Picker, PickInfo, Policy
from lbdash.balancing.policies.around import Around
from lbdash.balancing.policies.settings import Settings
from lbdash.model import Connectivity, Outcome

FAILED = Connectivity.TRANSIENT_FAILURE


class OutlierDetection(Around):
    name = "outlier_detection"

    def __init__(self, rng: random.Random, settings: Settings, child: Policy) -> None:
        super().__init__(child)
        self.config = read_config(settings)
        self.period = min(self.period, self.config.interval)
        self.findings: Sequence[Finding] = ()  # of the last sweep
        self._roll = rng.random
        self._hosts: dict[Endpoint, Host] = {}
        self._counted: dict[Endpoint, tuple[int, int]] = {}  # successes and failures at the last sweep
        self._present: set[Endpoint] = set()  # in the build in force
        self._built_at: float | None = None
        self._next_sweep = self.config.interval

    def build_with(self, endpoints: Sequence[Endpoint], others: Mapping[Endpoint, Connectivity], now: float) -> Picker:
        self._meet(endpoints, now)
        healthy = [endpoint for endpoint in endpoints if self._hosts[endpoint].until is None]
        if not healthy or len(healthy) == len(endpoints):
            return super().build_with(endpoints, others, now)
        ejected = dict.fromkeys(set(endpoints).difference(healthy), FAILED)
        return OutlierPicker(super().build_with(healthy, {**others, **ejected}, now), len(ejected))

    def _meet(self, endpoints: Sequence[Endpoint], now: float) -> None:
        if self._built_at is None:
            self._next_sweep = now + self.config.interval
        if now != self._built_at:
            self._present, self._built_at = set(), now
        self._present.update(endpoints)
        for endpoint in endpoints:
            if endpoint not in self._hosts:
                self._hosts[endpoint] = Host(endpoint.address)
                self._counted[endpoint] = counts(endpoint)

    def tick(self, now: float) -> bool:
        rebuild = super().tick(now)
        if now < self._next_sweep:
            return rebuild
        self._next_sweep = now + self.config.interval
        out = [host for host in self._hosts.values() if host.until is not None]
        self._count()
        self.findings = sweep(list(self._hosts.values()), self.config, now, self._roll)
        return rebuild or out != [host for host in self._hosts.values() if host.until is not None]

    def _count(self) -> None:
        """What each host did since the last sweep; those that left and are not ejected are forgotten."""
        for endpoint, host in list(self._hosts.items()):
            before, after = self._counted[endpoint], counts(endpoint)
            host.successes, host.failures = after[0] - before[0], after[1] - before[1]
            self._counted[endpoint] = after
            if endpoint not in self._present and host.until is None:
                del self._hosts[endpoint], self._counted[endpoint]


def counts(endpoint: Endpoint) -> tuple[int, int]:
    ok = endpoint.outcomes[Outcome.OK]
    return ok, sum(endpoint.outcomes) - ok


class OutlierPicker:
    """Only there while somebody is ejected, to say so."""

    __slots__ = ("_child", "_ejected")

    def __init__(self, child: Picker, ejected: int) -> None:
        self._child, self._ejected = child, ejected

    def pick(self, info: PickInfo) -> Endpoint:
        chosen = self._child.pick(info)
        if info.record is not None:
            info.record.detail["ejected"] = str(self._ejected)
        return chosen


def read_config(settings: Settings) -> OutlierConfig:
    """gRPC's names. Without any setting both algorithms run with their defaults; otherwise those that are given."""
    if settings.empty:
        return OutlierConfig(success_rate=SuccessRate(), failure_percentage=FailurePercentage())
    return OutlierConfig(
        interval=settings.seconds("interval", 10.0, 0.1),
        base_ejection=settings.seconds("baseEjectionTime", 30.0),
        max_ejection=settings.seconds("maxEjectionTime", 300.0),
        max_percent=settings.integer("maxEjectionPercent", 10, 0, 100),
        success_rate=_success_rate(settings.group("successRateEjection")),
        failure_percentage=_failure_percentage(settings.group("failurePercentageEjection")),
    )


def _success_rate(settings: Settings | None) -> SuccessRate | None:
    if settings is None:
        return None
    factor = settings.integer("stdevFactor", 1900, 0)
    rule = SuccessRate(factor, *_common(settings, 100))
    settings.finish()
    return rule


def _failure_percentage(settings: Settings | None) -> FailurePercentage | None:
    if settings is None:
        return None
    threshold = settings.integer("threshold", 85, 0, 100)
    rule = FailurePercentage(threshold, *_common(settings, 50))
    settings.finish()
    return rule


def _common(settings: Settings, volume: int) -> tuple[int, int, int]:
    return (
        settings.integer("enforcementPercentage", 100, 0, 100),
        settings.integer("minimumHosts", 5, 0),
        settings.integer("requestVolume", volume, 0),
    )
