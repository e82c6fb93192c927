"""`ServiceNumbers` out of the columns: one vectorised pass per service, then plain Python objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite, isnan

import numpy as np
import numpy.typing as npt

from lbdash.live.columns import F64, I64, INFLIGHT, PICKS
from lbdash.live.events import RuleHits, VersionCount
from lbdash.live.history import error_ratio
from lbdash.live.latency import MIN_SAMPLES, WINDOW_S, Histograms, quantiles
from lbdash.live.member import Member
from lbdash.live.meters import RATE_WINDOW_S, Meters
from lbdash.live.record import Pool
from lbdash.live.service import ServiceCounters
from lbdash.live.state import Service
from lbdash.live.view import (
    BackendNumbers,
    ClientNumbers,
    Latency,
    MatrixRow,
    Numbers,
    ServiceNumbers,
    Totals,
)
from lbdash.model import Admin, Connectivity

NO_LATENCY = Latency(None, None, None, 0, WINDOW_S)
UNKNOWN = Numbers(Totals(), None, None, RATE_WINDOW_S, None, None, NO_LATENCY)
NO_BACKEND = BackendNumbers(UNKNOWN, {})
_QS = (0.5, 0.95, 0.99)


def unheard(service: Service) -> ServiceNumbers:
    """Of a service that no client ever spoke of."""
    backends = {
        address: NO_BACKEND if service.routing.admin_of(address) is Admin.READY else BackendNumbers(UNKNOWN, {}, 0)
        for address in service.backends
    }
    return ServiceNumbers(UNKNOWN, backends, {}, {}, (), (), (), 0, 0, 0)


def build(service: Service, counters: ServiceCounters, versions: Mapping[str, str], now: float) -> ServiceNumbers:
    """`versions`: address -> version; `counters.versions` is settled by the caller."""
    oldest = _Oldest(counters, now)
    histograms = counters.backends.latency.window()
    live = any(member.live for member in counters.members.values())
    whole = _whole(counters, histograms, live, oldest)
    total_rps = whole.rps or 0.0
    return ServiceNumbers(
        numbers=whole,
        backends=_backends(service, counters, histograms, total_rps, oldest),
        clients=_clients(service, counters, total_rps, oldest),
        versions=_versions(counters, versions, histograms, total_rps, oldest, live),
        matrix=matrix(counters),
        version_counts=tuple(VersionCount(r, c, why, s, n) for (r, c, why, s), n in counters.matrix.totals.items()),
        rule_hits=tuple(RuleHits(*key, count) for key, count in counters.rules.totals.items()),
        override_ignored=counters.override_ignored,
        unplaced=counters.unplaced,
        subconns=int(counters.subconns.states.sum()),
    )


class _Oldest:
    """Ages in seconds of the oldest call in flight, by column of the meters. None = none, or unknown."""

    def __init__(self, counters: ServiceCounters, now: float) -> None:
        self._now = now
        table = counters.subconns.table
        live = np.zeros(counters.clients.capacity, np.bool_)
        live[[member.column for member in counters.members.values() if member.live]] = True
        busy = np.flatnonzero(~np.isnan(table.oldest_at[: table.size]))
        busy = busy[live[table.client[busy]]]
        began = table.oldest_at[busy]
        self.of_column = self._ages(table.backend[busy], began, counters.backends.capacity)
        self.of_client = self._ages(table.client[busy], began, counters.clients.capacity)
        self.of_all = max((age for age in self.of_column if age is not None), default=None)

    def of(self, columns: Iterable[int]) -> float | None:
        ages = [age for column in columns if (age := self.of_column[column]) is not None]
        return max(ages, default=None)

    def _ages(self, owners: npt.NDArray[np.int32], began: F64, capacity: int) -> list[float | None]:
        oldest = np.full(capacity, np.nan)
        np.fmin.at(oldest, owners, began)
        return [None if isnan(since) else max(0.0, self._now - since) for since in oldest.tolist()]


# ---- columns to objects


def _latencies(histograms: Histograms) -> list[Latency]:
    counts = histograms.sum(axis=1).tolist()
    rows = quantiles(histograms, _QS).T.tolist()
    return [
        Latency(p50, p95, p99, n, WINDOW_S) if n >= MIN_SAMPLES else Latency(None, None, None, n, WINDOW_S)
        for (p50, p95, p99), n in zip(rows, counts, strict=True)
    ]


def _known(value: float) -> float | None:
    return value if isfinite(value) else None


class _Table:
    """Sums, rates and latencies as Python lists, by column."""

    def __init__(self, sums: I64, rates: F64, histograms: Histograms) -> None:
        self._totals = sums[:INFLIGHT].T.tolist()
        self._inflight = sums[INFLIGHT].tolist()
        self._rps = rates[PICKS].tolist()
        self._errors = error_ratio(rates).tolist()
        self._latency = _latencies(histograms)

    @classmethod
    def of(cls, meters: Meters, histograms: Histograms) -> _Table:
        return cls(meters.sums, meters.rates, histograms)

    def numbers(self, column: int, *, known: bool, oldest: float | None, total_rps: float) -> Numbers:
        totals = Totals(*self._totals[column])
        if not known:
            return Numbers(totals, None, None, RATE_WINDOW_S, None, None, self._latency[column])
        rps, inflight = _known(self._rps[column]), self._inflight[column]
        share = rps / total_rps if rps is not None and total_rps > 0 else None
        return Numbers(
            totals,
            rps,
            _known(self._errors[column]),
            RATE_WINDOW_S,
            inflight,
            oldest if inflight else None,
            self._latency[column],
            share,
        )


def _whole(counters: ServiceCounters, histograms: Histograms, live: bool, oldest: _Oldest) -> Numbers:
    backends = counters.backends
    pool = Pool.of(backends, histograms, np.arange(backends.capacity))
    sums = pool.sums + backends.retired[:, None]
    table = _Table(sums, pool.rates, pool.histogram)
    return table.numbers(0, known=live, oldest=oldest.of_all, total_rps=0.0)


def _backends(
    service: Service, counters: ServiceCounters, histograms: Histograms, total_rps: float, oldest: _Oldest
) -> dict[str, BackendNumbers]:
    table = _Table.of(counters.backends, histograms)
    states, after = counters.subconns.states.T.tolist(), counters.subconns.after.tolist()
    result = {}
    for address in service.backends:
        overridden = address in counters.subconns.overrides
        column = counters.backends.columns.get(address)
        if column is None:
            result[address] = BackendNumbers(UNKNOWN, {}, 0) if overridden else NO_BACKEND
            continue
        held = _connectivity(states[column])
        numbers = table.numbers(column, known=bool(held), oldest=oldest.of_column[column], total_rps=total_rps)
        result[address] = BackendNumbers(numbers, held, after[column] if overridden else None)
    return result


def _connectivity(counts: list[int]) -> dict[Connectivity, int]:
    return {state: count for state, count in zip(Connectivity, counts, strict=True) if count}


def _clients(
    service: Service, counters: ServiceCounters, total_rps: float, oldest: _Oldest
) -> dict[str, ClientNumbers]:
    table = _Table.of(counters.clients, counters.clients.latency.window())
    result = {}
    for id in service.clients:
        member = counters.members.get(id)
        if member is not None:
            age = oldest.of_client[member.column]
            numbers = table.numbers(member.column, known=member.live, oldest=age, total_rps=total_rps)
            result[id] = _client(member, numbers)
    return result


def _client(member: Member, numbers: Numbers) -> ClientNumbers:
    return ClientNumbers(
        numbers,
        _connectivity(member.states) if member.live else {},
        member.last_report_at,
        member.offset_s,
        member.offset_error_s,
        member.said.override_ignored,
        member.said.unplaced,
        member.said.samples_dropped,
        member.retired,
    )


def _versions(
    counters: ServiceCounters,
    versions: Mapping[str, str],
    histograms: Histograms,
    total_rps: float,
    oldest: _Oldest,
    live: bool,
) -> dict[str, Numbers]:
    meters = counters.versions.meters
    result = {}
    for version, columns in counters.versions.group(versions).items():
        column = meters.columns[version]
        pool = Pool.of(counters.backends, histograms, columns)
        sums = meters.sums[:, [column]].copy()
        sums[INFLIGHT] = pool.sums[INFLIGHT]
        table = _Table(sums, meters.rates[:, [column]], pool.histogram)
        result[version] = table.numbers(0, known=live, oldest=oldest.of(columns), total_rps=total_rps)
    return result


# ---- the version matrix


def matrix(counters: ServiceCounters) -> tuple[MatrixRow, ...]:
    """One row per (requested version, how it was chosen), most calls first."""
    rows = {(requested, source) for requested, _, _, source in counters.matrix.totals}
    built = [_matrix_row(counters, requested, source) for requested, source in rows]
    return tuple(sorted(built, key=lambda row: (-sum(row.answered.values()), row.requested, row.source)))


def _matrix_row(counters: ServiceCounters, requested: str, source: str) -> MatrixRow:
    answered: dict[str, int] = {}
    rps: dict[str, float] = {}
    failed = dict.fromkeys(("no_version", "none_ready", "all_maint"), 0)
    failed_rps = 0.0
    for key, count in counters.matrix.totals.items():
        if (key[0], key[3]) != (requested, source):
            continue
        rate = counters.matrix.rates.get(key, 0.0)
        if key[2] in failed:
            failed[key[2]] += count
            failed_rps += rate
        else:
            answered[key[1]] = answered.get(key[1], 0) + count
            rps[key[1]] = rps.get(key[1], 0.0) + rate
    return MatrixRow(requested, source, answered, rps, **failed, failed_rps=failed_rps)
