"""I64 by name (a service's backends, clients or versions), with their rates over ten seconds, in columns.

Sums have one row per kind (see `columns`) and one column per name, and are kept by adding differences: folding a
report never looks at the others.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lbdash.live.columns import F64, I64, KINDS, PICKS, Rows, longer
from lbdash.live.latency import LatencyRing

RATE_WINDOW_S = 10


class Meters:
    """Columns by name; a column that is freed is used again. `sums` and `unrated` have shape (KINDS, capacity).

    `unrated` is the part of `sums` that counts as total but happened before we listened: it makes no rate.
    """

    def __init__(self, capacity: int = 4) -> None:
        self.columns: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self.sums: I64 = np.zeros((KINDS, capacity), np.int64)
        self.unrated: I64 = np.zeros((KINDS, capacity), np.int64)
        self.latency = LatencyRing(capacity)
        self.rates: F64 = np.full((KINDS, capacity), np.nan)  # per second, as of the last tick; NaN = not known yet
        self.stepped: I64 = np.zeros(capacity, np.int64)  # picks between the last two ticks
        self.retired: I64 = np.zeros(KINDS, np.int64)
        self._born: F64 = np.zeros(capacity)
        self._ring: I64 = np.zeros((RATE_WINDOW_S, KINDS, capacity), np.int64)
        self._ticks: list[float] = []  # times of the samples in the ring, oldest first
        self._next = 0
        self._free = list(range(capacity))[::-1]

    @property
    def capacity(self) -> int:
        return len(self._born)

    @property
    def nbytes(self) -> int:
        parts = (self.sums, self.unrated, self.rates, self._born, self._ring, self.latency)
        return sum(part.nbytes for part in parts)

    def column(self, name: str, now: float) -> int:
        found = self.columns.get(name)
        return self._allocate(name, now) if found is None else found

    def _allocate(self, name: str, now: float) -> int:
        if not self._free:
            self._grow(self.capacity + max(4, self.capacity // 4))
        column = self.columns[name] = self._free.pop()
        self._names[column] = name
        self._born[column] = now
        return column

    def name(self, column: int) -> str:
        return self._names[column]

    def free(self, name: str) -> None:
        """Its totals go to `retired`."""
        column = self.columns.pop(name, None)
        if column is None:
            return
        del self._names[column]
        self.retired += self.sums[:, column]
        self.sums[:, column] = self.unrated[:, column] = self._ring[:, :, column] = 0
        self.rates[:, column] = np.nan
        self.latency.clear(column)
        self._free.append(column)

    def _grow(self, capacity: int) -> None:
        self._free = list(range(self.capacity, capacity))[::-1]
        extra = capacity - self.capacity
        self.sums = longer(self.sums, extra)
        self.unrated = longer(self.unrated, extra)
        self._ring = longer(self._ring, extra)
        self.rates = longer(self.rates, extra, np.nan)
        self.stepped = longer(self.stepped, extra)
        self._born = longer(self._born, extra)
        self.latency.grow(capacity)

    def add(self, columns: Rows, delta: I64, rated: npt.NDArray[np.bool_] | None) -> None:
        """`delta` has shape (KINDS, len(columns)); a column may come twice. `rated` by column, None = all."""
        for kind in np.flatnonzero(delta.any(axis=1)):
            np.add.at(self.sums[kind], columns, delta[kind])
            if rated is not None:
                np.add.at(self.unrated[kind], columns[~rated], delta[kind][~rated])

    def add_unrated(self, column: int, delta: I64) -> None:
        """`delta` has shape (KINDS,)."""
        self.sums[:, column] += delta
        self.unrated[:, column] += delta

    def tick(self, now: float) -> None:
        """Sample the sums and take the rates between the oldest sample in the window and now."""
        sample = self.sums - self.unrated
        if self._ticks:
            oldest = self._next if len(self._ticks) == RATE_WINDOW_S else 0
            # A column younger than the window is rated over its own life, but never over less than a second.
            span = np.minimum(now - self._ticks[0], np.maximum(now - self._born, 1.0))
            self.rates = (sample - self._ring[oldest]) / np.maximum(span, 1e-3)
            self._blank_unused()
            self.stepped = sample[PICKS] - self._ring[self._next - 1, PICKS]
        self._ring[self._next] = sample
        self._next = (self._next + 1) % RATE_WINDOW_S
        self._ticks = [*self._ticks[1 - RATE_WINDOW_S :], now]
        self.latency.turn(now)

    def _blank_unused(self) -> None:
        self.rates[:, self._free] = np.nan
