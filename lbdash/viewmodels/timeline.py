"""The Timeline tab: what happened to a service, newest first, equal neighbours folded. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lbdash.live.state import Service
from lbdash.live.view import LiveView, TimelineEntry

PAGE = 100
_LOOKED_AT = 2000  # entries searched for one page of a kind

# What a reader picks from -> the kinds it covers.
KINDS: Mapping[str, tuple[str, ...]] = {
    "registry": ("registered", "deregistered"),
    "operators": ("command", "routing"),
    "expiries": ("expired",),
    "states": ("state",),
    "clients": ("client",),
    "problems": ("problem", "source"),
}


@dataclass(frozen=True, slots=True)
class TimelineTab:
    entries: tuple[TimelineEntry, ...]
    kind: str  # a key of KINDS, or "" = all
    before: int  # what this page was asked for; 0 = the newest, which is live
    older: int  # `before` of the next page; 0 = there is none


def build(view: LiveView, service: Service, *, kind: str = "", before: int = 0) -> TimelineTab:
    kind = kind if kind in KINDS else ""
    limit = _LOOKED_AT if kind else PAGE + 1
    entries = [e for e in view.timeline(service.key, limit=limit, before=before) if not kind or e.kind in KINDS[kind]]
    shown = tuple(entries[:PAGE])
    return TimelineTab(shown, kind, before, shown[-1].serial if len(entries) > PAGE else 0)


def since(query: Mapping[str, str]) -> int:
    """`before` from the URL; anything that is no serial reads as the newest page."""
    text = query.get("before", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0
