"""When the hub composes: soon after a state change, at 4 Hz while numbers move, once a second otherwise.

Composing has a budget of CPU, so that neither a storm of changes nor a page of thousands of rows can starve the rest
of the process. Numbers leave a reserve in it: a state change need not wait for numbers that were just composed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from lbdash.live.store import Subscription

FLUSH_S = 0.008  # a state change waits this long for its companions
METRICS_S = 0.25
PULSE_S = 1.0  # ages and heat maps move even when nothing happens
SHARE = 0.25  # of a core, in the long run
BURST_S = 0.25  # CPU saved up while little happens
RESERVE_S = 0.12  # what numbers leave to state changes


class Budget:
    """Seconds of CPU that may be spent; may be overdrawn by one round."""

    def __init__(self, now: float) -> None:
        self._left, self._at = BURST_S, now

    def spend(self, cost_s: float, now: float) -> None:
        self._left = self._now(now) - cost_s
        self._at = now

    def wait_s(self, needed_s: float, now: float) -> float:
        """Seconds until `needed_s` are there."""
        return max(0.0, (needed_s - self._now(now)) / SHARE)

    def _now(self, now: float) -> float:
        return min(BURST_S, self._left + SHARE * (now - self._at))


class Lanes:
    """`pulse`: the once-a-second things are due in this round. `fresh`: it needs new numbers.

    `clock`: monotonic seconds. `version`: of the topology, which tells a registration or command (shown beside the
    numbers there are) from a connection that changed its state (which is in the numbers). When both come at once the
    connection waits for the next round of numbers.
    """

    def __init__(self, changes: Subscription, clock: Callable[[], float], version: Callable[[], int]) -> None:
        self._changes, self._clock, self._version = changes, clock, version
        self._state = self._numbers = self._turned = False
        self._shown = version()
        self._painted = self._pulsed = clock()
        self._budget = Budget(self._painted)
        self.pulse = self.fresh = True

    async def next(self, cost_s: float) -> None:
        """Return when the next round is due; the last one took `cost_s` of CPU."""
        self._budget.spend(cost_s, self._clock())
        while (wait := self._wait_s()) > 0:
            await self._listen(wait)
        if self._state:
            await asyncio.sleep(FLUSH_S)
        self._begin()

    def _wait_s(self) -> float:
        """Seconds until a lane is due; 0 = now."""
        now = self._clock()
        if self._state:
            return self._budget.wait_s(0.0, now)
        due = self._pulsed + PULSE_S
        if self._numbers:
            due = min(due, self._painted + METRICS_S)
        return max(due - now, self._budget.wait_s(RESERVE_S, now))

    async def _listen(self, timeout: float) -> None:
        try:
            async with asyncio.timeout(timeout):
                changed = await self._changes.wait()
        except TimeoutError:
            return
        self._state |= changed.topology
        self._turned |= changed.topology and self._version() == self._shown
        self._numbers |= changed.counters

    def _begin(self) -> None:
        now = self._clock()
        self.pulse = now - self._pulsed >= PULSE_S
        self.fresh = self.pulse or self._turned or not self._state or now - self._painted >= METRICS_S
        if self.pulse:
            self._pulsed = now
        if self.fresh:
            self._painted, self._numbers, self._turned = now, False, False
        self._state = False
        self._shown = self._version()
