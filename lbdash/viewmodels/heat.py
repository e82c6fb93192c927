"""The heat map of a service's SubConns: clients x backends, one byte a cell. Pure.

A cell is `state | shade << 3`: state as `Connectivity` numbers it (7 = not in the subset, or unknown), shade 0..7.
Shades are steps of four, so that a cell's byte changes seldom and a legend can name each of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lbdash.live.state import Service
from lbdash.live.view import Heatmap, LiveView
from lbdash.model import Admin

U8 = npt.NDArray[np.uint8]

MODES = ("state", "picks", "lag")
NO_SUBCONN = 7
MAX_CELLS = 400_000  # 400 kB a second for a browser at most; the filters reach the rest

PICK_SHADES = ("0", "1–3", "4–15", "16–63", "64–255", "256–1k", "1k–4k", "4k +")
LAG_SHADES = ("unknown", "< 1 ms", "1–4 ms", "4–16 ms", "16–64 ms", "64–256 ms", "0.26–1 s", "1 s +")

_ADMIN = {Admin.READY: 0, Admin.DRAIN: 1, Admin.MAINT: 2}
_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class Filter:
    """What the page's query narrows the SubConns to; texts match anywhere, case aside."""

    client: str = ""
    backend: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class Heat:
    clients: tuple[tuple[str, str], ...]  # (id, name), one a row
    addresses: tuple[str, ...]  # one a column
    admin: bytes  # one a column: 0 ready, 1 drain, 2 maint
    cells: U8  # shape (clients, addresses)
    left_out: int = 0  # clients beyond MAX_CELLS


def natural(text: str) -> list[str | int]:
    """A sort key by which 10.0.0.9 comes before 10.0.0.10."""
    return [int(part) if index % 2 else part for index, part in enumerate(_DIGITS.split(text))]


def build_heat(view: LiveView, service: Service, mode: str, wanted: Filter) -> Heat:
    """`mode`: one of MODES. Rows in order of client name, columns in order of address."""
    grid = view.heatmap(service.key)
    rows, columns = axes(service, grid, wanted)
    limit = max(1, MAX_CELLS // max(1, len(columns)))
    shown = rows[:limit]
    cut = np.ix_(shown, columns)
    return Heat(
        tuple((grid.clients[i], client_name(service, grid.clients[i])) for i in shown),
        tuple(grid.addresses[j] for j in columns),
        bytes(_ADMIN[service.routing.admin_of(grid.addresses[j])] for j in columns),
        np.minimum(grid.state[cut], NO_SUBCONN) | (_shades(grid, mode, cut) << 3),
        len(rows) - len(shown),
    )


def axes(service: Service, grid: Heatmap, wanted: Filter) -> tuple[list[int], list[int]]:
    """Which rows and columns of `grid` the filter leaves, in the order they are shown."""
    names = [client_name(service, client) for client in grid.clients]
    rows = [i for i, name in enumerate(names) if _has(wanted.client, name, grid.clients[i])]
    columns = [j for j, address in enumerate(grid.addresses) if _has(wanted.backend, address)]
    rows.sort(key=lambda i: (natural(names[i]), grid.clients[i]))
    columns.sort(key=lambda j: natural(grid.addresses[j]))
    return rows, columns


def client_name(service: Service, client: str) -> str:
    """The stable name, or the start of the id of a client that gave none."""
    known = service.clients.get(client)
    return (known.name if known else "") or client[:8]


def _has(text: str, *candidates: str) -> bool:
    return any(text.lower() in candidate.lower() for candidate in candidates)


def _shades(grid: Heatmap, mode: str, cut: tuple[npt.NDArray[np.intp], ...]) -> U8:
    if mode == "picks":
        return _steps_of_four(grid.picks[cut])
    if mode == "lag":
        return _steps_of_four(np.nan_to_num(grid.lag_ms[cut], nan=-1.0), below_one=1)
    return np.zeros(grid.state[cut].shape, np.uint8)


def _steps_of_four(values: npt.NDArray[np.float32], below_one: int = 0) -> U8:
    """Shade 0 for nothing, then one per factor of four; `below_one` = the shade of 0 <= value < 1."""
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.floor(np.log2(np.maximum(values, 1.0)) / 2) + 1 + below_one
    small = np.where(values >= 0, below_one, 0)
    return np.minimum(np.where(values >= 1, step, small), 7).astype(np.uint8)
