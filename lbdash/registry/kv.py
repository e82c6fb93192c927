"""What lbdash needs of a key-value registry, as a protocol, and the words it is spoken in.

Two implementations: `etcd.EtcdRegistry` (etcd v3) and `memory.MemoryRegistry` (a dict). One contract
test runs over both. Keys and values are bytes, as in etcd; revisions are etcd's (a put or delete
moves the revision by one per transaction).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol


class RegistryError(Exception):
    """The registry answered with an error; the text names what was asked and what to do."""


class RegistryUnavailable(RegistryError):
    """No endpoint answered in time. For a transaction this means *unknown*: it may have been applied."""


class PermissionDenied(RegistryError):
    """The user may not do this; the text names the key or prefix."""


class LeaseNotFound(RegistryError):
    """The lease ended or never was."""


@dataclass(frozen=True, slots=True)
class KeyValue:
    key: bytes
    value: bytes
    create_revision: int
    mod_revision: int
    version: int
    lease: int  # 0 = none


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything under a prefix at one revision."""

    items: tuple[KeyValue, ...]
    revision: int
    cluster_id: int


# ---- transactions


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Compare: the key's mod_revision is still `mod_revision` (0 = the key is absent)."""

    key: bytes
    mod_revision: int


@dataclass(frozen=True, slots=True)
class Put:
    key: bytes
    value: bytes
    lease: int = 0


@dataclass(frozen=True, slots=True)
class Delete:
    key: bytes


@dataclass(frozen=True, slots=True)
class TxnResult:
    """`succeeded` False: a compare failed and nothing was written. `current` are then the compared keys as they are."""

    succeeded: bool
    revision: int
    current: tuple[KeyValue, ...] = ()


# ---- watching


@dataclass(frozen=True, slots=True)
class WatchPut:
    kv: KeyValue


@dataclass(frozen=True, slots=True)
class WatchDelete:
    key: bytes
    revision: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What one watch delivered, in revision order; `revision` is the newest revision it carries.

    `synced` True once the mirror is known to be complete up to `revision`: after the first list, and after each
    repair (`relisted` True: the events are the difference between what we had and what is there).
    `epoch` rises when the data under us was replaced (a wiped data directory): revisions of two epochs do not compare.
    """

    events: tuple[WatchPut | WatchDelete, ...]
    revision: int
    synced: bool = False
    relisted: bool = False
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Stale:
    """The watch is broken and heals itself; `reason` is for people. Until `Changes(synced=True)` or `Progress`."""

    reason: str
    denied: bool = False  # the user may not read the prefix: retried slowly


@dataclass(frozen=True, slots=True)
class Progress:
    """Proof of life without changes: the mirror is complete up to `revision` (at most every few seconds)."""

    revision: int


WatchMessage = Changes | Stale | Progress


@dataclass(frozen=True, slots=True)
class RegistryStats:
    """What we cost the registry since the start, and what it says of itself. Shown on Status."""

    rpcs: int = 0
    watches: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    rpcs_by_method: tuple[tuple[str, int], ...] = ()


class Registry(Protocol):
    """All methods raise `RegistryUnavailable`, `PermissionDenied` or `RegistryError`; none retries a write."""

    async def get(self, key: bytes) -> KeyValue | None: ...

    async def list(self, prefix: bytes, *, limit: int = 0, keys_only: bool = False) -> Listing:
        """Everything under `prefix` at ONE revision, in pages; `limit` > 0 stops early (a sample)."""
        ...

    def watch(self, prefix: bytes) -> AsyncGenerator[WatchMessage, None]:
        """List, then follow for ever, healing itself. First comes `Changes(synced=True)` or `Stale`. Ends on close."""
        ...

    async def put(self, key: bytes, value: bytes, *, lease: int = 0) -> int:
        """Returns the revision. LeaseNotFound when `lease` is gone."""
        ...

    async def delete(self, key: bytes) -> int:
        """Returns the revision; no error when the key is absent."""
        ...

    async def txn(self, compare: Sequence[Unchanged], success: Sequence[Put | Delete]) -> TxnResult: ...

    async def lease_grant(self, ttl_s: int) -> int:
        """Returns the lease id."""
        ...

    async def lease_keepalive(self, lease: int) -> int:
        """One renewal. Returns the TTL in seconds. LeaseNotFound when it is gone."""
        ...

    async def lease_revoke(self, lease: int) -> None: ...

    async def lease_ttl(self, lease: int) -> int | None:
        """Remaining whole seconds, None when the lease is gone."""
        ...

    async def cluster_id(self) -> int: ...

    async def alarms(self) -> tuple[str, ...]:
        """etcd's own alarms, e.g. ("NOSPACE",); empty when well."""
        ...

    def stats(self) -> RegistryStats: ...

    async def close(self) -> None: ...
