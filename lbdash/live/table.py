"""All SubConns of one service, in columns: about 100 bytes each. A row is used again once its SubConn is gone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lbdash.live.columns import F32, F64, I64, KINDS, PICKS, U8, U32, Rows, longer
from lbdash.live.latency import SLOT_S
from lbdash.model import Connectivity


class Table:
    """`sums` has shape (KINDS, capacity), `gauges` (4, capacity). `backend` and `client` are columns of the meters."""

    def __init__(self, capacity: int = 16) -> None:
        self.sums: I64 = np.zeros((KINDS, capacity), np.int64)
        self.gauges: F32 = np.full((4, capacity), np.nan, np.float32)
        self.oldest_at: F64 = np.full(capacity, np.nan)  # when the oldest call in flight began
        self.since: F64 = np.zeros(capacity)
        self.state: U8 = np.zeros(capacity, np.uint8)
        self.backend: npt.NDArray[np.int32] = np.zeros(capacity, np.int32)
        self.client: npt.NDArray[np.int32] = np.full(capacity, -1, np.int32)  # -1 = the row is free
        self.obeying: npt.NDArray[np.bool_] = np.zeros(capacity, np.bool_)  # its client applied its backend's override
        self.errors: dict[int, str] = {}  # by row: the last one
        self.failing: set[int] = set()  # rows that failed and were not READY since
        self._marks: U32 = np.zeros((2, capacity), np.uint32)  # picks (low 32 bits) at the last turns of the window
        self._epoch = 0
        self._free: list[int] = []
        self.size = 0  # rows ever in use at once

    @property
    def nbytes(self) -> int:
        columns = (self.sums, self.gauges, self.oldest_at, self.since, self.state, self.backend, self.client)
        return sum(part.nbytes for part in (*columns, self.obeying, self._marks))

    def open(self, backend: int, client: int, state: Connectivity, since: float) -> int:
        row = self._free.pop() if self._free else self._append()
        self.sums[:, row] = 0
        self._marks[:, row] = 0
        self.gauges[:, row] = np.nan
        self.oldest_at[row] = np.nan
        self.backend[row], self.client[row] = backend, client
        self.state[row], self.since[row] = state, since
        return row

    def _append(self) -> int:
        if self.size == len(self.since):
            self._grow(max(16, self.size // 4))
        self.size += 1
        return self.size - 1

    def close(self, row: int) -> None:
        self.client[row] = -1
        self.oldest_at[row] = np.nan
        self.obeying[row] = False
        self.errors.pop(row, None)
        self.failing.discard(row)
        self._free.append(row)

    def _grow(self, extra: int) -> None:
        self.sums = longer(self.sums, extra)
        self.gauges = longer(self.gauges, extra, np.nan)
        self.oldest_at = longer(self.oldest_at, extra, np.nan)
        self.since = longer(self.since, extra)
        self.state = longer(self.state, extra)
        self.backend = longer(self.backend, extra)
        self.client = longer(self.client, extra, -1)
        self.obeying = longer(self.obeying, extra)
        self._marks = longer(self._marks, extra)

    # ---- picks of the last while, for the heat map

    def turn(self, now: float) -> None:
        """Move the window on, when a slot has passed."""
        epoch = int(now // SLOT_S)
        if epoch == self._epoch:
            return
        newest = self.sums[PICKS].astype(np.uint32)
        self._marks[0] = self._marks[1] if epoch == self._epoch + 1 else newest
        self._marks[1] = newest
        self._epoch = epoch

    def begin_window(self, rows: Rows) -> None:
        """What was picked there so far is not of this window."""
        self._marks[:, rows] = self.sums[PICKS, rows].astype(np.uint32)

    def window_picks(self) -> U32:
        """By row, over the last 10 to 20 s."""
        picks: U32 = self.sums[PICKS].astype(np.uint32)
        picks -= self._marks[0]
        return picks
