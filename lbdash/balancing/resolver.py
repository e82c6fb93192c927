"""Follows one service in a registry: its addresses and what operators said of it. Shared by a process's channels.

One watch for the addresses and one for the control keys, whoever many channels listen. The watches heal themselves
and never list periodically for us; here their messages become lists, routing and events.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from lbdash.balancing.directory import Directory
from lbdash.balancing.endpoint import Backend
from lbdash.model import Registration
from lbdash.registry.control_keys import service_prefix
from lbdash.registry.conventions import key_text
from lbdash.registry.kv import Changes, KeyValue, Progress, Registry, Stale, WatchPut
from lbdash.registry.routing import Routing
from lbdash.registry.routing_fold import fold
from lbdash.tasks import spawn, stop

MIN_INTERVAL_S = 0.02  # between two address lists after the first; control keys never wait

Parse = Callable[[KeyValue], Registration | None]  # None: not of this service


@dataclass(frozen=True, slots=True)
class Prefix:
    """Where a service's registrations are, and how to read them."""

    key: bytes
    parse: Parse


Addresses = Prefix | tuple[Backend, ...]  # or a fixed list


class Listener(Protocol):
    """A channel. Called on the loop; must not wait."""

    def backends(self, backends: Sequence[Backend]) -> None:
        """A whole list; the first comes after the routing is known, or known not to be had."""
        ...

    def routing(self, routing: Routing, revision: int, epoch: int) -> None:
        """`revision`: the largest applied under the service's control prefix; revisions compare within an `epoch`."""
        ...

    def failed(self, reason: str) -> None:
        """The registry does not answer; what is known stays in force."""
        ...

    def denied(self, denied: bool) -> None:
        """May the control keys be read?"""
        ...

    def event(self, kind: str, added: int, removed: int, size: int, text: str) -> None:
        """`kind`: "initial" | "put" | "delete" | "relist" | "stale" | "recovered" | "denied"."""
        ...


class ServiceWatch:
    """`registry` None: the addresses are fixed and there is nobody to obey."""

    def __init__(
        self,
        service: str,
        registry: Registry | None,
        addresses: Addresses,
    ) -> None:
        self._registry = registry
        self._addresses = addresses
        self._listeners: list[Listener] = []
        self._directory = Directory()
        self._backends = None if isinstance(addresses, Prefix) else addresses
        self._routing = Routing(service)
        self._revision = self._epoch = 0
        self._control_known = registry is None
        self._denied = False
        self._error = ""
        self._tasks: list[asyncio.Task[None]] = []
        self._publishing: asyncio.TimerHandle | None = None
        self._published_at = float("-inf")

    def start(self) -> None:
        """Needs a running loop."""
        if self._registry is not None:
            self._tasks.append(spawn(self._follow_control(self._registry), f"control keys of {self._routing.service}"))
        if isinstance(self._addresses, Prefix) and self._registry is not None:
            follow = self._follow_addresses(self._registry, self._addresses)
            self._tasks.append(spawn(follow, f"addresses of {self._routing.service}"))

    async def close(self) -> None:
        if self._publishing is not None:
            self._publishing.cancel()
        await stop(*self._tasks)

    # ---- listeners

    def listen(self, listener: Listener) -> None:
        """It hears at once what is known already."""
        self._listeners.append(listener)
        if self._control_known:
            listener.routing(self._routing, self._revision, self._epoch)
        if self._denied:
            listener.denied(True)
        if self._backends is not None and self._control_known:
            listener.event("initial", len(self._backends), 0, len(self._backends), "")
            listener.backends(self._backends)
        elif self._error:
            listener.failed(self._error)

    def unlisten(self, listener: Listener) -> bool:
        """True when nobody listens any more."""
        self._listeners = [other for other in self._listeners if other is not listener]
        return not self._listeners

    def _tell(self, kind: str, added: int = 0, removed: int = 0, text: str = "") -> None:
        size = len(self._backends or ())
        for listener in self._listeners:
            listener.event(kind, added, removed, size, text)

    # ---- addresses

    async def _follow_addresses(self, registry: Registry, prefix: Prefix) -> None:
        async for message in registry.watch(prefix.key):
            match message:
                case Changes():
                    self._recovered()
                    self._take(message, prefix.parse)
                case Stale(reason=reason, denied=denied):
                    self._stale(reason, denied)
                case Progress():
                    self._recovered()

    def _take(self, changes: Changes, parse: Parse) -> None:
        for event in changes.events:
            registration = parse(event.kv) if isinstance(event, WatchPut) else None
            if registration is not None:
                self._directory.put(registration)
            else:
                self._directory.delete(key_text(event.kv.key if isinstance(event, WatchPut) else event.key))
        if self._backends is None and not changes.synced:
            return
        if self._publishing is not None:
            return
        loop = asyncio.get_running_loop()
        wait = self._published_at + MIN_INTERVAL_S - loop.time()
        kind = "initial" if self._backends is None else "relist" if changes.relisted else ""
        if wait <= 0:
            self._publish(kind)
        else:
            self._publishing = loop.call_later(wait, self._publish, kind)

    def _publish(self, kind: str) -> None:
        self._publishing = None
        self._published_at = asyncio.get_running_loop().time()
        before = {backend.address for backend in self._backends or ()}
        backends = self._directory.backends()
        if backends == self._backends:
            return
        self._backends = backends
        after = {backend.address for backend in backends}
        added, removed = len(after - before), len(before - after)
        self._tell(kind or ("put" if added or not removed else "delete"), added, removed)
        if self._control_known:
            for listener in self._listeners:
                listener.backends(backends)

    def _stale(self, reason: str, denied: bool) -> None:
        if not self._error:
            self._tell("denied" if denied else "stale", text=reason)
        self._error = reason
        if self._backends is None:
            for listener in self._listeners:
                listener.failed(reason)

    def _recovered(self) -> None:
        if self._error:
            self._error = ""
            self._tell("recovered")

    # ---- control keys

    async def _follow_control(self, registry: Registry) -> None:
        async for message in registry.watch(service_prefix(self._routing.service).encode()):
            match message:
                case Changes():
                    self._obey(message)
                case Stale(reason=reason, denied=denied):
                    self._cannot_obey(reason, denied)
                case Progress():
                    self._set_denied(False)

    def _obey(self, changes: Changes) -> None:
        self._set_denied(False)
        self._routing = fold(self._routing, changes.events)
        self._revision, self._epoch = changes.revision, changes.epoch
        for listener in self._listeners:
            listener.routing(self._routing, self._revision, self._epoch)
        if changes.synced:
            self._now_known()

    def _cannot_obey(self, reason: str, denied: bool) -> None:
        """Balance on with what is known: steering must never be a reason not to serve."""
        if denied and not self._denied:
            self._tell("denied", text=f"control keys: {reason}")
        self._set_denied(denied)
        self._now_known()

    def _set_denied(self, denied: bool) -> None:
        if denied != self._denied:
            self._denied = denied
            for listener in self._listeners:
                listener.denied(denied)

    def _now_known(self) -> None:
        if self._control_known:
            return
        self._control_known = True
        if self._backends is not None:
            for listener in self._listeners:
                listener.backends(self._backends)
