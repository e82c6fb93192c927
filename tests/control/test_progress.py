from __future__ import annotations

import pytest

from lbdash.control.commands import Drain, Maint, Ready, SetPolicy, SetVersions, Weight
from lbdash.control.tracker import Tracker
from lbdash.registry.control_keys import admin_key, generation_key, policy_key
from lbdash.registry.kv import Delete, Put
from lbdash.registry.memory import MemoryRegistry
from tests.control.house import APP, A, B, C, D, House, house


async def applied(fleet: House, name: str, revision: int | None, after_s: float = 0.0, **more: object) -> None:
    fleet.now += after_s
    fleet.report(name, applied_revision=revision, **more)
    await fleet.executor.observe()


async def test_a_command_is_effective_when_the_last_client_has_said_so(fleet: House) -> None:
    result = await fleet.run(Weight({A: 50}))
    written = fleet.progress(result.id)
    assert (written.seen, written.clients_total, written.effective_ms) == (0, 2, None)
    await applied(fleet, "web-01", result.revision, 0.010)
    half = fleet.progress(result.id)
    assert (half.seen, half.stragglers, half.effective) == (1, (("web-02", "web-02"),), False)
    assert half.verdict == "Seen by 1 of 2 clients; waiting for web-02."
    await applied(fleet, "web-02", result.revision, 0.015)
    whole = fleet.progress(result.id)
    assert (whole.seen, whole.effective_ms) == (2, pytest.approx(25, abs=0.1))
    assert whole.verdict == "Effective at 2 of 2 clients within 25 ms."


async def test_clients_that_were_faster_than_etcds_answer_count_as_seen_at_once() -> None:
    class Slow(MemoryRegistry):
        async def txn(self, compare, success):  # type: ignore[no-untyped-def]
            answer = await super().txn(compare, success)
            await fleet.until(lambda: fleet.generation == 1)
            await applied(fleet, "web-01", answer.revision)
            return answer

    async with house(Slow()) as fleet:
        fleet.register(A, B, C, D)
        fleet.connect("web-01", A, B, C, D)
        result = await fleet.run(Weight({A: 50}))
        progress = fleet.progress(result.id)
        assert (progress.seen, progress.effective_ms) == (1, 0.0)


async def test_a_later_revision_does_not_move_the_time_of_an_earlier_command(fleet: House) -> None:
    first = await fleet.run(Weight({A: 50}))
    for name in ("web-01", "web-02"):
        await applied(fleet, name, first.revision, 0.010)
    second = await fleet.run(Weight({B: 50}))
    await applied(fleet, "web-01", second.revision, 1.0)
    assert fleet.progress(first.id).effective_ms == pytest.approx(20, abs=0.1)


async def test_a_client_that_left_is_gone_and_not_effective(fleet: House) -> None:
    result = await fleet.run(Weight({A: 50}))
    await applied(fleet, "web-01", result.revision)
    fleet.leave("web-02")
    progress = fleet.progress(result.id)
    assert (progress.seen, progress.gone, progress.clients_total, progress.stragglers) == (1, 1, 2, ())
    assert "1 left before they had seen it" in progress.verdict


async def test_who_cannot_obey_is_named_and_not_waited_for(fleet: House) -> None:
    fleet.connect("batch", A, policy="round_robin")
    fleet.connect("denied", A)
    fleet.report("denied", control_denied=True)
    result = await fleet.run(Weight({A: 50}))
    progress = fleet.progress(result.id)
    assert progress.clients_total == 2
    assert {name: why for _, name, why in progress.cannot_obey} == {
        "batch": "round_robin has no weights",
        "denied": "may not read the control keys",
    }


async def test_a_client_that_rejects_the_value_cannot_obey(fleet: House) -> None:
    result = await fleet.run(SetPolicy({"name": "magic"}), force="clients of another make know it")
    await applied(fleet, "web-01", result.revision, rejected=((policy_key(APP), "unknown policy"),))
    progress = fleet.progress(result.id)
    assert progress.cannot_obey == (("web-01", "web-01", "rejected: unknown policy"),)
    assert (progress.seen, progress.clients_total) == (0, 1)


