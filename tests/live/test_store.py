"""The one writer: who listens is told once, and reads one consistent picture."""

from __future__ import annotations

import asyncio

import pytest

from lbdash.live.events import PickSample, RuleHits, SourceLost, SourceProven, Ticked, VersionCount
from lbdash.live.samples import PICKS, TRACED
from lbdash.live.staleness import registry_stale_since
from lbdash.live.store import Changed, Store
from tests.live.told import T0, Hand, counters, joined, put, registration, report, subconns, ticked

A = "10.0.0.1:80"


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def store(clock: Hand) -> Store:
    store = Store(clock)
    store.apply([put(registration("/a/1", A)), joined("c1"), report("c1", opened=subconns(A), rows={0: 0})])
    return store


# ---- subscriptions


async def test_however_much_happened_a_subscriber_is_told_once(store: Store) -> None:
    subscription = store.subscribe()
    for number in range(100):
        store.apply([report("c1", rows={0: number})])
    store.apply([joined("c2")])
    assert await subscription.wait() == Changed(topology=True, counters=True)
    store.apply([report("c1", rows={0: 100})])
    assert await subscription.wait() == Changed(topology=False, counters=True)
    store.apply([put(registration("/a/2", "10.0.0.2:80"))])
    assert await subscription.wait() == Changed(topology=True, counters=False)


async def test_a_subscriber_waits_while_nothing_happens_and_hears_nothing_after_close(store: Store) -> None:
    subscription = store.subscribe()
    store.apply([])
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(subscription.wait(), 0.01)
    subscription.close()
    store.apply([joined("c2")])
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(subscription.wait(), 0.01)


def test_versions_say_what_moved(store: Store) -> None:
    topology, counters = store.topology_version, store.counters_version
    store.apply([report("c1", rows={0: 5})])
    assert (store.topology_version, store.counters_version > counters) == (topology, True)
    store.apply([joined("c2")])
    assert store.topology_version > topology


def test_a_view_keeps_its_topology_while_the_store_moves_on(store: Store) -> None:
    view = store.view()
    store.apply([put(registration("/a/2", "10.0.0.2:80"))])
    assert set(view.state.services["shop"].backends) == {A}


# ---- reading


def test_a_service_nobody_reports_to_has_unknown_numbers(clock: Hand) -> None:
    store = Store(clock)
    store.apply([put(registration("/a/1", A)), Ticked(T0)])
    view = store.view()
    numbers = view.numbers("shop")
    assert (numbers.numbers.rps, numbers.numbers.inflight, numbers.backends[A].numbers.rps) == (None, None, None)
    assert (numbers.subconns, numbers.clients, view.heatmap("shop").state.shape) == (0, {}, (0, 1))
    assert (view.subconns("shop"), view.picks("shop"), view.sparklines("shop")) == ((), (), {})


def test_numbers_are_computed_once_per_version(store: Store) -> None:
    assert store.view().numbers("shop") is store.view().numbers("shop")
    first = store.view().numbers("shop")
    store.apply([report("c1", rows={0: 1})])
    assert store.view().numbers("shop") is not first


def test_shares_and_error_ratios_are_of_the_window(store: Store, clock: Hand) -> None:
    store.apply([report("c1", opened=subconns("10.0.0.2:80", first=1), rows={0: 0, 1: 0})])
    for second in range(1, 15):
        failing = counters({0: 30 * second, 1: 10 * second}, infrastructure=5 * second)
        store.apply([report("c1", clock.now, counters=failing)])
        ticked(store, clock)
    numbers = store.view().numbers("shop")
    assert numbers.numbers.rps == pytest.approx(40)
    assert numbers.backends[A].numbers.share == pytest.approx(0.75)
    assert numbers.backends[A].numbers.error_ratio == pytest.approx(1 / 6)
    assert numbers.numbers.error_ratio == pytest.approx(0.25)


# ---- versions asked for and got


def asked(requested: str, chosen: str, reason: str, count: int, source: str = "metadata") -> VersionCount:
    return VersionCount(requested, chosen, reason, source, count)


def test_the_matrix_tells_answers_from_failures_apart(store: Store, clock: Hand) -> None:
    for second in range(1, 15):
        rows = (
            asked("v1", "v1", "", 10 * second),
            asked("v1", "", "no_version", 2 * second),
            asked("", "v2", "", 7, "share"),
        )
        store.apply([report("c1", clock.now, rows={0: second}, versions=rows)])
        ticked(store, clock)
    first, second_row = store.view().numbers("shop").matrix
    assert (first.requested, dict(first.answered), first.no_version, first.none_ready) == ("v1", {"v1": 140}, 28, 0)
    assert (first.answered_rps["v1"], first.failed_rps) == (pytest.approx(10), pytest.approx(2))
    assert (second_row.source, dict(second_row.answered)) == ("share", {"v2": 7})


def test_names_without_end_are_counted_as_other(store: Store) -> None:
    store.apply([report("c1", versions=tuple(asked(f"x{i}", "v1", "", 1) for i in range(700)))])
    counts = store.view().numbers("shop").version_counts
    assert len(counts) <= 501
    assert sum(row.count for row in counts) == 700


def test_words_of_several_clients_add_up(store: Store) -> None:
    hits = (RuleHits("x-canary", "1", "v2", 3),)
    store.apply([joined("c2")])
    for client in ("c1", "c2", "c1"):
        store.apply([report(client, rule_hits=hits, override_ignored=4, unplaced=2, samples_dropped=1)])
    numbers = store.view().numbers("shop")
    assert (numbers.rule_hits[0].count, numbers.override_ignored, numbers.unplaced) == (6, 8, 4)
    assert numbers.clients["c2"].samples_dropped == 1


# ---- samples


def sample(number: int, client: str = "c1", traced: bool = False) -> PickSample:
    reason = "tie" if number % 2 else "lower_load"
    return PickSample(
        T0 + number, client, "/m", "", "", "complete", A, reason, "p2c", (), 0, 0, 1, 1, 1, "", traced, {}
    )


def test_pick_samples_are_bounded_newest_first_and_counted_by_reason(store: Store) -> None:
    store.apply([report("c1", samples=tuple(sample(number) for number in range(PICKS + 100)))])
    view = store.view()
    assert [pick.at - T0 for pick in view.picks("shop", limit=3)] == [PICKS + 99, PICKS + 98, PICKS + 97]
    assert len(view.picks("shop", limit=10**6)) == PICKS
    assert view.pick_reasons("shop") == {"lower_load": PICKS / 2, "tie": PICKS / 2}


def test_a_trace_does_not_drown_the_others(store: Store) -> None:
    store.apply([report("c1", samples=(sample(1, "c2"),))])
    store.apply([report("c1", samples=tuple(sample(number, traced=True) for number in range(2000)))])
    assert [pick.client for pick in store.view().picks("shop")] == ["c2"]
    assert len(store.view().picks("shop", client="c1", limit=10**6)) == PICKS
    for number in range(TRACED):
        store.apply([report("c1", samples=(sample(1, f"x{number}", traced=True),))])
    assert not store.view().picks("shop", client="c1")


# ---- staleness


def test_a_registry_is_stale_when_lost_or_silent_for_five_seconds(store: Store) -> None:
    store.apply([SourceProven("registry /", "registry", T0), SourceProven("control", "control", T0 + 3)])
    state = store.view().state
    assert registry_stale_since(state, T0 + 5) is None
    assert registry_stale_since(state, T0 + 5.1) == T0
    store.apply([SourceLost("control", "control", T0 - 1, "gone")])
    assert registry_stale_since(store.view().state, T0 + 1) == T0 - 1
