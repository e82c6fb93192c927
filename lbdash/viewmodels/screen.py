"""A page as data: named regions of HTML and tables of keyed rows. First paint and live frames come from one `Screen`.

A screen is built anew on every tick and never changed. Rows that did not change are the same objects as before when
the builder asks its `Memo`, which makes the difference between two screens cheap: identity first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from lbdash.viewmodels.html import EMPTY, Html, attrs, esc, join, tag

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Column:
    """`css` is put on the head and on every cell: "num" aligns right, "wide" may shrink, "fine" hides on phones."""

    name: str
    label: Html = EMPTY
    css: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """`cells` by column name. `css`: "is-problem" keeps it under "only problems", "is-drain" tints it, …"""

    key: str
    cells: Mapping[str, Html]
    css: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """`name` is unique on its page; the widths are `[data-table=name] .row` in a stylesheet."""

    name: str
    label: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    empty: Html = EMPTY  # shown while there are no rows


@dataclass(frozen=True, slots=True)
class Screen:
    """`facts` are for the template alone (links, counts at first paint): they do not travel live."""

    title: str
    regions: Mapping[str, Html] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)

    def region(self, name: str, element: str = "div", css: str = "") -> Html:
        """The element a region lives in: `{{ screen.region("kpis") }}` in a template."""
        return tag(element, self.regions.get(name, EMPTY), class_=css or None, data_region=name)

    def table(self, name: str) -> Html:
        return table_html(self.tables[name])


def table_html(table: Table) -> Html:
    head = join(
        tag(
            "div",
            column.label,
            class_=f"cell {column.css}".rstrip(),
            role="columnheader",
            data_col=column.name,
            title=column.title or None,
        )
        for column in table.columns
    )
    rows = join(row_html(table, row) for row in table.rows)
    # Only rows may be children of a table: what is said instead of rows stands beside it.
    return Html(
        f'<div class="table"{attrs(data_table=table.name)}>'
        f'<div class="grid" role="table"{attrs(aria_label=table.label)}>'
        f'<div class="row head" role="row">{head}</div>'
        f'<div class="rows" role="rowgroup">{rows}</div></div>'
        f'<div class="table-empty">{table.empty}</div>'
        f'<p class="no-match" hidden>Nothing matches the filter.</p></div>'
    )


def row_html(table: Table, row: Row) -> Html:
    cells = "".join(
        f'<div class="cell {column.css}" role="cell" data-col="{column.name}">{row.cells.get(column.name, EMPTY)}</div>'
        for column in table.columns
    )
    return Html(f'<div class="row {row.css}" role="row" data-row="{esc(row.key)}">{cells}</div>')


class Memo:
    """Remembers what was built from which inputs, one entry per key. Bounded: emptied at `limit` keys.

    Inputs are compared with `==`, which asks identity first: unchanged snapshots cost next to nothing.
    `rates` are those of the page's counters.
    """

    __slots__ = ("_kept", "_limit", "rates")

    def __init__(self, limit: int = 60_000) -> None:
        self._kept: dict[str, tuple[tuple[object, ...], Any]] = {}
        self._limit = limit
        self.rates = Rates()

    def row(self, table: str, key: str, inputs: tuple[object, ...], build: Callable[[], Row]) -> Row:
        return self.keep(f"{table} {key}", inputs, build)

    def keep(self, name: str, inputs: tuple[object, ...], build: Callable[[], T]) -> T:
        """What `build` made of `inputs`; asked again only when they differ."""
        kept = self._kept.get(name)
        if kept is not None and kept[0] == inputs:
            return cast(T, kept[1])
        made = build()
        if len(self._kept) >= self._limit:
            self._kept.clear()
        self._kept[name] = (inputs, made)
        return made


class Rates:
    """Rates of counters between two looks, 10 to 20 s apart once there are such. None before."""

    def __init__(self, window_s: float = 10.0) -> None:
        self._window_s = window_s
        self._marks: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {}

    def of(self, name: str, value: float, now: float) -> float | None:
        """`value`: the counter `name` at `now`, seconds. A counter that went back starts anew."""
        (old_at, old), (at, mark) = self._marks.get(name, ((now, value), (now, value)))
        if value < mark:
            (old_at, old), (at, mark) = (now, value), (now, value)
        elif now - at >= self._window_s:
            (old_at, old), (at, mark) = (at, mark), (now, value)
        self._marks[name] = ((old_at, old), (at, mark))
        return (value - old) / (now - old_at) if now - old_at >= 1.0 else None
