"""Numbers and times as text, one spelling for every page. Pure. Unknown (None or NaN) is an en dash, never 0."""

from __future__ import annotations

import math
from datetime import UTC, datetime

UNKNOWN = "–"
_THIN = "\u202f"  # narrow no-break space between groups of digits


def count(value: float | None) -> str:
    """18 204"""
    if value is None or math.isnan(value):
        return UNKNOWN
    return f"{value:,.0f}".replace(",", _THIN)


def rate(value: float | None) -> str:
    """Calls a second: three digits that matter, e.g. 0.25, 17.0, 947."""
    if value is None or math.isnan(value):
        return UNKNOWN
    if value == 0 or value >= 99.95:
        return count(value)
    return f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def ms(value: float | None) -> str:
    """Milliseconds without the unit: 0.42, 3.6, 188, 2 104."""
    if value is None or math.isnan(value):
        return UNKNOWN
    if value >= 9.95:
        return count(value)
    return f"{value:.1f}" if value >= 0.95 else f"{value:.2f}"


def percent(ratio: float | None, digits: int = 1) -> str:
    """0..1 as percent without the sign; what is not zero never reads as 0."""
    if ratio is None or math.isnan(ratio):
        return UNKNOWN
    text = f"{ratio * 100:.{digits}f}"
    if ratio > 0 and float(text) == 0:
        return f"< {10**-digits:.{digits}f}"
    return text


def decimal(value: float | None, digits: int = 2) -> str:
    """A plain number, e.g. a success EWMA."""
    return UNKNOWN if value is None or math.isnan(value) else f"{value:.{digits}f}"


def age(seconds: float | None) -> str:
    """How long, two units at most: 0.4 s, 29 s, 2 m 10 s, 3 h 5 m, 2 d 4 h. Below zero reads as 0."""
    if seconds is None or math.isnan(seconds):
        return UNKNOWN
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for big, small, size, part in (("d", "h", 86400, 3600), ("h", "m", 3600, 60), ("m", "s", 60, 1)):
        if whole >= size:
            return f"{whole // size} {big} {whole % size // part} {small}"
    return f"{whole} s"


def clock(at: float | None, millis: bool = False) -> str:
    """HH:MM:SS in UTC, with milliseconds when asked."""
    if at is None or math.isnan(at):
        return UNKNOWN
    moment = datetime.fromtimestamp(at, UTC)
    return moment.strftime("%H:%M:%S") + (f".{moment.microsecond // 1000:03d}" if millis else "")


def iso(at: float | None) -> str:
    """RFC 3339 with milliseconds, for titles and machines; "" when unknown."""
    if at is None or math.isnan(at):
        return ""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def plural(number: int, one: str, many: str = "") -> str:
    """1 client, 2 clients"""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"
