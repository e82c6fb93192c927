"""A view whose numbers stand still between two rounds of numbers.

Counting 1,000 backends anew takes longer than showing that one of them has registered; a registration, a drain or a
weight is shown at once beside numbers that are at most a quarter of a second old.
"""

from __future__ import annotations

from typing import Any, cast

from lbdash.live.view import LiveView, ServiceNumbers


class Steady:
    """One per feed; `over` a view, keeping the numbers that were asked for last unless they shall be `fresh`."""

    def __init__(self) -> None:
        self._kept: dict[str, ServiceNumbers] = {}

    def over(self, view: LiveView, fresh: bool) -> LiveView:
        if fresh:
            self._kept = {}
        return cast(LiveView, _View(view, self._kept))


class _View:
    __slots__ = ("_kept", "_view")

    def __init__(self, view: LiveView, kept: dict[str, ServiceNumbers]) -> None:
        self._view, self._kept = view, kept

    def __getattr__(self, name: str) -> Any:
        return getattr(self._view, name)

    def numbers(self, service: str) -> ServiceNumbers:
        if service not in self._kept:
            self._kept[service] = self._view.numbers(service)
        return self._kept[service]
