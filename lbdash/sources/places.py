"""A bound on SubConn indexes: one costs memory from 0 up to itself, so that a few bytes could ask for gigabytes."""

from __future__ import annotations

from collections import deque

from lbdash.sources.columns import Malformed

STEP_S = 1.0  # what is given back this close together comes back together


class Places:
    """What all channels together may have. The live state keeps a client for a while, so places return `after_s`."""

    def __init__(self, limit: int, after_s: float) -> None:
        self._left = limit
        self._after_s = after_s
        self._returning: deque[tuple[float, int]] = deque()  # (given back at, how many), oldest first

    def take(self, number: int) -> None:
        """Raises Malformed when there are not so many."""
        if number > self._left:
            raise Malformed("the SubConn indexes of all clients together are too many for this dashboard")
        self._left -= number

    def give_back(self, number: int, at: float) -> None:
        if self._returning and at - self._returning[-1][0] < STEP_S:
            at, before = self._returning.pop()
            number += before
        self._returning.append((at, number))

    def sweep(self, at: float) -> None:
        while self._returning and at - self._returning[0][0] >= self._after_s:
            self._left += self._returning.popleft()[1]
