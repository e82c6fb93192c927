"""The SubConns tab: which cells a filter leaves, one page of them as rows, one of them in depth. Pure.

A service of 200 clients x 1,000 backends has 200,000 SubConns: cells are chosen on the heat map's arrays, and only
the rows of the page are built.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lbdash.live.state import Service
from lbdash.live.view import Heatmap, LiveView, StateSpan, SubConnRow
from lbdash.model import Connectivity
from lbdash.viewmodels.heat import MODES, Filter, axes, client_name

PAGE = 50
SORTS = ("client", "state", "picks", "lag")
STATES = tuple(state.name for state in Connectivity)
EVERYTHING = Filter()

# What needs eyes comes first.
_RANK = np.full(256, 9, np.uint8)
for _rank, _state in enumerate(
    (
        Connectivity.TRANSIENT_FAILURE,
        Connectivity.CONNECTING,
        Connectivity.IDLE,
        Connectivity.SHUTDOWN,
        Connectivity.READY,
    )
):
    _RANK[_state] = _rank


@dataclass(frozen=True, slots=True)
class Query:
    """The tab's part of the URL, made safe: unknown words fall back to the default."""

    filter: Filter = EVERYTHING
    mode: str = "state"
    sort: str = "client"
    page: int = 1

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Query:
        state = query.get("state", "").upper()
        page = query.get("page", "1")
        return cls(
            Filter(query.get("client", "")[:200], query.get("backend", "")[:200], state if state in STATES else ""),
            _one_of(query.get("mode", ""), MODES),
            _one_of(query.get("sort", ""), SORTS),
            int(page) if page.isascii() and page.isdigit() and len(page) < 7 else 1,
        )


def _one_of(text: str, known: tuple[str, ...]) -> str:
    return text if text in known else known[0]


@dataclass(frozen=True, slots=True)
class Page:
    """Rows `first`..`last` of `total` (from 1), page `number` of `pages`."""

    rows: tuple[SubConnRow, ...]
    total: int
    number: int
    pages: int
    counts: Mapping[Connectivity, int]  # of the cells that client and backend filters leave

    @property
    def first(self) -> int:
        return (self.number - 1) * PAGE + 1 if self.total else 0

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1 if self.total else 0


def build_page(view: LiveView, service: Service, query: Query) -> Page:
    grid = view.heatmap(service.key)
    rows, columns = axes(service, grid, query.filter)
    states = grid.state[np.ix_(rows, columns)]
    cells = _ordered(grid, states, rows, columns, query)
    pages = max(1, -(-len(cells) // PAGE))
    number = min(max(1, query.page), pages)
    wanted = cells[(number - 1) * PAGE : number * PAGE]
    found = _fetch(view, service, ((grid.clients[rows[i]], grid.addresses[columns[j]]) for i, j in wanted))
    return Page(tuple(found), len(cells), number, pages, _count(states))


def _ordered(
    grid: Heatmap, states: npt.NDArray[np.uint8], rows: list[int], columns: list[int], query: Query
) -> npt.NDArray[np.intp]:
    """(row, column) pairs of the cells to list, in order: by client and address unless sorted otherwise."""
    keep = states != 255
    if query.filter.state:
        keep = states == Connectivity[query.filter.state]
    cells = np.argwhere(keep)
    if query.sort == "client" or not len(cells):
        return cells
    return cells[np.argsort(_sort_key(grid, states, rows, columns, query.sort)[*cells.T], kind="stable")]


def _sort_key(
    grid: Heatmap, states: npt.NDArray[np.uint8], rows: list[int], columns: list[int], sort: str
) -> npt.NDArray[np.float32]:
    if sort == "state":
        return _RANK[states].astype(np.float32)
    if sort == "picks":
        return -grid.picks[np.ix_(rows, columns)]
    return -np.nan_to_num(grid.lag_ms[np.ix_(rows, columns)], nan=-1.0)


def _fetch(view: LiveView, service: Service, cells: Iterable[tuple[str, str]]) -> Iterable[SubConnRow]:
    for client, address in cells:
        yield from view.subconns(service.key, client=client, address=address)


def _count(states: npt.NDArray[np.uint8]) -> Mapping[Connectivity, int]:
    counted = np.bincount(states.ravel(), minlength=256)
    return {state: int(counted[state]) for state in Connectivity}


# ---- one SubConn


@dataclass(frozen=True, slots=True)
class Stretch:
    """`seconds` in one state; `at` is its begin. The last one goes on."""

    state: Connectivity
    at: float
    seconds: float
    error: str


@dataclass(frozen=True, slots=True)
class Detail:
    row: SubConnRow
    client: str
    policy: str
    build: int
    history: tuple[Stretch, ...]  # oldest first


def build_detail(view: LiveView, service: Service, client: str, address: str) -> Detail | None:
    """None when there is no such SubConn (any more)."""
    found = view.subconns(service.key, client=client, address=address)
    known = service.clients.get(client)
    if not found or known is None:
        return None
    spans = view.spans(service.key, client=client, address=address, limit=40)
    return Detail(found[0], client_name(service, client), known.policy, known.picker_build, stretches(spans, view.now))


def stretches(spans: Iterable[StateSpan], now: float) -> tuple[Stretch, ...]:
    """Newest first in, oldest first out."""
    ordered = sorted(spans, key=lambda span: span.at)
    ends = [span.at for span in ordered[1:]] + [now]
    return tuple(
        Stretch(span.state, span.at, max(0.0, end - span.at), span.error)
        for span, end in zip(ordered, ends, strict=True)
    )
