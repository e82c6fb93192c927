"""What is counted: against a naive model, through reconnects, retirement and nonsense."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lbdash.live import reduce_clients
from lbdash.live.events import ClientClosed, ClientReported, CounterColumns, Ticked, Transition
from lbdash.live.store import Store
from lbdash.model import Connectivity
from tests.live.told import (
    T0,
    Hand,
    control,
    counters,
    deleted,
    drained,
    joined,
    latency,
    put,
    registration,
    report,
    subconns,
    ticked,
)

A, B, C = "10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"
BACKENDS = (A, B, C)


def fresh(*clients: str) -> tuple[Store, Hand]:
    clock = Hand()
    store = Store(clock)
    store.apply([put(*(registration(f"/a/{i}", a, version=f"v{i % 2}") for i, a in enumerate(BACKENDS)))])
    for client in clients:
        store.apply([joined(client), report(client, opened=subconns(*BACKENDS))])
    return store, clock


def picks_by_backend(store: Store) -> dict[str, int]:
    numbers = store.view().numbers("shop")
    return {address: n.numbers.totals.picks for address, n in numbers.backends.items()}


def assert_sums_agree(store: Store, picks: int) -> None:
    numbers = store.view().numbers("shop")
    retired = numbers.numbers.totals.picks - sum(n.numbers.totals.picks for n in numbers.backends.values())
    assert numbers.numbers.totals.picks == picks
    assert retired >= 0


# ---- against a naive model

moves = st.lists(
    st.tuples(
        st.sampled_from(["report", "report", "report", "gone", "leave", "back", "tick"]),
        st.sampled_from(["c1", "c2", "c3"]),
        st.integers(0, 2),
        st.integers(0, 50),
    ),
    max_size=60,
)


class Naive:
    """Dicts, and one cell at a time. A SubConn that went is opened anew, under the next index, when it is needed."""

    def __init__(self, store: Store, clock: Hand, clients: tuple[str, ...]) -> None:
        self.store, self.clock = store, clock
        self.index = {client: {address: i for i, address in enumerate(BACKENDS)} for client in clients}
        self.picks: dict[tuple[str, int], int] = defaultdict(int)
        self.inflight: dict[tuple[str, int], int] = defaultdict(int)
        self.by_backend = dict.fromkeys(BACKENDS, 0)
        self.by_client = dict.fromkeys(clients, 0)
        self.next = dict.fromkeys(clients, 3)
        self.away: set[str] = set()

    def report(self, client: str, address: str, more: int) -> None:
        opened = ()
        if address not in self.index[client]:
            self.index[client][address] = self.next[client]
            opened = subconns(address, first=self.next[client])
            self.next[client] += 1
        index = self.index[client][address]
        self.picks[client, index] += more
        self.inflight[client, index] = more % 3
        self.by_backend[address] += more
        self.by_client[client] += more
        columns = counters({index: self.picks[client, index]}, inflight=more % 3)
        self.store.apply([report(client, self.clock.now, opened=opened, counters=columns)])

    def gone(self, client: str, address: str) -> None:
        index = self.index[client].pop(address, None)
        if index is not None:
            self.inflight.pop((client, index), None)
            self.store.apply([report(client, self.clock.now, gone=(index,))])

    def leave(self, client: str) -> None:
        self.away.add(client)
        self.store.apply([ClientClosed(client, self.clock.now, "stream ended")])

    def back(self, client: str) -> None:
        self.away.discard(client)
        self.store.apply([joined(client, at=self.clock.now)])

    def expected_inflight(self, address: str) -> int:
        present = (client for client in self.index if client not in self.away)
        return sum(self.inflight[c, self.index[c][address]] for c in present if address in self.index[c])


@settings(max_examples=50)
@given(moves)
def test_sums_equal_those_of_a_naive_model(script: list[tuple[str, str, int, int]]) -> None:
    store, clock = fresh("c1", "c2", "c3")
    naive = Naive(store, clock, ("c1", "c2", "c3"))
    for verb, client, which, more in script:
        if verb == "tick":
            ticked(store, clock)
        elif verb == "back":
            naive.back(client)
        elif client in naive.away:
            continue
        elif verb == "report":
            naive.report(client, BACKENDS[which], more)
        elif verb == "gone":
            naive.gone(client, BACKENDS[which])
        else:
            naive.leave(client)
    numbers = store.view().numbers("shop")
    assert picks_by_backend(store) == naive.by_backend
    assert {id: n.numbers.totals.picks for id, n in numbers.clients.items()} == naive.by_client
    assert sum(n.totals.picks for n in numbers.versions.values()) == numbers.numbers.totals.picks
    for address, backend in numbers.backends.items():
        assert (backend.numbers.inflight or 0) == naive.expected_inflight(address)
        assert sum(backend.connectivity.values()) == sum(
            address in held for client, held in naive.index.items() if client not in naive.away
        )


@settings(max_examples=30)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=30))
def test_reports_that_wait_together_count_as_those_read_one_by_one(rises: list[int]) -> None:
    together, apart = fresh("c1", "c2")[0], fresh("c1", "c2")[0]
    totals = {"c1": 0, "c2": 0}
    for number, rise in enumerate(rises):
        client = f"c{number % 2 + 1}"
        totals[client] += rise
        for store in (together, apart):
            store.apply([report(client, rows={0: totals[client], 2: totals[client]})])
        apart.view().numbers("shop")
    assert together.view().numbers("shop").backends == apart.view().numbers("shop").backends


# ---- coming back, going for good


def test_a_reconnect_neither_loses_nor_doubles() -> None:
    store, _ = fresh("c1")
    store.apply([report("c1", rows={0: 10, 1: 5}), ClientClosed("c1", T0 + 1, "stream ended")])
    store.apply([joined("c1", at=T0 + 2), report("c1", opened=subconns(*BACKENDS), rows={0: 13, 1: 5, 2: 1})])
    assert picks_by_backend(store) == {A: 13, B: 5, C: 1}


def test_a_client_that_was_forgotten_and_comes_back_is_not_counted_twice() -> None:
    store, clock = fresh("c1")
    store.apply([report("c1", rows={0: 10}), ClientClosed("c1", T0, "stream ended")])
    clock.now = T0 + 301
    store.apply([Ticked(clock.now)])
    assert not store.view().state.services["shop"].clients
    assert_sums_agree(store, 10)
    store.apply([joined("c1", at=clock.now), report("c1", opened=subconns(*BACKENDS), rows={0: 12})])
    assert picks_by_backend(store) == {A: 12, B: 0, C: 0}
    assert store.view().numbers("shop").clients["c1"].numbers.totals.picks == 12


def test_a_subconn_whose_end_is_reported_twice_is_not_counted_twice() -> None:
    store, _ = fresh("c1")
    last = report("c1", rows={0: 10}, gone=(0,))
    store.apply([last, ClientClosed("c1", T0, "stream ended"), joined("c1")])
    store.apply([report("c1", opened=subconns(*BACKENDS), rows={0: 10}, gone=(0,))])
    assert picks_by_backend(store)[A] == 10
    assert store.view().numbers("shop").clients["c1"].connectivity == {Connectivity.READY: 2}


def test_the_sum_of_picks_stays_when_backends_and_clients_are_folded() -> None:
    store, clock = fresh("c1", "c2")
    store.apply([report("c1", rows={0: 10, 1: 7}), report("c2", rows={0: 3, 2: 4})])
    store.apply([deleted("/a/0"), ClientClosed("c1", T0, "closed")])
    store.apply([report("c2", rows={0: 5}), report("c2", gone=(0,))])
    for later in (301, 601, 700, 1400):
        clock.now = T0 + later
        store.apply([Ticked(clock.now)])
        assert_sums_agree(store, 26)
    assert set(store.view().state.services["shop"].backends) == {B, C}
    store.apply([put(registration("/a/9", A))])
    assert picks_by_backend(store)[A] == 0
    assert_sums_agree(store, 26)


def test_a_backend_that_left_the_registry_stays_while_a_client_holds_it() -> None:
    store, clock = fresh("c1")
    store.apply([deleted("/a/0")])
    clock.now = T0 + 10_000
    store.apply([Ticked(clock.now)])
    assert A in store.view().state.services["shop"].backends


def test_in_flight_of_a_client_that_went_is_unknown_not_counted() -> None:
    store, _ = fresh("c1", "c2")
    store.apply([report(c, counters=counters({0: 3}, inflight=2, oldest_us=5_000_000)) for c in ("c1", "c2")])
    backend = store.view().numbers("shop").backends[A].numbers
    assert (backend.inflight, backend.oldest_s) == (4, 5.0)
    store.apply([ClientClosed("c1", T0, "stream ended")])
    numbers = store.view().numbers("shop")
    assert numbers.backends[A].numbers.inflight == 2
    assert numbers.clients["c1"].numbers.inflight is None
    store.apply([ClientClosed("c2", T0, "stream ended")])
    numbers = store.view().numbers("shop")
    assert (numbers.numbers.inflight, numbers.numbers.rps, numbers.backends[A].numbers.oldest_s) == (None, None, None)


# ---- nonsense: the store defends itself


def nonsense() -> dict[str, ClientReported]:
    twice = CounterColumns(*(np.repeat(column, 2) for column in _columns(counters({1: 9}))))
    falling = CounterColumns(*(column[::-1] for column in _columns(counters({0: 9, 1: 9}))))
    return {
        "unknown": report("c1", rows={0: 9, 7: 9}),
        "far": report("c1", rows={70_000: 9}),
        "back": report("c1", rows={0: 1, 1: 9}),
        "twice": report("c1", counters=twice),
        "falling": report("c1", counters=falling),
        "bucket": report("c1", latency=latency((0, 80, 1))),
        "latency of nobody": report("c1", latency=latency((0, 3, 1), (9, 3, 1))),
    }


def _columns(c: CounterColumns) -> tuple[np.ndarray, ...]:
    return tuple(getattr(c, name) for name in CounterColumns.__dataclass_fields__)


@pytest.mark.parametrize("case", nonsense())
def test_columns_that_make_no_sense_are_refused_alone_and_shown(case: str) -> None:
    store, _ = fresh("c1", "c2")
    store.apply([report("c1", rows={0: 5}), report("c2", rows={0: 2})])
    before = picks_by_backend(store)
    store.apply([nonsense()[case], report("c2", rows={0: 4}, latency=latency((0, 3, 30)))])
    assert picks_by_backend(store) == {**before, A: before[A] + 2}
    assert store.view().numbers("shop").backends[A].numbers.latency.n == 30
    store.apply([])  # what was found while reading is told with the next batch
    assert len(store.view().state.services["shop"].clients["c1"].problems) == 1
    assert not store.view().state.services["shop"].clients["c2"].problems
    assert [entry.kind for entry in store.view().timeline("shop", limit=1)] == ["problem"]
    store.apply([report("c1", rows={0: 6})])
    assert picks_by_backend(store)[A] == before[A] + 3


def test_reports_of_strangers_and_of_the_gone_change_nothing() -> None:
    store, _ = fresh("c1")
    store.apply([report("stranger", rows={0: 5}), ClientClosed("c1", T0, "closed"), report("c1", rows={0: 5})])
    assert picks_by_backend(store) == {A: 0, B: 0, C: 0}


# ---- overrides, versions, states


def test_picks_on_a_drained_backend_count_from_when_each_client_had_applied_it() -> None:
    store, _ = fresh("c1", "c2")
    store.apply([report("c1", rows={0: 10}), report("c2", rows={0: 10})])
    assert store.view().numbers("shop").backends[A].picks_since_override is None
    store.apply([control(drained(A, revision=20))])
    store.apply([report("c1", rows={0: 15}), report("c2", rows={0: 15})])
    assert store.view().numbers("shop").backends[A].picks_since_override == 0
    store.apply([report("c1", rows={0: 16}, applied_revision=20)])
    store.apply([report("c1", rows={0: 16}, applied_revision=20), report("c2", rows={0: 19})])
    assert store.view().numbers("shop").backends[A].picks_since_override == 0
    store.apply([report("c1", rows={0: 18}, applied_revision=20)])
    assert store.view().numbers("shop").backends[A].picks_since_override == 2
    store.apply([control(drained(A, revision=30))])
    assert store.view().numbers("shop").backends[A].picks_since_override == 0


def test_calls_belong_to_the_version_their_backend_had_then() -> None:
    store, _ = fresh("c1")
    store.apply([report("c1", rows={0: 10}), put(registration("/a/0", A, version="v9"))])
    store.apply([report("c1", rows={0: 13})])
    versions = store.view().numbers("shop").versions
    assert versions["v0"].totals.picks == 10
    assert versions["v9"].totals.picks == 3


def test_states_are_counted_where_they_are_and_told_when_they_fail() -> None:
    store, _ = fresh("c1", "c2")
    failed = [Transition(0, Connectivity.TRANSIENT_FAILURE, T0 + 1, "refused")]
    store.apply([report("c1", transitions=tuple(failed)), report("c2", transitions=tuple(failed))])
    numbers = store.view().numbers("shop")
    assert numbers.backends[A].connectivity == {Connectivity.TRANSIENT_FAILURE: 2}
    assert numbers.clients["c1"].connectivity == {Connectivity.READY: 2, Connectivity.TRANSIENT_FAILURE: 1}
    entry = store.view().timeline("shop", limit=1)[0]
    assert (entry.severity, entry.backend, entry.count, entry.client) == ("error", A, 2, "")
    store.apply([report("c1", transitions=(Transition(0, Connectivity.READY, T0 + 2),))])
    assert store.view().timeline("shop", limit=1)[0].text == "READY again"
    row = store.view().subconns("shop", client="c1", address=A)[0]
    assert (row.state, row.since, row.last_error) == (Connectivity.READY, T0 + 2, "refused")
    assert [span.state for span in store.view().spans("shop", client="c1")] == [
        Connectivity.READY,
        Connectivity.TRANSIENT_FAILURE,
    ]


def test_the_heat_map_shows_clients_by_addresses() -> None:
    store, clock = fresh("c1", "c2")
    store.apply([report("c2", gone=(1,)), report("c1", rows={0: 100})])
    ticked(store, clock)
    store.apply([report("c1", rows={0: 107})])
    heat = store.view().heatmap("shop")
    assert (heat.clients, heat.addresses) == (("c1", "c2"), BACKENDS)
    assert heat.state.tolist() == [[2, 2, 2], [2, 255, 2]]
    assert heat.picks.tolist() == [[7, 0, 0], [0, 0, 0]]
    assert np.isnan(heat.lag_ms).all()


def test_addresses_that_were_too_many_to_keep_count_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(Hand())
    monkeypatch.setattr(reduce_clients, "MAX_ADDRESSES", 2)
    many = [f"10.1.0.{n}:80" for n in range(5)]
    store.apply([joined("c1"), report("c1", opened=subconns(*many), rows=dict.fromkeys(range(5), 10))])
    assert picks_by_backend(store) == {many[0]: 10, many[1]: 10}
    assert [row.address for row in store.view().subconns("shop")] == [*many[:2], *["other"] * 3]
    assert_sums_agree(store, 50)
    assert store.view().state.overflow == 3
