"""Fold many reports at once. Numpy costs about a microsecond a call however few rows it gets, so small reports are
gathered and folded together; each costs then little more than its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from lbdash.live.columns import I64, INFLIGHT, KINDS, PICKS, Rows
from lbdash.live.events import UNKNOWN_TOTAL, LatencyColumns, PackedCounters
from lbdash.live.member import Member
from lbdash.live.meters import Meters
from lbdash.live.table import Table
from lbdash.model import LATENCY_BUCKETS

R = TypeVar("R", "CounterReport", "LatencyReport")

MAX_TOTAL = 2**53  # past it sums are no longer exact in every reader
OLDEST = 5  # row of `PackedCounters.totals`


@dataclass(slots=True)
class CounterReport:
    member: Member
    rows: Rows
    counters: PackedCounters
    at: float


@dataclass(slots=True)
class LatencyReport:
    member: Member
    rows: npt.NDArray[np.int32]
    latency: LatencyColumns


def fold_counters(
    table: Table, backends: Meters, clients: Meters, after: I64 | None, reports: Sequence[CounterReport]
) -> list[CounterReport]:
    """At most one report per client. `after` None: no override is in force.

    Returns those refused, because of a total that cannot be; they change nothing.
    """
    rows, sums, oldest_us = _said(reports)
    old = table.sums.take(rows, axis=1)
    delta = sums - old
    # As unsigned numbers the negative are huge.
    if delta[:INFLIGHT].min() < 0 or sums.view(np.uint64).max() > MAX_TOTAL:
        refused = _impossible(reports, sums, old)
        if refused:
            passed = _without(reports, refused)
            return refused + (fold_counters(table, backends, clients, after, passed) if passed else [])
        delta = sums - old
    _write(table, rows, sums, oldest_us, reports)
    columns = table.backend.take(rows).astype(np.intp)
    rated = _rated(reports)
    backends.add(columns, delta, rated)
    starts = np.cumsum([0, *(len(report.rows) for report in reports[:-1])])
    owners = np.array([report.member.column for report in reports])
    clients.add(owners, np.add.reduceat(delta, starts, axis=1), None if rated is None else rated[starts])
    if after is not None:
        np.add.at(after, columns, delta[PICKS] * table.obeying.take(rows))
    if rated is not None:
        _begin(table, reports)
    return []


def _said(reports: Sequence[CounterReport]) -> tuple[Rows, I64, I64]:
    """(rows, sums of each, age of the oldest call of each in microseconds), all reports after each other."""
    rows = np.concatenate([report.rows for report in reports])
    sums = np.concatenate([report.counters.totals for report in reports], axis=1)
    oldest_us = sums[OLDEST].copy()
    sums[INFLIGHT] = np.concatenate([report.counters.inflight for report in reports])
    return rows, sums, oldest_us


def _rated(reports: Sequence[CounterReport]) -> npt.NDArray[np.bool_] | None:
    """By row; None = all are, which is nearly always."""
    if all(report.member.rated for report in reports):
        return None
    return np.repeat([report.member.rated for report in reports], [len(report.rows) for report in reports])


def _impossible(reports: Sequence[CounterReport], sums: I64, old: I64) -> list[CounterReport]:
    """Those with a total that went back or is out of range. One that was not told did not change: mends `sums`."""
    told, known = sums[:INFLIGHT], old[:INFLIGHT]
    unknown = told == UNKNOWN_TOTAL
    told[unknown] = known[unknown]
    return _marked(reports, np.any((told < known) | (told > MAX_TOTAL), axis=0))


def _marked(reports: Sequence[R], rows: npt.NDArray[np.bool_]) -> list[R]:
    """The reports with a marked row; `rows` are those of all, after each other."""
    starts = np.cumsum([0, *(len(report.rows) for report in reports)]).tolist()
    spans = zip(reports, starts[:-1], starts[1:], strict=True)
    return [report for report, start, end in spans if rows[start:end].any()]


def _without(reports: Sequence[R], refused: Sequence[R]) -> list[R]:
    out = set(map(id, refused))
    return [report for report in reports if id(report) not in out]


def _write(table: Table, rows: Rows, sums: I64, oldest_us: I64, reports: Sequence[CounterReport]) -> None:
    for kind in range(KINDS):  # row by row: one fancy index over the matrix costs twice as much
        table.sums[kind][rows] = sums[kind]
    at = np.repeat([report.at for report in reports], [len(report.rows) for report in reports])
    table.oldest_at[rows] = np.where(oldest_us > 0, at - oldest_us * 1e-6, np.nan)
    gauges = np.concatenate([report.counters.gauges for report in reports], axis=1)
    for kind, values in enumerate(gauges):
        table.gauges[kind][rows] = values


def _begin(table: Table, reports: Sequence[CounterReport]) -> None:
    """From now on what these clients count makes rates."""
    for report in reports:
        if not report.member.rated:
            report.member.rated = True
            table.begin_window(report.rows)


def fold_latency(
    table: Table, backends: Meters, clients: Meters, reports: Sequence[LatencyReport]
) -> list[LatencyReport]:
    """Returns those refused, because a bucket or an index does not exist; they change nothing."""
    rows = np.concatenate([report.rows for report in reports])
    bucket = np.concatenate([report.latency.bucket for report in reports])
    if rows.min() < 0 or bucket.max() >= LATENCY_BUCKETS:
        refused = _marked(reports, (rows < 0) | (bucket >= LATENCY_BUCKETS))
        passed = _without(reports, refused)
        return refused + (fold_latency(table, backends, clients, passed) if passed else [])
    count = np.concatenate([report.latency.count for report in reports])
    backends.latency.add(table.backend.take(rows).astype(np.intp), bucket, count)
    owners = np.array([report.member.column for report in reports])
    clients.latency.add(np.repeat(owners, [len(report.rows) for report in reports]), bucket, count)
    return []
