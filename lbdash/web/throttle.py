"""Slow down whoever guesses passwords. Bounded memory; one per process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil

FREE = 5  # failures before anyone waits
LIMIT_S = 300.0
_KEYS = 10_000  # beyond these the longest untouched is forgotten


@dataclass(slots=True)
class _Failures:
    count: int = 0
    until: float = 0.0


class Throttle:
    """Failures by key (an address, a name). After `FREE` the wait doubles, up to `LIMIT_S`; a success clears."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def wait_s(self, keys: Iterable[str]) -> int:
        """Whole seconds until any of `keys` may try again; 0 = now."""
        ends = [self._failures[key].until for key in keys if key in self._failures]
        return max(0, ceil(max(ends, default=0.0) - self._clock()))

    def failed(self, keys: Iterable[str]) -> None:
        for key in keys:
            entry = self._failures.setdefault(key, _Failures())
            self._failures.move_to_end(key)
            entry.count += 1
            if entry.count >= FREE:
                entry.until = self._clock() + min(LIMIT_S, 2.0 ** (entry.count - FREE))
        while len(self._failures) > _KEYS:
            self._failures.popitem(last=False)

    def succeeded(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._failures.pop(key, None)
