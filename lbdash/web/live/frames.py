"""The difference between two screens as a JSON text frame, or None when nothing visible changed.

`{"n": serial, "title"?, "r": {region: html}, "t": {table: {"c": {row: {column: html}}, "k": {row: class},
"x": {row: whole row's html}, "o": [row, …]}}}`: changed cells, changed classes, new rows, and the order when it
changed (a row that is not in it is gone). Without a screen to start from everything is sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lbdash.viewmodels.screen import Row, Screen, Table, row_html


def frame(old: Screen | None, new: Screen, serial: int) -> str | None:
    """`serial` comes back in the browser's acknowledgement."""
    body = changes(old, new)
    if not body:
        return None
    return json.dumps({"n": serial, **body}, ensure_ascii=False, separators=(",", ":"))


def changes(old: Screen | None, new: Screen) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if old is not None and old.title != new.title:
        body["title"] = new.title
    if regions := _changed(old.regions if old else {}, new.regions):
        body["r"] = regions
    tables = {name: _table(old.tables.get(name) if old else None, table) for name, table in new.tables.items()}
    if tables := {name: change for name, change in tables.items() if change}:
        body["t"] = tables
    return body


def _changed(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in new.items() if old.get(name) != value}


def _table(old: Table | None, new: Table) -> dict[str, Any]:
    if old is not None and old.rows is new.rows:
        return {}
    before = {row.key: row for row in old.rows} if old else {}
    change: dict[str, Any] = {"c": {}, "k": {}, "x": {}}
    for row in new.rows:
        _row(before.get(row.key), row, new, change)
    order = [row.key for row in new.rows]
    if order != list(before):
        change["o"] = order
    return {part: value for part, value in change.items() if value or part == "o"}


def _row(old: Row | None, new: Row, table: Table, change: dict[str, Any]) -> None:
    if old is new:
        return
    if old is None:
        change["x"][new.key] = row_html(table, new)
        return
    if cells := _changed(old.cells, new.cells):
        change["c"][new.key] = cells
    if old.css != new.css:
        change["k"][new.key] = new.css
