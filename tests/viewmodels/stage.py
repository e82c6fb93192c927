"""A service as its view models see it: a real store, told by events."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from lbdash.live.events import ControlChanged, Event, RegistrationsChanged, SourceProven
from lbdash.live.state import Service
from lbdash.live.store import Store
from lbdash.live.view import LiveView
from lbdash.model import Registration
from lbdash.registry.control_keys import service_prefix
from lbdash.registry.kv import KeyValue, WatchPut
from tests.web.world import BACKENDS, SERVICE

NOW = 1_000_000.0


def registration(number: int, address: str, version: str) -> Registration:
    return Registration(
        f"/hwholiday/srv/app/app-{number}", SERVICE, "hwholiday", f"app-{number}", address, version, lease=7
    )


def registered(backends: Mapping[str, str] = BACKENDS) -> list[Event]:
    puts = tuple(registration(n, address, version) for n, (address, version) in enumerate(backends.items()))
    return [
        SourceProven("registry /hwholiday/", "registry", NOW - 20, 5, True),
        RegistrationsChanged("registry /hwholiday/", puts, (), 5, NOW - 20),
        SourceProven("control", "control", NOW, 5, True),
    ]


def control(values: Mapping[str, object], revision: int = 9) -> Event:
    """Control keys of the service, by what follows its prefix; a str is written as it is."""
    puts = []
    for name, value in values.items():
        text = value if isinstance(value, str) else json.dumps(value)
        puts.append(
            WatchPut(KeyValue((service_prefix(SERVICE) + name).encode(), text.encode(), revision, revision, 1, 0))
        )
    return ControlChanged(tuple(puts), revision, 0, NOW - 5)


def stage(*batches: Sequence[Event]) -> tuple[LiveView, Service]:
    store = Store(lambda: NOW)
    for batch in batches:
        store.apply(batch)
    view = store.view()
    return view, view.state.services[SERVICE]
