"""Small pieces of markup that the detail screens share: states, links, times. Pure."""

from __future__ import annotations

from urllib.parse import urlencode

from lbdash.model import Connectivity
from lbdash.viewmodels import format as fmt
from lbdash.viewmodels.html import EMPTY, Html, esc, join, tag
from lbdash.viewmodels.urls import service_to_url

# Shape beside colour: nobody has to tell green from red.
GLYPHS = {
    Connectivity.IDLE: "○",
    Connectivity.CONNECTING: "◐",
    Connectivity.READY: "●",
    Connectivity.TRANSIENT_FAILURE: "✕",
    Connectivity.SHUTDOWN: "□",
}


def state_class(state: Connectivity) -> str:
    """The part of a class name that says which state: `is-ready`, `is-transient-failure`, …"""
    return "is-" + state.name.lower().replace("_", "-")


def state_mark(state: Connectivity) -> Html:
    glyph = tag("span", esc(GLYPHS[state]), class_="glyph", aria_hidden="true")
    return tag("span", join((glyph, esc(state.name))), class_=f"state {state_class(state)}")


def service_url(service: str, tab: str = "", **query: str) -> str:
    """The service page, on `tab`."""
    words = {"tab": tab, **query} if tab else query
    return f"/services/{service_to_url(service)}" + ("?" + urlencode(words) if words else "")


def backend_url(service: str, address: str) -> str:
    return f"/services/{service_to_url(service)}/backends/{service_to_url(address)}"


def client_url(service: str, client: str) -> str:
    return f"/services/{service_to_url(service)}/clients/{service_to_url(client)}"


def backend_link(service: str, address: str) -> Html:
    return tag("a", esc(address), class_="mono", href=backend_url(service, address))


def client_link(service: str, client: str, name: str) -> Html:
    return tag("a", esc(name), class_="mono", href=client_url(service, client), title=client)


def version_tag(version: str) -> Html:
    return tag("span", esc(version), class_="tag version") if version else EMPTY


def ago(at: float | None, now: float) -> Html:
    """How long since `at`, with the moment on hover."""
    if at is None:
        return esc(fmt.UNKNOWN)
    return tag("time", esc(fmt.age(now - at)), datetime=fmt.iso(at), title=fmt.iso(at))


def moment(at: float, millis: bool = False) -> Html:
    """The time of day, with the full moment on hover."""
    return tag("time", esc(fmt.clock(at, millis)), datetime=fmt.iso(at), title=fmt.iso(at), class_="num")


def facts(pairs: list[tuple[str, Html]]) -> Html:
    """A list of name and value."""
    return tag("dl", join(join((tag("dt", esc(name)), tag("dd", value))) for name, value in pairs), class_="facts")


def bar(ratio: float | None, css: str = "") -> Html:
    """A bar of 0..1 as SVG, whose width needs no style attribute."""
    width = f"{100 * max(0.0, min(1.0, ratio or 0.0)):.1f}"
    track = '<rect class="track" width="100" height="6" rx="3"/>'
    fill = f'<rect class="fill" width="{width}" height="6" rx="3"/>' if ratio else ""
    return Html(
        f'<svg class="bar {css}" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">{track}{fill}</svg>'
    )
