"""One client's SubConns, in columns: about 100 bytes each.

An index on the wire is never reused and so only grows; a row here is given to the next SubConn once its own is gone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lbdash.live.columns import F32, F64, I64, KINDS, PICKS, U8, U32, Rows, longer
from lbdash.live.events import CounterColumns
from lbdash.live.latency import SLOT_S
from lbdash.model import Connectivity

MAX_INDEX = 1 << 18  # a client that opened more SubConns than this in its life is told so
_ROOM = 4


class RowMap:
    """Index on the wire -> row, -1 = unknown. Rows are reused, indexes are not."""

    def __init__(self) -> None:
        self._rows: npt.NDArray[np.int32] = np.full(_ROOM, -1, np.int32)
        self._free: list[int] = []
        self.size = 0  # rows ever in use at once

    @property
    def nbytes(self) -> int:
        return self._rows.nbytes

    def get(self, index: int) -> int:
        return int(self._rows[index]) if 0 <= index < len(self._rows) else -1

    def many(self, index: U32) -> Rows | None:
        """None when any of them is unknown."""
        try:
            rows = self._rows.take(index)
        except IndexError:
            return None
        return None if rows.size and rows.min() < 0 else rows.astype(np.intp)

    def open(self, index: int) -> int:
        """IndexError when `index` is not in 0..MAX_INDEX."""
        if not 0 <= index < MAX_INDEX:
            raise IndexError(f"SubConn index {index} is not in 0..{MAX_INDEX - 1}")
        if index >= len(self._rows):
            extra = max(index + 1 - len(self._rows), len(self._rows) // 4)
            self._rows = longer(self._rows, extra, -1)
        row = self._free.pop() if self._free else self.size
        self.size = max(self.size, row + 1)
        self._rows[index] = row
        return row

    def close(self, index: int) -> int:
        """Returns the row that is free now, -1 when the index was unknown."""
        row = self.get(index)
        if row >= 0:
            self._rows[index] = -1
            self._free.append(row)
        return row

    def live(self) -> tuple[npt.NDArray[np.intp], Rows]:
        """(indexes, rows) in use."""
        index = np.flatnonzero(self._rows >= 0)
        return index, self._rows[index].astype(np.intp)


class Block:
    """The columns. `sums` has shape (KINDS, capacity), `gauges` (4, capacity): lag us, success, load, weight."""

    def __init__(self) -> None:
        self.rows = RowMap()
        self.sums: I64 = np.zeros((KINDS, _ROOM), np.int64)
        self.gauges: F32 = np.full((4, _ROOM), np.nan, np.float32)
        self.oldest_at: F64 = np.full(_ROOM, np.nan)  # when the oldest call in flight began
        self.since: F64 = np.zeros(_ROOM)
        self.state: U8 = np.zeros(_ROOM, np.uint8)
        self.column: Rows = np.zeros(_ROOM, np.intp)  # of its backend in the service's meters
        self.errors: dict[int, str] = {}  # by row: the last one
        self.failing: set[int] = set()  # rows that failed and were not READY since
        self.obeying: npt.NDArray[np.bool_] | None = None  # rows whose backend's override this client has applied
        self.distinct = True  # no two rows of one backend
        self._marks: U32 = np.zeros((2, _ROOM), np.uint32)  # picks (low 32 bits) at the last two turns of the window
        self._epoch = 0
        self._columns: dict[int, int] = {}  # backend column -> how many rows
        self._held = 0

    @property
    def nbytes(self) -> int:
        columns = (self.sums, self.gauges, self.oldest_at, self.since, self.state, self.column, self._marks)
        return sum(part.nbytes for part in (*columns, self.rows))

    def __len__(self) -> int:
        return self._held

    def open(self, index: int, column: int) -> int:
        row = self.rows.open(index)
        if row >= self.sums.shape[1]:
            self._grow(row + 1 + row // 4)
        self.sums[:, row] = 0
        self.gauges[:, row] = np.nan
        self.oldest_at[row] = np.nan
        self._marks[:, row] = 0
        self.column[row] = column
        if self.obeying is not None:
            self.obeying[row] = False
        self._count(column, 1)
        return row

    def close(self, index: int) -> int:
        """Returns the freed row; its columns stay readable until the next `open`. -1 when the index was unknown."""
        row = self.rows.close(index)
        if row >= 0:
            self._count(int(self.column[row]), -1)
            self.oldest_at[row] = np.nan
            self.errors.pop(row, None)
            self.failing.discard(row)
        return row

    def _count(self, column: int, step: int) -> None:
        self._held += step
        held = self._columns.get(column, 0) + step
        if held:
            self._columns[column] = held
        else:
            del self._columns[column]
        self.distinct = len(self._columns) == self._held

    def holds(self, column: int) -> bool:
        return column in self._columns

    def _grow(self, capacity: int) -> None:
        extra = capacity - self.sums.shape[1]
        self.sums = longer(self.sums, extra)
        self.gauges = longer(self.gauges, extra)
        self.oldest_at = longer(self.oldest_at, extra)
        self.since = longer(self.since, extra)
        self.state = longer(self.state, extra)
        self.column = longer(self.column, extra)
        self._marks = longer(self._marks, extra)
        if self.obeying is not None:
            self.obeying = longer(self.obeying, extra)

    def set_state(self, row: int, state: Connectivity, since: float) -> None:
        self.state[row] = state
        self.since[row] = since

    def fold(self, rows: Rows, counters: CounterColumns, at: float) -> I64:
        """Take in one report; returns by how much each sum rose, shape (KINDS, rows). Totals never go back."""
        self.turn(at)
        c = counters
        # One wide concatenation costs a third of six small conversions.
        flat = np.concatenate(
            (c.picks, c.ok, c.cancelled, c.infrastructure, c.application, c.inflight), dtype=np.int64, casting="unsafe"
        )
        old = self.sums.take(rows, axis=1)
        delta = flat.reshape(KINDS, -1) - old
        totals = delta[:-1]
        if totals.size and totals.min() < 0:
            np.maximum(totals, 0, out=totals)
        old += delta
        self.sums[:, rows] = old
        self.oldest_at[rows] = np.where(c.oldest_us > 0, at - c.oldest_us * 1e-6, np.nan)
        self.gauges[:, rows] = np.concatenate((c.lag_us, c.success, c.load, c.weight)).reshape(4, -1)
        return delta

    def turn(self, now: float) -> None:
        """Move the pick window on, when a slot has passed."""
        epoch = int(now // SLOT_S)
        if epoch == self._epoch:
            return
        newest = self.sums[PICKS].astype(np.uint32)
        self._marks[0] = self._marks[1] if epoch == self._epoch + 1 else newest
        self._marks[1] = newest
        self._epoch = epoch

    def begin_window(self) -> None:
        """What was picked so far is not of this window."""
        self._marks[:] = self.sums[PICKS].astype(np.uint32)

    def window_picks(self) -> U32:
        """Picks by row over the last 10 to 20 s."""
        picks: U32 = self.sums[PICKS].astype(np.uint32)
        picks -= self._marks[0]
        return picks

    def obey(self, columns: Sequence[int]) -> None:
        """Mark the rows of these backends, and no others."""
        self.obeying = np.isin(self.column, columns) if columns else None
