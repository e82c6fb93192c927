"""One step of a service's history, from its counters; and sums over several backends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lbdash.live.columns import F64, I64, INFLIGHT, KINDS, Rows
from lbdash.live.history import SERIES, sample
from lbdash.live.latency import Histograms
from lbdash.live.meters import Meters
from lbdash.live.service import ServiceCounters


@dataclass(frozen=True, slots=True)
class Pool:
    """Several backends as one: each part has one column. Rates are NaN when none is known."""

    sums: I64
    rates: F64
    stepped: I64
    histogram: Histograms

    @classmethod
    def of(cls, backends: Meters, histograms: Histograms, columns: Sequence[int] | Rows) -> Pool:
        rates = backends.rates[:, columns]
        known = ~np.isnan(rates)
        pooled = np.where(known.any(axis=1), np.where(known, rates, 0).sum(axis=1), np.nan)
        return cls(
            backends.sums[:, columns].sum(axis=1).reshape(KINDS, 1),
            pooled.reshape(KINDS, 1),
            backends.stepped[columns].sum().reshape(1),
            histograms[columns].sum(axis=0, keepdims=True),
        )

    def sample(self) -> F64:
        return sample(self.rates, self.stepped, self.sums[INFLIGHT], self.histogram)


def record(counters: ServiceCounters, versions: Mapping[str, str], now: float) -> None:
    """After the tick. A backend nobody holds a SubConn to is unknown, not idle."""
    backends, history = counters.backends, counters.history
    known = counters.subconns.states.sum(axis=0) > 0
    recent = backends.latency.recent()
    values = sample(backends.rates, backends.stepped, backends.sums[INFLIGHT], recent)
    values[:, ~known] = np.nan
    history.backends(now, values)
    history.service.put(now, _step(backends, recent, np.flatnonzero(known)))
    meters = counters.versions.meters
    by_version = np.full((len(SERIES), meters.capacity), np.nan)
    for version, columns in counters.versions.group(versions).items():
        held = [column for column in columns if known[column]]
        by_version[:, meters.columns[version]] = _step(backends, recent, held)[:, 0]
    history.versions.put(now, by_version)


def _step(backends: Meters, recent: Histograms, columns: Sequence[int] | Rows) -> F64:
    if not len(columns):
        return np.full((len(SERIES), 1), np.nan)
    return Pool.of(backends, recent, columns).sample()
