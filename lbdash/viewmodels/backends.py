"""The Backends tab: one row per backend, three facts apart: what clients see, what operators said, what it registered.

Pure. Rows are built again only when something they show has changed.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lbdash.live.state import Backend, Service
from lbdash.live.view import BackendNumbers, LiveView, Numbers, ServiceNumbers
from lbdash.model import Admin, Connectivity
from lbdash.registry.routing import AdminOverride
from lbdash.viewmodels import format as fmt
from lbdash.viewmodels.attention import ERRORS_WARN, left, minutes
from lbdash.viewmodels.cells import ADMIN_CSS, connectivity_strip, number, pill, share_bar, sparkline, version_tag
from lbdash.viewmodels.heat import natural
from lbdash.viewmodels.html import EMPTY, Html, attrs, esc, join, tag
from lbdash.viewmodels.marks import backend_link, drawer_link, service_url
from lbdash.viewmodels.screen import Column, Memo, Row, Screen, Table
from lbdash.viewmodels.shares import Expected, effective_weight, expected
from lbdash.viewmodels.standing import Standing, connected, standing, version_order

PICK_ALL = Html('<input type="checkbox" data-pick-all aria-label="Select all that are shown">')


def columns(biased: bool) -> tuple[Column, ...]:
    weight = "effective / registered" + ("; a bias under this policy, not a share" if biased else "")
    wanted = "fair" if biased else "configured"
    return (
        Column("pick", PICK_ALL),
        Column("backend", Html("Backend"), "main"),
        Column("version", Html("Version"), "fine"),
        Column("subconns", Html("SubConns"), "", "READY of all, as connected clients see it"),
        Column("admin", Html("Admin"), "", "what an operator said"),
        Column("registry", Html("Registry"), "fine", "what the registry has"),
        Column("weight", Html("Weight"), "num fine", weight),
        Column("share", Html(f'Share % <span class="muted">/ {wanted}</span>'), "fine", "measured in the window"),
        Column("rps", Html("rps"), "num"),
        Column("spark", Html("10 min"), "fine"),
        Column("inflight", Html("in flight"), "num fine"),
        Column("latency", Html("P50 / P99 ms"), "num fine"),
        Column("errors", Html("err %"), "num"),
        Column("acts", Html('<span class="visually-hidden">Actions</span>'), "acts fine"),
    )


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a row shows, and nothing else: equal facts, same row."""

    backend: Backend
    numbers: BackendNumbers | None
    override: AdminOverride | None
    weight: int | None
    expected: Expected | None
    top: float  # the share that fills the bar
    returns: str
    spark: tuple[float | None, ...]
    reported: bool  # some client reports of the service
    may_steer: bool


def build(view: LiveView, service: Service, memo: Memo, may_steer: bool) -> Screen:
    numbers = view.numbers(service.key)
    order = version_order(service)
    facts = _facts(view, service, numbers, may_steer)
    rows = tuple(_remembered(memo, service, one, order) for one in facts)
    biased = any(share.configured is None for share in expected(service).values())
    table = Table("backends", f"Backends of {service.key}", columns(biased), rows, _empty(service))
    regions = {"see-more": _see_more(service)}
    return Screen("", regions, {"backends": table}, _bar(service, may_steer))


def _facts(view: LiveView, service: Service, numbers: ServiceNumbers, may_steer: bool) -> list[Facts]:
    shares, sparks = expected(service), view.sparklines(service.key)
    top = _top(numbers, shares)
    reported = connected(service) > 0
    found = []
    for address in sorted(service.backends, key=natural):
        backend, override = service.backends[address], service.routing.admin.get(address)
        remaining = left(override.until, view.now) if override else None
        found.append(
            Facts(
                backend,
                numbers.backends.get(address),
                override,
                effective_weight(service, backend),
                shares.get(address),
                top,
                "" if remaining is None else minutes(remaining),
                tuple(sparks.get(address, ())),
                reported,
                may_steer,
            )
        )
    return found


