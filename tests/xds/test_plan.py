"""Service to plan: DESIGN 5 in terms of xDS."""

from __future__ import annotations

import json
from typing import Any

from lbdash.live.state import Backend, Service
from lbdash.model import Registration
from lbdash.registry.control_keys import admin_key, versions_key, weight_key
from lbdash.registry.kv import KeyValue, WatchPut
from lbdash.registry.routing import Routing
from lbdash.registry.routing_fold import fold
from lbdash.xds.plan import Match, Plan, Route, make_plan
from lbdash.xds.resources import encode

ABSENT = Match("version", None)


def service(words: dict[str, Any] | None = None, **backends: str) -> Service:
    """`backends`: last part of the address -> version. `words`: control key -> value."""
    found = {}
    for port, version in backends.items():
        address = f"10.0.0.1:{port.removeprefix('p')}"
        found[address] = Backend(address, (Registration("k", "app", "etcd", "i", address, version),))
    events = [
        WatchPut(KeyValue(key.encode(), json.dumps(value).encode(), 1, revision, 1, 0))
        for revision, (key, value) in enumerate((words or {}).items(), 2)
    ]
    return Service("app", "app", "etcd", fold(Routing("app"), events), found)


def planned(words: dict[str, Any] | None = None, released: frozenset[str] = frozenset(), **backends: str) -> Plan:
    plan = make_plan(service(words, **backends), released)
    assert plan is not None
    return plan


def draining(plan: Plan, cluster: str) -> dict[str, bool]:
    """Address -> does not take calls."""
    (found,) = [each for each in plan.clusters if each.name == cluster]
    return {locality.name: locality.endpoints[0].draining for locality in found.localities}


def admin(port: int, state: str) -> dict[str, Any]:
    return {admin_key("app", f"10.0.0.1:{port}"): {"state": state}}


def test_every_backend_is_a_locality_of_its_effective_weight() -> None:
    plan = planned({weight_key("app", "10.0.0.1:2"): {"weight": 7}}, p1="v1", p2="v1")
    (cluster,) = plan.clusters
    assert [(each.name, each.weight) for each in cluster.localities] == [("10.0.0.1:1", 100), ("10.0.0.1:2", 7)]


def test_a_drain_is_draining_unless_that_empties_the_set() -> None:
    assert draining(planned(admin(1, "drain"), p1="v1", p2="v1"), "app") == {"10.0.0.1:1": True, "10.0.0.1:2": False}
    assert draining(planned(admin(1, "drain"), p1="v1"), "app") == {"10.0.0.1:1": False}


def test_a_version_that_is_drained_as_a_whole_serves_those_who_ask_for_it_only() -> None:
    plan = planned(admin(1, "drain"), p1="v1", p2="v2")
    assert draining(plan, "app") == {"10.0.0.1:1": True, "10.0.0.1:2": False}
    assert draining(plan, "app:v1") == {"10.0.0.1:1": False}


def test_maint_is_hard_and_goes_when_it_is_released() -> None:
    assert draining(planned(admin(1, "maint"), p1="v1"), "app") == {"10.0.0.1:1": True}
    released = frozenset({"10.0.0.1:1"})
    assert draining(planned(admin(1, "maint"), released, p1="v1", p2="v1"), "app") == {"10.0.0.1:2": False}
    assert draining(planned(None, released, p1="v1"), "app") == {"10.0.0.1:1": False}


def test_a_drain_beside_maint_is_ignored_for_nobody_else_is_left() -> None:
    plan = planned(admin(1, "drain") | admin(2, "maint"), p1="v1", p2="v1")
    assert draining(plan, "app") == {"10.0.0.1:1": False, "10.0.0.1:2": True}


