"""One registry connection and one set of watches per process and service, however many channels use them."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from functools import partial

from lbdash.balancing.endpoint import Backend
from lbdash.balancing.resolver import Addresses, Listener, Prefix, ServiceWatch
from lbdash.balancing.target import STATIC, Target
from lbdash.model import Registration
from lbdash.registry import conventions
from lbdash.registry.etcd import EtcdRegistry
from lbdash.registry.kv import KeyValue, Registry
from lbdash.registry.watch import CLIENT

DETECTED = "etcd"  # whose key layout is assumed when a target names no convention: `<service>/<anything>`


class Resolution:
    """One channel's share of a ServiceWatch. Opens what nobody has opened yet; the last one out closes it.

    `registry` None: the target's etcd hosts, or nothing for a static target. Raises ValueError for a target that
    names neither etcd hosts nor a registry.
    """

    def __init__(self, target: Target, registry: Registry | None) -> None:
        if registry is None and target.convention != STATIC and not target.etcd:
            raise ValueError(f"the target of {target.service!r} names no etcd host: give them, or registry=")
        if target.convention not in (STATIC, ""):
            conventions.by_name(target.convention)
        self._target, self._given = target, registry
        self._shared: _Shared | None = None
        self._listener: Listener | None = None

    def start(self, listener: Listener) -> None:
        """Needs a running loop."""
        key = (asyncio.get_running_loop(), id(self._given) if self._given else self._target.etcd, self._target)
        shared = _open.get(key)
        if shared is None:
            shared = _open[key] = _Shared(key, self._target, self._given)
        self._shared, self._listener = shared, listener
        shared.watch.listen(listener)

    async def close(self) -> None:
        shared, self._shared = self._shared, None
        if shared is not None and self._listener is not None and shared.watch.unlisten(self._listener):
            await shared.close()


class _Shared:
    def __init__(self, key: Hashable, target: Target, given: Registry | None) -> None:
        self._key = key
        self._connection = _Connection.to(target.etcd) if given is None and target.etcd else None
        registry = given or (self._connection.registry if self._connection else None)
        self.watch = ServiceWatch(target.service, registry, _addresses(target))
        self.watch.start()

    async def close(self) -> None:
        _open.pop(self._key, None)
        await self.watch.close()
        if self._connection is not None:
            await self._connection.release()


class _Connection:
    """An EtcdRegistry that several services of one process share."""

    def __init__(self, key: Hashable, etcd: tuple[str, ...]) -> None:
        self._key = key
        self._users = 0
        self.registry = EtcdRegistry(etcd, tuning=CLIENT)

    @classmethod
    def to(cls, etcd: tuple[str, ...]) -> _Connection:
        key = (asyncio.get_running_loop(), etcd)
        connection = _connections.get(key)
        if connection is None:
            connection = _connections[key] = cls(key, etcd)
        connection._users += 1
        return connection

    async def release(self) -> None:
        self._users -= 1
        if self._users == 0:
            _connections.pop(self._key, None)
            await self.registry.close()


_open: dict[Hashable, _Shared] = {}
_connections: dict[Hashable, _Connection] = {}


def _addresses(target: Target) -> Addresses:
    if target.convention == STATIC:
        return tuple(Backend(address) for address in target.addresses)
    prefix = conventions.by_name(target.convention or DETECTED).watch_prefix(target.service)
    return Prefix(prefix.encode(), partial(_parse, target))


def _parse(target: Target, kv: KeyValue) -> Registration | None:
    """None for a key that lies deeper and belongs to another service."""
    registration = conventions.parse(kv, target.convention)
    return registration if not target.convention or registration.service == target.service else None
