"""Prometheus metrics. Pure. Labels are bounded: what lies beyond the limits is summed up under "other"."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from prometheus_client.core import CounterMetricFamily as Counter
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.core import Metric

from lbdash.live.state import Service
from lbdash.live.view import LiveView, Numbers, ServiceNumbers
from lbdash.model import Connectivity
from lbdash.viewmodels.api_status import Process
from lbdash.viewmodels.problems import service_problems
from lbdash.viewmodels.standing import connected, registered

SERVICES, VERSIONS, BACKENDS = 200, 32, 1000  # label values: services, versions of one, backends of all together
OTHER = "other"
K = TypeVar("K")


class Metrics:
    """A collector for `prometheus_client.generate_latest`."""

    def __init__(self, view: LiveView, process: Process) -> None:
        self._view, self._process = view, process

    def collect(self) -> Iterator[Metric]:
        yield from _own(self._view, self._process)
        services = sorted(self._view.state.services.items())[:SERVICES]
        pairs = [(service, self._view.numbers(key)) for key, service in services]
        yield from _services(pairs)
        yield from _versions(pairs)
        yield from _backends(pairs)


def _own(view: LiveView, process: Process) -> Iterator[Metric]:
    yield Gauge("lbdash_ready", "1 once every watched prefix has been listed", value=process.ready)
    yield Gauge("lbdash_services", "Services known", value=len(view.state.services))
    up = Gauge("lbdash_source_up", "0 while the source is stale", labels=["source"])
    age = Gauge("lbdash_source_age_seconds", "Since the last proof of life", labels=["source"])
    events = Counter("lbdash_source_events", "Events received", labels=["source"])
    for source in view.state.sources.values():
        up.add_metric([source.name], float(source.lost_at is None and source.connected_at is not None))
        events.add_metric([source.name], source.events)
        if source.proven_at is not None:
            age.add_metric([source.name], max(0.0, view.now - source.proven_at))
    rpcs = Counter("lbdash_etcd_rpcs", "Calls made to etcd", labels=["method"])
    for method, count in process.cost.rpcs_by_method:
        rpcs.add_metric([method], count)
    moved = Counter("lbdash_etcd_bytes", "Bytes exchanged with etcd", labels=["direction"])
    moved.add_metric(["in"], process.cost.bytes_in)
    moved.add_metric(["out"], process.cost.bytes_out)
    yield from (up, age, events, rpcs, moved)


def _services(pairs: Iterable[tuple[Service, ServiceNumbers]]) -> Iterator[Metric]:
    backends = Gauge("lbdash_service_backends", "Backends registered", labels=["service"])
    clients = Gauge("lbdash_service_clients", "Clients connected", labels=["service"])
    problems = Gauge("lbdash_service_problems", "Problems found", labels=["service", "severity"])
    ignored = Counter("lbdash_service_override_ignored", "Picks that ignored a drain", labels=["service"])
    family = _Family("service", ["service"])
    for service, numbers in pairs:
        found = [finding.problem.severity for finding in service_problems(service, numbers)]
        backends.add_metric([service.key], len(registered(service)))
        clients.add_metric([service.key], connected(service))
        for severity in ("error", "warning", "info"):
            problems.add_metric([service.key, severity], found.count(severity))
        ignored.add_metric([service.key], numbers.override_ignored)
        family.add([service.key], [numbers.numbers])
    yield from (backends, clients, problems, ignored, *family.metrics)


def _versions(pairs: Iterable[tuple[Service, ServiceNumbers]]) -> Iterator[Metric]:
    family = _Family("version", ["service", "version"])
    for service, numbers in pairs:
        for version, found in bounded(numbers.versions, VERSIONS):
            family.add([service.key, version], found)
    yield from family.metrics


def _backends(pairs: Iterable[tuple[Service, ServiceNumbers]]) -> Iterator[Metric]:
    family = _Family("backend", ["service", "backend"])
    subconns = Gauge("lbdash_backend_subconns", "Connections by state", labels=["service", "backend", "state"])
    left = BACKENDS
    for service, numbers in pairs:
        for address, found in bounded(numbers.backends, left):
            family.add([service.key, address], [one.numbers for one in found])
            for state in Connectivity:
                total = sum(one.connectivity.get(state, 0) for one in found)
                subconns.add_metric([service.key, address, state.name], total)
        left = max(0, left - len(numbers.backends))
    yield from (*family.metrics, subconns)


class _Family:
    """The same call counters for services, versions and backends."""

    def __init__(self, what: str, labels: list[str]) -> None:
        self._picks = Counter(f"lbdash_{what}_picks", "Calls handed to a connection", labels=labels)
        self._ended = Counter(f"lbdash_{what}_calls_ended", "Calls ended", labels=[*labels, "outcome"])
        self._inflight = Gauge(f"lbdash_{what}_inflight", "Calls in flight", labels=labels)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return (self._picks, self._ended, self._inflight)

    def add(self, labels: list[str], numbers: Iterable[Numbers]) -> None:
        """One sample, the sum of `numbers`."""
        numbers = list(numbers)
        self._picks.add_metric(labels, sum(one.totals.picks for one in numbers))
        for outcome in ("ok", "cancelled", "infrastructure", "application"):
            self._ended.add_metric([*labels, outcome], sum(getattr(one.totals, outcome) for one in numbers))
        known = [one.inflight for one in numbers if one.inflight is not None]
        if known:
            self._inflight.add_metric(labels, sum(known))


def bounded(found: Mapping[str, K], limit: int) -> Iterator[tuple[str, list[K]]]:
    """The first `limit` by name, one by one, then all others under "other"."""
    names = sorted(found)
    for name in names[:limit]:
        yield name, [found[name]]
    if rest := names[limit:]:
        yield OTHER, [found[name] for name in rest]
