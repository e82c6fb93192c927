"""What is kept of one client besides its columns, while it is here and for a while after."""

from __future__ import annotations

from dataclasses import dataclass, field

from lbdash.live.columns import I64, INFLIGHT
from lbdash.live.events import ClientReported
from lbdash.live.rowmap import RowMap
from lbdash.model import Connectivity

VersionKey = tuple[str, str, str, str]  # requested, chosen, reason, source
PARKED = 256  # closed SubConns per client
RuleKey = tuple[str, str, str]  # header, exact, version


@dataclass(slots=True)
class Said:
    """Cumulative words of one client, for the differences between its reports."""

    versions: dict[VersionKey, int] = field(default_factory=dict)
    rules: dict[RuleKey, int] = field(default_factory=dict)
    override_ignored: int = 0
    unplaced: int = 0
    samples_dropped: int = 0


@dataclass(slots=True)
class Member:
    """`live`: its SubConns count. `rated` False until its first counters: what it did before we listened is no rate."""

    id: str
    column: int  # in the service's client meters
    rows: RowMap = field(default_factory=RowMap)
    pending: bool = False  # its counters wait to be folded
    said: Said = field(default_factory=Said)
    live: bool = True
    rated: bool = False
    closed_at: float = 0.0
    last_report_at: float = 0.0
    offset_s: float | None = None
    offset_error_s: float | None = None
    retired: int = 0
    applied_revision: int = 0
    states: list[int] = field(default_factory=lambda: [0] * len(Connectivity))
    parked: dict[int, I64] = field(default_factory=dict)  # sums by index, should that SubConn be told again

    def heard(self, event: ClientReported) -> None:
        self.last_report_at = event.at
        self.offset_s, self.offset_error_s = event.offset_s, event.offset_error_s

    def park(self, index: int, sums: I64) -> None:
        """Remember a closed SubConn's totals: when our acknowledgement is lost, its end is reported a second time."""
        self.parked[index] = sums.copy()
        self.parked[index][INFLIGHT] = 0
        if len(self.parked) > PARKED:
            del self.parked[next(iter(self.parked))]


@dataclass(frozen=True, slots=True)
class Parked:
    """A forgotten client's counters, so that one that comes back is not counted twice."""

    sums: dict[int, I64]  # by index, shape (KINDS,)
    total: I64
    said: Said

    @classmethod
    def of(cls, member: Member, sums: I64, total: I64) -> Parked:
        """`sums` of the service's table."""
        index, rows = member.rows.live()
        kept = {int(i): sums[:, row].copy() for i, row in zip(index, rows, strict=True)}
        return cls({**member.parked, **kept}, total, member.said)
