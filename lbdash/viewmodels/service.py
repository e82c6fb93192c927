"""The head of a service's page: what it is, its numbers, its concerns, commands under way, and the tabs. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lbdash.control.progress import Progress
from lbdash.live.state import Service
from lbdash.live.view import LiveView, Numbers, ServiceNumbers
from lbdash.viewmodels import format as fmt
from lbdash.viewmodels.attention import SEVERITY_WORDS, Concern, concerns
from lbdash.viewmodels.cells import SEVERITY_CSS, chip, mark, version_bar
from lbdash.viewmodels.html import EMPTY, Html, esc, join, tag
from lbdash.viewmodels.marks import backend_link, service_url
from lbdash.viewmodels.progress_steps import banners
from lbdash.viewmodels.standing import connected, ready, registered, version_order

TABS = (
    ("backends", "Backends"),
    ("subconns", "SubConns"),
    ("routing", "Routing"),
    ("picks", "Picks"),
    ("timeline", "Timeline"),
)
_SHOWN = 4  # concerns; the rest is counted


@dataclass(frozen=True, slots=True)
class Head:
    """`regions` go live; `crumbs` are the parts of the name, without links, as services have no parents to visit."""

    regions: Mapping[str, Html]
    crumbs: tuple[str, ...]


def tab_of(query: Mapping[str, str]) -> str:
    wanted = query.get("tab", "")
    return wanted if wanted in dict(TABS) else "backends"


def build(view: LiveView, service: Service, active: Sequence[Progress], tab: str, may_steer: bool) -> Head:
    numbers = view.numbers(service.key)
    found = concerns(service, numbers, view.now)
    own = [progress for progress in active if progress.service == service.key]
    regions = {
        "chips": _chips(service),
        "versions": _versions(service, numbers),
        "kpis": _kpis(service, numbers),
        "concerns": _concerns(service, found),
        "commands": banners(own, view.now, may_steer),
        "tabs": _tabs(service, numbers, tab),
    }
    return Head(regions, tuple(part for part in service.name.replace("/", ".").split(".") if part)[:-1])


def _chips(service: Service) -> Html:
    policies = Counter(client.policy for client in service.clients.values() if client.gone_at is None)
    words = [chip(f"{service.convention} registry", "how it is registered")]
    words += [chip(f"{name} × {count}", "policy × clients") for name, count in policies.most_common() if name]
    if service.routing.policy:
        words.append(chip(f"operator: {service.routing.policy.name}", "the operator's choice beats the client's own"))
    return join(words)


def _versions(service: Service, numbers: ServiceNumbers) -> Html:
    shares = {version: found.share for version, found in numbers.versions.items() if found.share}
    return version_bar(shares, version_order(service)) if len(shares) > 1 or any(shares) else EMPTY


# ---- numbers


def _kpis(service: Service, found: ServiceNumbers) -> Html:
    numbers, latency = found.numbers, found.numbers.latency
    quantiles = f"ms, n {fmt.count(latency.n)}, {latency.window_s} s" if latency.n else "ms"
    return join(
        (
            _kpi(
                "Calls",
                fmt.rate(numbers.rps),
                "nobody reports" if numbers.rps is None else f"rps, {numbers.window_s} s",
            ),
            _kpi(
                "Errors",
                "0" if numbers.error_ratio == 0 else fmt.percent(numbers.error_ratio, 2),
                "%" if numbers.error_ratio is None else f"%, {numbers.window_s} s",
                _error_css(numbers),
            ),
            _kpi("P50", fmt.ms(latency.p50), quantiles),
            _kpi("P99", fmt.ms(latency.p99), quantiles),
            _kpi("In flight", fmt.count(numbers.inflight), _oldest(numbers)),
            _kpi("Backends", *_ready(service, found)),
            _kpi("Clients", fmt.count(connected(service)), f"generation {service.routing.generation.number}"),
        )
    )


def _kpi(name: str, value: str, unit: str, css: str = "") -> Html:
    words = join((tag("b", esc(value), class_=css or None), tag("small", esc(unit))))
    return tag("div", join((tag("dt", esc(name)), tag("dd", words))), class_="kpi")


def _error_css(numbers: Numbers) -> str:
    return "is-down" if (numbers.error_ratio or 0) >= 0.01 else ""


def _oldest(numbers: Numbers) -> str:
    if numbers.inflight is None:
        return "nobody reports"
    return f"oldest {fmt.age(float(int(numbers.oldest_s)))}" if numbers.oldest_s and numbers.oldest_s >= 1 else ""


def _ready(service: Service, numbers: ServiceNumbers) -> tuple[str, str]:
    there, up = len(registered(service)), ready(service, numbers)
    return (fmt.count(there), "registered") if up is None else (fmt.count(up), f"of {fmt.count(there)} READY")


# ---- concerns


def _concerns(service: Service, found: Sequence[Concern]) -> Html:
    """One banner per severity, a line per kind."""
    banners = []
    for severity in ("error", "warning", "info"):
        own = [concern for concern in found if concern.severity == severity]
        if own:
            banners.append(_severity(service, severity, own))
    return join(banners)


def _severity(service: Service, severity: str, found: Sequence[Concern]) -> Html:
    css, shape = SEVERITY_CSS[severity]
    lead = tag("span", join((mark(shape), esc(SEVERITY_WORDS[severity]))), class_="lead")
    lines = [tag("span", _line(service, concern)) for concern in found[:_SHOWN]]
    if len(found) > _SHOWN:
        lines.append(tag("span", esc(f"and {fmt.plural(len(found) - _SHOWN, 'more kind')}"), class_="muted"))
    return tag("div", join((lead, *lines)), class_=f"notice is-{css}", data_key=severity)


def _line(service: Service, concern: Concern) -> Html:
    if not concern.subjects:
        return esc(concern.text)
    first = concern.subjects[0]
    who = backend_link(service.key, first) if first in service.backends else tag("b", esc(first))
    more = f" and {len(concern.subjects) - 1} more" if len(concern.subjects) > 1 else ""
    title = "\n".join(concern.subjects[:30])
    return tag("span", join((who, esc(f"{more}: {concern.text}"))), title=title if more else None)


# ---- tabs


def _tabs(service: Service, numbers: ServiceNumbers, current: str) -> Html:
    counts = {"backends": len(registered(service)), "subconns": numbers.subconns}
    return join(_tab(service, name, label, counts.get(name), name == current) for name, label in TABS)


def _tab(service: Service, name: str, label: str, count: int | None, current: bool) -> Html:
    number = tag("span", esc(fmt.count(count)), class_="count") if count is not None else EMPTY
    href = service_url(service.key, name)
    return tag("a", join((esc(label), number)), href=href, aria_current="page" if current else None)
