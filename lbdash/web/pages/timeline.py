"""The Timeline tab."""

from __future__ import annotations

from collections.abc import Mapping

from lbdash.live.state import Service
from lbdash.live.view import LiveView, TimelineEntry
from lbdash.viewmodels import format as fmt
from lbdash.viewmodels.cells import SEVERITY_CSS, pill
from lbdash.viewmodels.heat import client_name
from lbdash.viewmodels.html import EMPTY, Html, esc, join, tag
from lbdash.viewmodels.marks import backend_link, client_link, moment, service_url
from lbdash.viewmodels.screen import Column, Memo, Row, Screen, Table
from lbdash.viewmodels.timeline import KINDS, TimelineTab, build, since

_COLUMNS = (
    Column("at", Html("Time, UTC")),
    Column("kind", Html("What")),
    Column("text", EMPTY, "wrap"),
    Column("who", Html("Backend, client"), "fine"),
    Column("count", Html("times"), "num"),
)
_WORDS = {
    "registered": "registered",
    "deregistered": "deregistered",
    "expired": "expired",
    "state": "connectivity",
    "command": "operator",
    "client": "client",
    "routing": "routing",
    "problem": "problem",
    "source": "source",
}


def tab(view: LiveView, service: Service, query: Mapping[str, str], memo: Memo) -> Screen:
    """The tab's part of the service's screen. `kind` narrows, `before` pages back."""
    found = build(view, service, kind=query.get("kind", ""), before=since(query))
    rows = tuple(_row(service, entry, memo) for entry in found.entries)
    return Screen(
        "",
        regions={"timeline-pager": _pager(service, found)},
        tables={"timeline": Table("timeline", "Timeline, newest first", _COLUMNS, rows, _nothing())},
        facts={"kinds": _kinds(service, found), "before": found.before},
    )


def _row(service: Service, entry: TimelineEntry, memo: Memo) -> Row:
    return memo.row("timeline", str(entry.serial), (entry,), lambda: _build_row(service, entry))


def _build_row(service: Service, entry: TimelineEntry) -> Row:
    css, shape = SEVERITY_CSS.get(entry.severity, SEVERITY_CSS["info"])
    cells = {
        "at": _when(entry),
        "kind": pill(_WORDS.get(entry.kind, entry.kind), css, shape),
        "text": tag("span", esc(entry.text), title=entry.text),
        "who": _who(service, entry),
        "count": esc(f"× {fmt.count(entry.count)}") if entry.count > 1 else EMPTY,
    }
    bad = entry.severity in ("warning", "error")
    return Row(str(entry.serial), cells, f"is-{css} is-problem" if bad else "")


def _when(entry: TimelineEntry) -> Html:
    if entry.until is None or entry.until - entry.at < 1:
        return moment(entry.at, millis=True)
    return join((moment(entry.at), esc(" – "), moment(entry.until)))


def _who(service: Service, entry: TimelineEntry) -> Html:
    parts = []
    if entry.backend:
        parts.append(backend_link(service.key, entry.backend))
    if entry.client:
        parts.append(client_link(service.key, entry.client, client_name(service, entry.client)))
    return join(parts, " ← ")


def _kinds(service: Service, found: TimelineTab) -> list[tuple[str, str, bool]]:
    return [
        (kind or "all", service_url(service.key, "timeline", **({"kind": kind} if kind else {})), kind == found.kind)
        for kind in ("", *KINDS)
    ]


def _pager(service: Service, found: TimelineTab) -> Html:
    words = {"kind": found.kind} if found.kind else {}
    parts = []
    if found.before:
        parts.append(tag("a", esc("Newest"), class_="btn small", href=service_url(service.key, "timeline", **words)))
    if found.older:
        href = service_url(service.key, "timeline", **words, before=str(found.older))
        parts.append(tag("a", esc("Older"), class_="btn small", href=href))
    return join(parts)


def _nothing() -> Html:
    return tag("p", esc("Nothing of this kind happened since this dashboard started."), class_="no-match")
