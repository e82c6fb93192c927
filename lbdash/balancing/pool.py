"""The SubConns of one channel: which addresses have one, which are to be connected, when one may be closed."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from lbdash.balancing import aggregation
from lbdash.balancing.endpoint import Backend, Endpoint
from lbdash.balancing.router import Member
from lbdash.balancing.subconn import Dial, SubConn
from lbdash.model import Admin, Connectivity
from lbdash.registry.routing import Routing
from lbdash.tasks import spawn

MAX_TRANSITIONS = 500  # unreported ones kept; the oldest go first
MAX_GONE = 1000  # unreported endpoints kept after their SubConn closed; the oldest go first


@dataclass(frozen=True, slots=True)
class StateChange:
    """`at`: monotonic seconds."""

    index: int
    state: Connectivity
    at: float
    error: str


class Pool:
    """Owns the SubConns. `on_change()` runs after each change of state, maybe many times in one turn of the loop."""

    def __init__(
        self,
        dial: Dial,
        on_change: Callable[[], None],
        *,
        probe: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._dial, self._on_change, self._probe, self._clock = dial, on_change, probe, clock
        self._subconns: dict[str, SubConn] = {}
        self._order: tuple[str, ...] = ()  # the list in force, in the resolver's order
        self._next_index = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.transitions: deque[StateChange] = deque(maxlen=MAX_TRANSITIONS)
        self.gone: deque[Endpoint] = deque(maxlen=MAX_GONE)  # the reporter takes them

    @property
    def subconns(self) -> Sequence[SubConn]:
        """Every SubConn that is not closed, removed ones with calls in flight included."""
        return tuple(self._subconns.values())

    def replace(self, backends: Sequence[Backend]) -> None:
        """A new list: new addresses get a SubConn, missing ones leave when their last call ends."""
        self._order = tuple(backend.address for backend in backends)
        for backend in backends:
            subconn = self._subconns.get(backend.address) or self._add(backend)
            subconn.backend, subconn.removed = backend, False
            subconn.endpoint.version = backend.version
            subconn.endpoint.metadata, subconn.endpoint.methods = backend.metadata, backend.methods
        listed = set(self._order)
        for address, subconn in self._subconns.items():
            if address not in listed:
                subconn.removed = True

    def _add(self, backend: Backend) -> SubConn:
        endpoint = Endpoint(backend.address, self._next_index, backend.version, backend.weight)
        self._next_index += 1
        subconn = SubConn(endpoint, self._dial, self._changed, probe=self._probe, clock=self._clock)
        self._subconns[backend.address] = subconn
        return subconn

    def _changed(self, subconn: SubConn) -> None:
        change = StateChange(subconn.endpoint.index, subconn.state, subconn.since, subconn.error)
        self.transitions.append(change)
        self._on_change()

    def apply(self, routing: Routing, eager: bool) -> list[Member]:
        """Put the overrides on the endpoints, connect and disconnect, and say who may take part, in list order."""
        members = [self._member(self._subconns[address], routing) for address in self._order]
        for member, subconn in zip(members, map(self._subconns.__getitem__, self._order), strict=True):
            subconn.endpoint.leaving = member.admin is Admin.MAINT
        for subconn in self.subconns:
            if subconn.removed or subconn.endpoint.leaving:
                self._leave(subconn)
        for member in members if eager else _one_per_version(members):
            if not member.endpoint.leaving:
                self._subconns[member.endpoint.address].connect()
        if not eager:
            self._let_go(members)
        return members

    def _member(self, subconn: SubConn, routing: Routing) -> Member:
        endpoint, backend = subconn.endpoint, subconn.backend
        override = routing.weight.get(backend.address)
        endpoint.weight = max(1, override.weight if override else backend.weight)
        return Member(endpoint, subconn.state, routing.admin_of(backend.address), backend.online)

    def _let_go(self, members: Sequence[Member]) -> None:
        """One at a time: where a version has its READY connection, attempts at the others end."""
        served = {m.endpoint.version for m in members if m.state is Connectivity.READY and not m.barred}
        for member in members:
            subconn = self._subconns[member.endpoint.address]
            needed = member.endpoint.version not in served or member.state is Connectivity.READY
            if subconn.dialled and not needed and not member.endpoint.inflight:
                self._run(subconn.hang_up(Connectivity.IDLE))

    def _leave(self, subconn: SubConn) -> None:
        subconn.endpoint.leaving = True
        subconn.wanted = False
        self.release(subconn.endpoint)

    def release(self, endpoint: Endpoint) -> None:
        """Close the connection of a leaving endpoint if nothing is in flight on it; in-flight calls are never cut."""
        subconn = self._subconns.get(endpoint.address)
        if subconn is None or endpoint.inflight or not endpoint.leaving:
            return
        if subconn.removed:
            del self._subconns[endpoint.address]
            self._run(subconn.hang_up(Connectivity.SHUTDOWN))
            self.gone.append(endpoint)
        elif subconn.dialled:
            self._run(subconn.hang_up(Connectivity.IDLE))

    def lost(self, endpoint: Endpoint) -> None:
        """Its connection turned out not to be READY."""
        subconn = self._subconns.get(endpoint.address)
        if subconn is not None:
            subconn.lost()

    def _run(self, coro: Coroutine[Any, Any, None]) -> None:
        task = spawn(coro, "close subconn")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self, grace: float | None) -> None:
        """All calls end (within `grace` seconds, else cancelled), then every SubConn is gone."""
        endings = [subconn.hang_up(Connectivity.SHUTDOWN, grace) for subconn in self.subconns]
        await asyncio.gather(*endings, *self._tasks)
        self.gone.extend(subconn.endpoint for subconn in self.subconns)
        self._subconns, self._order = {}, ()


def aggregate(members: Sequence[Member]) -> Connectivity:
    """The channel's state from its SubConns'."""
    return aggregation.current(member.state for member in members if not member.barred)


def _one_per_version(members: Sequence[Member]) -> list[Member]:
    """Who pick_first connects: per version the READY one, else the first that has not failed, else all of them.

    Drained members come last; barred ones are not asked.
    """
    by_version: dict[str, list[Member]] = {}
    for member in sorted(members, key=lambda m: m.admin is Admin.DRAIN):
        if not member.barred:
            by_version.setdefault(member.endpoint.version, []).append(member)
    return [member for group in by_version.values() for member in _next_to_try(group)]


def _next_to_try(group: Sequence[Member]) -> Sequence[Member]:
    for wanted in (lambda m: m.state is Connectivity.READY, lambda m: m.state is not Connectivity.TRANSIENT_FAILURE):
        if found := next(filter(wanted, group), None):
            return [found]
    return group