def _top(numbers: ServiceNumbers, shares: Mapping[str, Expected]) -> float:
    """A scale for all bars, in steps of the power of two, so that bars do not breathe."""
    measured = [n.numbers.share for n in numbers.backends.values() if n.numbers.share is not None]
    highest = max([*measured, *(share.configured or share.fair for share in shares.values())], default=0.0)
    top = 1.0
    while top / 2 > highest and top > 1e-4:
        top /= 2
    return top


# ---- rows


def _remembered(memo: Memo, service: Service, facts: Facts, order: Sequence[str]) -> Row:
    inputs = (facts, *order)
    return memo.row("backends", facts.backend.address, inputs, lambda: _row(service, facts, order))


def _row(service: Service, facts: Facts, order: Sequence[str]) -> Row:
    backend, found = facts.backend, facts.numbers
    numbers = found.numbers if found else None
    stands = standing(backend, found, facts.override.state if facts.override else Admin.READY)
    cells = {
        "pick": _pick(facts),
        "backend": _name(service, backend),
        "version": version_tag(backend.version, order),
        "subconns": connectivity_strip(found.connectivity) if found else _unseen(facts),
        "admin": _admin(service, facts),
        "registry": _registry(backend),
        "weight": _weight(facts),
        "share": _share(facts, numbers),
        "rps": number(fmt.rate(numbers.rps)) if numbers else number(fmt.UNKNOWN),
        "spark": sparkline(facts.spark),
        "inflight": number(fmt.count(numbers.inflight if numbers else None)),
        "latency": _latency(numbers),
        "errors": _errors(numbers),
        "acts": _acts(service, facts),
    }
    return Row(backend.address, cells, _css(facts, stands))


def _css(facts: Facts, stands: Standing) -> str:
    problems = any(registration.problems for registration in facts.backend.registrations)
    failing = ((facts.numbers.numbers.error_ratio if facts.numbers else None) or 0) >= ERRORS_WARN
    bad = stands.css in ("down", "wait") or problems or failing or _partly(facts.numbers)
    words = {"down": "is-down", "drain": "is-drain", "maint": "is-maint", "wait": "is-wait"}.get(stands.css, "")
    gone = "is-gone" if not facts.backend.registered else ""
    return " ".join(filter(None, (words, gone, "is-problem" if bad else "")))


def _partly(found: BackendNumbers | None) -> bool:
    """READY at some clients, broken at others."""
    return found is not None and found.connectivity.get(Connectivity.TRANSIENT_FAILURE, 0) > 0


def _steerable(facts: Facts) -> bool:
    return facts.may_steer and facts.backend.registered and facts.backend.gone_at is None


def _pick(facts: Facts) -> Html:
    if not _steerable(facts):
        return EMPTY
    address = facts.backend.address
    words = attrs(value=address, data_cli=shlex.quote(address), aria_label=f"Select {address}")
    return Html(f'<input type="checkbox" data-pick{words}>')


def _name(service: Service, backend: Backend) -> Html:
    ids = " ".join(registration.id for registration in backend.registrations if registration.id != backend.address)
    link = backend_link(service.key, backend.address)
    return join((link, tag("span", esc(ids), class_="id muted mono", title=ids)), " ") if ids else link


def _unseen(facts: Facts) -> Html:
    return Html(f'<span class="zero">{"no SubConn" if facts.reported else "unchecked"}</span>')


def _admin(service: Service, facts: Facts) -> Html:
    state = facts.override.state if facts.override else Admin.READY
    css, shape = ADMIN_CSS[state]
    if facts.override is None:
        return pill(state.value, css, shape, bare=True) if facts.backend.registered else EMPTY
    stamp = facts.override.stamp
    title = f"by {stamp.by}, {stamp.at}: {stamp.reason}"
    word = pill(f"{state.value} {facts.returns or 'permanent'}".rstrip(), css, shape, title=title)
    if not facts.may_steer:
        return word
    link = drawer_link(service.key, "Return", {"command": "ready", "backends": facts.backend.address})
    return join((word, link), " ")


