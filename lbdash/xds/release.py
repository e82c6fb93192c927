"""When a backend in maint leaves the endpoints altogether: its last call ended, or a limit passed. Pure.

Until then it is kept as DRAINING, so that calls under way keep their connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

LIMIT_S = 600.0
SETTLE_S = 5.0  # so that load reports of after the change are in

Where = tuple[str, str]  # service key, address


class Releases:
    def __init__(self) -> None:
        self._since: dict[Where, float] = {}
        self._released: set[Where] = set()

    def look(self, barred: Iterable[Where], busy: Callable[[str, str], bool], now: float) -> Mapping[str, set[str]]:
        """`barred`: all there are. `busy`: a call may be under way. Returns addresses to take away, by service."""
        current = set(barred)
        self._since = {where: self._since.get(where, now) for where in current}
        self._released &= current
        for where in current - self._released:
            age = now - self._since[where]
            if age >= LIMIT_S or (age >= SETTLE_S and not busy(*where)):
                self._released.add(where)
        found: dict[str, set[str]] = {}
        for service, address in self._released:
            found.setdefault(service, set()).add(address)
        return found
