"""Named tasks with an owner, and backoff: the two things every loop here needs."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
log = logging.getLogger(__name__)


def spawn(coro: Coroutine[Any, Any, T], name: str, *, group: asyncio.TaskGroup | None = None) -> asyncio.Task[T]:
    """Start `coro` as a task called `name`.

    With a `group` the group owns the task. Without one the caller owns it and must keep the
    reference: a failure that nobody awaited is logged when it happens, not when it is collected.
    """
    if group is not None:
        return group.create_task(coro, name=name)
    task = asyncio.create_task(coro, name=name)  # noqa: TID251 (the one place that may)
    task.add_done_callback(_log_failure)
    return task


def _log_failure(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("task %s failed", task.get_name(), exc_info=error)


async def stop(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancel tasks and wait until they have ended; their failures were logged by `spawn`."""
    live = [task for task in tasks if task is not None]
    for task in live:
        task.cancel()
    await asyncio.gather(*live, return_exceptions=True)


class Backoff:
    """Growing delays in seconds: `first`, x `factor`, at most `limit`, each +-`jitter` (gRPC's shape)."""

    def __init__(
        self,
        first: float = 0.1,
        limit: float = 5.0,
        factor: float = 1.6,
        jitter: float = 0.2,
        rng: random.Random | None = None,
    ) -> None:
        self._first, self._limit, self._factor, self._jitter = first, limit, factor, jitter
        self._rng = rng or random.Random()
        self._next = first

    def reset(self) -> None:
        self._next = self._first

    def delay(self) -> float:
        base = self._next
        self._next = min(self._limit, base * self._factor)
        return base * (1 + self._jitter * (2 * self._rng.random() - 1))

    async def sleep(self) -> None:
        await asyncio.sleep(self.delay())
