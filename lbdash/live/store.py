"""The one writer: takes events, keeps the state, the counters and the timeline, and tells who listens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lbdash.live.counters import Counters
from lbdash.live.events import (
    ClientClosed,
    ClientOpened,
    ClientReported,
    ControlChanged,
    Event,
    RegistrationsChanged,
    Ticked,
)
from lbdash.live.forget import forget
from lbdash.live.narrate import narrate
from lbdash.live.reader import NumbersCache, Reader
from lbdash.live.reduce import reduce
from lbdash.live.state import State
from lbdash.live.timeline import Timeline
from lbdash.live.view import LiveView


@dataclass(frozen=True, slots=True)
class Changed:
    """Which lanes moved since the last `wait`: topology (and timeline), counters."""

    topology: bool
    counters: bool


class Subscription:
    """Conflated: however much happened, one `Changed` says so. Nothing is queued, so a slow reader costs nothing."""

    def __init__(self, leave: Callable[[Subscription], None]) -> None:
        self._leave = leave
        self._event = asyncio.Event()
        self._topology = self._counters = False

    async def wait(self) -> Changed:
        """Returns at once when something changed since the last call. One waiter per subscription."""
        await self._event.wait()
        self._event.clear()
        changed = Changed(self._topology, self._counters)
        self._topology = self._counters = False
        return changed

    def close(self) -> None:
        self._leave(self)

    def _tell(self, topology: bool, counters: bool) -> None:
        self._topology |= topology
        self._counters |= counters
        self._event.set()


class Store:
    """`clock`: seconds since the epoch that never jump. All methods belong to the loop's thread and never block."""

    def __init__(self, clock: Callable[[], float], instance: str = "") -> None:
        self._clock = clock
        self._state = State(instance=instance)
        self._counters = Counters()
        self._timeline = Timeline()
        self._cache = NumbersCache()
        self._subscriptions: set[Subscription] = set()
        self._counters_version = 0

    @property
    def topology_version(self) -> int:
        return self._state.version

    @property
    def counters_version(self) -> int:
        """Rises with every batch that carried numbers, and with every tick."""
        return self._counters_version

    def view(self) -> LiveView:
        cache = self._cache.at((self._state.version, self._counters_version))
        return Reader(self._state, self._clock(), self._counters, self._timeline, cache)

    def subscribe(self) -> Subscription:
        subscription = Subscription(self._subscriptions.discard)
        self._subscriptions.add(subscription)
        return subscription

    def apply(self, events: Sequence[Event]) -> None:
        """Take in what happened, in order."""
        before, entries = self._state, self._timeline.changes
        counted = False
        for event in events:
            counted |= self._apply(event)
        self._counters_version += counted
        topology = self._state is not before or self._timeline.changes != entries
        if topology or counted:
            for subscription in self._subscriptions:
                subscription._tell(topology, counted)

    def _apply(self, event: Event) -> bool:
        """True when counters moved. One by one: what an event means to the counters depends on those before it."""
        before = self._state
        if isinstance(event, RegistrationsChanged):
            self._counters.settle(before, event)
        self._state = after = reduce(before, (event,))
        counted = isinstance(event, ClientOpened | ClientClosed | ClientReported)
        if isinstance(event, ClientOpened | ClientClosed | ClientReported):
            self._counters.apply(after, event)
        elif isinstance(event, ControlChanged):
            self._counters.follow(after)
        elif isinstance(event, Ticked):
            self._tick(event.at)
            return True
        self._narrate(before, after, event)
        return counted

    def _narrate(self, before: State, after: State, event: Event) -> None:
        if isinstance(event, ClientReported):
            notes = self._counters.take_notes(after.owners.get(event.id, ""))
        else:
            notes = list(narrate(before, after, event))
        for note in notes:
            self._timeline.add(note)

    def _tick(self, now: float) -> None:
        self._state, forgotten = forget(self._state, now, self._counters.addresses_in_use)
        self._counters.forget(forgotten)
        for service in forgotten.services:
            self._timeline.forget(service)
        self._counters.tick(self._state, now)
