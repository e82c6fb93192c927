"""The counters of one service: folds what its clients report. One writer; cost per report does not depend on how many
backends or clients there are."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping

import numpy as np

from lbdash.live.columns import I64, INFLIGHT, PICKS, longer
from lbdash.live.events import ClientReported, CounterColumns, LatencyColumns, SubConnOpened, Transition
from lbdash.live.history import History
from lbdash.live.member import Member, Parked, RuleKey, VersionKey
from lbdash.live.meters import RATE_WINDOW_S, Meters
from lbdash.live.samples import PickRing, SpanRing
from lbdash.live.tally import Tally
from lbdash.live.timeline import Note
from lbdash.live.versions import VersionCounters
from lbdash.live.view import StateSpan
from lbdash.model import Connectivity

MAX_NAMES = 500  # rows of the version matrix, and rules
_NOT_CONNECTED = (Connectivity.IDLE, Connectivity.CONNECTING)
PARKED_ROWS = 200_000  # SubConns of forgotten clients whose counters are kept


class ServiceCounters:
    """Columns of `backends` are named by address, of `clients` by id. `notes`: what the timeline should say."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.notes: list[Note] = []
        self.backends, self.clients = Meters(), Meters()
        self.history = History()
        self.versions = VersionCounters(self.backends, self.history.forget_version)
        self.members: dict[str, Member] = {}
        self.states: I64 = np.zeros((len(Connectivity), self.backends.capacity), np.int64)
        self.after: I64 = np.zeros(self.backends.capacity, np.int64)  # picks by clients that had applied an override
        self.overrides: dict[str, int] = {}  # address -> revision of its drain or maint
        self.matrix: Tally[VersionKey] = Tally(MAX_NAMES, lambda key: ("other", key[1] and "other", *key[2:]))
        self.rules: Tally[RuleKey] = Tally(MAX_NAMES, lambda key: ("other", "", ""))
        self.override_ignored = 0
        self.unplaced = 0
        self.picks = PickRing()
        self.spans = SpanRing()
        self._parked: OrderedDict[str, Parked] = OrderedDict()
        self._parked_rows = 0
        self._leaving: set[str] = set()  # backends the topology dropped while a client still counts on their column

    # ---- clients coming and going

    def open(self, id: str, now: float) -> None:
        """A new client, or one that came back: its counters go on where they were."""
        member = self.members.get(id)
        if member is None:
            self.members[id] = self._admit(id, now)
        elif not member.live:
            self._attach(member, +1)
            # What it did while it was away is no rate of this moment, unless that was but a moment.
            member.rated = member.rated and now - member.closed_at < RATE_WINDOW_S
            member.live = True

    def _admit(self, id: str, now: float) -> Member:
        member = Member(id, self.clients.column(id, now))
        parked = self._parked.pop(id, None)
        if parked is not None:
            self._parked_rows -= len(parked.sums) + 1
            member.said, member.parked = parked.said, parked.sums
            self.clients.retired -= parked.total
            self.clients.add_one(member.column, parked.total, rated=False)
        return member

    def close(self, id: str, now: float) -> None:
        member = self.members.get(id)
        if member is not None and member.live:
            self._attach(member, -1)
            member.live, member.closed_at = False, now

    def _attach(self, member: Member, sign: int) -> None:
        """Count a client's SubConns and calls in flight, or stop counting them: of the gone we know neither."""
        block = member.block
        _, rows = block.rows.live()
        columns = block.column[rows]
        inflight = block.sums[INFLIGHT, rows] * sign
        np.add.at(self.backends.sums[INFLIGHT], columns, inflight)
        np.add.at(self.states, (block.state[rows], columns), sign)
        self.clients.sums[INFLIGHT, member.column] += inflight.sum()

    def forget_client(self, id: str) -> None:
        member = self.members.pop(id, None)
        if member is None:
            return
        if member.live:
            self._attach(member, -1)
        self._park(id, Parked.of(member, self.clients.sums[:, member.column].copy()))
        self.clients.free(id)

    def _park(self, id: str, parked: Parked) -> None:
        for sums in parked.sums.values():
            sums[INFLIGHT] = 0
        self._parked[id] = parked
        self._parked_rows += len(parked.sums) + 1
        while self._parked_rows > PARKED_ROWS:
            _, oldest = self._parked.popitem(last=False)
            self._parked_rows -= len(oldest.sums) + 1

    def forget_backend(self, address: str) -> None:
        if address in self.backends.columns:
            self._leaving.add(address)

    def _fold_backends(self) -> None:
        for address in list(self._leaving):
            column = self.backends.columns[address]
            if not any(member.block.holds(column) for member in self.members.values()):
                self._leaving.discard(address)
                self.backends.free(address)
                self.versions.forget(column)
                self.after[column] = 0
                self.history.forget_backend(column)

    def addresses_in_use(self) -> set[str]:
        held = self.states.sum(axis=0)
        return {address for address, column in self.backends.columns.items() if held[column]}

    # ---- reports

    def fold(self, event: ClientReported) -> None:
        member = self.members.get(event.id)
        if member is None or not member.live:
            return
        member.heard(event)
        self._open_subconns(member, event.opened, event.at)
        self._transitions(member, event.transitions)
        if event.counters is not None:
            self._counters(member, event.counters, event.at)
        if event.latency is not None:
            self._latency(member, event.latency)
        self._words(member, event)
        if event.samples:
            self.picks.add(event.samples)
        if event.applied_revision != member.applied_revision:
            member.applied_revision = event.applied_revision
            self._obey(member)
        for index in event.gone:
            self._close_subconn(member, index)

    def _open_subconns(self, member: Member, opened: Iterable[SubConnOpened], at: float) -> None:
        for subconn in opened:
            row = member.block.rows.get(subconn.index)
            if row >= 0:
                self._set_state(member, row, subconn.state, subconn.since)
                continue
            row = member.block.open(subconn.index, self.column(subconn.address, at))
            member.block.set_state(row, subconn.state, subconn.since)
            self._count(member, row, subconn.state, +1)
            self._unpark(member, subconn.index, row)
            if subconn.address in self.overrides:
                self._obey(member)

    def _unpark(self, member: Member, index: int, row: int) -> None:
        parked = member.parked.pop(index, None)
        if parked is not None:
            member.block.sums[:, row] = parked

    def column(self, address: str, now: float) -> int:
        self._leaving.discard(address)
        column = self.backends.column(address, now)
        extra = self.backends.capacity - len(self.after)
        if extra:
            self.states, self.after = longer(self.states, extra), longer(self.after, extra)
        return column

    def _transitions(self, member: Member, transitions: Iterable[Transition]) -> None:
        for transition in transitions:
            row = member.block.rows.get(transition.index)
            if row < 0:
                continue
            address = self.backends.name(int(member.block.column[row]))
            self._tell(member, row, address, transition)
            self._set_state(member, row, transition.state, transition.at)
            self.spans.add(StateSpan(member.id, address, transition.state, transition.at, transition.error))

    def _tell(self, member: Member, row: int, address: str, transition: Transition) -> None:
        """Note failures, recoveries and lost connections; that a new connection gets READY is no news."""
        block = member.block
        if transition.error:
            block.errors[row] = transition.error
        if transition.state == Connectivity.TRANSIENT_FAILURE and row not in block.failing:
            block.failing.add(row)
            why = f": {transition.error}" if transition.error else ""
            self._note(member, "error", f"TRANSIENT_FAILURE{why}", address, transition.at)
        elif transition.state == Connectivity.READY and row in block.failing:
            block.failing.discard(row)
            self._note(member, "ok", "READY again", address, transition.at)
        elif block.state[row] == Connectivity.READY and transition.state in (
            Connectivity.IDLE,
            Connectivity.CONNECTING,
        ):
            self._note(member, "warning", "connection lost", address, transition.at)

    def _note(self, member: Member, severity: str, text: str, address: str, at: float) -> None:
        self.notes.append(Note(at, "state", severity, self.key, text, address, member.id))

    def _set_state(self, member: Member, row: int, state: Connectivity, since: float) -> None:
        self._count(member, row, Connectivity(int(member.block.state[row])), -1)
        self._count(member, row, state, +1)
        member.block.set_state(row, state, since)

    def _count(self, member: Member, row: int, state: Connectivity, step: int) -> None:
        self.states[state, member.block.column[row]] += step
        member.states[state] += step

    def _close_subconn(self, member: Member, index: int) -> None:
        row = member.block.close(index)
        if row < 0:
            return
        inflight = int(member.block.sums[INFLIGHT, row])
        member.park(index, member.block.sums[:, row])
        self.backends.sums[INFLIGHT, member.block.column[row]] -= inflight
        self.clients.sums[INFLIGHT, member.column] -= inflight
        self._count(member, row, Connectivity(int(member.block.state[row])), -1)
        member.retired += 1

    def _counters(self, member: Member, counters: CounterColumns, at: float) -> None:
        block = member.block
        rows = block.rows.many(counters.index)
        if rows is None or not rows.size:
            return
        delta = block.fold(rows, counters, at)
        columns = block.column.take(rows)
        self.backends.add(columns, delta, distinct=block.distinct, rated=member.rated)
        self.clients.add_one(member.column, np.add.reduce(delta, axis=1), rated=member.rated)
        if block.obeying is not None:
            np.add.at(self.after, columns, delta[PICKS] * block.obeying[rows])
        if not member.rated:
            member.rated = True
            block.begin_window()

    def _latency(self, member: Member, latency: LatencyColumns) -> None:
        rows = member.block.rows.many(latency.index)
        if rows is not None:
            self.backends.latency.add(member.block.column.take(rows), latency.bucket, latency.count)
            self.clients.latency.add_one(member.column, latency.bucket, latency.count)

    def _words(self, member: Member, event: ClientReported) -> None:
        said, rated = member.said, member.rated
        if event.versions:
            rows = (((v.requested, v.chosen, v.reason, v.source), v.count) for v in event.versions)
            self.matrix.fold(said.versions, rows, rated=rated)
        if event.rule_hits:
            hits = (((hit.header, hit.exact, hit.version), hit.count) for hit in event.rule_hits)
            self.rules.fold(said.rules, hits, rated=rated)
        self.override_ignored += max(0, event.override_ignored - said.override_ignored)
        self.unplaced += max(0, event.unplaced - said.unplaced)
        said.override_ignored = max(said.override_ignored, event.override_ignored)
        said.unplaced = max(said.unplaced, event.unplaced)
        said.samples_dropped = max(said.samples_dropped, event.samples_dropped)

    # ---- overrides: picks that come after a client said it obeys

    def override(self, overrides: dict[str, int]) -> None:
        """Address -> revision of its drain or maint. A new revision starts its count afresh."""
        changed = {a for a in {*overrides, *self.overrides} if overrides.get(a) != self.overrides.get(a)}
        self.overrides = overrides
        for address in changed & self.backends.columns.keys():
            self.after[self.backends.columns[address]] = 0
        if changed:
            for member in self.members.values():
                self._obey(member)

    def _obey(self, member: Member) -> None:
        """Mark the rows whose override this client has applied."""
        if not self.overrides and member.block.obeying is None:
            return
        applied = [a for a, revision in self.overrides.items() if member.applied_revision >= revision]
        columns = [self.backends.columns[a] for a in applied if a in self.backends.columns]
        member.block.obey(columns)

    # ---- time

    def tick(self, now: float, versions: Mapping[str, str]) -> None:
        """Once a second: rates are taken, the forgotten folded. `versions`: address -> version."""
        self._fold_backends()
        self.versions.settle(versions, now)
        for meters in (self.backends, self.clients, self.versions.meters):
            meters.tick(now)
        self.matrix.tick(now)
        self.rules.tick(now)
