"""The registry protocol over a dict: for tests, and for trying lbdash without an etcd.

Revisions, transactions, leases, watches and compaction behave as in etcd (one contract test runs over
both), except that a lease ends only when `expire` says so. `interrupt`, `compact` and `wipe` play the
faults a real registry has.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace

from lbdash.registry.kv import (
    Changes,
    Delete,
    KeyValue,
    LeaseNotFound,
    Listing,
    Progress,
    Put,
    RegistryError,
    RegistryStats,
    RegistryUnavailable,
    Stale,
    TxnResult,
    Unchanged,
    WatchDelete,
    WatchMessage,
    WatchPut,
)
from lbdash.registry.mirror import Mirror, WatchEvent

MAX_OPERATIONS = 128  # etcd's limit for one transaction


@dataclass(slots=True)
class _Lease:
    ttl_s: int
    keys: set[bytes] = field(default_factory=set)


class MemoryRegistry:
    """`history`: how many revisions a watcher may lag before it lists again."""

    def __init__(self, *, history: int = 10_000, cluster_id: int = 1) -> None:
        self._cluster_id = cluster_id
        self._revision = 1
        self._data: dict[bytes, KeyValue] = {}
        self._leases: dict[int, _Lease] = {}
        self._next_lease = 1000
        self._history: deque[tuple[int, tuple[WatchEvent, ...]]] = deque(maxlen=history)
        self._compacted = 1  # changes up to here are no longer in `_history`
        self._outage: str | None = None
        self._closed = False
        self._changed = asyncio.Event()  # replaced at each change, so that a watcher cannot miss one
        self._calls: Counter[str] = Counter()
        self._watches = 0

    # ---- reading

    async def get(self, key: bytes) -> KeyValue | None:
        self._call("get")
        return self._data.get(key)

    async def list(self, prefix: bytes, *, limit: int = 0, keys_only: bool = False) -> Listing:
        self._call("list")
        return self._listing(prefix, limit, keys_only)

    async def watch(self, prefix: bytes) -> AsyncGenerator[WatchMessage, None]:
        self._watches += 1
        mirror = Mirror()
        try:
            while not self._closed:
                changed = self._changed
                for message in self._outage_story() if self._outage else self._news(prefix, mirror):
                    yield message
                if changed is self._changed:
                    await changed.wait()
        finally:
            self._watches -= 1

    # ---- writing

    async def put(self, key: bytes, value: bytes, *, lease: int = 0) -> int:
        self._call("put")
        return self._write([Put(key, value, lease)])

    async def delete(self, key: bytes) -> int:
        self._call("delete")
        return self._write([Delete(key)])

    async def txn(self, compare: Sequence[Unchanged], success: Sequence[Put | Delete]) -> TxnResult:
        self._call("txn")
        if max(len(compare), len(success)) > MAX_OPERATIONS:
            raise RegistryError(f"transaction: too many operations (limit {MAX_OPERATIONS})")
        if all(self._mod_revision(c.key) == c.mod_revision for c in compare):
            return TxnResult(True, self._write(success))
        current = tuple(self._data[c.key] for c in compare if c.key in self._data)
        return TxnResult(False, self._revision, current)

    # ---- leases

    async def lease_grant(self, ttl_s: int) -> int:
        self._call("lease_grant")
        if ttl_s <= 0:
            raise RegistryError(f"lease: the TTL must be at least 1 s, not {ttl_s}")
        self._next_lease += 1
        self._leases[self._next_lease] = _Lease(ttl_s)
        return self._next_lease

    async def lease_keepalive(self, lease: int) -> int:
        self._call("lease_keepalive")
        return self._lease(lease).ttl_s

    async def lease_revoke(self, lease: int) -> None:
        self._call("lease_revoke")
        self._lease(lease)
        self.expire(lease)

    async def lease_ttl(self, lease: int) -> int | None:
        self._call("lease_ttl")
        found = self._leases.get(lease)
        return None if found is None else found.ttl_s

    # ---- the registry itself

    async def cluster_id(self) -> int:
        self._call("status")
        return self._cluster_id

    async def alarms(self) -> tuple[str, ...]:
        self._call("alarm")
        return ()

    def stats(self) -> RegistryStats:
        calls = tuple(sorted(self._calls.items()))
        return RegistryStats(rpcs=self._calls.total(), watches=self._watches, rpcs_by_method=calls)

    async def close(self) -> None:
        self._closed = True
        self._notify()

    # ---- faults

    def expire(self, lease: int) -> None:
        """The lease ends now; its keys go in one revision."""
        found = self._leases.pop(lease, None)
        if found is not None and found.keys:
            self._write([Delete(key) for key in sorted(found.keys)])

    def compact(self) -> None:
        """Forget the history: a watcher that lags lists again."""
        self._history.clear()
        self._compacted = self._revision

    def interrupt(self, reason: str | None) -> None:
        """With a reason: every call fails and watches go stale. With None: all is well again."""
        self._outage = reason
        self._notify()

    def wipe(self) -> None:
        """The data directory was lost: no keys, no leases, revisions from 1."""
        self._data.clear()
        self._leases.clear()
        self._revision = 1
        self.compact()
        self._notify()

    # ---- inside

    def _call(self, method: str) -> None:
        self._calls[method] += 1
        if self._closed:
            raise RegistryUnavailable(f"{method}: the registry is closed")
        if self._outage:
            raise RegistryUnavailable(f"{method}: {self._outage}")

    def _listing(self, prefix: bytes, limit: int = 0, keys_only: bool = False) -> Listing:
        found = [self._data[key] for key in sorted(self._data) if key.startswith(prefix)]
        items = tuple(found[:limit] if limit else found)
        if keys_only:
            items = tuple(replace(kv, value=b"") for kv in items)
        return Listing(items, self._revision, self._cluster_id)

    def _outage_story(self) -> Sequence[WatchMessage]:
        return [Stale(self._outage or "")]

    def _news(self, prefix: bytes, mirror: Mirror) -> Sequence[WatchMessage]:
        first = mirror.empty
        if first or mirror.revision < self._compacted or mirror.revision > self._revision:
            events = mirror.replace(self._listing(prefix))
            return [Changes(events, mirror.revision, synced=True, relisted=not first, epoch=mirror.epoch)]
        recent = [event for revision, batch in self._history if revision > mirror.revision for event in batch]
        events = mirror.apply((event for event in recent if _key(event).startswith(prefix)), self._revision)
        if not events:
            return [Progress(mirror.revision)]
        return [Changes(events, mirror.revision, epoch=mirror.epoch)]

    def _write(self, operations: Sequence[Put | Delete]) -> int:
        """Apply operations as one revision. Nothing is written when one of them cannot be."""
        self._check(operations)
        effective = [op for op in operations if isinstance(op, Put) or op.key in self._data]
        if effective:
            self._revision += 1
            self._record(tuple(self._apply(op) for op in effective))
        return self._revision

    def _check(self, operations: Sequence[Put | Delete]) -> None:
        keys = [op.key for op in operations]
        if b"" in keys:
            raise RegistryError("write: the key is empty")
        if len(set(keys)) != len(keys):
            raise RegistryError("transaction: a key is written twice")
        for op in operations:
            if isinstance(op, Put) and op.lease:
                self._lease(op.lease)

    def _apply(self, op: Put | Delete) -> WatchEvent:
        old = self._data.pop(op.key, None)
        if old is not None and old.lease in self._leases:
            self._leases[old.lease].keys.discard(op.key)
        if isinstance(op, Delete):
            return WatchDelete(op.key, self._revision)
        created, version = (old.create_revision, old.version + 1) if old else (self._revision, 1)
        kv = KeyValue(op.key, op.value, created, self._revision, version, op.lease)
        self._data[op.key] = kv
        if op.lease:
            self._leases[op.lease].keys.add(op.key)
        return WatchPut(kv)

    def _record(self, events: tuple[WatchEvent, ...]) -> None:
        if len(self._history) == self._history.maxlen and self._history:
            self._compacted = self._history[0][0]
        self._history.append((self._revision, events))
        self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _mod_revision(self, key: bytes) -> int:
        found = self._data.get(key)
        return found.mod_revision if found else 0

    def _lease(self, lease: int) -> _Lease:
        if lease not in self._leases:
            raise LeaseNotFound(f"lease {lease} is gone")
        return self._leases[lease]


def _key(event: WatchEvent) -> bytes:
    return event.kv.key if isinstance(event, WatchPut) else event.key
