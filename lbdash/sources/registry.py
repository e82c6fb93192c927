"""The registry as a source: one watch per prefix and one over the control keys, turned into events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from lbdash.config import Watch
from lbdash.live.events import ControlChanged, Event, RegistrationsChanged, SourceLost, SourceProven
from lbdash.live.store import Store
from lbdash.model import Registration
from lbdash.registry.control_keys import ROOT
from lbdash.registry.conventions import CONVENTIONS, key_text, parse
from lbdash.registry.kv import Changes, KeyValue, Progress, Registry, Stale, WatchMessage, WatchPut
from lbdash.sources.batch import Batcher
from lbdash.tasks import spawn

MAX_UNREADABLE = 1000  # keys per prefix that wait for a sibling to show their convention


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
                spawn(self._follow(batcher, "control", "control", ROOT, self._control), "watch control", group=group)
                for prefix, convention in self._prefixes.items():
                    name, readings = f"registry {prefix}", _Readings(convention)
                    told = _Told(name, readings)
                    spawn(self._follow(batcher, name, "registry", prefix, told), f"watch {prefix}", group=group)
        finally:
            batcher.close()

    async def _follow(
        self, batcher: Batcher, name: str, kind: str, prefix: str, told: Callable[[Changes, float], Event]
    ) -> None:
        async for message in self._registry.watch(prefix.encode()):
            batcher.add(list(_events(message, name, kind, self._clock(), told)))

    def _control(self, changes: Changes, at: float) -> Event:
        return ControlChanged(changes.events, changes.revision, changes.epoch, at)


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
            yield SourceLost(
                name, kind, at, f"permission denied: {message.reason}" if message.denied else message.reason
            )


@dataclass(slots=True)
class _Told:
    """Changes of one watched prefix, as an event."""

    source: str
    readings: _Readings

    def __call__(self, changes: Changes, at: float) -> Event:
        # Within one batch only the last word on a key counts; what it replaced is not history worth keeping.
        last: dict[bytes, KeyValue | None] = {}
        for event in changes.events:
            if isinstance(event, WatchPut):
                last[event.kv.key] = event.kv
            else:
                last[event.key] = None
        deletes = tuple(key_text(key) for key, kv in last.items() if kv is None)
        self.readings.forget(key for key, kv in last.items() if kv is None)
        puts = self.readings.read([kv for kv in last.values() if kv is not None])
        return RegistrationsChanged(self.source, puts, deletes, changes.revision, at)


@dataclass(slots=True)
class _Readings:
    """Keys and values to registrations. A broken value is read as its siblings are: then it shows where it belongs."""

    convention: str
    _known: dict[bytes, str] = field(default_factory=dict)  # directory -> convention
    _unreadable: dict[bytes, KeyValue] = field(default_factory=dict)

    def read(self, items: Sequence[KeyValue]) -> tuple[Registration, ...]:
        if self.convention:
            return tuple(parse(kv, self.convention) for kv in items)
        found = {kv.key: (kv, parse(kv)) for kv in items}
        learned = {_directory(kv.key): r.convention for kv, r in found.values() if r.convention in CONVENTIONS}
        fresh = {directory for directory in learned if directory not in self._known}
        self._known.update(learned)
        waiting = {key: kv for key, kv in self._unreadable.items() if _directory(key) in fresh and key not in found}
        found.update({key: (kv, parse(kv)) for key, kv in waiting.items()})
        return tuple(self._resolve(kv, registration) for kv, registration in found.values())

    def _resolve(self, kv: KeyValue, registration: Registration) -> Registration:
        if registration.convention in CONVENTIONS:
            self._unreadable.pop(kv.key, None)
            return registration
        sibling = self._known.get(_directory(kv.key))
        if sibling is not None:
            self._unreadable.pop(kv.key, None)
            return parse(kv, sibling)
        if len(self._unreadable) < MAX_UNREADABLE:
            self._unreadable[kv.key] = kv
        return registration

    def forget(self, keys: Iterable[bytes]) -> None:
        for key in keys:
            self._unreadable.pop(key, None)


def _directory(key: bytes) -> bytes:
    return key.rpartition(b"/")[0]
