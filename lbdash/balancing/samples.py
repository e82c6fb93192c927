"""Which picks leave a record: a few per second, or all of them while somebody traces the channel."""

from __future__ import annotations

from collections import deque
from math import inf

from lbdash.balancing.picker import PickRecord

MAX_SAMPLES = 200  # unreported ones kept; the oldest go first and are counted
MAX_TRACE_S = 60.0
DEFAULT_RATE = 2.0


class Sampler:
    """The hot path only compares `now` with `next_at`; everything else happens for sampled picks alone."""

    def __init__(self, rate: float = DEFAULT_RATE) -> None:
        self.records: deque[PickRecord] = deque(maxlen=MAX_SAMPLES)
        self.dropped = 0
        self.next_at = inf  # until somebody listens
        self._rate = rate
        self._trace_until = -inf

    def listen(self, now: float) -> None:
        """Somebody reports the samples: start taking them."""
        self.next_at = now

    def set_rate(self, rate: float, now: float) -> None:
        """`rate` per second; 0 stops sampling, negative keeps the rate."""
        if rate >= 0 and rate != self._rate:
            self._rate = rate
            self.next_at = now + 1.0 / rate if rate else inf

    def trace(self, seconds: float, now: float) -> None:
        """Sample every pick for `seconds`, at most a minute."""
        self._trace_until = now + min(seconds, MAX_TRACE_S)
        self.next_at = now

    def start(self, method: str, now: float) -> PickRecord:
        traced = now < self._trace_until
        if not traced:
            self.next_at = now + 1.0 / self._rate if self._rate else inf
        return PickRecord(now, method, traced=traced)

    def keep(self, record: PickRecord) -> None:
        if len(self.records) == MAX_SAMPLES:
            self.dropped += 1
        self.records.append(record)
