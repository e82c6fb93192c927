"""One client's page: who it is, what it obeys, what it applied, and its SubConns."""

from __future__ import annotations

from django.http import Http404

from lbdash.live.state import Client, Service
from lbdash.live.view import ClientNumbers
from lbdash.viewmodels import format as fmt
from lbdash.viewmodels.cells import connectivity_strip, pill
from lbdash.viewmodels.client import VERBS, ClientPage, build
from lbdash.viewmodels.header import notice
from lbdash.viewmodels.html import EMPTY, Html, esc, join, tag
from lbdash.viewmodels.marks import (
    ago,
    backend_link,
    client_link,
    facts,
    history_list,
    kpi,
    moment,
    service_url,
    state_mark,
)
from lbdash.viewmodels.screen import Memo, Screen, Table
from lbdash.web.live.page import Ask, live_page
from lbdash.web.pages.subconn_row import columns, subconn_row

_SUBCONNS = columns(
    "backend", "state", "since", "picks", "inflight", "errors", "lag", "success", "load", "weight", "error"
)


@live_page("client.html")
def client(ask: Ask, svc: str, client: str) -> Screen:
    """`/services/<svc>/clients/<client>`."""
    service = ask.view.state.services.get(svc)
    page = build(ask.view, service, client) if service else None
    if service is None or page is None:
        raise Http404
    now = ask.view.now
    return Screen(
        f"{page.name}, client of {svc}",
        regions={
            "client-chips": _chips(page, now),
            "client-kpis": _kpis(page.numbers),
            "client-who": _who(service, page, now),
            "client-control": _control(page, now),
            "client-problems": _problems(page),
            "client-history": history_list((backend_link(svc, h.address), h.stretches) for h in page.histories),
            "client-events": _events(page),
            "client-note": esc(_note(page)),
        },
        tables={"client-subconns": _subconns(service, page, now, ask.memo)},
        facts={
            "svc": svc,
            "name": page.name,
            "service_url": service_url(svc),
            "subconns_url": service_url(svc, "subconns", client=page.name),
            "picks_url": service_url(svc, "picks", client=client),
            "id": client,
        },
    )


def _chips(page: ClientPage, now: float) -> Html:
    client = page.client
    parts = [state_mark(client.connectivity) if client.gone_at is None else pill("gone", "idle", "square")]
    if client.gone_at is not None:
        reason = f", {client.gone_reason}" if client.gone_reason else ""
        parts.append(join((esc("for "), ago(client.gone_at, now), esc(reason))))
    parts.append(tag("span", esc(client.policy or "no policy told"), class_="chip"))
    parts.append(tag("span", esc(f"by {client.source}"), class_="chip"))
    return join(parts)


def _kpis(found: ClientNumbers | None) -> Html:
    if found is None:
        return tag("p", esc("It has not reported any call."), class_="no-match")
    numbers, latency = found.numbers, found.numbers.latency
    cells = (
        kpi("Calls", fmt.rate(numbers.rps), "rps", f"last {numbers.window_s} s"),
        kpi("Errors", fmt.percent(numbers.error_ratio, 2), "%", f"{fmt.count(numbers.totals.errors)} in all"),
        kpi("P50", fmt.ms(latency.p50), "ms", f"n {fmt.count(latency.n)}, {latency.window_s} s"),
        kpi("P99", fmt.ms(latency.p99), "ms", f"n {fmt.count(latency.n)}, {latency.window_s} s"),
        kpi("In flight", fmt.count(numbers.inflight), "", f"oldest {fmt.age(numbers.oldest_s)}"),
        kpi("Picks", fmt.count(numbers.totals.picks), "", "since it began"),
        tag(
            "div",
            join((tag("dt", esc("SubConns READY")), tag("dd", connectivity_strip(found.connectivity)))),
            class_="kpi",
        ),
    )
    return tag("dl", join(cells), class_="kpis")


