"""The SubConns of one service: opening, changing state, obeying overrides, closing. One writer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lbdash.live.columns import I64, INFLIGHT, Rows, longer
from lbdash.live.events import SubConnOpened, Transition
from lbdash.live.member import Member
from lbdash.live.meters import Meters
from lbdash.live.samples import SpanRing
from lbdash.live.table import Table
from lbdash.live.timeline import Note
from lbdash.live.view import StateSpan
from lbdash.model import Connectivity

_NOT_CONNECTED = (Connectivity.IDLE, Connectivity.CONNECTING)


class SubConns:
    """`backends` and `clients` are the service's meters. `notes`: what the timeline should say."""

    def __init__(self, service: str, backends: Meters, clients: Meters) -> None:
        self._service, self._backends, self._clients = service, backends, clients
        self.table = Table()
        self.states: I64 = np.zeros((len(Connectivity), backends.capacity), np.int64)  # connected clients', by backend
        self.after: I64 = np.zeros(backends.capacity, np.int64)  # picks by clients that had applied an override
        self.overrides: Mapping[str, int] = {}  # address -> revision of its drain or maint
        self.spans = SpanRing()
        self.notes: list[Note] = []

    def column(self, address: str, now: float) -> int:
        column = self._backends.column(address, now)
        extra = self._backends.capacity - len(self.after)
        if extra:
            self.states, self.after = longer(self.states, extra), longer(self.after, extra)
        return column

    def held(self) -> set[int]:
        """Backend columns of all SubConns, those of clients that just left included."""
        table = self.table
        return set(np.unique(table.backend[: table.size][table.client[: table.size] >= 0]).tolist())

    # ---- one SubConn

    def open(self, member: Member, subconn: SubConnOpened, now: float) -> None:
        """New, or told again after a reconnect. ValueError when the index is too large."""
        row = member.rows.get(subconn.index)
        if row >= 0:
            self._set_state(member, row, subconn.state, subconn.since)
            return
        row = self.table.open(self.column(subconn.address, now), member.column, subconn.state, subconn.since)
        try:
            member.rows.set(subconn.index, row)
        except ValueError:
            self.table.close(row)
            raise
        self._count(member, row, subconn.state, +1)
        parked = member.parked.pop(subconn.index, None)
        if parked is not None:
            self.table.sums[:, row] = parked
        self.table.obeying[row] = self._obeys(member, subconn.address)

    def close(self, member: Member, index: int) -> None:
        row = member.rows.get(index)
        if row < 0:
            return
        table = self.table
        inflight = int(table.sums[INFLIGHT, row])
        self._backends.sums[INFLIGHT, table.backend[row]] -= inflight
        self._clients.sums[INFLIGHT, member.column] -= inflight
        self._count(member, row, Connectivity(int(table.state[row])), -1)
        member.park(index, table.sums[:, row])
        member.rows.set(index, -1)
        member.retired += 1
        table.close(row)

    def change(self, member: Member, transition: Transition) -> None:
        row = member.rows.get(transition.index)
        if row < 0:
            return
        address = self._backends.name(int(self.table.backend[row]))
        self._tell(member, row, address, transition)
        self._set_state(member, row, transition.state, transition.at)
        self.spans.add(StateSpan(member.id, address, transition.state, transition.at, transition.error))

    def _tell(self, member: Member, row: int, address: str, transition: Transition) -> None:
        """Note failures, recoveries and lost connections; that a new connection gets READY is no news."""
        table = self.table
        if transition.error:
            table.errors[row] = transition.error
        if transition.state == Connectivity.TRANSIENT_FAILURE and row not in table.failing:
            table.failing.add(row)
            why = f": {transition.error}" if transition.error else ""
            self._note(member, "error", f"TRANSIENT_FAILURE{why}", address, transition.at)
        elif transition.state == Connectivity.READY and row in table.failing:
            table.failing.discard(row)
            self._note(member, "ok", "READY again", address, transition.at)
        elif table.state[row] == Connectivity.READY and transition.state in _NOT_CONNECTED:
            self._note(member, "warning", "connection lost", address, transition.at)

    def _note(self, member: Member, severity: str, text: str, address: str, at: float) -> None:
        self.notes.append(Note(at, "state", severity, self._service, text, address, member.id))

    def _set_state(self, member: Member, row: int, state: Connectivity, since: float) -> None:
        self._count(member, row, Connectivity(int(self.table.state[row])), -1)
        self._count(member, row, state, +1)
        self.table.state[row], self.table.since[row] = state, since

    def _count(self, member: Member, row: int, state: Connectivity, step: int) -> None:
        self.states[state, self.table.backend[row]] += step
        member.states[state] += step

    # ---- all of one client

    def attach(self, member: Member, sign: int) -> None:
        """Count a client's SubConns and calls in flight, or stop counting them: of the gone we know neither."""
        rows = self._rows(member)
        columns = self.table.backend[rows].astype(np.intp)
        inflight = self.table.sums[INFLIGHT, rows] * sign
        np.add.at(self._backends.sums[INFLIGHT], columns, inflight)
        np.add.at(self.states, (self.table.state[rows], columns), sign)
        self._clients.sums[INFLIGHT, member.column] += inflight.sum()

    def drop(self, member: Member) -> None:
        """Free the rows of a client that was detached."""
        for row in self._rows(member).tolist():
            self.table.close(row)

    def _rows(self, member: Member) -> Rows:
        return member.rows.live()[1]

    # ---- overrides

    def override(self, overrides: Mapping[str, int]) -> bool:
        """Address -> revision of its drain or maint. A new revision starts its count afresh. True = some changed."""
        changed = {a for a in {*overrides, *self.overrides} if overrides.get(a) != self.overrides.get(a)}
        self.overrides = overrides
        for address in changed & self._backends.columns.keys():
            self.after[self._backends.columns[address]] = 0
        return bool(changed)

    def obey(self, member: Member) -> None:
        """Mark the SubConns whose backend's override this client has applied."""
        applied = [address for address in self.overrides if self._obeys(member, address)]
        columns = [self._backends.columns[address] for address in applied if address in self._backends.columns]
        rows = self._rows(member)
        self.table.obeying[rows] = np.isin(self.table.backend[rows], columns)

    def _obeys(self, member: Member, address: str) -> bool:
        revision = self.overrides.get(address)
        return revision is not None and member.applied_revision >= revision
