"""Time that never jumps."""

from __future__ import annotations

import asyncio

from lbdash.live.store import Store
from lbdash.sources.clock import Clock, tick
from lbdash.tasks import spawn, stop


def test_a_correction_of_the_wall_clock_does_not_move_it() -> None:
    wall, monotonic = [1000.0], [5.0]
    clock = Clock(lambda: wall[0], lambda: monotonic[0])
    wall[0], monotonic[0] = 2.0, 6.5
    assert clock() == 1001.5


async def test_it_tells_the_store_once_a_step() -> None:
    clock = Clock()
    store = Store(clock)
    task = spawn(tick(store, clock, step_s=0.01), "clock")
    subscription = store.subscribe()
    async with asyncio.timeout(20):
        for _ in range(3):
            assert (await subscription.wait()).counters
    await stop(task)