def _who(service: Service, page: ClientPage, now: float) -> Html:
    client = page.client
    siblings = join((client_link(service.key, other, other[:8]) for other in page.siblings[:10]), ", ")
    pairs = [
        ("Id", tag("code", esc(client.id))),
        ("Process", esc(_process(client))),
        ("Language, library", esc(", ".join(part for part in (client.language, client.library) if part) or "not told")),
        ("Target", tag("code", esc(client.target)) if client.target else esc("not told")),
        ("Connected", join((ago(client.opened_at, now), esc(" ago")))),
        ("Same name", siblings or tag("span", esc("no other"), class_="muted")),
    ]
    if page.numbers is not None:
        pairs.append(("Last report", join((ago(page.numbers.last_report_at, now), esc(" ago")))))
        pairs.append(("Clock", esc(_clock(page.numbers))))
    return facts(pairs)


def _process(client: Client) -> str:
    where = " on ".join(part for part in (client.process, client.host) if part) or "not told"
    return f"{where}, pid {client.pid}" if client.pid else where


def _clock(numbers: ClientNumbers) -> str:
    if numbers.offset_s is None:
        return "offset unknown"
    error = f" ± {numbers.offset_error_s * 1000:.0f} ms" if numbers.offset_error_s is not None else ""
    return f"{numbers.offset_s * 1000:+.0f} ms against ours{error}"


def _control(page: ClientPage, now: float) -> Html:
    client, applied = page.client, page.applied
    pairs = [
        ("Obeys", esc(_verbs(client.can_obey))),
        ("Tells", esc(", ".join(sorted(client.can_tell)) or "nothing")),
        ("Applied revision", _applied(page, now)),
        ("List epoch", esc(fmt.count(applied.epoch))),
        ("Picker builds", esc(fmt.count(client.picker_build))),
    ]
    if page.numbers is not None:
        numbers = page.numbers
        pairs += [
            ("Drains ignored", esc(fmt.plural(numbers.override_ignored, "pick"))),
            ("Unplaced calls", esc(fmt.count(numbers.unplaced))),
            ("Samples dropped", esc(fmt.count(numbers.samples_dropped))),
            ("SubConns retired", esc(fmt.count(numbers.retired_subconns))),
        ]
    return facts(pairs)


def _verbs(can_obey: frozenset[str]) -> str:
    if not can_obey:
        return "nothing: it reports only"
    missing = [verb for verb in VERBS if verb not in can_obey]
    return ", ".join(sorted(can_obey)) + (f"; not {', '.join(missing)}" if missing else "")


def _applied(page: ClientPage, now: float) -> Html:
    applied = page.applied
    if not applied.revision:
        return esc("none yet")
    at = join((esc(", "), ago(applied.at, now), esc(" ago"))) if applied.at is not None else EMPTY
    behind = esc(f"; the newest is {fmt.count(applied.newest)}") if applied.behind else esc(", up to date")
    return join((esc(fmt.count(applied.revision)), behind, at))


def _problems(page: ClientPage) -> Html:
    client = page.client
    found = []
    if client.control_denied:
        found.append(notice("wait", "Cannot obey", "It may not read the control keys: no permission at etcd."))
    found += [notice("wait", "Rejected a control key", f"{key}: {reason}") for key, reason in client.rejected]
    found += [notice("wait", problem.code.replace("_", " ").capitalize(), problem.text) for problem in client.problems]
    if page.applied.behind:
        found.append(notice("wait", "Behind", "It has not applied the newest routing."))
    return join(found)


def _events(page: ClientPage) -> Html:
    if not page.events:
        return tag("p", esc("Nothing happened to it since this dashboard started."), class_="muted")
    lines = (join((moment(event.at), tag("span", esc(event.text))), " ") for event in page.events)
    return tag("ul", join(tag("li", line) for line in lines), class_="event-list")


def _note(page: ClientPage) -> str:
    if page.subconns_total > len(page.subconns):
        return f"the first {len(page.subconns)} of {page.subconns_total}; the SubConns tab has all"
    return fmt.plural(page.subconns_total, "SubConn")


def _subconns(service: Service, page: ClientPage, now: float, memo: Memo) -> Table:
    rows = tuple(subconn_row("client-subconns", _SUBCONNS, service, row, now, memo) for row in page.subconns)
    empty = tag("p", esc("It reports no SubConn."), class_="no-match")
    return Table("client-subconns", "Its SubConns", _SUBCONNS, rows, empty)
