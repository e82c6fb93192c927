"""Small pieces of markup that the detail screens share: states, links, times. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlencode

from lbdash.model import Admin, Connectivity
from lbdash.viewmodels import format as fmt
from lbdash.viewmodels.cells import ADMIN_CSS, STATE_CSS, pill
from lbdash.viewmodels.html import Html, esc, join, tag
from lbdash.viewmodels.subconns import Stretch
from lbdash.viewmodels.urls import service_to_url


def state_mark(state: Connectivity) -> Html:
    """A SubConn's state by gRPC's name, with its mark."""
    return pill(state.name, *STATE_CSS[state], bare=True)


def admin_mark(admin: Admin) -> Html:
    return pill(admin.value, *ADMIN_CSS[admin])


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


def drawer_link(service: str, label: str, words: Mapping[str, str]) -> Html:
    """Opens the confirm drawer, or its own page where there is no script. `words`: fields of `viewmodels.forms`."""
    href = f"/services/{service_to_url(service)}/confirm?{urlencode(words)}"
    return tag("a", esc(label), class_="btn small", href=href, data_drawer=True)


def freeze_link(*, frozen: bool) -> Html:
    """Opens the confirm drawer of the freeze that stops all commands everywhere, or of its end."""
    label, on = ("Lift the freeze…", "false") if frozen else ("Freeze all commands…", "true")
    return tag("a", esc(label), class_="btn", href=f"/freeze/confirm?command=freeze&on={on}", data_drawer=True)


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
    track = '<rect class="f-track" width="100" height="6" rx="3"/>'
    fill = f'<rect class="f-bar" width="{width}" height="6" rx="3"/>' if ratio else ""
    return Html(
        f'<svg class="bar {css}" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">{track}{fill}</svg>'
    )


def history_strip(stretches: Sequence[Stretch]) -> Html:
    """States over time, oldest left, each as wide as it lasted; under a two-hundredth it is still a line."""
    whole = sum(stretch.seconds for stretch in stretches) or 1.0
    rects, x = [], 0.0
    for stretch in stretches:
        width = max(stretch.seconds / whole * 1000, 5.0)
        title = f"{stretch.state.name} for {fmt.age(stretch.seconds)} from {fmt.iso(stretch.at)}"
        rects.append(
            f'<rect class="f-{STATE_CSS[stretch.state][0]}" x="{x:.0f}" width="{width:.0f}" height="10">'
            f"<title>{esc(title)}</title></rect>"
        )
        x += width
    return Html(
        f'<svg class="history" viewBox="0 0 {max(x, 1):.0f} 10" preserveAspectRatio="none" role="img"'
        f' aria-label="{esc(history_text(stretches))}">{"".join(rects)}</svg>'
    )


def history_text(stretches: Sequence[Stretch]) -> str:
    """The same in words, the newest six."""
    if not stretches:
        return "no change seen"
    return " → ".join(f"{fmt.clock(stretch.at)} {stretch.state.name}" for stretch in stretches[-6:])


def history_list(found: Iterable[tuple[Html, Sequence[Stretch]]]) -> Html:
    """One strip a line, each under its name."""
    lines = [
        join(
            (
                tag("div", name, class_="clip"),
                history_strip(spans),
                tag("p", esc(history_text(spans)), class_="small muted"),
            )
        )
        for name, spans in found
    ]
    if not lines:
        return tag("p", esc("No change of state seen since this dashboard started."), class_="muted")
    return tag("ul", join(tag("li", line) for line in lines), class_="history-list")


def kpi(name: str, value: str, unit: str, note: str) -> Html:
    """A number with its unit, and under it what it is of."""
    parts = (
        tag("b", esc(value)),
        tag("small", esc(unit)) if unit else Html(""),
        tag("small", esc(note), class_="note"),
    )
    return tag("div", join((tag("dt", esc(name)), tag("dd", join(parts, " ")))), class_="kpi")
