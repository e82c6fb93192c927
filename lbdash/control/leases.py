"""The leases this process granted, so that one nothing hangs on any more can be revoked. Bounded, no I/O."""

from __future__ import annotations

from collections.abc import Iterable

from lbdash.control.plan import Change

MOST = 500


class OwnLeases:
    """Only leases granted here are ever revoked: nobody but their granting transaction puts keys on them, so what
    hangs on one is known. A lease of unknown origin may carry registrations; without keys it ends by itself."""

    def __init__(self) -> None:
        self._keys: dict[int, set[str]] = {}

    def moved(self, changes: Iterable[Change], lease: int) -> list[int]:
        """`changes` were written, the leased ones on `lease` (0 = none). Returns leases to revoke."""
        written = list(changes)
        for keys in self._keys.values():
            keys -= {change.key for change in written}
        empty = [known for known, keys in self._keys.items() if not keys]
        if lease:
            self._keys[lease] = {change.key for change in written if change.leased}
        for known in [*empty, *list(self._keys)[: max(0, len(self._keys) - MOST)]]:
            self._keys.pop(known, None)
        return empty
