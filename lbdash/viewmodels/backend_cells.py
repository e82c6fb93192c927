"""Cells of the Backends table; those that stand still and those that move with every tick are built apart."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlencode

from lbdash.live.state import Backend
from lbdash.live.view import BackendNumbers
from lbdash.model import Admin, Connectivity
from lbdash.registry.routing import AdminOverride
from lbdash.viewmodels import format as fmt
from lbdash.viewmodels.attention import ERRORS_WARN
from lbdash.viewmodels.cells import ADMIN_CSS, connectivity_strip, number, pill, share_bar, sparkline, version_tag
from lbdash.viewmodels.html import EMPTY, Html, attrs, esc, join, tag
from lbdash.viewmodels.marks import backend_link, drawer_link, service_url
from lbdash.viewmodels.standing import Standing, standing

Cells = Mapping[str, Html]


@dataclass(frozen=True, slots=True)
class Standfast:
    """What operators and the registry said of one backend. `returns`, `since`: durations as text."""

    service: str
    backend: Backend
    override: AdminOverride | None
    weight: int | None
    returns: str
    since: str
    may_steer: bool
    order: tuple[str, ...]  # the service's versions

    @property
    def steerable(self) -> bool:
        return self.may_steer and self.backend.registered and self.backend.gone_at is None


@dataclass(frozen=True, slots=True)
class Moving:
    """What its clients tell, and only what is shown of it: totals change always, and would build rows for nothing.

    `states` None = no client has a SubConn to it. `wanted`: the share (0..1) it should have. `top`: the share that
    fills the bar. `reported`: some client reports of the service.
    """

    states: tuple[tuple[Connectivity, int], ...] | None
    rps: float | None
    share: float | None
    errors: float | None
    inflight: int | None
    quantiles: tuple[float | None, float | None, float | None]  # P50, P95, P99, ms
    window_s: int
    wanted: float | None
    top: float
    spark: Sequence[float | None]
    reported: bool

    @classmethod
    def of(
        cls,
        found: BackendNumbers | None,
        wanted: float | None,
        top: float,
        spark: Sequence[float | None],
        reported: bool,
    ) -> Moving:
        if found is None:
            return cls(None, None, None, None, None, (None, None, None), 0, wanted, top, spark, reported)
        numbers, latency = found.numbers, found.numbers.latency
        return cls(
            tuple(found.connectivity.items()),
            numbers.rps,
            numbers.share,
            numbers.error_ratio,
            numbers.inflight,
            (latency.p50, latency.p95, latency.p99),
            latency.window_s,
            wanted,
            top,
            spark,
            reported,
        )


def css(fixed: Standfast, moving: Moving) -> str:
    """The row's classes."""
    backend, states = fixed.backend, dict(moving.states or ())
    stands = standing(backend, states, fixed.override.state if fixed.override else Admin.READY)
    words = [_TINTS.get(stands.css, ""), "" if backend.registered else "is-gone"]
    if _problem(stands, backend) or states.get(Connectivity.TRANSIENT_FAILURE) or (moving.errors or 0) >= ERRORS_WARN:
        words.append("is-problem")
    return " ".join(filter(None, words))


_TINTS = {"down": "is-down", "drain": "is-drain", "maint": "is-maint", "wait": "is-wait"}


def _problem(stands: Standing, backend: Backend) -> bool:
    return stands.css in ("down", "wait") or any(registration.problems for registration in backend.registrations)


# ---- what stands still


def fixed_cells(facts: Standfast) -> Cells:
    backend = facts.backend
    return {
        "pick": _pick(facts),
        "backend": _name(facts.service, backend),
        "version": version_tag(backend.version, facts.order),
        "admin": _admin(facts),
        "registry": _registry(backend),
        "since": tag("time", esc(facts.since), title=fmt.iso(backend.first_seen)),
        "key": _keys(backend),
        "weight": _weight(backend.weight, facts.weight),
        "acts": _acts(facts),
    }


