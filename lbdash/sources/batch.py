"""Gather events that come in a burst, so that the store copies its snapshot once and not per event."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from lbdash.live.events import Event
from lbdash.live.store import Store

DELAY_S = 0.005
LIMIT = 1000  # this many are handed on at once


class Batcher:
    """The first event after a quiet moment goes through at once; what follows within `DELAY_S` goes together."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pending: list[Event] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, events: Sequence[Event]) -> None:
        self._pending.extend(events)
        if self._timer is None or len(self._pending) >= LIMIT:
            self.flush()

    def flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(DELAY_S, self._due)
        events, self._pending = self._pending, []
        if events:
            self._store.apply(events)

    def _due(self) -> None:
        self._timer = None
        if self._pending:
            self.flush()

    def close(self) -> None:
        """Hand on what is left."""
        if self._timer is not None:
            self._timer.cancel()
        events, self._pending = self._pending, []
        self._store.apply(events)
