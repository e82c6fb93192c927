"""One clock for everything that is shown: wall time once, monotonic from there, so that it never jumps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from lbdash.live.events import Ticked
from lbdash.live.store import Store


class Clock:
    """Call it: seconds since the epoch. A correction of the machine's clock after the start is not followed."""

    def __init__(self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._anchor = wall() - monotonic()

    def __call__(self) -> float:
        return self._anchor + self._monotonic()


async def tick(store: Store, clock: Clock, step_s: float = 1.0) -> None:
    """Tell the store the time once a step, on whole steps; those that a busy loop missed are not made up for."""
    while True:
        await asyncio.sleep(step_s - clock() % step_s)
        store.apply([Ticked(clock())])
