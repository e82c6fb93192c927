"""What one channel has to tell a dashboard: what changed since the last acknowledged report, and nothing twice.

`batch` composes; `acknowledged` settles it; `restart` (a new stream) unsettles it, so that the next batch tells all
again. Nothing here grows while nobody listens: counters are cumulative, the rest sits in bounded rings.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from lbdash.balancing.balancer import Balancer
from lbdash.balancing.columns import counter_row, f32, u8, u32, u64
from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.intake import Intake, ResolverEvent
from lbdash.balancing.picker import PickRecord
from lbdash.balancing.pool import StateChange
from lbdash.balancing.wire import pick_sample, resolver_event, subconn_row, transition
from lbdash.model import LATENCY_SCHEME, Connectivity
from lbdash.proto import telemetry_pb2 as pb

OBEYS = ("drain", "maint", "weight", "versions", "policy")
TELLS = ("picks", "inflight", "latency", "samples", "transitions")

Told = tuple[int, int, float]  # picks, in flight, weight: if these are unchanged, so is the row


@dataclass(frozen=True, slots=True)
class Subject:
    """The channel a ledger is about. `steerable`: it can hear operators at all."""

    id: bytes
    name: str
    service: str
    convention: str
    target: str
    steerable: bool
    balancer: Balancer
    intake: Intake


@dataclass(slots=True)
class _Pending:
    """What the outstanding batch carries."""

    table: set[int] = field(default_factory=set)
    rows: dict[int, Told] = field(default_factory=dict)
    gone: list[Endpoint] = field(default_factory=list)
    transitions: list[StateChange] = field(default_factory=list)
    events: list[ResolverEvent] = field(default_factory=list)
    samples: list[PickRecord] = field(default_factory=list)


class Ledger:
    """One channel's, on its reporter's one stream."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.opened = False  # on this stream
        self.closing = False  # the next report is the last
        self.goodbye_said = False
        self.farewell = asyncio.Event()  # the last report arrived, or cannot any more
        self._refused_until = float("-inf")
        self._table: set[int] = set()
        self._rows: dict[int, Told] = {}
        self._pending: _Pending | None = None
        self._latency: pb.Latency | None = None  # the group that is not acknowledged yet
        self._latency_seq = 0
        self._late: list[Endpoint] = []  # gone while a group was outstanding: theirs come in the next

    def open(self, process: pb.Process) -> pb.Open:
        subject = self.subject
        return pb.Open(
            channel_id=subject.id,
            name=subject.name,
            service=subject.service,
            convention=subject.convention,
            target=subject.target,
            policy=subject.balancer.policy.name,
            process=process,
            can_obey=OBEYS if subject.steerable else (),
            can_tell=TELLS,
            latency_scheme=LATENCY_SCHEME,
        )

    def acknowledged(self) -> None:
        """The outstanding batch arrived."""
        pending, self._pending = self._pending, None
        if pending is None:  # it was refused
            return
        self._latency = None
        if self.goodbye_said:
            self.farewell.set()
        gone = {endpoint.index for endpoint in pending.gone}
        self._table = (self._table | pending.table) - gone
        self._rows = {index: told for index, told in {**self._rows, **pending.rows}.items() if index not in gone}

    def restart(self) -> None:
        """A new stream, maybe to a dashboard that knows nothing: all but acknowledged history is told again."""
        pending, self._pending = self._pending, None
        self.opened = self.goodbye_said = False
        self._table, self._rows = set(), {}
        if pending is not None:
            pool, balancer = self.subject.balancer.pool, self.subject.balancer
            _put_back(pool.gone, pending.gone)
            _put_back(pool.transitions, pending.transitions)
            _put_back(self.subject.intake.events, pending.events)
            _put_back(balancer.sampler.records, pending.samples)

    def wants_to_speak(self, now: float) -> bool:
        return self._refused_until <= now and not self.farewell.is_set()

    def refuse(self, until: float) -> None:
        """The dashboard does not take this channel; try again, from the start, at `until` (monotonic seconds)."""
        self._refused_until = until
        self.restart()
        if self.closing:
            self.farewell.set()

    # ---- composing

    def batch(self, now: float) -> pb.Batch:
        """At most one is outstanding. `now`: monotonic seconds; ages on the wire are before it."""
        balancer, intake = self.subject.balancer, self.subject.intake
        pending = self._pending = _Pending(
            gone=_take(balancer.pool.gone),
            transitions=_take(balancer.pool.transitions),
            events=_take(intake.events),
            samples=_take(balancer.sampler.records),
        )
        tally = balancer.tally
        return pb.Batch(
            channel_id=self.subject.id,
            subconns=self._new_rows(pending, now),
            gone=[endpoint.index for endpoint in pending.gone],
            transitions=[transition(change, now) for change in pending.transitions],
            counters=self._counters(pending, now),
            latency=self._latency_group(pending),
            versions=[
                pb.VersionCount(requested=requested, chosen=chosen, reason=reason, count=count, source=source)
                for (requested, chosen, reason, source), count in tally.versions.items()
            ],
            rule_hits=[
                pb.RuleHits(header=header, exact=exact, version=version, count=count)
                for (header, exact, version), count in tally.rules.items()
            ],
            override_ignored=tally.override_ignored,
            unplaced=tally.unplaced,
            applied_revision=intake.revision,
            list_epoch=intake.epoch,
            rejected=[pb.RejectedKey(key=key, reason=reason[:200]) for key, reason in balancer.problems.items()],
            control_denied=intake.control_denied,
            resolver=[resolver_event(event, now) for event in pending.events],
            samples=[pick_sample(record, now) for record in pending.samples],
            picker_build=balancer.build,
            policy=balancer.policy.name,
            connectivity=balancer.state,
            samples_dropped=balancer.sampler.dropped,
        )

    def _new_rows(self, pending: _Pending, now: float) -> list[pb.SubConn]:
        subconns = self.subject.balancer.pool.subconns
        moved = {change.index for change in pending.transitions}
        rows = []
        for subconn in subconns:
            index = subconn.endpoint.index
            if index not in self._table:
                # Its transitions follow in this batch: start where they start.
                state = Connectivity.IDLE if index in moved else subconn.state
                rows.append(subconn_row(subconn.endpoint, state, now - subconn.since))
        late = [endpoint for endpoint in pending.gone if endpoint.index not in self._table]
        rows += [subconn_row(endpoint, Connectivity.SHUTDOWN, 0.0) for endpoint in late]
        pending.table = {row.index for row in rows}
        return rows

    def _counters(self, pending: _Pending, now: float) -> pb.Counters | None:
        """Rows that changed; what is in flight ages, so it always does."""
        balancer = self.subject.balancer
        live = [subconn.endpoint for subconn in balancer.pool.subconns]
        rows = []
        for endpoint in sorted([*live, *pending.gone], key=lambda e: e.index):
            told = (endpoint.picks, endpoint.inflight, endpoint.weight)
            if endpoint.inflight or self._rows.get(endpoint.index) != told:
                pending.rows[endpoint.index] = told
                rows.append(counter_row(endpoint, balancer.policy, now))
        return _columns(rows) if rows else None

    def _latency_group(self, pending: _Pending) -> pb.Latency | None:
        """One group is outstanding at a time; an unacknowledged one is sent again as it was."""
        if self._latency is not None:
            self._late = pending.gone
            return self._latency
        live = [subconn.endpoint for subconn in self.subject.balancer.pool.subconns]
        endpoints, self._late = [*live, *self._late, *pending.gone], []
        cells = [(e.index, *cell) for e in endpoints if e.latency for cell in sorted(e.take_latency().items())]
        if cells:
            self._latency_seq += 1
            index, bucket, count = zip(*cells, strict=True)
            columns = {"index": u32(index), "bucket": u8(bucket), "count": u32(count)}
            self._latency = pb.Latency(latency_seq=self._latency_seq, **columns)
        return self._latency


def _columns(rows: list[Any]) -> pb.Counters:
    columns = list(zip(*rows, strict=True))
    return pb.Counters(
        index=u32(columns[0]),
        picks=u64(columns[1]),
        ok=u64(columns[2]),
        cancelled=u64(columns[3]),
        infrastructure=u64(columns[4]),
        application=u64(columns[5]),
        inflight=u32(columns[6]),
        oldest_us=u64(columns[7]),
        lag_us=f32(columns[8]),
        success=f32(columns[9]),
        load=f32(columns[10]),
        weight=f32(columns[11]),
    )


def _take(ring: deque[Any]) -> list[Any]:
    taken = list(ring)
    ring.clear()
    return taken


def _put_back(ring: deque[Any], items: Iterable[Any]) -> None:
    """Before what came since; the ring keeps its newest."""
    newer = _take(ring)
    ring.extend((*items, *newer))
