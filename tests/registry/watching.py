"""A watch under observation: what it said, and the mirror a reader would have made of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from lbdash.registry.kv import Changes, Registry, Stale, WatchMessage, WatchPut
from lbdash.tasks import spawn, stop


class Watched:
    def __init__(self) -> None:
        self.messages: list[WatchMessage] = []
        self.mirror: dict[bytes, bytes] = {}
        self.epoch = 0
        self._told = asyncio.Condition()

    @property
    def changes(self) -> list[Changes]:
        return [message for message in self.messages if isinstance(message, Changes)]

    @property
    def stale(self) -> bool:
        return bool(self.messages) and isinstance(self.messages[-1], Stale)

    async def follow(self, registry: Registry, prefix: bytes) -> None:
        async for message in registry.watch(prefix):
            async with self._told:
                self.messages.append(message)
                if isinstance(message, Changes):
                    self._apply(message)
                self._told.notify_all()

    def _apply(self, changes: Changes) -> None:
        self.epoch = changes.epoch
        for event in changes.events:
            if isinstance(event, WatchPut):
                self.mirror[event.kv.key] = event.kv.value
            else:
                self.mirror.pop(event.key, None)

    async def until(self, true: Callable[[Watched], object]) -> None:
        async with asyncio.timeout(20), self._told:
            await self._told.wait_for(lambda: true(self))


@asynccontextmanager
async def watching(registry: Registry, prefix: bytes) -> AsyncIterator[Watched]:
    """The watch is synced when the body begins."""
    watched = Watched()
    task = spawn(watched.follow(registry, prefix), "watched")
    try:
        await watched.until(lambda w: w.messages)
        yield watched
    finally:
        await stop(task)
