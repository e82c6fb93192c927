"""A SubConn as a row: the same cells on the SubConns tab and on the pages of a backend and a client."""

from __future__ import annotations

from collections.abc import Mapping

from lbdash.live.state import Service
from lbdash.live.view import SubConnRow
from lbdash.model import Connectivity
from lbdash.viewmodels import format as fmt
from lbdash.viewmodels.heat import client_name
from lbdash.viewmodels.html import EMPTY, Html, esc, tag
from lbdash.viewmodels.marks import backend_link, client_link, state_mark
from lbdash.viewmodels.screen import Column, Memo, Row

COLUMNS = {
    column.name: column
    for column in (
        Column("client", Html("Client")),
        Column("backend", Html("Backend")),
        Column("state", Html("State")),
        Column("since", Html("for"), "num"),
        Column("picks", Html("picks"), "num"),
        Column("inflight", Html("in flight"), "num"),
        Column("oldest", Html("oldest"), "num fine", "Age of the oldest call in flight"),
        Column("errors", Html("errors"), "num"),
        Column("lag", Html("lag ms"), "num fine", "EWMA of the latency this client's picker sees"),
        Column("success", Html("success"), "num fine", "EWMA of calls that no infrastructure error ended"),
        Column("load", Html("load"), "num fine", "What the picker compares; the lower one is picked"),
        Column("weight", Html("weight"), "num fine"),
        Column("applied", Html("applied rev."), "num fine", "The etcd revision this client has applied"),
        Column("error", Html("Last error"), "fine wide"),
    )
}


def columns(*names: str) -> tuple[Column, ...]:
    return tuple(COLUMNS[name] for name in names)


def subconn_row(
    table: str, shown: tuple[Column, ...], service: Service, row: SubConnRow, now: float, memo: Memo
) -> Row:
    # Ages enter as the text that is shown: tenths would make a new row of every one at every tick.
    since = fmt.age(float(int(now - row.since)))
    client = service.clients.get(row.client)
    applied = client.applied_revision if client else 0
    key = f"{row.client} {row.address}"

    def build() -> Row:
        cells = _cells(service, row, since, applied)
        return Row(key, {column.name: cells[column.name] for column in shown}, _css(row))

    return memo.row(table, key, (row, since, applied), build)


def _css(row: SubConnRow) -> str:
    return "is-down is-problem" if row.state is Connectivity.TRANSIENT_FAILURE else ""


def _cells(service: Service, row: SubConnRow, since: str, applied: int) -> Mapping[str, Html]:
    return {
        "client": client_link(service.key, row.client, client_name(service, row.client)),
        "backend": backend_link(service.key, row.address),
        "state": state_mark(row.state),
        "since": tag("time", esc(since), datetime=fmt.iso(row.since), title=fmt.iso(row.since)),
        "picks": esc(fmt.count(row.totals.picks)),
        "inflight": esc(fmt.count(row.inflight)),
        "oldest": esc(fmt.age(row.oldest_s)),
        "errors": esc(fmt.count(row.totals.errors)),
        "lag": esc(fmt.ms(row.lag_ms)),
        "success": esc(fmt.decimal(row.success)),
        "load": esc(fmt.count(row.load)),
        "weight": esc(fmt.count(row.weight)),
        "applied": esc(fmt.count(applied) if applied else fmt.UNKNOWN),
        "error": tag("span", esc(row.last_error), title=row.last_error) if row.last_error else EMPTY,
    }
