"""One backend's page: three facts, live numbers, history of states, and what each client sees."""

from __future__ import annotations

from django.http import Http404

from lbdash.live.state import Service
from lbdash.live.view import BackendNumbers
from lbdash.model import Admin
from lbdash.viewmodels import format as fmt
from lbdash.viewmodels.backend import BackendPage, build
from lbdash.viewmodels.cells import connectivity_strip, pill, version_tag
from lbdash.viewmodels.header import notice
from lbdash.viewmodels.html import EMPTY, Html, esc, join, tag
from lbdash.viewmodels.marks import (
    admin_mark,
    ago,
    client_link,
    drawer_link,
    history_list,
    kpi,
    service_url,
)
from lbdash.viewmodels.screen import Memo, Screen, Table
from lbdash.web.live.page import Ask, live_page
from lbdash.web.pages.backend_facts import problems, registration, three_facts
from lbdash.web.pages.subconn_row import columns, subconn_row

_PEERS = columns("client", "state", "since", "picks", "inflight", "oldest", "errors", "lag", "applied", "error")


@live_page("backend.html")
def backend(ask: Ask, svc: str, address: str) -> Screen:
    """`/services/<svc>/backends/<address>`."""
    service = ask.view.state.services.get(svc)
    page = build(ask.view, service, address) if service else None
    if service is None or page is None:
        raise Http404
    return Screen(
        f"{address} of {svc}",
        regions=_regions(service, page, ask),
        tables={"peers": _peers(service, page, ask.view.now, ask.memo)},
        facts={
            "svc": svc,
            "address": address,
            "service_url": service_url(svc),
            "generation": page.generation,
            "leases": any(registration.lease for registration in page.registrations),
        },
    )


def _regions(service: Service, page: BackendPage, ask: Ask) -> dict[str, Html]:
    now = ask.view.now
    return {
        "backend-chips": _chips(service, page, now),
        "backend-actions": _actions(service, page, ask.may_steer),
        "backend-kpis": _kpis(page.numbers),
        "backend-facts": three_facts(page),
        "backend-problems": problems(page),
        "backend-registrations": join(registration(each) for each in page.registrations) or _none(page, now),
        "backend-drain": _drain(page, now),
        "backend-history": history_list(
            (client_link(service.key, h.client, h.name), h.stretches) for h in page.histories
        ),
        "backend-peers-note": esc(_peers_note(page)),
    }


def _chips(service: Service, page: BackendPage, now: float) -> Html:
    backend = page.backend
    parts = [admin_mark(page.effective.admin)]
    if page.effective.version:
        parts.append(version_tag(page.effective.version, _versions(service)))
    if backend.gone_at is not None:
        parts.append(join((pill("gone", "idle", "square"), esc("for "), ago(backend.gone_at, now)), " "))
    elif not backend.registered:
        parts.append(pill("seen by clients only", "wait", "bang"))
    parts.append(join((tag("span", esc("first seen"), class_="muted"), ago(backend.first_seen, now), esc("ago")), " "))
    return join(parts)


def _versions(service: Service) -> list[str]:
    return sorted({backend.version for backend in service.backends.values() if backend.version})


def _actions(service: Service, page: BackendPage, may_steer: bool) -> Html:
    verbs = [("Return to service", "ready")] if page.admin else [("Drain…", "drain"), ("Maint…", "maint")]
    if page.admin and page.admin.state is Admin.DRAIN:
        verbs.append(("Maint…", "maint"))
    verbs.append(("Weight…", "weight"))
    links = [drawer_link(service.key, label, {"command": verb, "backends": page.address}) for label, verb in verbs]
    return (
        join(links)
        if may_steer
        else tag("span", esc("Drain, maint and weight need the operator role."), class_="muted small")
    )


def _kpis(found: BackendNumbers | None) -> Html:
    if found is None or (found.numbers.rps is None and not any(found.connectivity.values())):
        return tag(
            "p",
            esc("No client reports a SubConn to this backend, so nothing is known of its traffic."),
            class_="no-match",
        )
    numbers = found.numbers
    latency = numbers.latency
    share = "share unknown" if numbers.share is None else f"{fmt.percent(numbers.share)} % of picks"
    return tag(
        "dl",
        join(
            (
                kpi("Calls", fmt.rate(numbers.rps), f"rps, {numbers.window_s} s", share),
                kpi("Errors", fmt.percent(numbers.error_ratio, 2), "%", f"{fmt.count(numbers.totals.errors)} in all"),
                kpi("P50", fmt.ms(latency.p50), "ms", f"n {fmt.count(latency.n)}, {latency.window_s} s"),
                kpi("P99", fmt.ms(latency.p99), "ms", f"n {fmt.count(latency.n)}, {latency.window_s} s"),
                kpi("In flight", fmt.count(numbers.inflight), "", f"oldest {fmt.age(numbers.oldest_s)}"),
                kpi("Picks", fmt.count(numbers.totals.picks), "", "since the clients began"),
                tag(
                    "div",
                    join((tag("dt", esc("SubConns READY")), tag("dd", connectivity_strip(found.connectivity)))),
                    class_="kpi",
                ),
            )
        ),
        class_="kpis",
    )


def _none(page: BackendPage, now: float) -> Html:
    if page.backend.gone_at is None:
        return tag("p", esc("The registry has no key for it; only clients know it."), class_="muted")
    return tag("p", join((esc("Its last key went "), ago(page.backend.gone_at, now), esc(" ago."))), class_="muted")


def _drain(page: BackendPage, now: float) -> Html:
    """How far a drain or maint has come, as the clients count it."""
    if page.admin is None or page.numbers is None:
        return EMPTY
    numbers = page.numbers.numbers
    after = page.numbers.picks_since_override
    picks = (
        "not yet applied by all clients"
        if after is None
        else f"{fmt.plural(after, 'pick')} since all clients applied it"
    )
    if numbers.inflight is None:
        state = "in flight unknown"
    elif numbers.inflight:
        state = f"{fmt.plural(numbers.inflight, 'call')} in flight, oldest {fmt.age(numbers.oldest_s)}"
    else:
        state = "nothing in flight at the clients that report"
    return notice(
        "maint" if page.admin.state is Admin.MAINT else "drain",
        page.admin.state.value.capitalize(),
        f"{state}; {picks}",
    )


def _peers(service: Service, page: BackendPage, now: float, memo: Memo) -> Table:
    rows = tuple(subconn_row("peers", _PEERS, service, row, now, memo) for row in page.peers)
    empty = tag("p", esc("No client reports a SubConn to it."), class_="no-match")
    return Table("peers", "How each client sees it", _PEERS, rows, empty)


def _peers_note(page: BackendPage) -> str:
    if page.peers_total > len(page.peers):
        return f"the first {len(page.peers)} of {page.peers_total}; the SubConns tab has all"
    return fmt.plural(page.peers_total, "client")
