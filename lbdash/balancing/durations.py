"""Durations as protobuf's JSON writes them."""

from __future__ import annotations

import re
from typing import Any

_DURATION = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)s")


def seconds(value: Any) -> float:
    """ "1.5s" or a number -> 1.5. Negative and infinite ones, and any other text, raise ValueError."""
    if isinstance(value, str) and (match := _DURATION.fullmatch(value)):
        return float(match[1])
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12:
        return float(value)
    raise ValueError(f'{value!r} is not a duration like "10s"')
