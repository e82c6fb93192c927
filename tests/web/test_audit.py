import resource
from dataclasses import replace

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from lbdash.control.audit import AuditEntry, AuditError
from lbdash.web.audit import DatabaseAudit

pytestmark = pytest.mark.usefixtures("db")

ENTRY = AuditEntry(
    id="c1",
    service="hwholiday.srv.app",
    verb="drain",
    command={"command": "drain", "backends": ["10.0.0.1:80"], "for_s": None},
    by="alice@10.0.0.9",
    reason="kernel <b>update</b>",
    at=1_700_000_000.25,
    seen=3,
    text="Drain 10.0.0.1:80",
    objections=("last_ready",),
    before={"/lbdash/v1/x": None},
    after={"/lbdash/v1/x": '{"state": "drain"}'},
)


async def test_an_entry_survives_a_restart_as_it_was_written() -> None:
    await DatabaseAudit().begin(ENTRY)
    await sync_to_async(connections.close_all)()
    assert await DatabaseAudit().find("c1") == ENTRY
    assert await DatabaseAudit().find("c2") is None


async def test_an_outcome_is_recorded_and_may_be_corrected() -> None:
    audit = DatabaseAudit()
    await audit.begin(ENTRY)
    await audit.finish("c1", "unknown", text="The answer was lost.")
    await audit.finish("c1", "applied", generation=4, revision=1234)
    expected = replace(ENTRY, outcome="applied", generation=4, revision=1234, text="The answer was lost.")
    assert await audit.find("c1") == expected


async def test_an_outcome_without_its_beginning_is_an_error() -> None:
    with pytest.raises(AuditError, match="c9"):
        await DatabaseAudit().finish("c9", "applied")


async def test_an_id_is_used_once() -> None:
    await DatabaseAudit().begin(ENTRY)
    with pytest.raises(AuditError):
        await DatabaseAudit().begin(ENTRY)


async def test_pages_go_back_from_the_newest() -> None:
    audit = DatabaseAudit()
    for number in range(5):
        await audit.begin(replace(ENTRY, id=f"c{number}"))
    first = await audit.recent(2)
    assert [entry.id for entry in first] == ["c4", "c3"]
    assert [entry.id for entry in await audit.recent(10, before="c3")] == ["c2", "c1", "c0"]


async def test_a_full_disk_is_an_audit_error() -> None:
    await sync_to_async(connections.close_all)()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))  # no file of this process grows past it
    try:
        with pytest.raises(AuditError, match="cannot be reached"):
            await DatabaseAudit().begin(ENTRY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert await DatabaseAudit().find("c1") is None
