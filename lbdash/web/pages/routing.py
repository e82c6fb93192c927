"""The Routing tab: what is asked for against what happens, live; the forms that change it stand still."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from lbdash.balancing.policies import POLICY_NAMES
from lbdash.live.state import Service
from lbdash.live.view import LiveView, MatrixRow
from lbdash.viewmodels import format as fmt
from lbdash.viewmodels.cells import mark, share_bar, version_css, version_tag
from lbdash.viewmodels.html import EMPTY, Html, esc, join, tag
from lbdash.viewmodels.marks import backend_link, client_link, drawer_link
from lbdash.viewmodels.routing import Override, Rejection, RoutingTab, RuleLine, Share, build
from lbdash.viewmodels.screen import Column, Memo, Row, Screen, Table
from lbdash.web.access import runtime, viewer_required

_SHARES = (
    Column("version", Html("Version")),
    Column("bar", EMPTY, "fine"),
    Column("configured", Html("configured %"), "num"),
    Column("measured", Html("measured %"), "num", "Of calls that asked for no version and matched no rule"),
    Column("ready", Html("READY"), "num", "Backends READY at one client at least, of those registered"),
)


def tab(view: LiveView, service: Service, query: Mapping[str, str], memo: Memo) -> Screen:
    """The tab's part of the service's screen."""
    found = build(view, service)
    order = [share.version for share in found.shares]
    rows = tuple(_share(share, order, memo) for share in found.shares)
    return Screen(
        "",
        regions={
            "routing-sample": esc(_sample(found)),
            "routing-matrix": _matrix(found, order),
            "routing-rules": _rules(found, order),
            "routing-problems": join((_rejections(service, found.rejections), _overrides(service, found.overrides))),
            "routing-policies": _policies(found),
        },
        tables={"shares": Table("shares", "Version shares", _SHARES, rows, _no_versions())},
        facts={"routing": form_facts(view, service)},
    )


@viewer_required
async def forms(request: HttpRequest, svc: str) -> HttpResponse:
    """A fragment: both forms drawn anew, on what is there now, after a command of this page was written."""
    view = runtime(request).store.view()
    service = view.state.services.get(svc)
    if service is None:
        raise Http404
    return render(request, "service/routing-forms.html", {"routing": form_facts(view, service)})


def form_facts(view: LiveView, service: Service) -> dict[str, object]:
    """What the forms are made of: they keep what was true when they were drawn, the generation with it."""
    found = build(view, service)
    return {
        "tab": found,
        "svc": service.key,
        "versions": _lines(found),
        "policy_names": POLICY_NAMES,
        "id": uuid.uuid4().hex,
        "policy_id": uuid.uuid4().hex,
    }


def _lines(found: RoutingTab) -> list[tuple[str, str, int | None, int]]:
    """Version, its colour, its share, and what it would have if all were equal."""
    order = [share.version for share in found.shares]
    return [
        (share.version, version_css(share.version, order), share.configured, _even(found, place))
        for place, share in enumerate(found.shares)
    ]


def _even(found: RoutingTab, place: int) -> int:
    """Equal shares that sum to 100: the first ones get the rest."""
    each, rest = divmod(100, len(found.shares))
    return each + (place < rest)


def _sample(found: RoutingTab) -> str:
    picks = found.shares[0].picks if found.shares else 0
    window = f"in the last {found.window_s} s"
    return f"measured: {fmt.plural(picks, 'pick')} by share {window}" if picks else f"no pick by share {window}"


def _share(share: Share, order: list[str], memo: Memo) -> Row:
    return memo.row("shares", share.version, (share, tuple(order)), lambda: _share_row(share, order))


def _share_row(share: Share, order: list[str]) -> Row:
    measured = None if share.measured is None else share.measured / 100
    wanted = None if share.configured is None else share.configured / 100
    unserved = share.ready == 0 and bool(share.configured)
    ready = fmt.UNKNOWN if share.ready is None else str(share.ready)
    cells = {
        "version": version_tag(share.version, order),
        "bar": share_bar(measured, wanted, 1.0),
        "configured": esc(fmt.count(share.configured)),
        "measured": esc(fmt.UNKNOWN if share.measured is None else f"{share.measured:.1f}"),
        "ready": Html(f'{ready}<span class="of">/{share.registered}</span>'),
    }
    return Row(share.version, cells, "is-down is-problem" if unserved else "")


def _no_versions() -> Html:
    return tag("p", esc("No backend says a version, and no share is set."), class_="no-match")


# ---- who asks for what, who answers


def _matrix(found: RoutingTab, order: list[str]) -> Html:
    if not found.matrix:
        return tag("p", esc("No call counted yet: no client of this service reports."), class_="no-match")
    heads = [version_tag(v, order) or esc("no version") for v in found.answering]
    heads += [esc("no match"), esc("none ready"), esc("all in maint"), esc("total")]
    head = join((tag("td", EMPTY), *(tag("th", text, scope="col") for text in heads)))
    peak = max((rps for row in found.matrix for rps in row.answered_rps.values()), default=0.0)
    body = join(_matrix_row(row, found.answering, peak) for row in found.matrix)
    caption = tag(
        "caption", esc("Calls by the version they asked for and the version that answered"), class_="visually-hidden"
    )
    return tag("table", join((caption, tag("thead", tag("tr", head)), tag("tbody", body))), class_="matrix")


def _matrix_row(row: MatrixRow, answering: Iterable[str], peak: float) -> Html:
    cells = [_answered(row.answered.get(v, 0), row.answered_rps.get(v), peak) for v in answering]
    cells += [_failed(row.no_version), _failed(row.none_ready), _failed(row.all_maint)]
    total = sum(row.answered.values()) + row.no_version + row.none_ready + row.all_maint
    head = tag("th", _asked(row), scope="row")
    return tag("tr", join((head, *cells, tag("td", esc(fmt.count(total)), class_="num total"))))


def _asked(row: MatrixRow) -> Html:
    words = {
        "metadata": "asked for",
        "rule": "by rule",
        "share": "by share",
        "any": "any, for want of",
        "on_missing": "on missing",
    }
    name = tag("b", esc(row.requested)) if row.requested else EMPTY
    return join((tag("span", esc(words.get(row.source, row.source)), class_="muted"), name), " ")


def _answered(count: int, rps: float | None, peak: float) -> Html:
    step = 0 if not rps or not peak else min(5, 1 + int(4.999 * rps / peak))
    now = tag("small", esc(f"{fmt.rate(rps)} rps"), class_="muted") if rps is not None else EMPTY
    return tag("td", join((esc(fmt.count(count)), now), " "), class_=f"num tint-{step}")


def _failed(count: int) -> Html:
    return tag("td", esc(fmt.count(count)), class_="num bad" if count else "num zero")


# ---- rules, policies


def _rules(found: RoutingTab, order: list[str]) -> Html:
    lines = [tag("li", _rule(line, order)) for line in found.rules]
    lines.append(tag("li", join((esc("everything else → "), tag("b", esc("by share"))))))
    lines.append(tag("li", join((esc("version without candidates → "), tag("b", esc(_missing(found)))))))
    return tag("ul", join(lines), class_="rules")


def _rule(line: RuleLine, order: list[str]) -> Html:
    rule = line.rule
    match = f"{rule.header} = {rule.exact}" if rule.exact is not None else f"{rule.header}: a matcher unknown here"
    hits = esc(f"{fmt.count(line.hits)} hits" if line.hits is not None else "hits unknown")
    ghost = tag("span", esc("no backend has this version"), class_="is-wait") if not line.known else EMPTY
    parts = (
        tag("code", esc(match)),
        esc("→"),
        version_tag(rule.version, order),
        tag("span", hits, class_="muted"),
        ghost,
    )
    return join(parts, " ")


def _missing(found: RoutingTab) -> str:
    rule = found.on_missing
    return {"fail": "fail: UNAVAILABLE, no match found conn", "any": "any version"}.get(
        rule.action, f"version {rule.version}"
    )


def _policies(found: RoutingTab) -> Html:
    chosen = found.policy or "what each client was built with"
    used = ", ".join(f"{name} × {count}" for name, count in found.policies.items()) or "no client reports"
    return join((tag("b", esc(chosen)), tag("span", esc(f"in use: {used}"), class_="muted")), " ")


# ---- what is odd


def _rejections(service: Service, found: Iterable[Rejection]) -> Html:
    return _list("Control keys not understood", [_rejection(service, rejection) for rejection in found])


def _list(lead: str, lines: list[Html]) -> Html:
    if not lines:
        return EMPTY
    head = tag("span", join((mark("bang"), esc(lead))), class_="lead")
    return tag("div", join((head, tag("ul", join(tag("li", line) for line in lines)))), class_="notice is-wait")


def _rejection(service: Service, rejection: Rejection) -> Html:
    who = esc("this dashboard")
    if rejection.client:
        who = client_link(service.key, rejection.client, rejection.client_name)
    last = esc("; the last good value stays in force")
    return join((tag("code", esc(rejection.key)), esc(" rejected by "), who, esc(f": {rejection.reason}"), last))


def _overrides(service: Service, found: Iterable[Override]) -> Html:
    return _list("Overrides to look at", [_override(service, override) for override in found])


def _override(service: Service, override: Override) -> Html:
    by = f", by {override.by}" if override.by else ""
    parts = [tag("b", esc(override.kind)), esc(" of "), backend_link(service.key, override.address)]
    if override.now:
        parts.append(esc(f" was written for {override.written_for}; there now: {', '.join(override.now)}{by} "))
        parts.append(drawer_link(service.key, "Keep", _keep(override)))
    else:
        parts.append(esc(f" has no backend any more (an orphan){by} "))
    parts.append(drawer_link(service.key, "Clear", {"command": override.command, "backends": override.address}))
    return join(parts)


def _keep(override: Override) -> dict[str, str]:
    """The same override again, which writes it for the registration that is there now."""
    verb, _, weight = override.kind.partition(" ")
    words = {"command": verb, "backends": override.address}
    return {**words, "weight": weight} if weight else words
