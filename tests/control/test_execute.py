from __future__ import annotations

import asyncio
import json

import pytest

from lbdash.control.commands import Drain, Freeze, Maint, Ready, Request, SetPolicy, SetVersions, Undo, Weight
from lbdash.control.execute import Result
from lbdash.registry.control_keys import FREEZE, admin_key, generation_key, versions_key, weight_key
from lbdash.registry.kv import RegistryUnavailable, TxnResult
from lbdash.registry.memory import MemoryRegistry
from lbdash.tasks import spawn
from tests.control.house import APP, A, B, C, D, House, house


def codes(result: Result) -> set[str]:
    return {objection.code for objection in result.objections}


async def test_a_drain_is_one_transaction_on_a_lease(fleet: House) -> None:
    result = await fleet.run(Drain((A,), 600))
    generation, admin = await fleet.value(generation_key(APP)), await fleet.value(admin_key(APP, A))
    assert (result.outcome, result.generation) == ("applied", 1)
    assert generation == {
        "generation": 1,
        "command": result.id,
        "by": "ada@lab",
        "at": "2027-01-15T08:00:00.000Z",
        "reason": "because",
    }
    assert admin == {
        "state": "drain",
        "until": "2027-01-15T08:10:00.000Z",
        "registration": f"id-{A}",
        "by": "ada@lab",
        "reason": "because",
        "at": "2027-01-15T08:00:00.000Z",
    }
    kv = await fleet.registry.get(admin_key(APP, A).encode())
    assert kv is not None
    assert kv.mod_revision == result.revision
    assert await fleet.registry.lease_ttl(kv.lease) == 600
    assert await fleet.executor.returns_in(APP, A) == 600
    assert fleet.progress(result.id).returns_no_earlier_than == fleet.now + 600


async def test_a_permanent_drain_has_no_lease_and_ready_ends_it(fleet: House) -> None:
    await fleet.run(Drain((A,), None))
    assert await fleet.lease_of(A) == 0
    assert await fleet.executor.returns_in(APP, A) is None
    assert (await fleet.run(Ready((A,)))).outcome == "applied"
    assert await fleet.admin(A) is None


async def test_two_operators_cannot_drain_the_last_two_backends(fleet: House) -> None:
    await fleet.run(Maint((C, D)), force="we know")
    other = fleet.another()
    seen = fleet.generation
    results = await asyncio.gather(
        fleet.run(Drain((A,)), force="mine", generation=seen),
        fleet.run(Drain((B,)), force="mine", generation=seen, executor=other),
    )
    assert sorted(result.outcome for result in results) == ["applied", "conflict"]
    assert [await fleet.admin(A), await fleet.admin(B)].count("drain") == 1


async def test_a_conflict_found_by_etcd_shows_both_sides(fleet: House) -> None:
    """Our watch is behind: what we compare is what the operator saw."""
    await fleet.run(Weight({A: 50}))
    registry = fleet.registry
    assert isinstance(registry, MemoryRegistry)
    written = asyncio.Event()

    class Slow(type(registry)):  # type: ignore[misc]
        async def txn(self, compare, success):  # type: ignore[no-untyped-def]
            if not written.is_set():
                written.set()
                bump = {"generation": 2, "command": "theirs", "by": "bob@lab", "at": "then", "reason": "faster"}
                await self.put(generation_key(APP).encode(), json.dumps(bump).encode())
                await self.put(weight_key(APP, A).encode(), b'{"weight": 7, "by": "bob@lab", "reason": "faster"}')
            return await super().txn(compare, success)

    registry.__class__ = Slow
    result = await fleet.run(Weight({A: 60}))
    assert result.outcome == "conflict"
    weight = next(d for d in result.conflict if d["what"] == weight_key(APP, A))
    assert (weight["saw"], weight["wanted"], weight["now"], weight["by"]) == (
        "weight 50",
        "weight 60",
        "weight 7",
        "bob@lab",
    )
    generation = next(d for d in result.conflict if d["what"] == "generation")
    assert (generation["now"], generation["by"], generation["reason"]) == ("generation 2", "bob@lab", "faster")


