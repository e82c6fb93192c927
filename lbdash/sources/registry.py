"""The registry as a source: one watch per prefix and one over the control keys, turned into events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from lbdash.config import Watch
from lbdash.live.events import ControlChanged, Event, RegistrationsChanged, SourceLost, SourceProven
from lbdash.live.store import Store
from lbdash.registry.control_keys import ROOT
from lbdash.registry.conventions import key_text, parse
from lbdash.registry.kv import Changes, KeyValue, Progress, Registry, Stale, WatchMessage, WatchPut
from lbdash.sources.batch import Batcher
from lbdash.tasks import spawn

DENIED = "permission denied"  # how the reason of such a loss begins


class RegistrySource:
    """`watch`: what to follow; a prefix named twice is watched once, as it was named first."""

    def __init__(self, registry: Registry, store: Store, clock: Callable[[], float], watch: Sequence[Watch]) -> None:
        self._registry, self._clock = registry, clock
        self._store = store
        self._prefixes: dict[str, str] = {}
        for each in watch:
            self._prefixes.setdefault(each.prefix, each.convention)

    async def run(self) -> None:
        """Until cancelled, or the registry is closed."""
        batcher = Batcher(self._store)
        try:
            async with asyncio.TaskGroup() as group:
                spawn(self._follow(batcher, "control", "control", ROOT, _control), "watch control", group=group)
                for prefix, convention in self._prefixes.items():
                    name = f"registry {prefix}"
                    told = _Prefix(name, convention)
                    spawn(self._follow(batcher, name, "registry", prefix, told), f"watch {prefix}", group=group)
        finally:
            batcher.close()

    async def _follow(
        self, batcher: Batcher, name: str, kind: str, prefix: str, told: Callable[[Changes, float], Event]
    ) -> None:
        async for message in self._registry.watch(prefix.encode()):
            batcher.add(list(_events(message, name, kind, self._clock(), told)))


def _events(
    message: WatchMessage, name: str, kind: str, at: float, told: Callable[[Changes, float], Event]
) -> Iterable[Event]:
    match message:
        case Changes():
            if message.events:
                yield told(message, at)
            yield SourceProven(name, kind, at, message.revision, message.synced, len(message.events))
        case Progress():
            yield SourceProven(name, kind, at, message.revision)
        case Stale():
            yield SourceLost(name, kind, at, f"{DENIED}: {message.reason}" if message.denied else message.reason)


@dataclass(frozen=True, slots=True)
class _Prefix:
    """Turns changes under one watched prefix into an event; `convention` "" = each key is detected."""

    source: str
    convention: str

    def __call__(self, changes: Changes, at: float) -> Event:
        # Within one batch only the last word on a key counts; what it replaced is not history worth keeping.
        last: dict[bytes, KeyValue | None] = {}
        for event in changes.events:
            if isinstance(event, WatchPut):
                last[event.kv.key] = event.kv
            else:
                last[event.key] = None
        puts = tuple(parse(kv, self.convention) for kv in last.values() if kv is not None)
        deletes = tuple(key_text(key) for key, kv in last.items() if kv is None)
        return RegistrationsChanged(self.source, puts, deletes, changes.revision, at)


def _control(changes: Changes, at: float) -> Event:
    return ControlChanged(changes.events, changes.revision, changes.epoch, at)
