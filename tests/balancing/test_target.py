from __future__ import annotations

import pytest

from lbdash.balancing.target import Target, parse_target


@pytest.mark.parametrize(
    ("text", "service", "target"),
    [
        ("etcd://h1:2379,h2/a.b.c?convention=hwholiday", None, Target("a.b.c", "hwholiday", ("h1:2379", "h2:2379"))),
        ("etcd://h1/services/search", None, Target("services/search", "", ("h1:2379",))),
        ("etcd:///services%2Fsearch", None, Target("services/search", "")),
        ("etcd:///h1,h2?key=user.rpc", None, Target("user.rpc", "gozero", ("h1:2379", "h2:2379"))),
        ("discov://h1/user.rpc", None, Target("user.rpc", "gozero", ("h1:2379",))),
        ("discovery:///hwholiday.srv.app", None, Target("hwholiday.srv.app", "hwholiday")),
        ("static:///A:1,b:2,a:1", "s", Target("s", "static", addresses=("a:1", "b:2"))),
        ("static:///[::1]:5,unix%3A%2Ftmp%2Fx", "s", Target("s", "static", addresses=("[::1]:5", "unix:/tmp/x"))),
    ],
)
def test_targets_are_read_as_documented(text, service, target):
    assert parse_target(text, service) == target


@pytest.mark.parametrize(
    ("text", "service", "says"),
    [
        ("10.0.0.1:80", None, "no scheme"),
        ("http://x/y", None, "scheme 'http' is not known"),
        ("static:///a:1", None, "give service="),
        ("static:///a", "s", "has no port"),
        ("static:///", "s", "no address"),
        ("etcd://h1", None, "names no service"),
        ("etcd://http://h1:2379/a.b", None, "etcd endpoint"),
    ],
)
def test_a_target_that_cannot_be_says_what_to_write(text, service, says):
    with pytest.raises(ValueError, match=says):
        parse_target(text, service)