async def test_an_old_generation_is_a_conflict_that_names_who_was_faster(fleet: House) -> None:
    await fleet.run(Weight({A: 50}))
    result = await fleet.run(Drain((B,)), generation=0)
    assert result.outcome == "conflict"
    (difference,) = result.conflict
    assert (difference["saw"], difference["now"]) == ("generation 0", "generation 1 (command c1)")
    assert (difference["wanted"], difference["by"]) == (f"drain {B} for 4 h", "ada@lab")
    assert await fleet.admin(B) is None
    assert fleet.audit.story[-2:] == [(result.id, "attempted"), (result.id, "conflict")]


async def test_a_generation_the_watch_has_not_shown_yet_is_waited_for(fleet: House) -> None:
    first = await fleet.run(Weight({A: 50}), settle=False)
    second = await fleet.run(Weight({B: 50}), generation=first.generation)
    assert (second.outcome, second.generation) == ("applied", 2)


class Losing(MemoryRegistry):
    """Its transactions' answers are lost; `deaf`: the requests are."""

    lose, deaf = False, False

    async def txn(self, compare, success) -> TxnResult:  # type: ignore[no-untyped-def]
        answer = TxnResult(True, 0) if self.deaf else await super().txn(compare, success)
        if self.lose:
            raise RegistryUnavailable("the connection broke")
        return answer


async def test_a_lost_answer_is_unknown_until_the_watch_shows_its_id() -> None:
    registry = Losing()
    async with house(registry) as fleet:
        fleet.register(A, B, C, D)
        registry.lose = registry.deaf = True
        result = await fleet.run(Drain((A,)))
        assert result.outcome == "unknown"
        assert fleet.progress(result.id).outcome == "unknown"
        assert fleet.audit.story == [(result.id, "attempted"), (result.id, "unknown")]
        # It reaches etcd late, after all.
        registry.lose = registry.deaf = False
        bump = {"generation": 1, "command": result.id, "by": "ada@lab"}
        await fleet.registry.put(generation_key(APP).encode(), json.dumps(bump).encode())
        await fleet.until(lambda: fleet.audit.entries[result.id].outcome == "applied" or fleet.generation == 1)
        assert fleet.progress(result.id).outcome == "applied"
        assert fleet.audit.entries[result.id].generation == 1
        again = await fleet.executor.run(_same(fleet, result.id, Drain((A,)), 0))
        assert (again.outcome, again.generation) == ("applied", 1)


def _same(fleet: House, id: str, command: Drain, generation: int) -> Request:
    return Request(command, APP, generation, "because", "ada@lab", id)


async def test_a_lost_answer_that_the_watch_outran_is_applied() -> None:
    class Late(MemoryRegistry):
        async def txn(self, compare, success) -> TxnResult:  # type: ignore[no-untyped-def]
            await super().txn(compare, success)
            await fleet.until(lambda: fleet.generation == 1)
            raise RegistryUnavailable("the connection broke")

    async with house(Late()) as fleet:
        fleet.register(A, B, C, D)
        result = await fleet.run(Drain((A,)))
        assert (result.outcome, result.generation) == ("applied", 1)
        assert fleet.audit.entries[result.id].outcome == "applied"
        progress = fleet.progress(result.id)
        assert (progress.outcome, progress.generation, progress.effective_ms) == ("applied", 1, None)


async def test_an_unknown_command_whose_generation_another_took_has_failed() -> None:
    registry = Losing()
    async with house(registry) as fleet:
        fleet.register(A, B, C, D)
        registry.lose = registry.deaf = True
        result = await fleet.run(Weight({A: 50}))
        registry.lose = registry.deaf = False
        assert (await fleet.run(Weight({A: 60}))).outcome == "applied"
        await fleet.until(lambda: fleet.progress(result.id).outcome == "failed")
        assert fleet.audit.entries[result.id].outcome == "failed"


async def test_a_command_under_way_at_a_crash_is_decided_by_the_watch_after_it(fleet: House) -> None:
    result = await fleet.run(Drain((A,)))
    entry = fleet.audit.entries[result.id]
    await fleet.audit.finish(result.id, "attempted")
    assert entry.outcome == "applied"
    restarted = fleet.another()
    await restarted._recover()
    assert fleet.audit.entries[result.id].outcome == "unknown"
    await restarted.observe()
    assert fleet.audit.entries[result.id].outcome == "applied"
    assert fleet.audit.entries[result.id].revision == result.revision


