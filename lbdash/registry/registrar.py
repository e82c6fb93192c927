"""Keep a key in the registry for as long as we live, and not longer."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Mapping
from contextlib import aclosing, suppress
from typing import Self

from lbdash.model import DEFAULT_WEIGHT, canonical_address
from lbdash.registry.conventions import Instance, by_name
from lbdash.registry.kv import (
    Changes,
    LeaseNotFound,
    Registry,
    RegistryError,
    RegistryUnavailable,
    WatchDelete,
    WatchPut,
)
from lbdash.tasks import Backoff, spawn, stop

log = logging.getLogger(__name__)


class LeasedKey:
    """A key on a lease of its own, as a context manager: written, kept alive, written again when lost, removed.

    Entering returns at once; `registered` is set while the key is known to be there. An etcd that is away
    costs nothing but time. `key` is never written without a lease, so nothing outlives a crash by more than the TTL.
    Re-registers with a new lease when the old one ended, and when somebody deleted the key.
    """

    def __init__(self, registry: Registry, key: bytes, value: bytes, *, ttl_s: int = 10) -> None:
        self.registered = asyncio.Event()
        self.lease = 0  # 0 = none now
        self.registrations = 0  # how often the key was written; more than 1 = it was lost meanwhile
        self.problem = ""  # why it is not registered, for people
        if ttl_s < 1:
            raise ValueError(f"a registration lives at least 1 s, not {ttl_s}")
        self._registry, self._ttl_s = registry, ttl_s
        self._entry = (key, value)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = spawn(self._run(), f"registration {self.entry(0)[0].decode(errors='backslashreplace')[:100]}")
        return self

    async def __aexit__(self, *_: object) -> None:
        await stop(self._task)
        self.registered.clear()
        with suppress(RegistryError):  # an etcd that is away: the TTL ends it
            await self._revoke()

    def entry(self, lease: int) -> tuple[bytes, bytes]:
        """Key and value for a registration on `lease`."""
        return self._entry

    # ---- inside

    async def _run(self) -> None:
        backoff = Backoff(first=0.2, limit=max(1.0, self._ttl_s / 3))
        while True:
            try:
                await self._register()
                backoff.reset()
                await self._keep()
                self.problem = "its key was deleted"
            except RegistryError as error:
                self.problem = str(error)
            self.registered.clear()
            log.warning("registration lost: %s", self.problem)
            await backoff.sleep()

    async def _register(self) -> None:
        # A lease that may live still carries our key; a second one would leave the first key behind until its TTL.
        await self._revoke()
        self.lease = await self._registry.lease_grant(self._ttl_s)
        key, value = self.entry(self.lease)
        await self._registry.put(key, value, lease=self.lease)
        self.registrations += 1
        self.problem = ""
        self.registered.set()

    async def _keep(self) -> None:
        """Renew until the lease is lost (raises) or somebody deletes the key (returns)."""
        deleted = spawn(self._until_deleted(), "registration watch")
        try:
            while not deleted.done():
                await asyncio.wait({deleted}, timeout=self._ttl_s / 3)
                await self._renew()
        finally:
            await stop(deleted)

    async def _renew(self) -> None:
        """One renewal, however long it takes: only etcd can say that a lease is gone."""
        overdue = _now() + self._ttl_s
        while True:
            try:
                await self._registry.lease_keepalive(self.lease)
            except RegistryUnavailable as error:
                self.problem = str(error)
                if _now() > overdue:
                    self.registered.clear()
                await asyncio.sleep(min(1.0, self._ttl_s / 10))
            else:
                self.problem = ""
                self.registered.set()
                return

    async def _until_deleted(self) -> None:
        """Another lease on the key is no loss: where a key is an address, a restarted process takes it over."""
        key, _ = self.entry(self.lease)
        present = False
        async with aclosing(self._registry.watch(key)) as messages:
            async for message in messages:
                if isinstance(message, Changes):
                    present = _presence(message, key, present)
                    if not present:
                        return

    async def _revoke(self) -> None:
        """Ends the lease, and the key with it."""
        if self.lease:
            with suppress(LeaseNotFound):
                await self._registry.lease_revoke(self.lease)
            self.lease = 0


class Registrar(LeasedKey):
    """A service's registration, written as `convention` writes it.

    `address` is what clients dial. Raises ValueError for an address that cannot be, an unknown convention, and
    what the convention cannot carry (go-zero: version, weight, metadata).
    """

    def __init__(
        self,
        registry: Registry,
        convention: str,
        service: str,
        address: str,
        *,
        version: str = "",
        weight: int = DEFAULT_WEIGHT,
        metadata: Mapping[str, str] | None = None,
        ttl_s: int = 10,
    ) -> None:
        self._convention, self._service = by_name(convention), service
        # A UUID of version 1, as hwholiday's ids: foreign tools expect one.
        self._instance = Instance(canonical_address(address), str(uuid.uuid1()), version, weight, dict(metadata or {}))
        super().__init__(registry, *self.entry(0), ttl_s=ttl_s)

    def entry(self, lease: int) -> tuple[bytes, bytes]:
        key, value = self._convention.encode(self._service, self._instance, lease)
        return key.encode(), value.encode()


def _presence(changes: Changes, key: bytes, present: bool) -> bool:
    for event in changes.events:
        if isinstance(event, WatchPut) and event.kv.key == key:
            present = True
        elif isinstance(event, WatchDelete) and event.key == key:
            present = False
    return present


def _now() -> float:
    return asyncio.get_running_loop().time()
