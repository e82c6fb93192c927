"""The `LiveView` of one moment: a snapshot of the topology, and the counters as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isnan

import numpy as np

from lbdash.live.columns import F32, LAG, Rows
from lbdash.live.counters import Counters, versions_of
from lbdash.live.events import PickSample
from lbdash.live.history import SERIES, SPARK_POINTS
from lbdash.live.member import Member
from lbdash.live.meters import Meters
from lbdash.live.numbers import build, unheard
from lbdash.live.service import ServiceCounters
from lbdash.live.state import State
from lbdash.live.table import Table
from lbdash.live.timeline import Timeline
from lbdash.live.view import Heatmap, Series, ServiceNumbers, StateSpan, SubConnRow, TimelineEntry, Totals
from lbdash.model import Connectivity

NO_SUBCONN = 255  # state of a heat map cell


class NumbersCache:
    """Numbers per service, as long as neither counters nor topology moved."""

    def __init__(self) -> None:
        self._stamp: tuple[int, int] = (-1, -1)
        self._numbers: dict[str, ServiceNumbers] = {}

    def at(self, stamp: tuple[int, int]) -> dict[str, ServiceNumbers]:
        if stamp != self._stamp:
            self._stamp, self._numbers = stamp, {}
        return self._numbers


class Reader:
    """Implements `LiveView`; made by `Store.view()`."""

    def __init__(
        self, state: State, now: float, counters: Counters, timeline: Timeline, cache: dict[str, ServiceNumbers]
    ) -> None:
        self._state, self._now, self._counters, self._timeline = state, now, counters, timeline
        self._cache = cache

    @property
    def state(self) -> State:
        return self._state

    @property
    def now(self) -> float:
        return self._now

    # ---- numbers

    def numbers(self, service: str) -> ServiceNumbers:
        found = self._cache.get(service)
        if found is None:
            found = self._cache[service] = self._build(service)
        return found

    def _build(self, key: str) -> ServiceNumbers:
        service, counters = self._state.services[key], self._counters.of(key)
        if counters is None:
            return unheard(service)
        versions = versions_of(service)
        counters.settle(versions, self._now)
        return build(service, counters, versions, self._now)

    # ---- SubConns

    def subconns(self, service: str, *, client: str = "", address: str = "") -> Sequence[SubConnRow]:
        counters = self._counters.of(service)
        if counters is None:
            return ()
        members = counters.members.values() if not client else filter(None, [counters.members.get(client)])
        return [row for member in members for row in self._rows(counters, member, address)]

    def _rows(self, counters: ServiceCounters, member: Member, address: str) -> Iterator[SubConnRow]:
        table = counters.subconns.table
        indexes, rows = member.rows.live()
        if address:
            kept = table.backend[rows] == counters.backends.columns.get(address, -1)
            indexes, rows = indexes[kept], rows[kept]
        for index, row in zip(indexes.tolist(), rows.tolist(), strict=True):
            yield self._row(table, member.id, index, row, counters.backends.name(int(table.backend[row])))

    def _row(self, table: Table, client: str, index: int, row: int, address: str) -> SubConnRow:
        *totals, inflight = table.sums[:, row].tolist()
        lag, success, load, weight = (None if isnan(value) else value for value in table.gauges[:, row].tolist())
        began = float(table.oldest_at[row])
        return SubConnRow(
            client,
            address,
            index,
            Connectivity(int(table.state[row])),
            float(table.since[row]),
            table.errors.get(row, ""),
            Totals(*totals),
            inflight,
            max(0.0, self._now - began) if inflight and not isnan(began) else None,
            None if lag is None else lag / 1000,
            success,
            load,
            weight,
        )

    def heatmap(self, service: str) -> Heatmap:
        """Connected clients and the addresses of the topology, both in its order."""
        topology, counters = self._state.services[service], self._counters.of(service)
        addresses = tuple(topology.backends)
        if counters is None:
            return _heatmap((), addresses)
        members = [counters.members[id] for id in topology.clients if id in counters.members]
        members = [member for member in members if member.live]
        cells = _heatmap(tuple(member.id for member in members), addresses)
        table = counters.subconns.table
        table.turn(self._now)
        line = _places(counters.clients, cells.clients)[table.client[: table.size]]
        place = _places(counters.backends, addresses)[table.backend[: table.size]]
        rows = np.flatnonzero((line >= 0) & (place >= 0) & (table.client[: table.size] >= 0))
        at = (line[rows], place[rows])
        cells.state[at] = table.state[rows]
        # Two SubConns of one client to one backend share a cell. `np.add.at` would take ten times as long.
        flat = np.ravel_multi_index(at, cells.picks.shape)
        cells.picks.ravel()[:] = np.bincount(flat, table.window_picks()[rows], cells.picks.size)
        cells.lag_ms[at] = table.gauges[LAG, rows] / 1000
        return cells

    # ---- samples and events

    def picks(self, service: str, *, client: str = "", limit: int = 200) -> Sequence[PickSample]:
        counters = self._counters.of(service)
        return counters.picks.newest(client, limit) if counters is not None else ()

    def pick_reasons(self, service: str) -> Mapping[str, int]:
        counters = self._counters.of(service)
        return counters.picks.reasons() if counters is not None else {}

    def timeline(self, service: str = "", *, limit: int = 200, before: int = 0) -> Sequence[TimelineEntry]:
        return self._timeline.newest(service, limit, before)

    def spans(self, service: str, *, client: str = "", address: str = "", limit: int = 500) -> Sequence[StateSpan]:
        counters = self._counters.of(service)
        return counters.subconns.spans.newest(client, address, limit) if counters is not None else ()

    # ---- history

    def history(self, service: str, series: str, *, address: str = "", version: str = "", span_s: int = 600) -> Series:
        """KeyError for an unknown series; a backend or version never heard of is NaN throughout."""
        if series not in SERIES:
            raise KeyError(f"no series {series!r}: there are {', '.join(SERIES)}")
        counters = self._counters.of(service)
        found = self._series(counters, series, address, version, span_s) if counters is not None else None
        if found is not None:
            return found
        step_s = 10 if address and span_s > 600 else 1
        return Series(self._now, step_s, np.full(span_s // step_s, np.nan, np.float32))

    def _series(self, counters: ServiceCounters, series: str, address: str, version: str, span_s: int) -> Series | None:
        if address:
            column = counters.backends.columns.get(address)
            return None if column is None else counters.history.backend_series(series, column, span_s)
        if version:
            column = counters.versions.meters.columns.get(version)
            return None if column is None else counters.history.versions.series(series, column, span_s)
        return counters.history.service.series(series, 0, span_s)

    def sparklines(self, service: str) -> Mapping[str, Sequence[float | None]]:
        counters = self._counters.of(service)
        if counters is None:
            return {}
        history = counters.history
        whole = history.service.read(SERIES.index("rps"), 0, SPARK_POINTS * 10)[9::10]
        points = history.sparklines().T
        columns = {a: c for a, c in counters.backends.columns.items() if c < len(points)}
        lines = {address: _plain(points[column]) for address, column in columns.items()}
        return {"": _plain(whole), **lines}

    def memory_bytes(self) -> Mapping[str, int]:
        return self._counters.memory_bytes()


def _heatmap(clients: tuple[str, ...], addresses: tuple[str, ...]) -> Heatmap:
    shape = (len(clients), len(addresses))
    state = np.full(shape, NO_SUBCONN, np.uint8)
    return Heatmap(clients, addresses, state, np.zeros(shape, np.float32), np.full(shape, np.nan, np.float32))


def _places(meters: Meters, names: Sequence[str]) -> Rows:
    """Column of the meters -> place among `names`, -1 = not there."""
    place = np.full(meters.capacity, -1, np.intp)
    for i, name in enumerate(names):
        column = meters.columns.get(name)
        if column is not None:
            place[column] = i
    return place


def _plain(values: F32) -> list[float | None]:
    return [None if isnan(value) else value for value in values.tolist()]
