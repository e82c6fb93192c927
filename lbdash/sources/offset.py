"""How far a client's clock is from ours, from when its reports were sent and when they came."""

from __future__ import annotations

import math

PERIOD_S = 60.0
MAX_DELAY_S = 5.0  # a report is not believed to have travelled longer
_SMOOTH = 0.1


class Offset:
    """The fastest report of the last minute or two is taken to have travelled in no time.

    `seconds`: client's clock minus ours; `error`: +-, by how much reports come later than the fastest, smoothed.
    None until something was heard.
    """

    def __init__(self) -> None:
        self.seconds: float | None = None
        self.error: float | None = None
        self._least = math.inf  # received - sent, of this period
        self._before = math.inf  # of the last one
        self._since = 0.0

    def heard(self, sent: float, received: float) -> float:
        """Take in one report; returns when it was sent, on our clock: never in the future, nor long ago."""
        if received - self._since >= PERIOD_S:
            self._before, self._least, self._since = self._least, math.inf, received
        took = received - sent
        if took < self._least:
            self._least = took
        best = self._least if self._least < self._before else self._before
        known = self.error or 0.0
        self.seconds, self.error = -best, known + _SMOOTH * (took - best - known)
        return min(received, max(received - MAX_DELAY_S, sent + best))
