"""One command as one transaction: lease, compare, put, and what the answer means."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from lbdash.control.plan import Change
from lbdash.registry.control_keys import FREEZE
from lbdash.registry.kv import Delete, KeyValue, Put, Registry, RegistryError, RegistryUnavailable, Unchanged

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Written:
    """`outcome` "applied" | "conflict" | "failed" | "unknown". `current`: on a conflict, the compared keys present."""

    outcome: str
    text: str = ""
    revision: int | None = None
    lease: int = 0
    current: tuple[KeyValue, ...] = ()


async def write(registry: Registry, changes: Sequence[Change], lease_s: int | None) -> Written:
    """Nothing is retried. On "unknown" the lease is left alone: the transaction may have put keys on it."""
    lease = 0
    try:
        lease = await registry.lease_grant(lease_s) if lease_s is not None else 0
    except RegistryError as error:
        return Written("failed", f"No lease was granted, nothing was written: {error}")
    written = await _transact(registry, changes, lease)
    if lease and written.outcome in ("conflict", "failed"):
        await revoke(registry, lease)
    return written


async def revoke(registry: Registry, lease: int) -> None:
    """For tidiness: a lease without keys ends by itself, so a failure is only worth a line in the log."""
    try:
        await registry.lease_revoke(lease)
    except RegistryError as error:
        log.info("lease %x could not be revoked: %s", lease, error)


async def _transact(registry: Registry, changes: Sequence[Change], lease: int) -> Written:
    compares = [Unchanged(change.key.encode(), change.compared) for change in changes]
    if all(change.key != FREEZE for change in changes):
        compares.append(Unchanged(FREEZE.encode(), 0))  # a freeze we have not seen yet stops us too
    try:
        answer = await registry.txn(compares, [op for change in changes if (op := _operation(change, lease))])
    except RegistryUnavailable as error:
        return Written("unknown", f"The answer was lost; it may have been written: {error}", lease=lease)
    except RegistryError as error:
        return Written("failed", f"Nothing was written: {error}")
    if not answer.succeeded:
        return Written("conflict", "Somebody was faster; nothing was written.", current=answer.current)
    return Written("applied", revision=answer.revision, lease=lease)


def _operation(change: Change, lease: int) -> Put | Delete | None:
    key = change.key.encode()
    if change.after is not None:
        return Put(key, change.after, lease if change.leased else 0)
    return Delete(key) if change.before else None