async def test_the_same_id_gets_the_first_result(fleet: House) -> None:
    first = await fleet.run(Weight({A: 50}), id="mine", generation=0)
    second = await fleet.run(Weight({A: 50}), id="mine", generation=0)
    assert second == first
    restarted = await fleet.run(Weight({A: 50}), id="mine", generation=0, executor=fleet.another())
    assert (restarted.outcome, restarted.revision) == ("applied", first.revision)
    assert fleet.generation == 1


async def test_the_same_id_at_once_is_written_once(fleet: House) -> None:
    results = await asyncio.gather(*(fleet.run(Weight({A: 50}), id="mine", generation=0) for _ in range(5)))
    assert len({result.revision for result in results}) == 1
    assert fleet.generation == 1


async def test_an_id_used_for_another_command_is_refused(fleet: House) -> None:
    await fleet.run(Weight({A: 50}), id="mine", generation=0)
    assert codes(await fleet.run(Weight({A: 60}), id="mine", generation=0)) == {"id_reused"}
    restarted = await fleet.run(Weight({A: 60}), id="mine", generation=0, executor=fleet.another())
    assert codes(restarted) == {"id_reused"}


async def test_a_command_goes_on_when_its_caller_leaves(fleet: House) -> None:
    asking = spawn(fleet.run(Weight({A: 50}), id="mine"), "ask")
    await asyncio.sleep(0)
    asking.cancel()
    await fleet.until(lambda: fleet.generation == 1)
    await fleet.run(Weight({A: 50}), id="mine", generation=0)
    assert fleet.audit.entries["mine"].outcome == "applied"


async def test_nothing_is_written_when_the_audit_trail_is_full(fleet: House) -> None:
    fleet.audit.full = True
    result = await fleet.run(Drain((A,)), id="mine")
    assert (result.outcome, codes(result)) == ("refused", {"audit"})
    assert await fleet.admin(A) is None
    fleet.audit.full = False
    assert (await fleet.run(Drain((A,)), id="mine")).outcome == "applied"


async def test_what_was_written_stays_written_when_the_audit_trail_fails_after_it() -> None:
    class Filling(MemoryRegistry):
        async def txn(self, compare, success) -> TxnResult:  # type: ignore[no-untyped-def]
            fleet.audit.full = True
            return await super().txn(compare, success)

    async with house(Filling()) as fleet:
        fleet.register(A, B, C, D)
        result = await fleet.run(Drain((A,)))
        assert result.outcome == "applied"
        assert "could not be recorded: no space left" in result.text


async def test_a_freeze_stops_every_command_until_it_ends(fleet: House) -> None:
    assert (await fleet.run(Freeze(True), service="", generation=None)).outcome == "applied"
    await fleet.until(lambda: fleet.store.view().state.freeze)
    refused = await fleet.run(Drain((A,)))
    assert (refused.outcome, codes(refused)) == ("refused", {"frozen"})
    assert "ada@lab: because" in refused.text
    assert codes(await fleet.run(Freeze(True), service="", generation=None)) == {"frozen"}
    assert (await fleet.run(Freeze(False), service="", generation=None)).outcome == "applied"
    await fleet.until(lambda: fleet.store.view().state.freeze is None)
    assert codes(await fleet.run(Freeze(False), service="", generation=None)) == {"not_frozen"}
    assert (await fleet.run(Drain((A,)))).outcome == "applied"


async def test_a_freeze_that_our_watch_has_not_seen_stops_a_command_too() -> None:
    class Freezing(MemoryRegistry):
        async def txn(self, compare, success) -> TxnResult:  # type: ignore[no-untyped-def]
            await self.put(FREEZE.encode(), b"{}")
            return await super().txn(compare, success)

    async with house(Freezing()) as fleet:
        fleet.register(A, B, C, D)
        result = await fleet.run(Drain((A,)))
        assert (result.outcome, codes(result)) == ("refused", {"frozen"})
        assert await fleet.admin(A) is None


@pytest.mark.parametrize(
    ("armed", "outcome"), [((), "refused"), (("other",), "refused"), (("ap*",), "applied"), (("x", APP), "applied")]
)
async def test_only_armed_services_are_steered(fleet: House, armed: tuple[str, ...], outcome: str) -> None:
    result = await fleet.run(Drain((A,)), executor=fleet.another(armed))
    assert result.outcome == outcome
    assert outcome == "applied" or codes(result) == {"not_armed"}
    frozen = await fleet.run(Freeze(True), service="", generation=None, executor=fleet.another(armed))
    assert frozen.outcome == ("applied" if armed else "refused")