def test_the_requested_version_comes_first_then_rules_then_shares() -> None:
    rule = {"header": "X-Canary", "exact": "1", "version": "v2"}
    plan = planned({versions_key("app"): {"shares": {"v1": 95, "v2": 5}, "rules": [rule]}}, p1="v1", p2="v2")
    assert plan.routes == (
        Route((Match("version", "v1"),), (("app:v1", 1),)),
        Route((Match("version", "v2"),), (("app:v2", 1),)),
        Route((ABSENT, Match("x-canary", "1")), (("app:v2", 1),)),
        Route((ABSENT,), (("app:v1", 95), ("app:v2", 5))),
    )


def test_shares_of_versions_nobody_serves_go_to_the_others() -> None:
    words = {versions_key("app"): {"shares": {"v1": 90, "v2": 10, "v3": 0}}, **admin(2, "maint")}
    assert planned(words, p1="v1", p2="v2", p3="v3").routes[-1].targets == (("app:v1", 90),)


def test_shares_that_nobody_serves_at_all_fail_in_the_heaviest_version() -> None:
    plan = planned({versions_key("app"): {"shares": {"v8": 10, "v9": 90}}}, p1="v1", p2="v2")
    assert plan.routes[-1].targets == (("app:v9", 1),)
    assert draining(plan, "app:v9") == {}


def test_on_missing_is_a_route_for_every_other_version() -> None:
    words = {versions_key("app"): {"on_missing": {"action": "version", "version": "v1"}}}
    assert Route((Match("version", ""),), (("app:v1", 1),)) in planned(words, p1="v1", p2="v2").routes
    assert all(Match("version", "") not in route.matches for route in planned(p1="v1", p2="v2").routes)


def test_a_requested_version_in_maint_follows_on_missing() -> None:
    words = {versions_key("app"): {"on_missing": {"action": "any"}}, **admin(2, "maint")}
    assert Route((Match("version", "v2"),), (("app", 1),)) in planned(words, p1="v1", p2="v2").routes


def test_rules_that_clients_would_turn_down_or_cannot_match_are_left_out() -> None:
    headers = ("trace-bin", ":path", "with space", "", "x-ok")
    rules = [{"header": header, "exact": "1", "version": "v1"} for header in headers]
    rules += [{"header": "x-new", "regex": ".*", "version": "v1"}]
    plan = planned({versions_key("app"): {"rules": rules}}, p1="v1")
    assert [route.matches[1].header for route in plan.routes if len(route.matches) == 2] == ["x-ok"]


def test_what_is_no_ip_address_is_left_out_and_named() -> None:
    hostile = service(p1="v1")
    for address in ("db.example:80", "unix:/run/app", "0.0.0.0:80", "[fe80::1%eth0]:80"):
        registration = Registration(address, "app", "etcd", "i", address, "v1")
        hostile.backends[address] = Backend(address, (registration,))  # type: ignore[index]
    plan = make_plan(hostile)
    assert plan is not None
    assert list(draining(plan, "app")) == ["10.0.0.1:1"]
    assert plan.left_out == ("db.example:80", "unix:/run/app", "0.0.0.0:80", "[fe80::1%eth0]:80")


def test_text_that_no_wire_can_carry_harms_nobody() -> None:
    half = "\ud800"
    rules = [{"header": "x", "exact": half, "version": half}, {"header": "x", "exact": "1", "version": half}]
    words = {versions_key("app"): {"shares": {half: 100}, "rules": rules}}
    assert encode(planned(words, p1=half, p2="v1"), 1, {})


def test_a_service_without_anybody_to_dial_has_no_plan() -> None:
    assert make_plan(service()) is None


def test_past_a_thousand_backends_those_of_equal_weight_share_a_locality() -> None:
    many = {f"p{port}": "v1" for port in range(1, 1102)}
    plan = planned({weight_key("app", "10.0.0.1:5"): {"weight": 7}, **admin(9, "drain")}, **many)
    light, heavy = plan.clusters[0].localities
    assert plan.grouped
    assert (light.weight, len(light.endpoints)) == (7, 1)
    assert (heavy.weight, len(heavy.endpoints)) == (100 * 1099, 1100)
    assert sum(end.draining for end in heavy.endpoints) == 1