async def test_a_drain_is_safe_to_stop_when_nothing_is_in_flight_anywhere(fleet: House) -> None:
    for name in ("web-01", "web-02"):
        fleet.report(name, {0: 10}, inflight=2)
    result = await fleet.run(Drain((A,)))
    for name in ("web-01", "web-02"):
        await applied(fleet, name, result.revision)
    draining = fleet.progress(result.id)
    assert (draining.inflight, draining.drained) == (4, False)
    assert "Draining: 4 in flight" in draining.verdict
    for name in ("web-01", "web-02"):
        fleet.report(name, {0: 10})
    stopped = fleet.progress(result.id)
    assert (stopped.inflight, stopped.drained, stopped.violations) == (0, True, 0)
    assert "Safe to stop" in stopped.verdict


async def test_a_client_that_cannot_tell_makes_the_verdict_weaker(fleet: House) -> None:
    fleet.connect("mute", A, B, can_tell=frozenset())
    result = await fleet.run(Drain((A,)))
    for name in ("web-01", "web-02", "mute"):
        await applied(fleet, name, result.revision)
    fleet.report("web-01", {0: 10})
    progress = fleet.progress(result.id)
    assert (progress.drained, progress.cannot_tell) == (None, ("mute",))
    assert "mute cannot tell" in progress.verdict


async def test_while_a_client_does_not_follow_nothing_is_safe_to_stop(fleet: House) -> None:
    fleet.connect("wild", A, can_obey=frozenset())
    result = await fleet.run(Drain((A,)))
    for name in ("web-01", "web-02"):
        await applied(fleet, name, result.revision)
    fleet.report("wild", {0: 10})
    progress = fleet.progress(result.id)
    assert progress.drained is False
    assert "Not safe to stop: wild will not follow." in progress.verdict


async def test_a_pick_after_a_client_had_applied_the_drain_is_a_violation(fleet: House) -> None:
    fleet.report("web-01", {0: 10})
    result = await fleet.run(Drain((A,)))
    fleet.report("web-01", {0: 12})  # still rightly: it has not seen it
    await applied(fleet, "web-01", result.revision)
    assert fleet.progress(result.id).violations == 0
    fleet.report("web-01", {0: 15, 1: 99})
    assert fleet.progress(result.id).violations == 3
    back = await fleet.run(Ready((A,)))
    fleet.report("web-01", {0: 500}, applied_revision=back.revision)
    assert fleet.progress(result.id).violations == 3
    assert "Superseded" in fleet.progress(result.id).verdict


async def test_a_client_that_knows_the_release_before_we_do_is_not_accused(fleet: House) -> None:
    drain = await fleet.run(Drain((A,)))
    await applied(fleet, "web-01", drain.revision)
    fleet.report("web-01", {0: 500}, applied_revision=(drain.revision or 0) + 1)
    await fleet.run(Ready((A,)))
    assert fleet.progress(drain.id).violations == 0


async def test_picks_that_ignore_a_drain_for_want_of_others_are_no_violations(fleet: House) -> None:
    result = await fleet.run(Drain((A, B, C, D)), force="all of them")
    await applied(fleet, "web-01", result.revision)
    fleet.report("web-01", {0: 7}, override_ignored=7)
    assert fleet.progress(result.id).violations == 0
    fleet.report("web-01", {0: 9}, override_ignored=8)
    assert fleet.progress(result.id).violations == 1