async def test_a_silent_registry_refuses_and_the_same_id_may_try_again(fleet: House) -> None:
    fleet.now += 6
    result = await fleet.run(Drain((A,)), id="mine")
    assert result.outcome == "stale"
    assert "6 s" in result.text
    assert fleet.audit.entries == {}
    fleet.now -= 6
    assert (await fleet.run(Drain((A,)), id="mine")).outcome == "applied"


async def test_undo_restores_what_was_there(fleet: House) -> None:
    await fleet.run(SetVersions({"shares": {"v1": 100}, "rules": []}))
    before = await fleet.value(versions_key(APP))
    changed = await fleet.run(SetVersions({"shares": {"v1": 90, "v2": 10}}), force="canary to come")
    undone = await fleet.run(Undo(changed.id))
    assert undone.outcome == "applied"
    assert await fleet.value(versions_key(APP)) == before
    redone = await fleet.run(Undo(undone.id), force="canary to come")
    assert redone.outcome == "applied"
    assert (await fleet.value(versions_key(APP)) or {})["shares"] == {"v1": 90, "v2": 10}


async def test_undo_of_a_limited_drain_returns_the_backend(fleet: House) -> None:
    drained = await fleet.run(Drain((A,), 600))
    lease = await fleet.lease_of(A)
    assert (await fleet.run(Undo(drained.id))).outcome == "applied"
    assert await fleet.admin(A) is None
    assert await fleet.registry.lease_ttl(lease) is None


async def test_undo_of_a_return_to_service_keeps_what_was_left_of_the_drain(fleet: House) -> None:
    await fleet.run(Drain((A,), 600))
    returned = await fleet.run(Ready((A,)))
    await fleet.registry.put(b"/lbdash/v1/instances/x", b"", lease=0)  # proof of life at the new time
    fleet.now += 4
    assert (await fleet.run(Undo(returned.id))).outcome == "applied"
    assert await fleet.registry.lease_ttl(await fleet.lease_of(A)) == 596
    assert fleet.service.routing.admin[A].until == "2027-01-15T08:10:00.000Z"


async def test_undo_of_keys_that_were_changed_since_is_a_conflict(fleet: House) -> None:
    first = await fleet.run(Weight({A: 50, B: 50}))
    await fleet.run(Weight({B: 70}))
    result = await fleet.run(Undo(first.id))
    assert result.outcome == "conflict"
    (difference,) = result.conflict
    assert (difference["saw"], difference["now"], difference["wanted"]) == ("weight 50", "weight 70", "absent")
    assert await fleet.value(weight_key(APP, A)) is not None


async def test_undo_of_what_is_not_on_record_or_was_not_applied_is_refused(fleet: House) -> None:
    assert codes(await fleet.run(Undo("nobody's"))) == {"unknown_command"}
    refused = await fleet.run(Drain(("10.9.9.9:80",)))
    assert codes(await fleet.run(Undo(refused.id))) == {"not_applied"}


async def test_undo_is_judged_by_the_state_it_restores(fleet: House) -> None:
    away = await fleet.run(Maint((A,)))
    back = await fleet.run(Ready((A,)))
    await fleet.run(Maint((B, C, D)), force="all but one")
    assert away.outcome == "applied"
    assert "last_ready" in codes(await fleet.run(Undo(back.id)))
    _, objections = await fleet.executor.preview(APP, Undo(back.id))
    assert "last_ready" in {objection.code for objection in objections}


async def test_extending_a_drain_moves_it_to_a_new_lease_and_ends_the_old_one(fleet: House) -> None:
    await fleet.run(Drain((A, B), 600), force="both")
    old = await fleet.lease_of(A)
    await fleet.run(Drain((A,), 900), force="longer")
    assert await fleet.lease_of(A) != old
    assert await fleet.admin(B) == "drain"  # it still hangs on the old lease
    assert await fleet.registry.lease_ttl(old) == 600
    await fleet.run(Drain((B,), 900), force="longer")
    assert await fleet.registry.lease_ttl(old) is None
    assert (await fleet.admin(A), await fleet.admin(B)) == ("drain", "drain")


