"""The counters of one service: folds what its clients report. One writer; cost per report does not depend on how many
backends or clients there are."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from lbdash.live.columns import INFLIGHT
from lbdash.live.events import ClientReported
from lbdash.live.fold import CounterReport, LatencyReport, fold_counters, fold_latency
from lbdash.live.history import History
from lbdash.live.member import Member, Parked, RuleKey, VersionKey
from lbdash.live.meters import RATE_WINDOW_S, Meters
from lbdash.live.samples import PickRing
from lbdash.live.subconns import SubConns
from lbdash.live.tally import PER_CLIENT, Tally
from lbdash.live.versions import VersionCounters

MAX_NAMES = 500  # rows of the version matrix, and rules
PARKED_ROWS = 200_000  # SubConns of forgotten clients whose counters are kept
PENDING_ROWS = 20_000  # that wait to be folded: about 3 ms of work

Refusal = tuple[str, str]  # client id, reason


class ServiceCounters:
    """Columns of `backends` are named by address, of `clients` by id.

    `refusals` gets what clients reported and cannot be folded. Counters wait in a list until somebody reads (which
    calls `flush`), the clock ticks, their client reports again, or `PENDING_ROWS` are there.
    """

    def __init__(self, key: str, refusals: list[Refusal]) -> None:
        self._refusals = refusals
        self.backends, self.clients = Meters(), Meters()
        self.subconns = SubConns(key, self.backends, self.clients)
        self.history = History()
        self.versions = VersionCounters(self.backends, self.history.forget_version)
        self.members: dict[str, Member] = {}
        self.matrix: Tally[VersionKey] = Tally(MAX_NAMES, lambda key: ("other", key[1] and "other", *key[2:]))
        self.rules: Tally[RuleKey] = Tally(MAX_NAMES, lambda key: ("other", "", ""))
        self.override_ignored = 0
        self.unplaced = 0
        self.picks = PickRing()
        self._counters: list[CounterReport] = []
        self._latency: list[LatencyReport] = []
        self._rows_pending = 0
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
            self.subconns.attach(member, +1)
            # What it did while it was away is no rate of this moment, unless that was but a moment.
            member.rated = member.rated and now - member.closed_at < RATE_WINDOW_S
            member.live = True

    def _admit(self, id: str, now: float) -> Member:
        member = Member(id, self.clients.column(id, now))
        parked = self._parked.pop(id, None)
        if parked is not None:
            self._parked_rows -= len(parked.sums) + 1
            member.said, member.parked = parked.said, parked.sums
            self.clients.add_unrated(member.column, parked.total)
        return member

    def close(self, id: str, now: float) -> None:
        self.flush()
        member = self.members.get(id)
        if member is not None and member.live:
            self.subconns.attach(member, -1)
            member.live, member.closed_at = False, now

    def forget_client(self, id: str) -> None:
        self.close(id, 0.0)
        member = self.members.pop(id, None)
        if member is None:
            return
        sums = self.subconns.table.sums
        self._park(id, Parked.of(member, sums, self.clients.sums[:, member.column].copy()))
        self.subconns.drop(member)
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
        """Its totals go to the retired ones, as soon as no client counts on it."""
        if address in self.backends.columns:
            self._leaving.add(address)

    def _fold_backends(self) -> None:
        if not self._leaving:
            return
        held = self.subconns.held()
        for address in list(self._leaving):
            column = self.backends.columns[address]
            if column not in held:
                self._leaving.discard(address)
                self.backends.free(address)
                self.versions.forget(column)
                self.history.forget_backend(column)
                self.subconns.after[column] = 0

    def addresses_in_use(self) -> set[str]:
        held = self.subconns.states.sum(axis=0)
        return {address for address, column in self.backends.columns.items() if held[column]}

    # ---- reports

    def fold(self, event: ClientReported) -> None:
        member = self.members.get(event.id)
        if member is None or not member.live:
            return
        member.heard(event)
        if event.opened:
            self._open_subconns(member, event)
        for transition in event.transitions:
            self.subconns.change(member, transition)
        self._words(member, event)
        self._queue(member, event)
        if event.samples:
            self.picks.add(event.samples)
        if event.applied_revision != member.applied_revision:
            self.flush()
            member.applied_revision = event.applied_revision
            self.subconns.obey(member)
        if event.gone:
            self.flush()
            for index in event.gone:
                self.subconns.close(member, index)

    def _open_subconns(self, member: Member, event: ClientReported) -> None:
        for subconn in event.opened:
            self._leaving.discard(subconn.address)
            try:
                self.subconns.open(member, subconn, event.at)
            except ValueError as error:
                self._refusals.append((member.id, str(error)))

    def _queue(self, member: Member, event: ClientReported) -> None:
        if member.pending or self._rows_pending >= PENDING_ROWS:
            self.flush()
        try:
            self._queue_counters(member, event)
        except ValueError as error:
            self._refusals.append((member.id, str(error)))
        try:
            self._queue_latency(member, event)
        except ValueError as error:
            self._refusals.append((member.id, f"latency: {error}"))

    def _queue_counters(self, member: Member, event: ClientReported) -> None:
        if event.counters is not None and len(event.counters.index):
            counters = event.counters.packed()
            self._counters.append(CounterReport(member, member.rows.rising(counters.index), counters, event.at))
            self._rows_pending += len(counters.index)
            member.pending = True

    def _queue_latency(self, member: Member, event: ClientReported) -> None:
        if event.latency is not None and len(event.latency.index):
            rows = member.rows.many(event.latency.index)
            self._latency.append(LatencyReport(member, rows, event.latency))
            self._rows_pending += len(rows)

    def flush(self) -> None:
        """Fold what waits. Cheap when nothing does."""
        counters, self._counters = self._counters, []
        latency, self._latency = self._latency, []
        self._rows_pending = 0
        for report in counters:
            report.member.pending = False
        table = self.subconns.table
        if counters:
            after = self.subconns.after if self.subconns.overrides else None
            refused = fold_counters(table, self.backends, self.clients, after, counters)
            self._refusals += [(report.member.id, "a total went back or is too large") for report in refused]
        if latency:
            unplaced = fold_latency(table, self.backends, self.clients, latency)
            self._refusals += [(report.member.id, "latency: no such bucket or SubConn") for report in unplaced]

    def _words(self, member: Member, event: ClientReported) -> None:
        said, rated = member.said, member.rated
        if event.versions:
            rows = [((v.requested, v.chosen, v.reason, v.source), v.count) for v in event.versions]
            if not self.matrix.fold(said.versions, rows, rated=rated):
                self._refusals.append((member.id, f"versions: more than {PER_CLIENT} rows"))
        if event.rule_hits:
            hits = [((hit.header, hit.exact, hit.version), hit.count) for hit in event.rule_hits]
            if not self.rules.fold(said.rules, hits, rated=rated):
                self._refusals.append((member.id, f"rule hits: more than {PER_CLIENT} rules"))
        if event.override_ignored > said.override_ignored:
            self.override_ignored += event.override_ignored - said.override_ignored
            said.override_ignored = event.override_ignored
        if event.unplaced > said.unplaced:
            self.unplaced += event.unplaced - said.unplaced
            said.unplaced = event.unplaced
        said.samples_dropped = max(said.samples_dropped, event.samples_dropped)

    def override(self, overrides: Mapping[str, int]) -> None:
        """Address -> revision of its drain or maint: picks by clients that had applied it are counted apart."""
        self.flush()
        if self.subconns.override(overrides):
            for member in self.members.values():
                self.subconns.obey(member)

    # ---- time

    def settle(self, versions: Mapping[str, str], now: float) -> None:
        """Fold what waits, and credit it to the versions. `versions`: address -> version."""
        self.flush()
        self.versions.settle(versions, now)

    def tick(self, now: float, versions: Mapping[str, str]) -> None:
        """Once a second: rates are taken, the forgotten folded."""
        self.settle(versions, now)
        self._fold_backends()
        self.subconns.table.turn(now)
        for meters in (self.backends, self.clients, self.versions.meters):
            meters.tick(now)
        self.matrix.tick(now)
        self.rules.tick(now)
