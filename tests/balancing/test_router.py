from __future__ import annotations

import random
from collections import Counter

import pytest

from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.picker import PickError, PickInfo, Queue
from lbdash.balancing.policies import make_policy
from lbdash.balancing.router import Member, Router
from lbdash.model import Admin, Connectivity
from lbdash.registry.routing import OnMissing, Rule, Versions

READY, CONNECTING, TF = Connectivity.READY, Connectivity.CONNECTING, Connectivity.TRANSIENT_FAILURE


def member(address, version="", state=READY, admin=Admin.READY, online=True):
    return Member(Endpoint(address, 0, version), state, admin, online)


def router(members, versions=None, policy="round_robin"):
    rng = random.Random(7)
    return Router(members, versions, make_policy(policy, {}, rng), rng, 0.0)


def picks(members, versions=None, *, metadata=None, n=400, policy="round_robin"):
    made = router(members, versions, policy)
    return Counter(made.pick(PickInfo("/s/M", metadata, 0.0)).address for _ in range(n))


def version(name):
    return (("version", name),)


V1, V2 = member("a:1", "v1"), member("b:1", "v2")


@pytest.mark.parametrize(
    ("members", "versions", "metadata", "chosen"),
    [
        pytest.param([V1, V2], None, None, {"a:1", "b:1"}, id="nothing said: all versions"),
        pytest.param([V1, V2], None, version("v2"), {"b:1"}, id="metadata wins"),
        pytest.param([V1, V2], Versions({"v1": 100}), version("v2"), {"b:1"}, id="metadata wins over shares"),
        pytest.param([V1, V2], Versions({"v1": 100}), None, {"a:1"}, id="absent from shares gets nothing"),
        pytest.param([V1, V2], None, version(""), {"a:1", "b:1"}, id="an empty version asks for none"),
        pytest.param(
            [V1, V2],
            Versions({"v1": 100}, (Rule("x-canary", "1", "v2"),)),
            (("x-canary", "1"),),
            {"b:1"},
            id="a rule wins over shares",
        ),
        pytest.param(
            [V1, V2],
            Versions({}, (Rule("x", "1", "v1"), Rule("x", "1", "v2"))),
            (("x", "1"),),
            {"a:1"},
            id="the first rule that matches",
        ),
        pytest.param(
            [V1, V2],
            Versions({}, (Rule("x", "1", "v2"),)),
            (("x", "1"), ("version", "v1")),
            {"a:1"},
            id="metadata wins over rules",
        ),
        pytest.param(
            [V1, V2],
            Versions({"v1": 100}, (Rule("x", None, "v2"),)),
            (("x", "1"),),
            {"a:1"},
            id="an unknown matcher never matches",
        ),
        pytest.param(
            [V1, V2], Versions(on_missing=OnMissing("any")), version("v9"), {"a:1", "b:1"}, id="on_missing any"
        ),
        pytest.param(
            [V1, V2],
            Versions(on_missing=OnMissing("version", "v1")),
            version("v9"),
            {"a:1"},
            id="on_missing a version",
        ),
        pytest.param(
            [member("a:1", "v1", TF), V2], Versions({"v1": 90, "v2": 10}), None, {"b:1"}, id="shares renormalise"
        ),
        pytest.param([V1, member("c:1", admin=Admin.DRAIN)], None, None, {"a:1"}, id="drained is left out"),
        pytest.param([V1, member("c:1", admin=Admin.MAINT)], None, None, {"a:1"}, id="maint is left out"),
        pytest.param([V1, member("c:1", online=False)], None, None, {"a:1"}, id="offline is left out"),
        pytest.param(
            [member("a:1", admin=Admin.DRAIN), member("b:1", state=TF)],
            None,
            None,
            {"a:1"},
            id="a drain that would leave nothing is ignored",
        ),
        pytest.param(
            [V1, member("b:1", "v2", admin=Admin.DRAIN)],
            None,
            version("v2"),
            {"b:1"},
            id="also within the version asked for",
        ),
        pytest.param(
            [member("a:1", admin=Admin.DRAIN), member("b:1", admin=Admin.MAINT)],
            None,
            None,
            {"a:1"},
            id="maint is hard, a drain is not",
        ),
    ],
)
def test_routing_follows_the_table(members, versions, metadata, chosen):
    assert set(picks(members, versions, metadata=metadata)) == chosen


@pytest.mark.parametrize(
    ("members", "versions", "metadata", "reason", "text"),
    [
        ([V1], None, version("v9"), "no_version", "no such version 'v9'"),
        ([member("a:1", "v1", TF), V2], None, version("v1"), "none_ready", "none READY (1 backends of version 'v1')"),
        ([member("a:1", state=TF)], None, None, "none_ready", "none READY (1 backends)"),
        ([member("a:1", admin=Admin.MAINT)], None, None, "all_maint", "all in maint or offline"),
        ([], None, None, "none_ready", "no backends"),
        ([V1], Versions({"v9": 100}), None, "no_version", "no such version 'v9'"),
        ([V1], Versions(on_missing=OnMissing("version", "v8")), version("v9"), "no_version", "no such version 'v8'"),
    ],
)
def test_a_call_that_cannot_be_placed_says_why(members, versions, metadata, reason, text):
    with pytest.raises(PickError) as caught:
        picks(members, versions, metadata=metadata)
    assert caught.value.reason == reason
    assert str(caught.value).startswith("no match found conn: ")
    assert text in str(caught.value)


def test_a_call_waits_while_something_may_still_become_ready():
    with pytest.raises(Queue):
        picks([member("a:1", state=CONNECTING)])
    with pytest.raises(Queue):
        picks([V1, member("b:1", "v2", CONNECTING)], metadata=version("v2"))


def test_shares_are_drawn_as_configured():
    members = [member(f"a:{i}", "v1") for i in range(1, 4)] + [V2]
    counts = picks(members, Versions({"v1": 70, "v2": 30}), n=20_000)
    assert 5_700 < counts["b:1"] < 6_300  # 4.6 sigma


def test_ignored_drains_are_told_with_the_pick():
    drained = [member("a:1", admin=Admin.DRAIN)]
    info = PickInfo("/s/M", None, 0.0)
    router(drained).pick(info)
    assert info.route.drains_ignored
