"""A client's SubConn indexes, which are never reused, to rows of the service's table, which are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lbdash.live.columns import U32, Rows, longer

MAX_INDEX = 1 << 18  # a client that opened more SubConns than this in its life is told so
_NOTHING: tuple[bytes, Rows] = (b"", np.empty(0, np.intp))
UNKNOWN_INDEX = "an index stands for no SubConn"


class RowMap:
    """-1 = the index stands for nothing. About 16 bytes a SubConn."""

    def __init__(self) -> None:
        self._rows: npt.NDArray[np.int32] = np.full(4, -1, np.int32)
        self._last = _NOTHING

    @property
    def nbytes(self) -> int:
        return self._rows.nbytes + len(self._last[0]) + self._last[1].nbytes

    def get(self, index: int) -> int:
        return int(self._rows[index]) if 0 <= index < len(self._rows) else -1

    def set(self, index: int, row: int) -> None:
        """ValueError when `index` is past MAX_INDEX."""
        if not 0 <= index < MAX_INDEX:
            raise ValueError(f"SubConn index {index} is not in 0..{MAX_INDEX - 1}")
        if index >= len(self._rows):
            extra = max(index + 1 - len(self._rows), len(self._rows) // 4)
            self._rows = longer(self._rows, extra, -1)
        self._rows[index] = row
        self._last = _NOTHING

    def rising(self, index: U32) -> Rows:
        """Rows of strictly rising indexes; ValueError says what is wrong. Clients mostly repeat their last question."""
        key = index.tobytes()
        if key == self._last[0]:
            return self._last[1]
        if index.size > 1 and not (index[1:] > index[:-1]).all():
            raise ValueError("SubConn indexes do not rise strictly")
        rows = self.many(index)
        if rows.size and rows.min() < 0:
            raise ValueError(UNKNOWN_INDEX)
        self._last = (key, rows.astype(np.intp))
        return self._last[1]

    def many(self, index: U32) -> npt.NDArray[np.int32]:
        """Rows, -1 = the index stands for nothing; ValueError when one is beyond all there were."""
        try:
            return self._rows.take(index)
        except IndexError:
            raise ValueError(UNKNOWN_INDEX) from None

    def live(self) -> tuple[Rows, Rows]:
        """(indexes, rows)."""
        index = np.flatnonzero(self._rows >= 0)
        return index, self._rows[index].astype(np.intp)
