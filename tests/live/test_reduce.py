"""Who exists, from what was said: the registry, control keys and clients."""

from __future__ import annotations

from itertools import permutations

import pytest

from lbdash.live.events import ClientClosed, SourceLost, SourceProven, TelemetryRejected
from lbdash.live.reduce import reduce
from lbdash.live.state import State
from lbdash.model import Admin
from lbdash.registry.control_keys import CLIENTS, FREEZE, ROOT, admin_key
from tests.live.told import (
    T0,
    control,
    deleted,
    drained,
    joined,
    key_gone,
    key_put,
    put,
    registration,
    report,
    subconns,
)

A, B = "10.0.0.1:80", "10.0.0.2:80"


def after(*events: object) -> State:
    return reduce(State(), events)  # type: ignore[arg-type]


# ---- services


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_one_name_in_two_conventions_is_two_services_whatever_comes_first(order: tuple[int, ...]) -> None:
    events = [
        put(registration("/a/1", A, convention="etcd")),
        put(registration("/b/1", B, convention="gozero")),
        joined("c1", convention="gozero"),
    ]
    state = after(*(events[i] for i in order))
    by_convention = {service.convention: service for service in state.services.values()}
    assert set(by_convention) == {"etcd", "gozero"}
    assert set(by_convention["gozero"].clients) == {"c1"}
    later = max(state.services, key=len)
    assert later == f"shop@{by_convention[state.services[later].convention].convention}"
    assert set(state.services) == {"shop", later}


def test_a_service_that_clients_named_first_is_taken_over_by_its_registration() -> None:
    state = after(joined("c1"), report("c1", opened=subconns(A)), put(registration("/a/1", A)))
    assert set(state.services) == {"shop"}
    service = state.services["shop"]
    assert (service.convention, set(service.clients)) == ("etcd", {"c1"})
    assert service.backends[A].registered


def test_services_only_clients_know_are_capped_and_the_rest_is_counted() -> None:
    state = after(*(joined(f"c{i}", service=f"s{i}") for i in range(203)))
    assert (len(state.services), state.overflow) == (200, 3)
    assert after(put(registration("/a/1", A, service="s202")), joined("c", service="s202")).overflow == 0


def test_addresses_only_clients_know_are_capped() -> None:
    many = [f"10.{i >> 8}.{i & 255}.1:80" for i in range(1005)]
    state = after(joined("c1"), report("c1", opened=subconns(*many)))
    assert (len(state.services["shop"].backends), state.overflow) == (1000, 5)


# ---- backends


def test_two_keys_with_one_address_are_one_backend_until_both_go() -> None:
    state = after(
        put(
            registration("/a/1", A, version="v1", create_revision=5),
            registration("/a/2", A, version="v2", create_revision=9),
        )
    )
    backend = state.services["shop"].backends[A]
    assert [r.key for r in backend.registrations] == ["/a/2", "/a/1"]
    assert backend.version == "v2"
    state = reduce(state, [deleted("/a/2", at=T0 + 1)])
    assert state.services["shop"].backends[A].version == "v1"
    assert state.services["shop"].backends[A].gone_at is None
    state = reduce(state, [deleted("/a/1", at=T0 + 2)])
    assert state.services["shop"].backends[A].gone_at == T0 + 2
    state = reduce(state, [put(registration("/a/3", A), at=T0 + 3)])
    assert state.services["shop"].backends[A].gone_at is None
    assert state.services["shop"].backends[A].first_seen == T0


def test_a_key_that_moves_to_another_address_leaves_the_old_one() -> None:
    state = after(put(registration("/a/1", A)), put(registration("/a/1", B), at=T0 + 5))
    backends = state.services["shop"].backends
    assert (backends[A].registrations, backends[A].gone_at) == ((), T0 + 5)
    assert backends[B].registered


def test_a_registration_without_an_address_is_kept_as_invalid_until_it_is_mended() -> None:
    state = after(put(registration("/a/1")))
    assert set(state.services["shop"].invalid) == {"/a/1"}
    state = reduce(state, [put(registration("/a/1", A))])
    assert not state.services["shop"].invalid
    assert state.services["shop"].backends[A].registered
    assert not after(put(registration("/a/1")), deleted("/a/1")).services["shop"].invalid


def test_the_snapshot_before_is_not_touched() -> None:
    before = after(put(registration("/a/1", A)), joined("c1"))
    text = repr(before)
    reduce(before, [deleted("/a/1"), joined("c2"), control(drained(A)), ClientClosed("c1", T0, "closed")])
    assert repr(before) == text


