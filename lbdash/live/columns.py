"""Numpy columns that grow along their last axis, and the names of their shapes."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

S = TypeVar("S", bound=np.generic)

Rows = npt.NDArray[np.intp]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
F32 = npt.NDArray[np.float32]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
U8 = npt.NDArray[np.uint8]

# Kinds of sums. All but the last are totals that only rise; in flight is a level. Both are kept by adding differences.
PICKS, OK, CANCELLED, INFRASTRUCTURE, APPLICATION, INFLIGHT = range(6)
KINDS = 6

# Gauges of a SubConn, as its client's policy sees it.
LAG, SUCCESS, LOAD, WEIGHT = range(4)


def longer(array: npt.NDArray[S], extra: int, fill: float = 0) -> npt.NDArray[S]:
    """A copy with `extra` more places at the end of the last axis."""
    tail = np.full((*array.shape[:-1], extra), fill, array.dtype)
    return np.concatenate((array, tail), axis=-1)
