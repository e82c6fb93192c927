"""What one client's load reports add up to: cumulative columns, as our own clients tell them. Pure.

A report has what was issued and ended since the last one, and what is in progress, for each (cluster, locality); what
it leaves out is at zero. With one backend a locality that is picks, outcomes and calls in flight per backend. LRS does
not say how a call failed: all that failed are told as infrastructure errors, cancelled ones included.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from lbdash.live.events import UNKNOWN_TOTAL, PackedCounters, SubConnOpened, Transition
from lbdash.live.state import Backend
from lbdash.model import Connectivity
from lbdash.proto import xds_pb2 as pb
from lbdash.xds.names import REGION

MAX_CALLS = 10**9  # of one backend in one report; more is nonsense


@dataclass(slots=True)
class Row:
    index: int
    state: Connectivity
    issued: int = 0
    ok: int = 0
    errors: int = 0
    inflight: int = 0


@dataclass(slots=True)
class Told:
    """For a `ClientReported`, and what was refused."""

    opened: list[SubConnOpened] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    rows: dict[int, Row] = field(default_factory=dict)
    gone: list[int] = field(default_factory=list)
    refused: str = ""

    def counters(self) -> PackedCounters | None:
        if not self.rows:
            return None
        rows = [self.rows[index] for index in sorted(self.rows)]
        unknown = UNKNOWN_TOTAL
        totals = [(row.issued, row.ok, unknown, row.errors, unknown, 0) for row in rows]
        return PackedCounters(
            np.array([row.index for row in rows], np.uint32),
            np.array(totals, np.int64).T.copy(),
            np.array([row.inflight for row in rows], np.uint32),
            np.full((4, len(rows)), np.nan, np.float32),
        )


class Loads:
    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}  # by address
        self._next = 0  # indexes are not used again

    def busy(self, address: str) -> bool:
        row = self._rows.get(address)
        return row is not None and row.inflight > 0

    def take(self, clusters: Iterable[pb.ClusterStats], known: Mapping[str, Backend], at: float) -> Told:
        """`known`: the service's backends; what is told of others is refused."""
        told = Told()
        inflight: dict[str, int] = {}
        for stats in (stats for cluster in clusters for stats in cluster.upstream_locality_stats):
            address = stats.locality.sub_zone
            if not self._is_known(stats.locality, known):
                told.refused = f"load report: {address[:100]!r} is no locality of ours"
            elif _is_mad(stats):
                told.refused = f"load report: impossible counts for {address}"
            else:
                self._add(stats, address, told, at)
                inflight[address] = inflight.get(address, 0) + stats.total_requests_in_progress
        self._level(inflight, told)
        self._close(known, told)
        return told

    def _is_known(self, locality: pb.Locality, known: Mapping[str, Backend]) -> bool:
        return locality.region == REGION and (locality.sub_zone in known or locality.sub_zone in self._rows)

    def _close(self, known: Mapping[str, Backend], told: Told) -> None:
        """Rows of backends that left, once their last call has ended."""
        for address, row in list(self._rows.items()):
            backend = known.get(address)
            if (backend is None or not backend.registered) and not row.inflight:
                del self._rows[address]
                told.gone.append(row.index)

    def _add(self, stats: pb.UpstreamLocalityStats, address: str, told: Told, at: float) -> None:
        row = self._row(address, told, at)
        row.issued += stats.total_issued_requests
        row.ok += stats.total_successful_requests
        row.errors += stats.total_error_requests
        if row.state is not Connectivity.READY and stats.total_issued_requests:
            row.state = Connectivity.READY  # a call was handed to a connection
            told.transitions.append(Transition(row.index, row.state, at))
        told.rows[row.index] = row

    def _row(self, address: str, told: Told, at: float) -> Row:
        row = self._rows.get(address)
        if row is None:
            row = self._rows[address] = Row(self._next, Connectivity.IDLE)
            self._next += 1
            told.opened.append(SubConnOpened(row.index, address, row.state, at))
        return row

    def _level(self, inflight: dict[str, int], told: Told) -> None:
        for address, row in self._rows.items():
            now = inflight.get(address, 0)
            if now != row.inflight:
                row.inflight = now
                told.rows[row.index] = row


def _is_mad(stats: pb.UpstreamLocalityStats) -> bool:
    return (
        max(
            stats.total_issued_requests,
            stats.total_successful_requests,
            stats.total_error_requests,
            stats.total_requests_in_progress,
        )
        > MAX_CALLS
    )
