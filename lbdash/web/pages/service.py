"""`/services/<name>`: the head, and the tab that `?tab=` names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import Http404

from lbdash.live.state import Service
from lbdash.live.view import LiveView
from lbdash.viewmodels import backends
from lbdash.viewmodels import service as model
from lbdash.viewmodels.screen import Memo, Screen
from lbdash.web.live.page import Ask, live_page
from lbdash.web.pages import picks, routing, subconns, timeline


@dataclass(frozen=True, slots=True)
class Tab:
    """Its part of the screen, and its binary frames if it has any. The template is `service/<name>.html`."""

    build: Callable[[LiveView, Service, Mapping[str, str], Memo], Screen]
    blob: Callable[[LiveView, Service, Mapping[str, str]], bytes] | None = None


TABS: Mapping[str, Tab] = {
    "subconns": Tab(subconns.tab, subconns.blob),
    "routing": Tab(routing.tab),
    "picks": Tab(picks.tab),
    "timeline": Tab(timeline.tab),
}


def subject(view: LiveView, svc: str) -> Service:
    """The service that a URL names. Raises Http404."""
    found = view.state.services.get(svc)
    if found is None:
        raise Http404(f"No service {svc} is registered, and no client reports of one.")
    return found


def blob(ask: Ask, svc: str) -> bytes | None:
    tab = TABS.get(model.tab_of(ask.query))
    return tab.blob(ask.view, subject(ask.view, svc), ask.query) if tab and tab.blob else None


@live_page("service.html", blob=blob)
def service(ask: Ask, svc: str) -> Screen:
    found = subject(ask.view, svc)
    name = model.tab_of(ask.query)
    may_steer = ask.may_steer and ask.runtime.executor.is_armed(found.name)
    head = model.build(ask.view, found, ask.runtime.executor.active(), name, may_steer)
    tab = TABS.get(name)
    part = (
        tab.build(ask.view, found, ask.query, ask.memo) if tab else backends.build(ask.view, found, ask.memo, may_steer)
    )
    facts: dict[str, Any] = {
        **part.facts,
        "may_steer": may_steer,
        "svc": svc,
        "tab": name,
        "crumbs": head.crumbs,
        "name": found.key,
    }
    return Screen(found.key, {**head.regions, **part.regions}, part.tables, facts)
