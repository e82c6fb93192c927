"""Counts by name that clients report cumulatively: versions asked for and got, rules hit. Few names, so dicts do."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Generic, TypeVar

from lbdash.live.meters import RATE_WINDOW_S

PER_CLIENT = 1000  # names of one client that are told apart; the protocol has far fewer

K = TypeVar("K", bound=Hashable)


class Tally(Generic[K]):
    """Sums over clients. Past `limit` names a new one is counted as `other(name)`."""

    def __init__(self, limit: int, other: Callable[[K], K]) -> None:
        self.totals: dict[K, int] = {}
        self.rates: Mapping[K, float] = {}  # per second, as of the last tick
        self._unrated: dict[K, int] = {}
        self._limit, self._other = limit, other
        self._samples: deque[tuple[float, dict[K, int]]] = deque(maxlen=RATE_WINDOW_S)

    def fold(self, last: dict[K, int], rows: Iterable[tuple[K, int]], *, rated: bool) -> bool:
        """`last`: what this client said before; updated. False = it has too many names, the new ones do not count."""
        fits = True
        for key, count in rows:
            rise = count - last.get(key, 0)
            if rise > 0 and (key in last or len(last) < PER_CLIENT):
                last[key] = count
                self._add(key, rise, rated)
            elif rise > 0:
                fits = False
        return fits

    def _add(self, key: K, rise: int, rated: bool) -> None:
        if key not in self.totals and len(self.totals) >= self._limit:
            key = self._other(key)
        self.totals[key] = self.totals.get(key, 0) + rise
        if not rated:
            self._unrated[key] = self._unrated.get(key, 0) + rise

    def tick(self, now: float) -> None:
        sample = {key: total - self._unrated.get(key, 0) for key, total in self.totals.items()}
        if self._samples:
            since, oldest = self._samples[0]
            span = max(now - since, 1e-3)
            self.rates = {key: (count - oldest.get(key, 0)) / span for key, count in sample.items()}
        self._samples.append((now, sample))