def _registry(backend: Backend) -> Html:
    if backend.gone_at is not None:
        return pill("gone", "idle", "cross", bare=True)
    if not backend.registered:
        return pill("clients only", "idle", "ring", bare=True, title="clients dial it; the registry never had it")
    title = "; ".join(p.text for registration in backend.registrations for p in registration.problems)
    if not any(registration.online for registration in backend.registrations):
        return pill("offline", "maint", "square", bare=True, title=title or "its registration says online: false")
    if not all(registration.lease for registration in backend.registrations):
        return pill("no lease", "wait", "bang", bare=True, title=title or "it stays when its process dies")
    keys = len(backend.registrations)
    text = "present" if keys == 1 else f"present × {keys}"
    return pill(text, "wait" if title else "up", "bang" if title else "round", bare=True, title=title)


def _weight(facts: Facts) -> Html:
    registered = facts.backend.weight
    if registered is None:
        return number(fmt.UNKNOWN)
    if facts.weight == registered:
        return esc(registered)
    return Html(f'<b>{facts.weight}</b><span class="of">/{registered}</span>')


def _share(facts: Facts, numbers: Numbers | None) -> Html:
    measured = numbers.share if numbers else None
    wanted = facts.expected
    if measured is None and not facts.reported:
        return number(fmt.UNKNOWN)
    target = None if wanted is None else wanted.fair if wanted.configured is None else wanted.configured
    text = f'{fmt.percent(measured)}<span class="of"> / {fmt.percent(target)}</span>'
    bar = share_bar(measured, target, facts.top)
    return Html(f'<span class="pair">{bar}<span class="grow num">{text}</span></span>')


def _latency(numbers: Numbers | None) -> Html:
    latency = numbers.latency if numbers else None
    if latency is None or latency.p50 is None:
        return number(fmt.UNKNOWN)
    title = f"P95 {fmt.ms(latency.p95)} ms; {latency.window_s} s"  # without n: it would change the cell on every tick
    return Html(f'<span title="{title}">{fmt.ms(latency.p50)}<span class="of"> / </span>{fmt.ms(latency.p99)}</span>')


def _errors(numbers: Numbers | None) -> Html:
    ratio = numbers.error_ratio if numbers else None
    text = fmt.percent(ratio, 2) if ratio else "0" if ratio == 0 else fmt.UNKNOWN
    return tag("b", esc(text), class_="is-down") if (ratio or 0) >= ERRORS_WARN else number(text)


def _acts(service: Service, facts: Facts) -> Html:
    if not _steerable(facts) or facts.override is not None:
        return EMPTY
    return drawer_link(service.key, "Drain…", {"command": "drain", "backends": facts.backend.address})


# ---- around the table


def _bar(service: Service, may_steer: bool) -> Mapping[str, object]:
    """For the bar of bulk actions: where they are confirmed, and the first words of the same on a command line."""
    cli = f"lbdash drain {shlex.quote(service.key)}"
    return {"may_steer": may_steer, "confirm": service_url(service.key) + "/confirm", "cli": cli}


def _empty(service: Service) -> Html:
    text = "The registry has no usable registration of this service."
    if service.invalid:
        text += f" {fmt.plural(len(service.invalid), 'registration')} of it cannot be read: see above."
    return tag("div", join((tag("h2", esc("No backend")), tag("p", esc(text)))), class_="empty")


def _see_more(service: Service) -> Html:
    """A service nobody reports to: what the registry alone knows is the table; these are the ways to know more."""
    if connected(service):
        return EMPTY
    return Html(_SEE_MORE)


_SEE_MORE = """<section class="panel see-more"><header><h2>Seen through the registry alone</h2>
<p class="muted">No client of this service reports, so picks, connections and latency are unknown, and nothing here is
counted as 0. Three ways to see more, the least effort first:</p></header>
<ol><li><h3>channelz</h3><p>Clients that serve channelz (kratos does by default) are polled as they are. Put
<code>{"service": "…", "channelz": "host:port"}</code> under <code>/lbdash/v1/clients/&lt;id&gt;</code>.</p></li>
<li><h3>xDS</h3><p>Stock gRPC clients that dial <code>xds:///…</code> with <code>lbdash bootstrap</code>'s file report
load and obey overrides.</p></li>
<li><h3>Our library</h3><p><code>lbdash.balancing.Channel("etcd://…", telemetry="…")</code> tells every SubConn and
every pick, and obeys everything.</p></li></ol></section>"""
