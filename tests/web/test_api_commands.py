"""Steering through the API, over the real executor and a registry in memory."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lbdash.web.models import AuditRecord
from tests.web import world
from tests.web.api_schema import ALL, check
from tests.web.browser import Answer, Browser
from tests.web.conftest import World
from tests.web.world import ALICE, BOB, SERVICE

PATH = f"/api/v1/services/{SERVICE}/commands"
FIRST, SECOND, THIRD = world.BACKENDS


def drain(*backends: str, **more: Any) -> dict[str, Any]:
    return {"command": "drain", "backends": backends, "generation": 0, "reason": "kernel update", **more}


async def operator(found: World) -> Browser:
    return await found.script("operator")


async def test_a_drain_is_written_audited_and_followed_to_its_effect(armed: World) -> None:
    script = await operator(armed)
    answer = await script.post_json(PATH, drain(FIRST, id="deploy-1"))
    result = answer.json()
    check(result, ALL["Result"])
    assert (answer.status, result["outcome"], result["generation"]) == (200, "applied", 1)
    record = await AuditRecord.objects.aget()
    assert (record.by, record.outcome, record.reason) == ("token:ci@192.0.2.7", "applied", "kernel update")
    await settled(armed, 1)
    now = armed.runtime.clock()
    for client in (ALICE, BOB):
        told = world.report(client, now, picks=110, inflight=0, applied_revision=result["revision"])
        armed.runtime.store.apply([told])
    await armed.runtime.executor.observe()
    progress = (await script.get("/api/v1/commands/deploy-1")).json()
    check(progress, ALL["Progress"])
    assert progress["clients"]["total"] == progress["clients"]["seen"] == 2
    assert (progress["drained"], progress["inflight"]) == (True, 0)
    backend = (await script.get(f"/api/v1/services/{SERVICE}")).json()["backends"][0]
    assert (backend["admin"], backend["share"]["configured"]) == ("drain", 0)


async def settled(found: World, generation: int) -> None:
    """The watch has brought back what was written."""
    changes = found.runtime.store.subscribe()
    while found.runtime.store.view().state.services[SERVICE].routing.generation.number < generation:
        await changes.wait()
    changes.close()


async def test_the_same_id_twice_is_one_command(armed: World) -> None:
    script = await operator(armed)
    first = (await script.post_json(PATH, drain(FIRST, id="deploy-1"))).json()
    again = (await script.post_json(PATH, drain(FIRST, id="deploy-1"))).json()
    assert again == first
    other = await script.post_json(PATH, drain(SECOND, id="deploy-1"))
    assert (other.status, other.json()["objections"][0]["code"]) == (422, "id_reused")
    assert await AuditRecord.objects.filter(outcome="applied").acount() == 1


async def test_who_comes_second_gets_a_409_with_both_sides(armed: World) -> None:
    script = await operator(armed)
    assert (await script.post_json(PATH, drain(FIRST))).status == 200
    answer = await script.post_json(PATH, drain(SECOND))
    assert answer.status == 409
    check(answer.json(), ALL["Result"])
    assert answer.json()["conflict"]
    assert answer.json()["error"]["code"] == "conflict"


async def test_a_guard_refuses_and_force_goes_past_it(armed: World) -> None:
    script = await operator(armed)
    answer = await script.post_json(PATH, drain(FIRST, SECOND, THIRD))
    result = answer.json()
    assert (answer.status, result["outcome"]) == (422, "refused")
    assert result["objections"]
    forced = drain(FIRST, SECOND, THIRD, force={"service": SERVICE, "reason": "a test of the fallback"})
    assert (await script.post_json(PATH, forced)).status == 200
    entries = (await script.get("/api/v1/commands")).json()
    check(entries, ALL["Commands"])
    assert entries["commands"][0]["forced"] == "a test of the fallback"


async def test_freeze_stops_all_commands_until_it_is_lifted(armed: World) -> None:
    script = await operator(armed)
    assert (await script.post_json("/api/v1/freeze", {"on": True, "reason": "incident"})).status == 200
    changes = armed.runtime.store.subscribe()
    while armed.runtime.store.view().state.freeze is None:
        await changes.wait()
    changes.close()
    answer = await script.post_json(PATH, drain(FIRST))
    assert (answer.status, answer.json()["objections"][0]["code"]) == (422, "frozen")
    assert (await script.get("/api/v1/status")).json()["frozen"]["reason"] == "incident"


async def test_without_an_audit_log_nothing_is_steered(armed: World) -> None:
    script = await operator(armed)
    await script.get("/api/v1/status")
    await drop_audit()
    try:
        answer = await script.post_json(PATH, drain(FIRST))
        assert (answer.status, answer.json()["objections"][0]["code"]) == (422, "audit")
        assert (await script.get("/api/v1/commands")).json()["error"]["code"] == "audit"
    finally:
        await restore_audit()
    assert not armed.runtime.store.view().state.services[SERVICE].routing.raw


async def drop_audit() -> None:
    await _sql('ALTER TABLE "web_auditrecord" RENAME TO "away"')


async def restore_audit() -> None:
    await _sql('ALTER TABLE "away" RENAME TO "web_auditrecord"')


async def _sql(statement: str) -> None:
    from asgiref.sync import sync_to_async
    from django.db import connection

    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    await sync_to_async(run)()


BAD: list[tuple[object, str]] = [
    (drain(FIRST, generation=None), "generation:"),
    (drain(FIRST, generation="0"), "generation:"),
    (drain(FIRST, generation=True), "generation:"),
    (drain(FIRST, generation=-1), "generation:"),
    (drain(FIRST, generation=2**60), "generation:"),
    (drain(), "backends:"),
    (drain("nowhere"), "backends:"),
    ({**drain(FIRST), "backends": FIRST}, "backends:"),
    (drain(FIRST, for_s=-5), "for_s:"),
    (drain(FIRST, for_s="4h"), "for_s:"),
    (drain(FIRST, for_=3600), "for_:"),
    (drain(FIRST, id="../x"), "id:"),
    (drain(FIRST, id=7), "id:"),
    (drain(FIRST, reason=7), "reason:"),
    (drain(FIRST, reason="x" * 301), "reason:"),
    (drain(FIRST, force=True), "force:"),
    (drain(FIRST, force={"service": SERVICE}), "force.reason:"),
    (drain(FIRST, force={"service": 1, "reason": "x"}), "force.service:"),
    ({"command": "explode", "generation": 0}, "command:"),
    ({"command": ["drain"], "generation": 0}, "command:"),
    ({"command": "freeze", "on": True}, "command:"),
    ({"command": "weight", "generation": 0, "weights": {FIRST: "50"}}, "weights:"),
    ({"command": "weight", "generation": 0, "weights": [50]}, "weights:"),
    ({"command": "versions", "generation": 0, "value": [1]}, "value:"),
    ([], "The body"),
    (b"", "The body"),
    (b"{", "The body"),
    (b'{"command": NaN}', "The body"),
    (b'{"reason": "\\ud800"}', "The body"),
    (b'{"reason": "\\u0000"}', "The body"),
    (b"\xff\xfe", "The body"),
    (b"[" * 100_000, "The body"),
]


@pytest.mark.parametrize(("body", "field"), BAD, ids=[str(number) for number in range(len(BAD))])
async def test_a_wrong_field_is_named_and_nothing_is_tried(armed: World, body: object, field: str) -> None:
    answer = await (await operator(armed)).post_json(PATH, body)
    assert answer.status == 400, answer.text
    check(answer.json(), ALL["Error"])
    assert answer.json()["error"]["message"].startswith(field)
    assert not await AuditRecord.objects.aexists()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (drain("10.9.9.9:1"), "unknown_backend"),
        ({"command": "weight", "generation": 0, "weights": {FIRST: -1}}, "weight"),
        ({"command": "weight", "generation": 0, "weights": {FIRST: 0}}, "weight"),
        ({"command": "versions", "generation": 0, "shares": {"v1": 90, "v2": 20}}, "versions"),
        ({"command": "policy", "generation": 0, "name": 7}, "policy"),
        ({"command": "undo", "generation": 0, "of": "nothing"}, "unknown_command"),
    ],
)
async def test_what_makes_no_sense_for_the_service_is_refused(armed: World, body: object, code: str) -> None:
    answer = await (await operator(armed)).post_json(PATH, body)
    assert answer.status == 422, answer.text
    assert answer.json()["objections"][0]["code"] == code


async def test_a_body_that_is_too_large_or_no_json_is_refused(armed: World) -> None:
    script = await operator(armed)
    answer = await script.post_json(PATH, b" " * 300_000)
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (413, "too_large")
    form = await script.send("POST", PATH, b"command=drain", {"content_type": "application/x-www-form-urlencoded"})
    assert (form.status, form.json()["error"]["code"]) == (400, "not_json")


async def test_an_unknown_service_is_a_404(armed: World) -> None:
    answer: Answer = await (await operator(armed)).post_json("/api/v1/services/nobody/commands", drain(FIRST))
    assert (answer.status, answer.json()["error"]["code"]) == (404, "unknown_service")
