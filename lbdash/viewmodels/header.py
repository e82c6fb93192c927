"""What every page shows: environment, freshness of the sources, and banners that hold for the whole dashboard. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lbdash.live.state import Source, State
from lbdash.viewmodels import format as fmt
from lbdash.viewmodels.cells import mark, pill
from lbdash.viewmodels.html import EMPTY, Html, esc, join, tag

STALE_AFTER_S = 5.0  # without proof of life; commands are refused from then on
_LABELS = {"registry": "etcd", "control": "etcd", "telemetry": "telemetry"}


@dataclass(frozen=True, slots=True)
class NavItem:
    label: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class Header:
    """For the template; nothing of it changes while a page is open. `cluster` is hexadecimal, "" = not known yet."""

    environment: str
    colour: str
    cluster: str
    user: str
    role: str
    read_only: bool
    nav: tuple[NavItem, ...]


def nav(path: str) -> tuple[NavItem, ...]:
    section = next((href for href in ("/activity", "/status") if path.startswith(href)), "/")
    places = (("Services", "/"), ("Activity", "/activity"), ("Status", "/status"))
    return tuple(NavItem(label, href, href == section) for label, href in places)


def cluster_text(cluster_id: int | None) -> str:
    return f"{cluster_id:x}" if cluster_id is not None else ""


def regions(state: State, now: float) -> Mapping[str, Html]:
    """`freshness` and `notices`, the same on every page."""
    return {"freshness": freshness(state, now), "notices": notices(state, now)}


# ---- freshness


def is_stale(source: Source, now: float) -> bool:
    """Only registry sources prove life without traffic: telemetry is silent when no client runs."""
    if source.lost_at is not None:
        return True
    quiet = source.proven_at is not None and now - source.proven_at > STALE_AFTER_S
    return quiet and source.kind in ("registry", "control")


def freshness(state: State, now: float) -> Html:
    sources = state.sources.values()
    stale = [source for source in sources if is_stale(source, now)]
    listing = not all(source.synced for source in sources if source.kind in ("registry", "control"))
    if stale:
        badge = pill("stale", "wait", "bang")
    elif listing or not state.sources:
        badge = pill("listing", "idle", "ring")
    else:
        badge = pill("live", "up")
    return join((badge, tag("span", esc(" · ".join(_ages(sources, now))), class_="ages")))


def _ages(sources: Iterable[Source], now: float) -> Iterable[str]:
    """The oldest of each kind: "etcd 2 s"."""
    oldest: dict[str, float | None] = {}
    for source in sources:
        label = _LABELS.get(source.kind, source.kind)
        age = None if source.proven_at is None else now - source.proven_at
        if label not in oldest or (age is not None and age > (oldest[label] or 0)):
            oldest[label] = age
    return (f"{label} {whole(age)}" for label, age in sorted(oldest.items()))


def whole(age: float | None) -> str:
    """Whole seconds: a header that changes four times a second is noise."""
    if age is None:
        return "not yet"
    return "now" if age < 1 else fmt.age(float(int(age))).replace(".0 s", " s")


# ---- notices


def notice(css: str, lead: str, text: str = "", extra: Html = EMPTY) -> Html:
    """One banner. `css`: up | drain | maint | down | wait | idle; the shape of the mark says the same."""
    shape = {"down": "bang", "wait": "bang", "maint": "square", "drain": "diamond", "up": "round"}.get(css, "ring")
    first = tag("span", join((mark(shape), esc(lead))), class_="lead")
    body = tag("span", esc(text)) if text else EMPTY
    return tag("div", join((first, body, extra)), class_=f"notice is-{css}")


def notices(state: State, now: float) -> Html:
    return join((*_frozen(state), *_stale(state, now), *_peers(state)))


def _frozen(state: State) -> Iterable[Html]:
    if (freeze := state.freeze) is not None:
        who = f"by {freeze.by or 'somebody'}" + (f": {freeze.reason}" if freeze.reason else "")
        yield notice("maint", "Frozen", f"{who}. Every command is refused until it is lifted.")


def _stale(state: State, now: float) -> Iterable[Html]:
    """One banner per reason: when etcd is away, all its watches are."""
    by_reason: dict[str, list[Source]] = {}
    for source in state.sources.values():
        if is_stale(source, now):
            by_reason.setdefault(source.reason or "no sign of life", []).append(source)
    for reason, sources in by_reason.items():
        seen = [source.proven_at or source.lost_at or now for source in sources]
        names = sources[0].name + (f" and {len(sources) - 1} more" if len(sources) > 1 else "")
        text = f"{names}: {reason}. What they told is shown as it was; commands are refused."
        label = _LABELS.get(sources[0].kind, sources[0].kind)
        yield notice("wait", f"{label} is away, last word {whole(now - min(seen))} ago", text)


def _peers(state: State) -> Iterable[Html]:
    for peer in state.peers[:3]:
        yield notice("idle", "Another lbdash steers this etcd", peer.text)
