"""Totals and rates by version. A call belongs to the version its backend had then, so what backends counted is
credited before a registration changes, and once a second."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from lbdash.live.columns import I64, INFLIGHT, KINDS, longer
from lbdash.live.meters import Meters

MAX_VERSIONS = 64  # per service; further ones are counted as "other"


class VersionCounters:
    """`freed` is told each column that will be used for another version."""

    def __init__(self, backends: Meters, freed: Callable[[int], None]) -> None:
        self.meters = Meters(1)
        self._freed = freed
        self._backends = backends
        self._seen: I64 = np.zeros((2, KINDS, backends.capacity), np.int64)  # sums and unrated as of the last time

    def group(self, versions: Mapping[str, str]) -> dict[str, list[int]]:
        """Version -> columns of its backends. `versions`: address -> version."""
        groups: dict[str, list[int]] = {}
        for address, column in self._backends.columns.items():
            version = versions.get(address)
            if version is not None:
                known = version in groups or len(groups) < MAX_VERSIONS
                groups.setdefault(version if known else "other", []).append(column)
        return groups

    def settle(self, versions: Mapping[str, str], now: float) -> None:
        backends = self._backends
        self._seen = longer(self._seen, backends.capacity - self._seen.shape[-1])
        fresh = np.stack((backends.sums, backends.unrated))
        delta = fresh - self._seen
        delta[:, INFLIGHT] = 0  # a level: summed when asked for
        groups = self.group(versions)
        for version in self.meters.columns.keys() - groups.keys():
            self._freed(self.meters.columns[version])
            self.meters.free(version)
        for version, columns in groups.items():
            column = self.meters.column(version, now)
            sums, unrated = delta[:, :, columns].sum(axis=2)
            self.meters.sums[:, column] += sums
            self.meters.unrated[:, column] += unrated
        self._seen = fresh

    def forget(self, column: int) -> None:
        """A backend's column was freed."""
        if column < self._seen.shape[-1]:
            self._seen[:, :, column] = 0
