"""What happened, for people: bounded, and equal neighbours folded into one line with a count."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from lbdash.live.view import TimelineEntry

PER_SERVICE = 1000
OVERALL = 5000
FOLD_S = 3.0  # equal entries this close are one


@dataclass(frozen=True, slots=True)
class Note:
    """A timeline entry before it has a serial. Notes with one `fold` key and service, close in time, become one."""

    at: float
    kind: str
    severity: str
    service: str
    text: str
    backend: str = ""
    client: str = ""
    command: str = ""

    @property
    def fold(self) -> tuple[str, ...]:
        """A command is never folded; of clients and backends it is what happened that counts, not to whom."""
        return (self.service, self.kind, self.severity, self.backend, self.command, self.text)


class Timeline:
    """Newest `PER_SERVICE` entries of each service and `OVERALL` of all, whichever is asked for."""

    def __init__(self) -> None:
        self._all: OrderedDict[int, TimelineEntry] = OrderedDict()
        self._by_service: dict[str, OrderedDict[int, TimelineEntry]] = {}
        self._open: OrderedDict[tuple[str, ...], TimelineEntry] = OrderedDict()
        self.serial = 0  # of the newest entry
        self.changes = 0  # entries and folds

    def add(self, note: Note) -> None:
        last = self._open.get(note.fold)
        if last is not None and not note.command and note.at - (last.until or last.at) <= FOLD_S:
            client = last.client if last.client == note.client else ""
            self._keep(note.fold, replace(last, count=last.count + 1, until=note.at, client=client))
            return
        self.serial += 1
        entry = TimelineEntry(
            self.serial,
            note.at,
            note.kind,
            note.severity,
            note.service,
            note.text,
            note.backend,
            note.client,
            note.command,
        )
        self._keep(note.fold, entry)

    def _keep(self, fold: tuple[str, ...], entry: TimelineEntry) -> None:
        self.changes += 1
        self._open[fold] = entry
        if len(self._open) > OVERALL:
            self._open.popitem(last=False)
        _put(self._all, entry, OVERALL)
        if entry.service:
            _put(self._by_service.setdefault(entry.service, OrderedDict()), entry, PER_SERVICE)

    def forget(self, service: str) -> None:
        self._by_service.pop(service, None)

    def newest(self, service: str, limit: int, before: int) -> list[TimelineEntry]:
        ring = self._by_service.get(service, OrderedDict()) if service else self._all
        found: list[TimelineEntry] = []
        for serial in _falling(ring):
            if len(found) == limit:
                break
            if not before or serial < before:
                found.append(ring[serial])
        return found

    def __len__(self) -> int:
        return len(self._all)


def _put(ring: OrderedDict[int, TimelineEntry], entry: TimelineEntry, limit: int) -> None:
    """An entry that was folded again keeps its place; one that has left the ring does not return."""
    if entry.count > 1 and entry.serial not in ring:
        return
    ring[entry.serial] = entry
    if len(ring) > limit:
        ring.popitem(last=False)


def _falling(ring: OrderedDict[int, TimelineEntry]) -> Iterator[int]:
    return reversed(ring)
