"""Outlier detection (gRFC A50): who did much worse than its peers is left out for a while. Pure; one sweep at a time.

Any call that did not end OK counts as a failure, whatever its status. The failure percentage must be above the
threshold, not at it. Ejecting stops once `max_percent` of the hosts are out, so one always can be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt


@dataclass(frozen=True, slots=True)
class SuccessRate:
    """Eject below mean - stdev x `stdev_factor` / 1000, if `minimum_hosts` had `request_volume` calls."""

    stdev_factor: int = 1900
    enforcement: int = 100  # percent of findings acted upon
    minimum_hosts: int = 5
    request_volume: int = 100


@dataclass(frozen=True, slots=True)
class FailurePercentage:
    """Eject above `threshold` percent of failures. The gRFC enforces by default, grpc-go does not: this does."""

    threshold: int = 85
    enforcement: int = 100
    minimum_hosts: int = 5
    request_volume: int = 50


@dataclass(frozen=True, slots=True)
class OutlierConfig:
    """Times in seconds. With neither algorithm nobody is ejected and those who were come back."""

    interval: float = 10.0
    base_ejection: float = 30.0
    max_ejection: float = 300.0
    max_percent: int = 10
    success_rate: SuccessRate | None = None
    failure_percentage: FailurePercentage | None = None


@dataclass(slots=True)
class Host:
    """One endpoint in one sweep. `successes`, `failures`: since the last one. `until` is set while it is out."""

    name: str
    successes: int = 0
    failures: int = 0
    multiplier: int = 0
    until: float | None = None

    @property
    def volume(self) -> int:
        return self.successes + self.failures


@dataclass(frozen=True, slots=True)
class Finding:
    """One outlier. `unenforced`: "" | "max_ejection_overflow" | "enforcement_percentage"."""

    host: Host
    method: str  # "success_rate" | "failure_percentage"
    unenforced: str


def required_rate(rates: Sequence[float], factor: int) -> float:
    """The lowest success rate that is no outlier among `rates`; population standard deviation."""
    mean = sum(rates) / len(rates)
    stdev = sqrt(sum((rate - mean) ** 2 for rate in rates) / len(rates))
    return mean - stdev * factor / 1000


def sweep(hosts: Sequence[Host], config: OutlierConfig, now: float, roll: Callable[[], float]) -> list[Finding]:
    """Eject and let back, in place. `roll` draws from [0, 1). The caller resets the counts."""
    findings = [
        _judge(host, method, enforcement, hosts, config, now, roll)
        for method, enforcement, outliers in _outliers(hosts, config)
        for host in outliers
        if host.until is None
    ]
    ejected = {id(finding.host) for finding in findings if not finding.unenforced}
    for host in hosts:
        if id(host) not in ejected:
            _let_back(host, config, now)
    return findings


def _outliers(hosts: Sequence[Host], config: OutlierConfig) -> list[tuple[str, int, list[Host]]]:
    found = []
    if rule := config.success_rate:
        found.append(("success_rate", rule.enforcement, by_success_rate(hosts, rule)))
    if limit := config.failure_percentage:
        found.append(("failure_percentage", limit.enforcement, by_failure_percentage(hosts, limit)))
    return found


def by_success_rate(hosts: Sequence[Host], rule: SuccessRate) -> list[Host]:
    busy = [host for host in hosts if host.volume >= max(1, rule.request_volume)]
    if not busy or len(busy) < rule.minimum_hosts:
        return []
    required = required_rate([host.successes / host.volume for host in busy], rule.stdev_factor)
    return [host for host in busy if host.successes / host.volume < required]


def by_failure_percentage(hosts: Sequence[Host], rule: FailurePercentage) -> list[Host]:
    busy = [host for host in hosts if host.volume >= max(1, rule.request_volume)]
    if len(busy) < rule.minimum_hosts:
        return []
    return [host for host in busy if 100 * host.failures > rule.threshold * host.volume]


def _judge(
    host: Host,
    method: str,
    enforcement: int,
    hosts: Sequence[Host],
    config: OutlierConfig,
    now: float,
    roll: Callable[[], float],
) -> Finding:
    out = sum(other.until is not None for other in hosts)
    if 100 * out >= config.max_percent * len(hosts):
        return Finding(host, method, "max_ejection_overflow")
    if roll() * 100 >= enforcement:
        return Finding(host, method, "enforcement_percentage")
    host.multiplier += 1
    host.until = now + min(config.base_ejection * host.multiplier, max(config.base_ejection, config.max_ejection))
    return Finding(host, method, "")


def _let_back(host: Host, config: OutlierConfig, now: float) -> None:
    if config.success_rate is None and config.failure_percentage is None:
        host.until, host.multiplier = None, 0
    elif host.until is None:
        host.multiplier = max(0, host.multiplier - 1)
    elif now > host.until:
        host.until = None
