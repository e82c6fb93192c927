"""One client's side of the telemetry protocol: checks each batch against what it said before."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from lbdash.live.events import ClientReported, LatencyColumns, SubConnOpened, Transition
from lbdash.live.rowmap import MAX_INDEX
from lbdash.model import AddressError, Connectivity, canonical_address
from lbdash.proto import telemetry_pb2 as pb
from lbdash.sources import columns, words
from lbdash.sources.columns import Malformed
from lbdash.sources.offset import Offset
from lbdash.sources.places import Places

MAX_TRANSITIONS = 20_000  # per batch
MAX_SUBCONNS = 20_000  # of one client at once

MAX_REASONS = 5  # told per batch

S = TypeVar("S")
T = TypeVar("T")


class Channel:
    """`owner`: the stream that speaks for it now, None = its stream ended at `released_at`. Survives reconnects."""

    def __init__(self, id: str, process: tuple[str, int, str], places: Places) -> None:
        self.id = id
        self.process = process  # host, pid and name: who may take over after a reconnect
        self.owner: object | None = None
        self.released_at = 0.0
        self._addresses: list[str] = []  # by index, "" = none now; interned, for many clients hold the same
        self._held = 0
        self._places = places
        self._latency_seq = 0

    @property
    def places(self) -> int:
        return len(self._addresses)

    def read(self, batch: pb.Batch, at: float, offset: Offset, sent: float) -> tuple[ClientReported, list[str]]:
        """The event, and what was refused of the batch."""
        moment, refused = words.Moment(sent), _Refused()
        opened: tuple[SubConnOpened, ...] = ()
        transitions: tuple[Transition, ...] = ()
        # A report mostly has counters alone; what is empty is not looked at twice, for this runs thousands of times/s.
        if batch.subconns:
            opened = refused.each(lambda row: self._open(row, moment), batch.subconns)
        if batch.transitions:
            changes = batch.transitions[:MAX_TRANSITIONS]
            transitions = refused.each(lambda row: self._transition(row, moment), changes)
        counters = refused.whole(columns.counters, batch.counters) if batch.HasField("counters") else None
        latency = refused.whole(self._latency, batch.latency) if batch.HasField("latency") else None
        state = refused.whole(words.connectivity, batch.connectivity)
        event = ClientReported(
            self.id,
            at,
            offset.seconds,
            opened=opened,
            gone=tuple(self._close(batch.gone)) if batch.gone else (),
            transitions=transitions,
            counters=counters,
            latency=latency,
            versions=words.versions(batch.versions) if batch.versions else (),
            rule_hits=words.rule_hits(batch.rule_hits) if batch.rule_hits else (),
            override_ignored=batch.override_ignored,
            unplaced=batch.unplaced,
            applied_revision=batch.applied_revision,
            list_epoch=batch.list_epoch,
            rejected=words.rejected(batch.rejected) if batch.rejected else (),
            control_denied=batch.control_denied,
            resolver=words.resolver(batch.resolver, moment) if batch.resolver else (),
            samples=words.samples(batch.samples, self.id, moment) if batch.samples else (),
            samples_dropped=batch.samples_dropped,
            picker_build=batch.picker_build,
            policy=batch.policy[: words.NAME],
            connectivity=Connectivity.IDLE if state is None else state,
            offset_error_s=offset.error,
        )
        return event, refused.reasons

    def _open(self, row: pb.SubConn, moment: words.Moment) -> SubConnOpened:
        try:
            address = canonical_address(row.address)
        except AddressError as error:
            raise Malformed(f"SubConn {row.index}: {error}") from None
        state = words.connectivity(row.state)
        known = self._address(row.index)
        if not known:
            self._begin(row.index, sys.intern(address))
        elif known != address:
            raise Malformed(f"SubConn {row.index} was {known} and is now {address}: indexes are not reused")
        return SubConnOpened(row.index, self._addresses[row.index], state, moment.ago(row.state_age_us))

    def _address(self, index: int) -> str:
        return self._addresses[index] if index < len(self._addresses) else ""

    def _begin(self, index: int, address: str) -> None:
        if self._held >= MAX_SUBCONNS:
            raise Malformed(f"more than {MAX_SUBCONNS} SubConns at once")
        if index >= MAX_INDEX:
            raise Malformed(f"SubConn index {index} is not in 0..{MAX_INDEX - 1}")
        more = index + 1 - len(self._addresses)
        if more > 0:
            self._places.take(more)
            self._addresses += [""] * more
        self._addresses[index] = address
        self._held += 1

    def _transition(self, row: pb.Transition, moment: words.Moment) -> Transition:
        if not self._address(row.index):
            raise Malformed(f"transition: index {row.index} stands for no SubConn")
        return words.transition(row, moment)

    def _latency(self, group: pb.Latency) -> LatencyColumns | None:
        """None for a group that was folded already and sent again, for its acknowledgement was lost."""
        if group.latency_seq <= self._latency_seq:
            return None
        latency = columns.latency(group)
        self._latency_seq = group.latency_seq
        return latency

    def _close(self, gone: Iterable[int]) -> Iterator[int]:
        for index in gone:
            if self._address(index):
                self._addresses[index] = ""
                self._held -= 1
                yield index


class _Refused:
    """Runs checks and notes what did not pass: one bad part does not spoil the others."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def whole(self, read: Callable[[S], T], part: S) -> T | None:
        try:
            return read(part)
        except Malformed as error:
            self._note(error)
            return None

    def each(self, read: Callable[[S], T], rows: Iterable[S]) -> tuple[T, ...]:
        passed = []
        for row in rows:
            try:
                passed.append(read(row))
            except Malformed as error:
                self._note(error)
        return tuple(passed)

    def _note(self, error: Malformed) -> None:
        if len(self.reasons) < MAX_REASONS:
            self.reasons.append(str(error))
