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
    TelemetryRejected,
    Ticked,
)
from lbdash.live.forget import forget
from lbdash.live.narrate import narrate
from lbdash.live.reader import NumbersCache, Reader
from lbdash.live.reduce import reduce
from lbdash.live.reduce_clients import is_news
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
        for id, reason in self._counters.take_refusals():
            self._apply(TelemetryRejected(id, self._clock(), reason))
        self._counters_version += counted
        topology = self._state is not before or self._timeline.changes != entries
        if topology or counted:
            for subscription in self._subscriptions:
                subscription._tell(topology, counted)

    def _apply(self, event: Event) -> bool:
        """True when counters moved. One by one: what an event means to the counters depends on those before it."""
        if isinstance(event, ClientReported):
            return self._report(event)
        if isinstance(event, Ticked):
            return self._tick(event.at)
        before = self._state
        if isinstance(event, RegistrationsChanged):
            self._counters.settle(before, event)
        self._state = after = reduce(before, (event,))
        if isinstance(event, ClientOpened | ClientClosed):
            self._counters.apply(after, event)
        elif isinstance(event, ControlChanged):
            self._counters.follow(after)
        for note in narrate(before, after, event):
            self._timeline.add(note)
        return isinstance(event, ClientOpened | ClientClosed)

    def _report(self, event: ClientReported) -> bool:
        if is_news(self._state, event):
            self._state = reduce(self._state, (event,))
        self._counters.apply(self._state, event)
        for note in self._counters.take_notes(self._state.owners.get(event.id, "")):
            self._timeline.add(note)
        return True

    def _tick(self, now: float) -> bool:
        self._state, forgotten = forget(self._state, now, self._counters.addresses_in_use)
        self._counters.forget(forgotten)
        for service in forgotten.services:
            self._timeline.forget(service)
        self._counters.tick(self._state, now)
        return True
