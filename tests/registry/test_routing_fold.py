"""Control keys edited by hand: what is used, what is refused and why."""

from __future__ import annotations

from lbdash.model import Admin
from lbdash.registry.control_keys import admin_key, generation_key, parse_key, policy_key
from lbdash.registry.kv import KeyValue, WatchDelete, WatchPut
from lbdash.registry.routing import Routing
from lbdash.registry.routing_fold import fold

A = "10.0.0.1:80"
DRAIN = b'{"state": "drain"}'


def put(key: str, value: bytes, revision: int = 5) -> WatchPut:
    return WatchPut(KeyValue(key.encode(), value, revision, revision, 1, 0))


def test_a_key_not_quoted_as_it_should_be_is_not_used_and_the_right_one_is_named() -> None:
    by_hand = f"/lbdash/v1/services/shop/backends/{A}/admin"
    assert parse_key(by_hand) is None
    routing = fold(Routing("shop"), [put(by_hand, DRAIN)])
    assert (dict(routing.admin), dict(routing.raw)) == ({}, {})
    assert dict(routing.problems) == {by_hand: f"this key is written {admin_key('shop', A)}"}
    assert not fold(routing, [WatchDelete(by_hand.encode(), 6)]).problems


def test_a_misspelt_key_does_not_touch_what_the_right_one_says() -> None:
    routing = fold(Routing("a/b"), [put(admin_key("a/b", A), DRAIN)])
    for wrong in (f"/lbdash/v1/services/a%2fb/backends/{A}/admin", "/lbdash/v1/services/%61%2Fb/policy"):
        routing = fold(routing, [put(wrong, b'{"state": "maint", "name": "x"}'), WatchDelete(wrong.encode(), 7)])
    assert (routing.admin_of(A), routing.policy, dict(routing.problems)) == (Admin.DRAIN, None, {})
    assert parse_key(policy_key("a/b")) is not None


def test_a_generation_no_command_could_name_is_refused() -> None:
    routing = fold(Routing("shop"), [put(generation_key("shop"), b'{"generation": 3}')])
    routing = fold(routing, [put(generation_key("shop"), b'{"generation": 99999999999999999999}', 6)])
    assert routing.generation.number == 3
    assert "is not a whole number" in routing.problems[generation_key("shop")]
