"""Activity: every command with its outcome, before and after, newest first. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from lbdash.control.audit import AuditEntry
from lbdash.viewmodels import format as fmt
from lbdash.viewmodels.cells import pill
from lbdash.viewmodels.html import EMPTY, Html, esc, join, tag
from lbdash.viewmodels.marks import drawer_link, moment, service_url
from lbdash.viewmodels.screen import Column, Row, Screen, Table

PAGE = 100
OUTCOMES = {
    "applied": ("up", "round"),
    "attempted": ("wait", "half"),
    "unknown": ("wait", "bang"),
    "conflict": ("idle", "diamond"),
    "refused": ("idle", "square"),
    "stale": ("idle", "square"),
    "failed": ("down", "cross"),
}
_UNDOABLE = ("drain", "maint", "ready", "weight", "versions", "policy")

COLUMNS = (
    Column("at", Html("Time (UTC)")),
    Column("outcome", Html("Outcome")),
    Column("service", Html("Service")),
    Column("text", Html("What"), "wrap"),
    Column("change", Html("Before → after"), "wrap fine"),
    Column("by", Html("By"), "wrap fine"),
    Column("undo", Html('<span class="visually-hidden">Undo</span>'), "acts"),
)


def build(entries: Sequence[AuditEntry], may_steer: bool, before: str = "") -> Screen:
    """`entries`: at most PAGE of them, newest first; `before`: the id this page begins under, "" = the newest page."""
    rows = tuple(_row(entry, may_steer) for entry in entries)
    older = entries[-1].id if len(entries) == PAGE else ""
    return Screen(
        "Activity",
        tables={"activity": Table("activity", "Commands", COLUMNS, rows, _EMPTY)},
        facts={"older": older, "before": before},
    )


def _row(entry: AuditEntry, may_steer: bool) -> Row:
    css, shape = OUTCOMES.get(entry.outcome, ("idle", "ring"))
    undoable = may_steer and entry.outcome == "applied" and entry.verb in _UNDOABLE
    cells = {
        "at": tag("span", join((_day(entry.at), moment(entry.at)), " ")),
        "outcome": pill(entry.outcome, css, shape),
        "service": tag("a", esc(entry.service), href=service_url(entry.service))
        if entry.service
        else esc("everything"),
        "text": _text(entry),
        "change": _change(entry.before, entry.after),
        "by": join((esc(entry.by), tag("span", esc(entry.reason), class_="sub", title=entry.reason or None))),
        "undo": drawer_link(entry.service, "Undo…", {"command": "undo", "of": entry.id}) if undoable else EMPTY,
    }
    return Row(entry.id, cells, "is-problem" if css in ("down", "wait") else "")


def _day(at: float) -> Html:
    return tag("span", esc(fmt.iso(at)[:10]), class_="muted")


def _text(entry: AuditEntry) -> Html:
    forced = join((pill("forced", "wait", "bang", title=entry.forced), esc(" "))) if entry.forced else EMPTY
    number = tag("span", esc(f" generation {entry.generation}"), class_="muted") if entry.generation else EMPTY
    return join((forced, tag("span", esc(entry.text), title=entry.text), number))


def _change(before: Mapping[str, str | None], after: Mapping[str, str | None]) -> Html:
    """Key by key, shortened: the whole values are in the title."""
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key) and not key.endswith("/generation")]
    lines = [f"{_short(key)}: {_value(before.get(key))} → {_value(after.get(key))}" for key in keys]
    if not lines:
        return tag("span", esc(fmt.UNKNOWN), class_="zero")
    more = f" (+ {len(lines) - 1})" if len(lines) > 1 else ""
    return tag("span", esc(lines[0] + more), class_="mono", title="\n".join(lines))


def _short(key: str) -> str:
    """/lbdash/v1/services/app/backends/10.0.0.1%3A80/admin -> admin"""
    return key.rsplit("/", 1)[-1]


def _value(text: str | None) -> str:
    """The one fact of a control value that people look for."""
    if text is None:
        return "none"
    try:
        data = json.loads(text)
    except ValueError:
        return text[:40]
    facts = data if isinstance(data, dict) else {}
    for name in ("state", "weight", "name"):
        if name in facts:
            return str(facts[name])[:40]
    shares = facts.get("shares")
    return " ".join(f"{k}={v}" for k, v in shares.items())[:60] if isinstance(shares, dict) else text[:40]


_EMPTY = Html(
    '<div class="empty"><h2>No command yet</h2><p>Every drain, weight, share and undo will be listed here with who, '
    "why, what it changed and what came of it, refused ones included.</p></div>"
)