def _pick(facts: Standfast) -> Html:
    if not facts.steerable:
        return EMPTY
    address = facts.backend.address
    words = attrs(value=address, data_cli=shlex.quote(address), aria_label=f"Select {address}")
    return Html(f'<input type="checkbox" data-pick{words}>')


def _name(service: str, backend: Backend) -> Html:
    ids = " ".join(registration.id for registration in backend.registrations if registration.id != backend.address)
    link = backend_link(service, backend.address)
    return join((link, tag("span", esc(ids), class_="id muted mono", title=ids)), " ") if ids else link


def _admin(facts: Standfast) -> Html:
    override = facts.override
    if override is None:
        return pill("ready", *ADMIN_CSS[Admin.READY], bare=True) if facts.backend.registered else EMPTY
    stamp = override.stamp
    title = f"by {stamp.by}, {stamp.at}: {stamp.reason}"
    word = pill(f"{override.state.value} {facts.returns or 'permanent'}", *ADMIN_CSS[override.state], title=title)
    return join((word, _return(facts.service, facts.backend.address)), " ") if facts.may_steer else word


def _return(service: str, address: str) -> Html:
    """Beside the word it takes back, away from where "Drain" was: a second click must not undo the first."""
    href = f"{service_url(service)}/confirm?{urlencode({'command': 'ready', 'backends': address})}"
    label = f"Return {address} to service"
    return tag("a", esc("Return…"), class_="btn small", href=href, data_drawer=True, aria_label=label, title=label)


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


def _keys(backend: Backend) -> Html:
    keys = " ".join(registration.key for registration in backend.registrations)
    return tag("span", esc(keys), class_="mono muted", title=keys) if keys else EMPTY


def _weight(registered: int | None, effective: int | None) -> Html:
    if registered is None:
        return number(fmt.UNKNOWN)
    return (
        esc(registered) if effective == registered else Html(f'<b>{effective}</b><span class="of">/{registered}</span>')
    )


def _acts(facts: Standfast) -> Html:
    if not facts.steerable or facts.override is not None:
        return EMPTY
    return drawer_link(facts.service, "Drain…", {"command": "drain", "backends": facts.backend.address})


# ---- what moves


def moving_cells(facts: Moving) -> Cells:
    return {
        "subconns": _subconns(facts.states, facts.reported),
        "share": _share(facts),
        "rps": number(fmt.rate(facts.rps)),
        "spark": _spark(tuple(facts.spark)),
        "inflight": number(fmt.count(facts.inflight)),
        "latency": _latency(facts),
        "errors": _errors(facts.errors),
    }


@lru_cache(maxsize=2048)
def _subconns(states: tuple[tuple[Connectivity, int], ...] | None, reported: bool) -> Html:
    if states is None:
        return Html(f'<span class="zero">{"no SubConn" if reported else "no client"}</span>')
    return connectivity_strip(dict(states))


@lru_cache(maxsize=4096)
def _spark(values: tuple[float | None, ...]) -> Html:
    return sparkline(values)


def _share(facts: Moving) -> Html:
    if facts.share is None and not facts.reported:
        return number(fmt.UNKNOWN)
    text = f'{fmt.percent(facts.share)}<span class="of"> / {fmt.percent(facts.wanted)}</span>'
    bar = share_bar(facts.share, facts.wanted, facts.top)
    return Html(f'<span class="pair">{bar}<span class="grow num">{text}</span></span>')


def _latency(facts: Moving) -> Html:
    p50, p95, p99 = facts.quantiles
    if p50 is None:
        return number(fmt.UNKNOWN)
    title = f"P95 {fmt.ms(p95)} ms; {facts.window_s} s"
    return Html(f'<span title="{title}">{fmt.ms(p50)}<span class="of"> / </span>{fmt.ms(p99)}</span>')


def _errors(ratio: float | None) -> Html:
    if not ratio:
        return number("0" if ratio == 0 else fmt.UNKNOWN)
    text = fmt.percent(ratio, 2)
    return tag("b", esc(text), class_="is-down") if ratio >= ERRORS_WARN else number(text)