async def test_the_end_of_a_lease_has_its_own_progress(fleet: House) -> None:
    result = await fleet.run(Drain((A,), 600))
    for name in ("web-01", "web-02"):
        await applied(fleet, name, result.revision)
    registry = fleet.registry
    assert isinstance(registry, MemoryRegistry)
    registry.expire(await fleet.lease_of(A))
    await fleet.until(lambda: not fleet.service.routing.admin)
    progress = fleet.progress(result.id)
    assert (progress.expired, progress.verdict) == (True, "It ended by itself.")
    ending = fleet.progress(f"{result.id}.expired")
    assert (ending.verb, ending.text, ending.seen) == ("expired", f"drain of {A} ended by itself", 0)
    assert fleet.generation == 1
    for name in ("web-01", "web-02"):
        await applied(fleet, name, ending.revision)
    assert fleet.progress(ending.id).seen == 2


async def test_a_command_of_another_dashboard_is_followed_by_its_traces(fleet: House) -> None:
    bump = b'{"generation": 1, "command": "theirs", "by": "bob@lab", "reason": "disk", "at": "2027-01-15T08:00:00Z"}'
    await fleet.registry.txn(
        [],
        [
            Put(generation_key(APP).encode(), bump),
            Put(admin_key(APP, A).encode(), b'{"state": "drain", "by": "bob@lab"}'),
        ],
    )
    await fleet.until(lambda: fleet.generation == 1)
    progress = fleet.progress("theirs")
    assert (progress.verb, progress.backends, progress.by, progress.reason) == ("drain", (A,), "bob@lab", "disk")
    assert (progress.generation, progress.clients_total) == (1, 2)
    for name in ("web-01", "web-02"):
        await applied(fleet, name, progress.revision)
    assert (fleet.progress("theirs").seen, fleet.progress("theirs").effective_ms) == (2, None)
    done = b'{"generation": 2, "command": "back", "by": "bob@lab"}'
    await fleet.registry.txn([], [Put(generation_key(APP).encode(), done), Delete(admin_key(APP, A).encode())])
    await fleet.until(lambda: fleet.generation == 2)
    assert fleet.progress("back").verb == "ready"
    assert not fleet.progress("theirs").expired


async def test_a_drain_written_by_hand_is_active_and_can_end(fleet: House) -> None:
    await fleet.edit(admin_key(APP, A), {"state": "maint", "by": "etcdctl"})
    (progress,) = fleet.executor.active()
    assert (progress.verb, progress.backends, progress.by) == ("maint", (A,), "etcdctl")
    assert progress.id == f"revision-{progress.revision}"


async def test_drains_in_force_are_found_again_after_a_restart(fleet: House) -> None:
    result = await fleet.run(Drain((A,)))
    await fleet.run(Maint((B,)), force="two")
    restarted = fleet.another()
    await restarted.observe()
    assert {(p.verb, p.backends) for p in restarted.active()} == {("drain", (A,)), ("maint", (B,))}
    assert result.revision in {p.revision for p in restarted.active()}


async def test_what_is_done_leaves_the_banners_after_a_minute(fleet: House) -> None:
    await fleet.run(SetVersions({"shares": {"v1": 100}}))
    drain = await fleet.run(Drain((A,)))
    assert len(fleet.executor.active()) == 2
    fleet.now += 61
    assert [p.id for p in fleet.executor.active()] == [drain.id]


async def test_a_wiped_registry_does_not_make_clients_look_up_to_date(fleet: House) -> None:
    result = await fleet.run(Weight({A: 50}))
    await applied(fleet, "web-01", (result.revision or 0) + 100, list_epoch=1)
    assert fleet.progress(result.id).seen == 0


async def test_commands_that_are_remembered_are_bounded(fleet: House) -> None:
    fleet.executor._tracker = Tracker(limit=5)
    kept = await fleet.run(Drain((A,)))
    last = [await fleet.run(Weight({B: n})) for n in range(50, 60)]
    assert len(fleet.executor._tracker._tracks) == 5
    assert fleet.progress(kept.id).backends == (A,)
    assert fleet.executor.progress(last[0].id) is None
    assert fleet.progress(last[-1].id).outcome == "applied"
