"""What the timeline says of registry, operators and clients."""

from __future__ import annotations

import pytest

from lbdash.live.events import ClientClosed, CommandRecorded, Event, SourceLost, SourceProven
from lbdash.live.store import Store
from lbdash.registry.control_keys import FREEZE, admin_key, generation_key, policy_key, versions_key, weight_key
from tests.live.told import (
    T0,
    Hand,
    control,
    deleted,
    drained,
    joined,
    key_gone,
    key_put,
    put,
    registration,
    synced,
)

A, B = "10.0.0.1:80", "10.0.0.2:80"
GENERATION = key_put(generation_key("shop"), b'{"generation": 2}')


@pytest.fixture
def store() -> Store:
    store = Store(Hand())
    store.apply([put(registration("/a/1", A, version="v1"), registration("/a/2", A)), synced()])
    store.apply([control(drained(A)), synced("control", "control"), joined("c1")])
    return store


def told(store: Store, event: Event) -> list[tuple[str, str, str, str]]:
    before = {entry.serial for entry in store.view().timeline()}
    store.apply([event])
    fresh = [entry for entry in store.view().timeline() if entry.serial not in before]
    return [(entry.kind, entry.severity, entry.backend, entry.text) for entry in fresh]


@pytest.mark.parametrize(
    ("event", "kind", "severity", "backend", "words"),
    [
        (put(registration("/a/3", B, version="v2")), "registered", "info", B, "weight 100, version v2"),
        (put(registration("/a/1", A, version="v3")), "registered", "info", A, "version v1 -> v3"),
        (put(registration("/a/4")), "problem", "warning", "", "/a/4 cannot be used"),
        (deleted("/a/2"), "deregistered", "info", A, "one of its registrations"),
        (deleted("/a/1", "/a/2"), "deregistered", "warning", A, "left the registry"),
        (control(GENERATION, key_gone(admin_key("shop", A))), "routing", "info", A, "admin state is now ready"),
        (control(key_gone(admin_key("shop", A))), "expired", "info", A, "drain ended by itself"),
        (control(key_put(weight_key("shop", A), b'{"weight": 7}')), "routing", "info", A, "weight override is now 7"),
        (
            control(key_put(weight_key("shop", A), b'{"weight": 0}')),
            "problem",
            "warning",
            A,
            "drain the backend instead",
        ),
        (control(key_put(policy_key("shop"), b'{"name": "rr"}')), "routing", "info", "", "policy is now rr"),
        (control(key_put(versions_key("shop"), b'{"shares": {"v1": 100}}')), "routing", "info", "", "v1 100 %"),
        (control(key_put(FREEZE, b"{}")), "routing", "warning", "", "commands are frozen"),
        (joined("c2"), "client", "info", "", "joined"),
        (joined("c1"), "client", "info", "", "is back"),
        (ClientClosed("c1", T0, "closed"), "client", "info", "", "left: closed"),
        (ClientClosed("c1", T0, "stream ended"), "client", "warning", "", "left: stream ended"),
        (CommandRecorded("7", "shop", T0, "drain", "ann", "applied", ""), "command", "ok", "", "drain by ann: applied"),
        (SourceLost("control", "control", T0, "timeout"), "source", "error", "", "lost (timeout)"),
        (SourceProven("extra", "registry", T0), "source", "info", "", "connected"),
    ],
)
def test_it_is_told(store: Store, event: Event, kind: str, severity: str, backend: str, words: str) -> None:
    assert [(k, s, b) for k, s, b, text in told(store, event) if words in text] == [(kind, severity, backend)]


@pytest.mark.parametrize(
    "event",
    [
        put(registration("/a/1", A, version="v1")),
        control(GENERATION),
        deleted("/never"),
        SourceProven("control", "control", T0 + 1),
        ClientClosed("stranger", T0, "closed"),
    ],
)
def test_what_is_no_news_is_not_told(store: Store, event: Event) -> None:
    assert told(store, event) == []


def test_the_first_list_is_not_history() -> None:
    store = Store(Hand())
    store.apply([put(registration("/a/1", A)), control(drained(A)), synced(), synced("control", "control")])
    assert {entry.kind for entry in store.view().timeline()} == {"source"}


def test_a_source_that_returns_says_how_long_it_was_away(store: Store) -> None:
    told(store, SourceLost("control", "control", T0, "timeout"))
    assert told(store, SourceProven("control", "control", T0 + 31)) == [
        ("source", "ok", "", "control: back after 31 s")
    ]
