"""The audit log of `control.audit`, in the database: a command is on disk before it is tried."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.db import DatabaseError, close_old_connections

from lbdash.control.audit import AuditEntry, AuditError
from lbdash.web.models import AuditRecord

T = TypeVar("T")


class DatabaseAudit:
    """An AuditLog. Every method raises AuditError when the database does not answer, is full, or says no."""

    async def begin(self, entry: AuditEntry) -> None:
        fields = asdict(entry)
        await _in_thread(lambda: AuditRecord.objects.create(command_id=fields.pop("id"), **fields))

    async def finish(
        self, id: str, outcome: str, *, text: str = "", generation: int | None = None, revision: int | None = None
    ) -> None:
        fields: dict[str, Any] = {"outcome": outcome, "generation": generation, "revision": revision}
        if text:
            fields["text"] = text
        if not await _in_thread(lambda: AuditRecord.objects.filter(command_id=id).update(**fields)):
            raise AuditError(f"the audit log has no command {id}")

    async def find(self, id: str) -> AuditEntry | None:
        record = await _in_thread(lambda: AuditRecord.objects.filter(command_id=id).first())
        return entry_of(record) if record else None

    async def recent(self, limit: int, before: str = "") -> Sequence[AuditEntry]:
        records = await _in_thread(lambda: _page(limit, before))
        return [entry_of(record) for record in records]


def _page(limit: int, before: str) -> list[AuditRecord]:
    newest_first = AuditRecord.objects.order_by("-id")
    if before:
        newest_first = newest_first.filter(id__lt=AuditRecord.objects.filter(command_id=before).values("id"))
    return list(newest_first[:limit])


async def _in_thread(work: Callable[[], T]) -> T:
    # The executor outlives requests, so nobody else drops a connection that the database has closed meanwhile.
    def call() -> T:
        close_old_connections()
        return work()

    try:
        return await sync_to_async(call)()
    except (DatabaseError, ValueError) as error:  # ValueError: text that a database cannot hold, such as a zero byte
        raise AuditError(f"the audit log cannot be reached: {error}") from error


def entry_of(record: AuditRecord) -> AuditEntry:
    return AuditEntry(
        id=record.command_id,
        service=record.service,
        verb=record.verb,
        command=record.command,
        by=record.by,
        reason=record.reason,
        at=record.at,
        seen=record.seen,
        text=record.text,
        forced=record.forced,
        objections=tuple(record.objections),
        before=record.before,
        after=record.after,
        outcome=record.outcome,
        generation=record.generation,
        revision=record.revision,
    )
