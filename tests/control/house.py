"""A small house to steer: a registry, a store that watches it, an audit trail in memory, and an executor."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count

import numpy as np

from lbdash.control.audit import AuditEntry, AuditError
from lbdash.control.commands import Command, Force, Request
from lbdash.control.execute import Executor, Result
from lbdash.control.progress import Progress
from lbdash.live.events import (
    ClientClosed,
    ClientOpened,
    ClientReported,
    CounterColumns,
    RegistrationsChanged,
    SourceProven,
    SubConnOpened,
    Transition,
    VersionCount,
)
from lbdash.live.state import Service
from lbdash.live.store import Store
from lbdash.model import Connectivity, Registration
from lbdash.registry.control_keys import admin_key
from lbdash.registry.kv import Registry
from lbdash.registry.memory import MemoryRegistry
from lbdash.sources.registry import RegistrySource
from lbdash.tasks import spawn, stop

APP = "app"
A, B, C, D = (f"10.0.0.{n}:80" for n in range(1, 5))
EVERYTHING = frozenset({"drain", "maint", "weight", "versions", "policy"})
TELLS = frozenset({"picks", "inflight"})
START = 1_800_000_000.0


class Audit:
    """An AuditLog in a dict; `full`: nothing can be written."""

    def __init__(self) -> None:
        self.entries: dict[str, AuditEntry] = {}
        self.full = False
        self.story: list[tuple[str, str]] = []  # (id, outcome), in order

    async def begin(self, entry: AuditEntry) -> None:
        self._check()
        assert entry.id not in self.entries
        json.dumps(entry.command), json.dumps(dict(entry.before)), json.dumps(dict(entry.after))
        self.entries[entry.id] = entry
        self.story.append((entry.id, entry.outcome))

    async def finish(
        self, id: str, outcome: str, *, text: str = "", generation: int | None = None, revision: int | None = None
    ) -> None:
        self._check()
        old = self.entries[id]
        self.entries[id] = replace(
            old, outcome=outcome, text=text or old.text, generation=generation, revision=revision
        )
        self.story.append((id, outcome))

    async def find(self, id: str) -> AuditEntry | None:
        return self.entries.get(id)

    async def recent(self, limit: int, before: str = "") -> list[AuditEntry]:
        return list(reversed(self.entries.values()))[:limit]

    def _check(self) -> None:
        if self.full:
            raise AuditError("no space left on device")


class House:
    def __init__(self, registry: Registry, now: Callable[[], float] | None = None) -> None:
        self.registry, self.now = registry, START
        self.clock: Callable[[], float] = now or (lambda: self.now)
        self.store, self.audit = Store(self.clock), Audit()
        self.executor = self.another()
        self._ids = count(1)

    def another(self, armed: tuple[str, ...] = ("*",), floor: int = 1) -> Executor:
        """Another operator's dashboard on the same etcd, with the same view of it."""
        return Executor(self.registry, self.store, self.audit, self.clock, armed, capacity_floor=floor)

    # ---- what is there

    @property
    def service(self) -> Service:
        return self.store.view().state.services[APP]

    @property
    def generation(self) -> int:
        return self.service.routing.generation.number

    def register(self, *backends: str, version: str = "v1", weight: int = 100) -> None:
        puts = tuple(
            Registration(f"/app/{address}", APP, "hwholiday", f"id-{address}", address, version, weight, lease=7)
            for address in backends
        )
        proof = SourceProven("registry /app/", "registry", self.clock(), 1, synced=True)
        self.store.apply([RegistrationsChanged("registry /app/", puts, (), 1, self.clock()), proof])

    def connect(
        self,
        name: str,
        *backends: str,
        can_obey: frozenset[str] = EVERYTHING,
        can_tell: frozenset[str] = TELLS,
        policy: str = "weighted_round_robin",
        state: Connectivity = Connectivity.READY,
    ) -> None:
        opened = ClientOpened(
            name, name, APP, "hwholiday", policy, "telemetry", self.clock(), can_obey=can_obey, can_tell=can_tell
        )
        subconns = tuple(SubConnOpened(i, address, state, self.clock()) for i, address in enumerate(backends))
        self.store.apply([opened, ClientReported(name, self.clock(), 0.0, opened=subconns)])

    def report(self, name: str, picks: Mapping[int, int] | None = None, inflight: int = 0, **more: object) -> None:
        """`picks`: SubConn index -> total; each of them has `inflight` calls running."""
        columns = _columns(picks, inflight) if picks else None
        known = self.service.clients[name]
        more = {"applied_revision": known.applied_revision, **more}
        self.store.apply([ClientReported(name, self.clock(), 0.0, counters=columns, **more)])  # type: ignore[arg-type]

    def ask_for(self, name: str, **versions: int) -> None:
        """Calls that ask for a version by metadata, in all; a tick later they are rates."""
        counts = tuple(VersionCount(v, v, "", "metadata", n) for v, n in versions.items())
        self.report(name, versions=counts)

    def connectivity(self, name: str, index: int, state: Connectivity) -> None:
        self.report(name, transitions=(Transition(index, state, self.clock()),))

    def leave(self, name: str) -> None:
        self.store.apply([ClientClosed(name, self.clock(), "closed")])

    # ---- steering

    async def run(
        self,
        command: Command,
        *,
        force: str = "",
        generation: int | None = -1,
        id: str = "",
        executor: Executor | None = None,
        settle: bool = True,
        service: str = APP,
    ) -> Result:
        """`generation` -1: as the store has it. Waits until the store shows what was applied."""
        request = Request(
            command,
            service,
            self.generation if generation == -1 else generation,
            "because",
            "ada@lab",
            id or f"c{next(self._ids)}",
            Force(APP, force) if force else None,
        )
        result = await (executor or self.executor).run(request)
        if settle and result.outcome == "applied" and result.generation:
            await self.until(lambda: self.generation >= (result.generation or 0))
        return result

    async def until(self, true: Callable[[], object]) -> None:
        """Until the store is so and the executor has looked at it."""
        changes = self.store.subscribe()
        try:
            async with asyncio.timeout(10):
                while not true():
                    await changes.wait()
        finally:
            changes.close()
        await self.executor.observe()

    def progress(self, id: str) -> Progress:
        found = self.executor.progress(id)
        assert found is not None
        return found

    async def value(self, key: str) -> dict[str, object] | None:
        kv = await self.registry.get(key.encode())
        return json.loads(kv.value) if kv else None

    async def admin(self, address: str) -> str | None:
        value = await self.value(admin_key(APP, address))
        return None if value is None else str(value["state"])

    async def lease_of(self, address: str) -> int:
        kv = await self.registry.get(admin_key(APP, address).encode())
        assert kv is not None
        return kv.lease

    async def edit(self, key: str, value: object) -> None:
        """By hand, past lbdash."""
        text = value if isinstance(value, str) else json.dumps(value)
        revision = await self.registry.put(key.encode(), text.encode())
        await self.until(lambda: self.service.routing.revision >= revision)


def _columns(picks: Mapping[int, int], inflight: int) -> CounterColumns:
    n = len(picks)
    totals = np.array(list(picks.values()), np.uint64)
    zeros = np.zeros(n, np.uint64)
    unknown = np.full(n, np.nan, np.float32)
    ended = totals - np.uint64(inflight)
    running = np.full(n, inflight, np.uint32)
    index = np.array(list(picks), np.uint32)
    return CounterColumns(index, totals, ended, zeros, zeros, zeros, running, zeros, unknown, unknown, unknown, unknown)


@asynccontextmanager
async def house(registry: Registry | None = None, clock: Callable[[], float] | None = None) -> AsyncIterator[House]:
    """Watching, with nothing registered yet."""
    built = House(registry or MemoryRegistry(), clock)
    source = spawn(RegistrySource(built.registry, built.store, built.clock, []).run(), "source")
    following = spawn(built.executor.follow(), "follow")
    try:
        await built.until(lambda: _listed(built))
        yield built
    finally:
        await stop(source, following)
        await built.registry.close()


def _listed(built: House) -> bool:
    control = built.store.view().state.sources.get("control")
    return control is not None and control.synced
