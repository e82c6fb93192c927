"""Who was gone long enough leaves the topology."""

from __future__ import annotations

from lbdash.live.events import ClientClosed
from lbdash.live.forget import BACKEND_S, CLIENT_S, MAX_GONE, Forgotten, forget
from lbdash.live.reduce import reduce
from lbdash.live.state import State
from lbdash.model import Admin
from tests.live.told import T0, control, deleted, drained, joined, put, registration, report, subconns

A, B = "10.0.0.1:80", "10.0.0.2:80"


def nobody(_: str) -> set[str]:
    return set()


def test_gone_clients_and_backends_stay_for_their_while() -> None:
    state = reduce(State(), [put(registration("/a/1", A), registration("/a/2", B)), joined("c1")])
    state = reduce(state, [deleted("/a/1"), ClientClosed("c1", T0, "closed")])
    same, forgotten = forget(state, T0 + CLIENT_S - 1, nobody)
    assert (same, forgotten) == (state, Forgotten())
    state, forgotten = forget(state, T0 + CLIENT_S, nobody)
    assert (forgotten.clients, forgotten.backends, dict(state.owners)) == ((("shop", "c1"),), (), {})
    state, forgotten = forget(state, T0 + BACKEND_S, nobody)
    assert forgotten.backends == (("shop", A),)
    assert set(state.services["shop"].backends) == {B}


def test_of_clients_that_flap_the_newest_are_kept() -> None:
    ids = [f"c{number}" for number in range(MAX_GONE + 2)]
    state = reduce(State(), [put(registration("/a/1", A)), joined("here"), *(joined(id) for id in ids)])
    state = reduce(state, [ClientClosed(id, T0 + number, "closed") for number, id in enumerate(ids)])
    state, forgotten = forget(state, T0 + 1, nobody)
    assert forgotten.clients == (("shop", "c0"), ("shop", "c1"))
    assert set(state.services["shop"].clients) == {"here", *ids[2:]}


def test_what_only_clients_knew_is_gone_once_none_holds_it() -> None:
    state = reduce(State(), [joined("c1"), report("c1", opened=subconns(A, B))])
    state, _ = forget(state, T0 + 50, lambda _: {A})
    assert {a: b.gone_at for a, b in state.services["shop"].backends.items()} == {A: None, B: T0 + 50}
    state, forgotten = forget(state, T0 + 50 + BACKEND_S, lambda _: {A})
    assert forgotten.backends == (("shop", B),)


def test_an_empty_service_leaves_and_what_operators_said_waits_for_it() -> None:
    state = reduce(State(), [put(registration("/a/1", A)), control(drained(A)), deleted("/a/1")])
    state, forgotten = forget(state, T0 + BACKEND_S, nobody)
    assert (forgotten.services, dict(state.services), set(state.orphans)) == (("shop",), {}, {"shop"})
    state = reduce(state, [put(registration("/a/2", A))])
    assert state.services["shop"].routing.admin_of(A) is Admin.DRAIN


def test_a_service_whose_broken_registrations_are_all_gone_leaves_at_once() -> None:
    state = reduce(State(), [put(registration("/a/1")), deleted("/a/1")])
    assert forget(state, T0 + 1, nobody)[1].services == ("shop",)
