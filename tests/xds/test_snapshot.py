"""What is served, as the state and the time move on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lbdash.live.state import Service, Source, State
from lbdash.registry.control_keys import versions_key
from lbdash.xds.names import CDS, EDS, LDS, RDS
from lbdash.xds.snapshot import Snapshot
from tests.xds.test_plan import service

T0, GRACE = 1000.0, 60.0


def state(*services: Service, revision: int = 7) -> State:
    source = Source("registry /svc/", "registry", revision=revision, synced=True)
    return State(services={each.key: each for each in services}, sources={source.name: source})


def serving(*services: Service) -> Snapshot:
    snapshot = Snapshot(GRACE)
    snapshot.update(state(*services), {}, T0)
    return snapshot


def versioned(**shares: int) -> dict[str, Any]:
    return {versions_key("app"): {"shares": shares}}


def test_content_that_stays_keeps_its_revision_and_other_services_are_not_touched() -> None:
    other = replace(service(p9="v1"), key="other", name="other")
    snapshot = serving(service(p1="v1"), other)
    before = dict(snapshot.resources)
    assert snapshot.update(state(service(p1="v1", p2="v1"), other, revision=9), {}, T0) == {"app"}
    moved = {key for key, resource in snapshot.resources.items() if before.get(key) is not resource}
    assert moved == {(EDS, "app")}
    assert snapshot.resources[EDS, "app"].revision == 9
    assert snapshot.resources[RDS, "app"].revision == 7
    assert snapshot.update(state(service(p1="v1", p2="v1"), other, revision=11), {}, T0) == set()


def test_a_cluster_that_no_route_names_any_more_is_served_until_clients_have_the_new_routes() -> None:
    snapshot = serving(service(versioned(v1=50, v2=50), p1="v1", p2="v2"))
    snapshot.update(state(service(p1="v1")), {}, T0)
    assert (CDS, "app:v2") in snapshot.resources
    assert snapshot.sweep(T0 + GRACE - 1) == set()
    assert snapshot.sweep(T0 + GRACE) == {"app"}
    assert {key for key in snapshot.resources if key[1] == "app:v2"} == set()
    assert (CDS, "app") in snapshot.resources


def test_a_cluster_that_comes_back_in_time_stays() -> None:
    split = service(versioned(v1=50, v2=50), p1="v1", p2="v2")
    snapshot = serving(split)
    snapshot.update(state(service(p1="v1")), {}, T0)
    snapshot.update(state(split), {}, T0 + 1)
    assert snapshot.sweep(T0 + 2 * GRACE) == set()
    assert (EDS, "app:v2") in snapshot.resources


def test_the_last_endpoints_stay_for_a_while_when_all_registrations_go() -> None:
    snapshot = serving(service(p1="v1"))
    before = dict(snapshot.resources)
    assert snapshot.update(state(service()), {}, T0) == set()
    assert snapshot.update(State(), {}, T0 + 1) == set()
    assert snapshot.resources == before
    assert snapshot.sweep(T0 + GRACE - 1) == set()
    assert snapshot.sweep(T0 + GRACE) == {"app"}
    assert snapshot.resources == {}


def test_registrations_that_come_back_are_served_again_at_once() -> None:
    snapshot = serving(service(p1="v1"))
    snapshot.update(state(service()), {}, T0)
    assert snapshot.update(state(service(p2="v1")), {}, T0 + 1) == {"app"}
    assert snapshot.sweep(T0 + 2 * GRACE) == set()
    assert (LDS, "app") in snapshot.resources