async def test_a_conflict_leaves_no_lease_behind() -> None:
    class Overtaken(MemoryRegistry):
        async def txn(self, compare, success) -> TxnResult:  # type: ignore[no-untyped-def]
            assert self._leases
            await self.put(generation_key(APP).encode(), b"{}")
            return await super().txn(compare, success)

    registry = Overtaken()
    async with house(registry) as fleet:
        fleet.register(A, B, C)
        assert (await fleet.run(Drain((A,), 600))).outcome == "conflict"
        assert not registry._leases


async def test_a_lease_that_is_not_granted_fails_the_command() -> None:
    class Poor(MemoryRegistry):
        async def lease_grant(self, ttl_s: int) -> int:
            raise RegistryUnavailable("no leader")

    async with house(Poor()) as fleet:
        fleet.register(A, B)
        result = await fleet.run(Drain((A,), 600), force="one of two")
        assert (result.outcome, result.revision) == ("failed", None)
        assert fleet.audit.entries[result.id].outcome == "failed"


async def test_unknown_fields_survive_a_rewrite(fleet: House) -> None:
    await fleet.edit(versions_key(APP), {"shares": {"v1": 100}, "note": "kept", "rules": []})
    await fleet.edit(generation_key(APP), {"generation": 4, "mark": "kept"})
    result = await fleet.run(SetVersions({"shares": {}}))
    assert result.generation == 5
    assert (await fleet.value(versions_key(APP)) or {})["note"] == "kept"
    assert (await fleet.value(generation_key(APP)) or {})["mark"] == "kept"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"state": "party"}', "[" * 5000, '{"state": "drain", "until": 7}'])
async def test_keys_edited_by_hand_can_be_written_over_and_undone(fleet: House, text: str) -> None:
    await fleet.edit(admin_key(APP, A), text)
    drained = await fleet.run(Drain((A,)))
    assert drained.outcome == "applied"
    assert await fleet.admin(A) == "drain"
    assert (await fleet.run(Undo(drained.id))).outcome == "applied"
    kv = await fleet.registry.get(admin_key(APP, A).encode())
    assert kv is not None
    assert kv.value.decode() == text


async def test_a_hundred_backends_fit_one_command_and_one_more_does_not(fleet: House) -> None:
    many = tuple(f"10.1.0.{n}:80" for n in range(101))
    fleet.register(*many)
    refused = await fleet.run(Weight(dict.fromkeys(many, 50)))
    assert (refused.outcome, codes(refused)) == ("refused", {"too_many"})
    applied = await fleet.run(Weight(dict.fromkeys(many[:100], 50)), force="all")
    assert applied.outcome == "applied"


async def test_force_goes_past_objections_and_is_marked(fleet: House) -> None:
    refused = await fleet.run(Drain((A, B, C, D)))
    assert "last_ready" in codes(refused)
    assert fleet.audit.entries[refused.id].outcome == "refused"
    forced = await fleet.run(Drain((A, B, C, D)), force="moving house")
    assert (forced.outcome, "last_ready" in codes(forced)) == ("applied", True)
    entry = fleet.audit.entries[forced.id]
    assert (entry.forced, "last_ready" in entry.objections) == ("moving house", True)


async def test_a_force_without_reason_or_with_another_name_does_not_help(fleet: House) -> None:
    assert "force" in codes(await fleet.run(Drain((A, B, C, D)), force=" "))
    hopeless = await fleet.run(Drain(("10.9.9.9:80",)), force="please")
    assert codes(hopeless) == {"unknown_backend"}


async def test_text_that_cannot_be_written_is_written_as_far_as_it_can(fleet: House) -> None:
    request = Request(Weight({A: 50}), APP, 0, "half \ud800" + "x" * 1000, "ada@lab", "mine")
    assert (await fleet.executor.run(request)).outcome == "applied"
    reason = str((await fleet.value(weight_key(APP, A)) or {})["reason"])
    assert reason.startswith("half ?x")
    assert len(reason) == 300


async def test_a_policy_is_set_and_cleared(fleet: House) -> None:
    await fleet.run(SetPolicy({"name": "p2c_ewma", "config": {"decay_s": 5}}))
    await fleet.run(SetPolicy({"name": "round_robin"}))
    assert fleet.service.routing.policy is not None
    assert (fleet.service.routing.policy.name, fleet.service.routing.policy.config) == ("round_robin", {})
    await fleet.run(SetPolicy(None))
    assert fleet.service.routing.policy is None
