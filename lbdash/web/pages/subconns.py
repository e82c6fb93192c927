"""The SubConns tab: the table behind the heat map, the legend, and one SubConn's panel."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from lbdash.live.state import Service
from lbdash.live.view import LiveView, SubConnRow
from lbdash.model import Connectivity
from lbdash.viewmodels import format as fmt
from lbdash.viewmodels.cells import pill
from lbdash.viewmodels.heat import LAG_SHADES, PICK_SHADES, build_heat
from lbdash.viewmodels.html import EMPTY, Html, esc, join, tag
from lbdash.viewmodels.marks import (
    ago,
    backend_link,
    client_link,
    facts,
    history_strip,
    history_text,
    service_url,
    state_mark,
)
from lbdash.viewmodels.screen import Memo, Screen, Table
from lbdash.viewmodels.subconns import SORTS, STATES, Detail, Page, Query, build_detail, build_page
from lbdash.web.access import runtime, viewer_required
from lbdash.web.live.heatmap import encode
from lbdash.web.pages.subconn_row import columns, subconn_row

_COLUMNS = columns(
    "client", "backend", "state", "since", "picks", "inflight", "lag", "success", "load", "weight", "error"
)


def tab(view: LiveView, service: Service, query: Mapping[str, str], memo: Memo) -> Screen:
    """The tab's part of the service's screen."""
    asked = Query.parse(query)
    page = build_page(view, service, asked)
    rows = tuple(subconn_row("subconns", _COLUMNS, service, row, view.now, memo) for row in page.rows)
    return Screen(
        "",
        regions={
            "subconns-counts": _counts(service, asked, page),
            "subconns-pager": _pager(service, asked, page),
            "subconns-window": esc(f"picks of the last {view.numbers(service.key).numbers.window_s} s"),
        },
        tables={"subconns": Table("subconns", "SubConns", _COLUMNS, rows, _nothing(service))},
        facts={
            "asked": asked,
            "states": STATES,
            "sorts": SORTS,
            "legend": _legend(asked.mode),
            "modes": _modes(service, asked),
        },
    )


def blob(view: LiveView, service: Service, query: Mapping[str, str]) -> bytes:
    """The heat map's frame."""
    asked = Query.parse(query)
    return encode(build_heat(view, service, asked.mode, asked.filter))


def _counts(service: Service, asked: Query, page: Page) -> Html:
    """How many in each state, each a link that narrows the table to it."""
    links = []
    for state, number in page.counts.items():
        if number or state.name == asked.filter.state:
            current = state.name == asked.filter.state
            href = _link(service, asked, state="" if current else state.name.lower())
            content = join((state_mark(state), tag("b", esc(fmt.count(number)))), " ")
            links.append(tag("a", content, class_="chip", href=href, aria_current="true" if current else None))
    return join(links)


def _pager(service: Service, asked: Query, page: Page) -> Html:
    if not page.total:
        return EMPTY
    where = f"{fmt.count(page.first)}–{fmt.count(page.last)} of {fmt.plural(page.total, 'SubConn')}"
    parts = [tag("span", esc(where), class_="ink-2")]
    for label, number, there in (
        ("Previous", page.number - 1, page.number > 1),
        ("Next", page.number + 1, page.number < page.pages),
    ):
        href = _link(service, asked, page=str(number)) if there else None
        parts.append(tag("a", esc(label), class_="btn small", href=href, aria_disabled=None if there else "true"))
    return join(parts)


def _link(service: Service, asked: Query, **changed: str) -> str:
    wanted = asked.filter
    words = {
        "mode": asked.mode,
        "client": wanted.client,
        "backend": wanted.backend,
        "state": wanted.state.lower(),
        "sort": asked.sort,
        **changed,
    }
    defaults = {"mode": "state", "sort": "client", "page": "1"}
    return service_url(service.key, "subconns", **{k: v for k, v in words.items() if v and v != defaults.get(k)})


def _modes(service: Service, asked: Query) -> list[tuple[str, str, bool]]:
    names = (("State", "state"), ("Picks", "picks"), ("Lag", "lag"))
    return [(label, _link(service, asked, mode=mode), mode == asked.mode) for label, mode in names]


def _legend(mode: str) -> Html:
    states = [state_mark(state) for state in Connectivity]
    shades = {"picks": PICK_SHADES, "lag": LAG_SHADES}.get(mode, ())
    swatches = [
        join((Html(f'<i class="swatch heat-{number}" aria-hidden="true"></i>'), esc(text)))
        for number, text in enumerate(shades)
    ]
    others = [
        pill("drained column", "drain", "diamond", bare=True),
        pill("maint column", "maint", "square", bare=True),
        join((Html('<i class="swatch heat-none" aria-hidden="true"></i>'), esc("not in subset, or unknown"))),
    ]
    return join(tag("li", item) for item in (*swatches, *states, *others))


def _nothing(service: Service) -> Html:
    if any(client.gone_at is None for client in service.clients.values()):
        text = "No SubConn matches the filter."
    else:
        text = "No client of this service reports. What the registry knows is on the Backends tab."
    return tag("p", esc(text), class_="no-match")


# ---- one SubConn


@viewer_required
async def panel(request: HttpRequest, svc: str) -> HttpResponse:
    """A fragment: `?client=<id>&address=<address>`."""
    view = runtime(request).store.view()
    service = view.state.services.get(svc)
    if service is None:
        raise Http404
    detail = build_detail(view, service, request.GET.get("client", ""), request.GET.get("address", ""))
    content = _panel(service, detail, view.now) if detail else None
    return render(request, "service/subconn.html", {"content": content})


def _panel(service: Service, detail: Detail, now: float) -> Html:
    row, totals = detail.row, detail.row.totals
    ends = (client_link(service.key, row.client, detail.client), backend_link(service.key, row.address))
    pairs = [
        ("State", join((state_mark(row.state), esc(" for "), ago(row.since, now)))),
        ("Last error", tag("code", esc(row.last_error)) if row.last_error else esc("none")),
        ("Picks", esc(fmt.count(totals.picks))),
        ("Ended", esc(f"{fmt.count(totals.ok)} ok, {fmt.count(totals.cancelled)} cancelled")),
        (
            "Failed",
            esc(f"{fmt.count(totals.infrastructure)} infrastructure, {fmt.count(totals.application)} application"),
        ),
        ("In flight", esc(_inflight(row))),
        ("Success EWMA", esc(fmt.decimal(row.success))),
        ("Lag EWMA", esc(f"{fmt.ms(row.lag_ms)} ms" if row.lag_ms is not None else fmt.UNKNOWN)),
        ("Load", esc(fmt.count(row.load))),
        ("Weight", esc(fmt.count(row.weight))),
        ("Picker", esc(f"{detail.policy}, build {detail.build}")),
    ]
    history = tag("p", esc(history_text(detail.history)), class_="small muted")
    return join((tag("h2", join(ends, " → ")), facts(pairs), history_strip(detail.history), history))


def _inflight(row: SubConnRow) -> str:
    oldest = f", oldest {fmt.age(row.oldest_s)}" if row.oldest_s is not None and row.inflight else ""
    return f"{fmt.count(row.inflight)}{oldest}"
