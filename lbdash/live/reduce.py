"""`reduce(state, events) -> State`: the next snapshot. Pure; `state` is not touched.

One file per kind of speaker: registry, control keys, clients. Whoever goes away is only marked gone here; `forget`
folds them later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from lbdash.live.draft import Draft
from lbdash.live.events import (
    ClientClosed,
    ClientOpened,
    ClientReported,
    ControlChanged,
    Event,
    RegistrationsChanged,
    SourceLost,
    SourceProven,
    TelemetryRejected,
)
from lbdash.live.reduce_clients import closed, opened, rejected, reported
from lbdash.live.reduce_control import control_changed
from lbdash.live.reduce_registry import registrations_changed
from lbdash.live.state import Source, State


def reduce(state: State, events: Iterable[Event]) -> State:
    """Returns `state` itself when the events change nothing of the topology."""
    draft = Draft(state)
    for event in events:
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(draft, event)
    return draft.freeze()


def _proven(draft: Draft, event: SourceProven) -> None:
    source = draft.sources.get(event.source) or Source(event.source, event.kind)
    connected = source.connected_at if source.connected_at is not None and source.lost_at is None else event.at
    _put(
        draft,
        replace(
            source,
            connected_at=connected,
            proven_at=event.at,
            lost_at=None,
            reason="",
            revision=event.revision or source.revision,
            synced=source.synced or event.synced,
            events=source.events + event.events,
        ),
    )


def _lost(draft: Draft, event: SourceLost) -> None:
    source = draft.sources.get(event.source) or Source(event.source, event.kind)
    since = event.at if source.lost_at is None else source.lost_at
    _put(draft, replace(source, lost_at=since, reason=event.reason[:300]))


def _put(draft: Draft, source: Source) -> None:
    draft.sources = {**draft.sources, source.name: source}
    draft.touch()


# Ticked and CommandRecorded change nothing of the topology: the store answers them.
_HANDLERS: dict[type, Callable[[Draft, Any], None]] = {
    SourceProven: _proven,
    SourceLost: _lost,
    RegistrationsChanged: registrations_changed,
    ControlChanged: control_changed,
    ClientOpened: opened,
    ClientReported: reported,
    ClientClosed: closed,
    TelemetryRejected: rejected,
}
