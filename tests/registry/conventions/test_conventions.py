"""Every convention reads what it and its foreign writers write, and survives everything else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lbdash.registry.conventions import CONVENTIONS, Instance, by_name, key_text, parse
from lbdash.registry.conventions.discover import discover
from lbdash.registry.kv import KeyValue

NODE = {"name": "app", "path": "/hwholiday/srv/app", "id": "app-1", "version": "v1", "address": "10.0.0.7:8089"}
OBJECTS = {"Api": {"online": True, "limiting_switch": False, "limiting": 10, "fuse": False, "defaults": None}}


def kv(key: str | bytes, value: object, lease: int = 7) -> KeyValue:
    raw = (
        value if isinstance(value, bytes) else value.encode() if isinstance(value, str) else json.dumps(value).encode()
    )
    return KeyValue(key if isinstance(key, bytes) else key.encode(), raw, 3, 4, 1, lease)


def codes(found: KeyValue, convention: str = "") -> set[str]:
    return {problem.code for problem in parse(found, convention).problems}


@pytest.mark.parametrize(
    "value",
    [
        {"node": NODE, "metadata": None, "endpoints": {"Api": "online"}},
        {"node": NODE, "metadata": {"zone": "b"}, "endpoints": OBJECTS},
        {"node": NODE | {"online": True}, "metadata": {}, "endpoints": {"Api": {"online": True}}},
    ],
)
def test_all_three_generations_of_hwholiday_are_read(value: object) -> None:
    read = parse(kv("/hwholiday/srv/app/app-1", value))
    assert (read.convention, read.service, read.id) == ("hwholiday", "hwholiday.srv.app", "app-1")
    assert (read.address, read.version, read.online) == ("10.0.0.7:8089", "v1", True)
    assert (read.lease, read.create_revision, read.mod_revision, read.problems) == (7, 3, 4, ())


def test_what_hwholiday_says_of_itself_is_taken() -> None:
    read = parse(kv("/a/app/app-1", {"node": NODE | {"online": False}, "metadata": {"weight": "30", "n": 1}}))
    assert (read.online, read.weight, read.metadata) == (False, 30, {"weight": "30", "n": "1"})


@pytest.mark.parametrize(
    ("key", "value", "convention", "service"),
    [
        ("services/search/10.0.0.1:80", {"Op": 0, "Addr": "10.0.0.1:80", "Metadata": None}, "etcd", "services/search"),
        ("services/search/unix:/run/x", {"Op": 0, "Addr": "unix:/run/x"}, "etcd", "services/search"),
        ("user.rpc/7587870434391063562", "10.2.3.4:8080", "gozero", "user.rpc"),
        ("user.rpc/one", "10.2.3.4:8080", "plain", "user.rpc"),
        ("/a/b/x-1", {"id": "1", "name": "b", "endpoints": ["grpc://h:1"]}, "kratos", "/a/b"),
        ("kitex/registry-etcd/b/h:1", {"network": "tcp", "address": "h:1"}, "kitex", "kitex/registry-etcd/b"),
        ("/services/b/h:1", {"ServiceName": "b", "Host": "h", "Port": 1}, "dubbo", "/services/b"),
        ("/dubbo/i/providers/x", "", "dubbo-interface", "/dubbo/i/providers"),
        ("/a/app/app-1", "{broken", "hwholiday", "a.app"),
        ("user.rpc/12", "broken", "gozero", "user.rpc"),
        ("svc/h:1", "{broken", "etcd", "svc"),
        ("/config/colour", "blue", "invalid", "/config"),
    ],
)
def test_a_convention_is_told_by_its_value_or_else_by_its_key(
    key: str, value: object, convention: str, service: str
) -> None:
    read = parse(kv(key, value))
    assert (read.convention, read.service) == (convention, service)
    assert bool(read.address) == (convention in CONVENTIONS and value not in ("{broken", "broken"))
    assert bool(read.problems) != bool(read.address)


@pytest.mark.parametrize(
    ("key", "value", "lease", "code"),
    [
        ("/a/app/app-1", {"node": NODE | {"path": "/a/app"}}, 0, "no_lease"),
        ("/a/app/app-1", {"node": NODE}, 7, "key_mismatch"),
        ("/a/app/app-1", {"node": {"address": "h:1"}}, 7, "no_version"),
        ("/a/app/app-1", {"node": {"address": "0.0.0.0:8089"}}, 7, "unroutable"),
        ("/a/app/app-1", {"node": {"address": "[::]:8089"}}, 7, "unroutable"),
        ("/a/app/app-1", {"node": {"address": "h:123123"}}, 7, "bad_address"),
        ("/a/app/app-1", {"node": {"address": ":80"}}, 7, "bad_address"),
        ("/a/app/app-1", {"node": {"address": None}}, 7, "no_address"),
        ("/a/app/app-1", {"node": {"address": "h:1"}, "metadata": {"weight": "0"}}, 7, "bad_weight"),
        ("/a/app/app-1", "{", 7, "bad_json"),
        ("/a/app/app-1", b"\xff\xfe", 7, "bad_json"),
        ("/a/app/app-1", "[" * 100_000, 7, "bad_json"),
        ("/a/app/app-1", "9" * 100_000, 7, "bad_json"),
        ("/a/app/app-1", b"x" * 1_000_000, 7, "too_large"),
        ("/a/app/other", {"some": "thing"}, 7, "unrecognised"),
        ("/m/app/other", {"id": "1", "name": "b", "endpoints": []}, 7, "unsupported"),
    ],
)
def test_what_is_wrong_is_said(key: str, value: object, lease: int, code: str) -> None:
    assert code in codes(kv(key, value, lease))


def test_under_a_named_convention_nothing_else_passes() -> None:
    for convention in CONVENTIONS:
        read = parse(kv("/a/app/1", {"other": "value"}), convention)
        assert (read.convention, read.address) == (convention, "")
        assert read.problems


@pytest.mark.parametrize("convention", list(CONVENTIONS))
def test_what_is_encoded_is_read_again(convention: str) -> None:
    service = "a.b.app" if convention == "hwholiday" else "a/app"
    bare = convention in ("gozero", "plain")
    instance = Instance("h:1", "x9", *(() if bare else ("v2", 50, {"zone": "b"})))
    key, value = by_name(convention).encode(service, instance, 12)
    assert key.startswith(by_name(convention).watch_prefix(service))
    read = parse(kv(key, value))
    assert (read.convention, read.service, read.address, read.problems) == (convention, service, "h:1", ())
    assert (read.version, read.weight) == (("", 100) if bare else ("v2", 50))


def test_markup_and_odd_bytes_are_kept_as_short_clean_text() -> None:
    evil = "<img src=x onerror=alert(1)>\x00\n\ud800" * 50
    read = parse(kv(b"/a/app\xff/app-1", {"node": {"address": "h:1", "version": evil}, "metadata": {evil: {evil: 1}}}))
    for text in (read.key, read.service, read.id, read.version, *read.metadata, *read.metadata.values()):
        assert len(text.encode()) < 1100
        assert text.isprintable()


def test_different_keys_never_become_one_text() -> None:
    keys = [
        b"/a/\xff",
        b"/a/\\xff",
        b"/a/\n",
        b"/a/\\u000a",
        b"/a/\x85",
        "/a/\x85".encode(),
        b"/a/" + b"k" * 5000 + b"1",
        b"/a/" + b"k" * 5000 + b"2",
    ]
    assert len({key_text(key) for key in keys}) == len(keys)
    assert key_text(b"/a/b") == "/a/b"
    assert max(map(len, map(key_text, keys))) < 1100


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["node", "address", "Addr", "Op", "metadata", "x"]), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(key=st.binary(max_size=40), value=st.binary(max_size=60) | JSON.map(json.dumps).map(str.encode))
def test_no_key_and_no_value_can_break_it(key: bytes, value: bytes) -> None:
    for convention in ("", *CONVENTIONS):
        read = parse(KeyValue(key, value, 1, 1, 1, 0), convention)
        kept = [read.key, read.service, read.id, read.version, *read.metadata, *read.metadata.values()]
        assert all(text.isprintable() for text in kept + [problem.text for problem in read.problems])
        assert read.problems


def test_discover_suggests_prefixes_with_their_conventions() -> None:
    sample = [
        kv("/hwholiday/srv/app/app-1", {"node": NODE}),
        kv("/hwholiday/srv/user/user-1", {"node": NODE}),
        kv("services/search/h:1", {"Op": 0, "Addr": "h:1"}),
        kv("user.rpc/1", "h:1"),
        kv("/mixed/a/1", "h:1"),
        kv("/mixed/b/h:1", {"Op": 0, "Addr": "h:1"}),
        kv("/mixed/c/h:1", {"Op": 0, "Addr": "h:1"}),
        kv("/lbdash/v1/freeze", "{}"),
        kv("/registry/pods/x", b"k8s\x00\x01"),
        kv("/lonely", "h:1"),
    ]
    found = discover(sample)
    assert [(s.watch, s.registrations) for s in found.suggestions] == [
        ("/mixed/", 3),
        ("/hwholiday/srv/=hwholiday", 2),
        ("services/=etcd", 1),
        ("user.rpc/=gozero", 1),
    ]
    assert (found.sampled, found.unrecognised) == (9, 2)
    assert found.suggestions[1].services == ("hwholiday.srv.app", "hwholiday.srv.user")
