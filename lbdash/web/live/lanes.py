"""When the hub composes: soon after a state change, at 4 Hz while numbers move, once a second otherwise."""

from __future__ import annotations

import asyncio
import time

from lbdash.live.store import Store, Subscription

FLUSH_S = 0.008  # a state change waits this long for its companions
METRICS_S = 0.25
PULSE_S = 1.0  # ages and heat maps move even when nothing happens
STORM_SHARE = 0.2  # of a core: what a storm of changes may cost


class Lanes:
    """`pulse` is true for rounds in which the once-a-second things are due. Times are monotonic seconds."""

    def __init__(self, store: Store, changes: Subscription) -> None:
        self._store, self._changes = store, changes
        self._topology, self._counters = store.topology_version, store.counters_version
        self._painted = self._pulsed = time.monotonic()
        self.pulse = True

    async def next(self, cost_s: float) -> None:
        """Return when the next round is due; the last one took `cost_s` of CPU."""
        rest = cost_s / STORM_SHARE
        earliest = time.monotonic() + rest
        while (wait := self._wait_s(rest)) > 0:
            await self._change(wait)
        await asyncio.sleep(max(FLUSH_S if self._state_changed else 0.0, earliest - time.monotonic()))
        self._mark()

    @property
    def _state_changed(self) -> bool:
        return self._store.topology_version != self._topology

    def _wait_s(self, rest: float) -> float:
        """Seconds until a lane is due; 0 = now."""
        now = time.monotonic()
        if self._state_changed:
            return 0.0
        due = self._pulsed + PULSE_S
        if self._store.counters_version != self._counters:
            due = min(due, self._painted + max(METRICS_S, rest))
        return max(0.0, due - now)

    async def _change(self, timeout: float) -> None:
        try:
            async with asyncio.timeout(timeout):
                await self._changes.wait()
        except TimeoutError:
            return

    def _mark(self) -> None:
        now = time.monotonic()
        self._topology, self._counters = self._store.topology_version, self._store.counters_version
        self._painted = now
        self.pulse = now - self._pulsed >= PULSE_S
        if self.pulse:
            self._pulsed = now
