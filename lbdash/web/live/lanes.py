"""When the hub composes: soon after a state change, at 4 Hz while numbers move, once a second otherwise."""

from __future__ import annotations

import asyncio
import time

from lbdash.live.store import Subscription

FLUSH_S = 0.008  # a state change waits this long for its companions
METRICS_S = 0.25
PULSE_S = 1.0  # ages and heat maps move even when nothing happens
STORM_SHARE = 0.2  # of a core: what a storm of changes may cost


class Lanes:
    """`pulse` is true for rounds in which the once-a-second things are due. Times are monotonic seconds."""

    def __init__(self, changes: Subscription) -> None:
        self._changes = changes
        self._state = self._numbers = False
        self._painted = self._pulsed = time.monotonic()
        self.pulse = True

    async def next(self, cost_s: float) -> None:
        """Return when the next round is due; the last one took `cost_s` of CPU."""
        rest = cost_s / STORM_SHARE
        earliest = time.monotonic() + rest
        while (wait := self._wait_s(rest)) > 0:
            await self._listen(wait)
        await asyncio.sleep(max(FLUSH_S if self._state else 0.0, earliest - time.monotonic()))
        self._begin()

    def _wait_s(self, rest: float) -> float:
        """Seconds until a lane is due; 0 = now."""
        if self._state:
            return 0.0
        due = self._pulsed + PULSE_S
        if self._numbers:
            due = min(due, self._painted + max(METRICS_S, rest))
        return max(0.0, due - time.monotonic())

    async def _listen(self, timeout: float) -> None:
        try:
            async with asyncio.timeout(timeout):
                changed = await self._changes.wait()
        except TimeoutError:
            return
        self._state |= changed.topology
        self._numbers |= changed.counters

    def _begin(self) -> None:
        self._painted = now = time.monotonic()
        self._state = self._numbers = False
        self.pulse = now - self._pulsed >= PULSE_S
        if self.pulse:
            self._pulsed = now
