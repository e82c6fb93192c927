"""Cells that tables and heads share: pills, bars, numbers, sparklines. Pure; text is escaped, widths are attributes."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

from lbdash.model import Admin, Connectivity
from lbdash.viewmodels.html import EMPTY, Html, esc, tag

# Colour and shape say the same: nobody has to tell green from red.
STATE_CSS = {
    Connectivity.READY: ("up", "round"),
    Connectivity.CONNECTING: ("wait", "half"),
    Connectivity.TRANSIENT_FAILURE: ("down", "cross"),
    Connectivity.IDLE: ("idle", "ring"),
    Connectivity.SHUTDOWN: ("idle", "square"),
}
ADMIN_CSS = {Admin.READY: ("up", "round"), Admin.DRAIN: ("drain", "diamond"), Admin.MAINT: ("maint", "square")}
SEVERITY_CSS = {"error": ("down", "bang"), "warning": ("wait", "bang"), "info": ("idle", "ring"), "ok": ("up", "round")}


def mark(shape: str) -> Html:
    return Html(f'<span class="mark {shape}" aria-hidden="true"></span>')


def pill(text: str, css: str, shape: str = "round", *, bare: bool = False, title: str = "") -> Html:
    """A word with its mark. `css`: up | drain | maint | down | wait | idle."""
    hover = f' title="{esc(title)}"' if title else ""
    return Html(f'<span class="pill {"bare " if bare else ""}is-{css}"{hover}>{mark(shape)}{esc(text)}</span>')


def chip(text: str, title: str = "") -> Html:
    return tag("span", esc(text), class_="chip", title=title or None)


def number(text: str) -> Html:
    """Zero and unknown step back."""
    return Html(f'<span class="zero">{text}</span>') if text in ("0", "–") else esc(text)


def of(part: int, whole: int) -> Html:
    """11/12"""
    return Html(f'{part}<span class="of">/{whole}</span>')


# ---- bars

STRIP_ORDER = (
    Connectivity.READY,
    Connectivity.CONNECTING,
    Connectivity.TRANSIENT_FAILURE,
    Connectivity.IDLE,
    Connectivity.SHUTDOWN,
)


def strip(parts: Sequence[tuple[str, float]], width: int = 64) -> Html:
    """A bar of `(css, amount)` parts. What is there is at least 3 px wide, so that one failure is seen."""
    total = sum(amount for _, amount in parts)
    if not total:
        return Html(_svg("strip", width, 8, f'<rect class="f-track" width="{width}" height="8" rx="2"/>'))
    live = [(css, amount) for css, amount in parts if amount]
    room = width - 3.0 * len(live)
    rects, x = [], 0.0
    for css, amount in live:
        step = 3.0 + room * amount / total
        rects.append(f'<rect class="f-{css}" x="{x:.1f}" width="{max(step - 1, 2):.1f}" height="8" rx="1"/>')
        x += step
    return Html(_svg("strip", width, 8, "".join(rects)))


def connectivity_strip(states: Mapping[Connectivity, int]) -> Html:
    """The strip and `READY/all`, with every state in the title."""
    total = sum(states.values())
    if not total:
        return Html('<span class="zero">no client</span>')
    title = ", ".join(f"{states[state]} {state.name}" for state in STRIP_ORDER if states.get(state))
    bar = strip([(STATE_CSS[state][0], states.get(state, 0)) for state in STRIP_ORDER])
    ready = states.get(Connectivity.READY, 0)
    return Html(f'<span class="pair" title="{title}">{bar}<span>{of(ready, total)}</span></span>')


def share_bar(measured: float | None, wanted: float | None, top: float) -> Html:
    """Measured share as a bar, the wanted one as a tick; `top` (0..1) is the bar's full width."""
    scale = 72 / top if top > 0 else 0.0
    bar = f'<rect class="f-bar" width="{min(72.0, (measured or 0) * scale):.1f}" height="8" y="2" rx="2"/>'
    at = min(71.0, (wanted or 0) * scale)
    tick = "" if wanted is None else f'<rect class="f-tick" x="{at:.1f}" width="1.5" height="12"/>'
    return Html(
        _svg("share", 72, 12, f'<rect class="f-track" width="72" height="8" y="2" rx="2"/>{bar}{tick}', sized=True)
    )


def _svg(css: str, width: int, height: int, content: str, *, sized: bool = False) -> str:
    size = f' width="{width}" height="{height}"' if sized else ""
    box = f'viewBox="0 0 {width} {height}" preserveAspectRatio="none" aria-hidden="true"'
    return f'<svg class="{css}"{size} {box}>{content}</svg>'


def sparkline(values: Sequence[float | None], width: int = 88, height: int = 24) -> Html:
    """The last 10 min, from 0 to its own maximum; gaps where nothing was known."""
    top = max((value for value in values if value is not None), default=0.0)
    if len(values) < 2 or top <= 0:
        return EMPTY
    top *= 1.25  # a steady line runs below the edge
    step = width / (len(values) - 1)
    lines: list[list[str]] = [[]]
    for i, value in enumerate(values):
        if value is None:
            lines.append([])
        else:
            lines[-1].append(f"{i * step:.0f},{height - 2 - (height - 4) * value / top:.1f}")
    drawn = "".join(f'<polyline points="{" ".join(line)}"/>' for line in lines if len(line) > 1)
    return Html(_svg("spark", width, height, drawn))


# ---- versions


def version_css(version: str, order: Sequence[str] = ()) -> str:
    """A colour per version: by place among the service's versions, the same on every page of it."""
    if not version:
        return "v0"
    place = order.index(version) if version in order else zlib.crc32(version.encode())
    return f"v{place % 6 + 1}"


def version_tag(version: str, order: Sequence[str] = ()) -> Html:
    if not version:
        return EMPTY
    return Html(f'<span class="ver {version_css(version, order)}" title="version">{esc(version)}</span>')


def version_bar(shares: Mapping[str, float], order: Sequence[str]) -> Html:
    """One bar of the versions' measured shares (0..1) with the legend under it."""
    parts = [(version, share) for version, share in sorted(shares.items()) if share > 0]
    if not parts:
        return EMPTY
    legend = "".join(
        f'<span><span class="swatch {version_css(version, order)}"></span>'
        f"{esc(version or 'no version')} <b>{share * 100:.0f} %</b></span>"
        for version, share in parts
    )
    rects, x = [], 0.0
    for version, share in parts:
        width = 200 * share
        rects.append(
            f'<rect class="f-{version_css(version, order)}" x="{x:.1f}" width="{max(width - 1, 1):.1f}" height="8"/>'
        )
        x += width
    bar = _svg("vers", 200, 8, "".join(rects))
    return Html(f'<div class="versions">{bar}<div class="versions-legend">{legend}</div></div>')
