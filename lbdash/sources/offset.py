"""How far a client's clock is from ours, from when its reports were sent and when they came."""

from __future__ import annotations

PERIOD_S = 60.0
MAX_DELAY_S = 5.0  # a report is not believed to have travelled longer
_SMOOTH = 0.1


class Offset:
    """The fastest report of the last minute or two is taken to have travelled in no time."""

    def __init__(self) -> None:
        self._least: float | None = None  # of this period
        self._before: float | None = None  # of the last one
        self._since = 0.0
        self._spread = 0.0

    @property
    def seconds(self) -> float | None:
        """Client's clock minus ours; None = nothing heard yet."""
        return None if self._best is None else -self._best

    @property
    def error(self) -> float | None:
        """+-: by how much reports come later than the fastest, smoothed."""
        return None if self._best is None else self._spread

    @property
    def _best(self) -> float | None:
        known = [least for least in (self._least, self._before) if least is not None]
        return min(known, default=None)

    def heard(self, sent: float, received: float) -> float:
        """Take in one report; returns when it was sent, on our clock: never in the future, nor long ago."""
        if received - self._since >= PERIOD_S:
            self._before, self._least, self._since = self._least, None, received
        took = received - sent
        self._least = took if self._least is None else min(self._least, took)
        best = self._best if self._best is not None else took
        self._spread += _SMOOTH * (took - best - self._spread)
        return min(received, max(received - MAX_DELAY_S, sent + best))