def test_a_batch_means_what_its_events_mean_one_by_one() -> None:
    events = [
        put(registration("/a/1", A), registration("/a/2", B)),
        joined("c1"),
        report("c1", opened=subconns(A, "10.0.0.9:80"), applied_revision=4),
        control(drained(A)),
        deleted("/a/2"),
    ]
    state = State()
    for event in events:
        state = reduce(state, [event])
    whole = after(*events)
    assert (state.services, state.owners, state.keys) == (whole.services, whole.owners, whole.keys)


def test_what_changes_nothing_returns_the_same_snapshot() -> None:
    state = after(joined("c1"), report("c1", applied_revision=3))
    assert reduce(state, [report("c1", applied_revision=3), deleted("/never/seen"), report("stranger")]) is state


# ---- control keys


def test_control_keys_of_a_service_nobody_has_apply_when_it_appears() -> None:
    state = after(control(drained(A)))
    assert set(state.orphans) == {"shop"}
    state = reduce(state, [put(registration("/a/1", A))])
    assert state.services["shop"].routing.admin_of(A) is Admin.DRAIN
    assert not state.orphans


def test_orphans_that_are_deleted_are_forgotten() -> None:
    assert not after(control(drained(A)), control(key_gone(admin_key("shop", A)))).orphans


def test_control_keys_go_by_name_so_both_conventions_obey_them() -> None:
    state = after(
        put(registration("/a/1", A, convention="etcd"), registration("/b/1", A, convention="gozero")),
        control(drained(A)),
    )
    assert [s.routing.admin_of(A) for s in state.services.values()] == [Admin.DRAIN, Admin.DRAIN]
    third = reduce(state, [put(registration("/c/1", A, convention="plain"))])
    assert third.services["shop@plain"].routing.admin_of(A) is Admin.DRAIN


@pytest.mark.parametrize("value", [b'{"by": "ann", "reason": "fire"}', b"[]", b"\xff", b""])
def test_a_freeze_holds_even_when_nobody_can_read_it(value: bytes) -> None:
    state = after(control(key_put(FREEZE, value, 7)))
    assert state.freeze is not None
    assert state.freeze_revision == 7
    assert reduce(state, [control(key_gone(FREEZE))]).freeze is None


def test_other_dashboards_and_announced_clients_are_noted_and_forgotten() -> None:
    state = after(control(key_put(ROOT + "instances/x", b"host-1"), key_put(CLIENTS + "c%2F9", b"{}")))
    assert [(peer.id, peer.text) for peer in state.peers] == [("x", "host-1")]
    assert dict(state.announced) == {"c/9": "{}"}
    state = reduce(state, [control(key_gone(ROOT + "instances/x"), key_gone(CLIENTS + "c%2F9"))])
    assert (state.peers, dict(state.announced)) == ((), {})


# ---- clients


def test_applied_at_is_when_a_revision_was_first_reported() -> None:
    state = after(
        joined("c1"), report("c1", at=T0 + 1, applied_revision=7), report("c1", at=T0 + 2, applied_revision=7)
    )
    client = state.services["shop"].clients["c1"]
    assert (client.applied_revision, client.applied_at) == (7, T0 + 1)


def test_a_client_that_comes_back_keeps_what_it_had_applied() -> None:
    gone = after(joined("c1"), report("c1", applied_revision=7), ClientClosed("c1", T0 + 1, "stream ended"))
    assert gone.services["shop"].clients["c1"].gone_reason == "stream ended"
    back = reduce(gone, [joined("c1", at=T0 + 2)]).services["shop"].clients["c1"]
    assert (back.gone_at, back.applied_revision, back.opened_at) == (None, 7, T0)


def test_problems_of_a_client_are_told_once_and_bounded() -> None:
    refused = [TelemetryRejected("c1", T0, f"reason {i % 7}") for i in range(40)]
    client = after(joined("c1"), *refused).services["shop"].clients["c1"]
    assert [problem.text for problem in client.problems] == [f"reason {i}" for i in (0, 1, 2, 3, 4)]


# ---- sources


def test_a_source_is_lost_since_the_first_word_of_it_and_well_again_by_proof() -> None:
    state = after(
        SourceProven("control", "control", T0, 5, True, 3),
        SourceLost("control", "control", T0 + 2, "timeout"),
        SourceLost("control", "control", T0 + 4, "refused"),
    )
    source = state.sources["control"]
    assert (source.lost_at, source.reason, source.connected_at) == (T0 + 2, "refused", T0)
    source = reduce(state, [SourceProven("control", "control", T0 + 9)]).sources["control"]
    assert (source.lost_at, source.connected_at, source.synced, source.events) == (None, T0 + 9, True, 3)
