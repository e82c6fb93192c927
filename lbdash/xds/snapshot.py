"""What is served: the resources of every service, kept up with the state. No I/O, time is told.

What vanishes is served on for `GRACE_S`: registrations that all go at once are more often an etcd in trouble (leases
that ended while it was away) than a service that was switched off, and clients drop what an answer leaves out.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace

from lbdash.live.state import Service, State
from lbdash.xds.plan import Plan, make_plan
from lbdash.xds.resources import Key, Resource, encode

GRACE_S = 60.0


@dataclass(frozen=True, slots=True)
class Served:
    """Of one service. `revision`: of etcd, up to which these resources follow its control keys.

    `leaving`: resources that the plan no longer has -> when they go. `empty_since`: nobody has been registered since.
    """

    service: Service
    plan: Plan
    resources: Mapping[Key, Resource]
    revision: int
    leaving: Mapping[Key, float] = field(default_factory=dict)
    released: Set[str] = frozenset()
    empty_since: float | None = None


class Snapshot:
    """`update` and `sweep` return the keys of services whose resources or revision changed."""

    def __init__(self, grace_s: float = GRACE_S) -> None:
        self._grace_s = grace_s
        self.services: dict[str, Served] = {}
        self.resources: dict[Key, Resource] = {}
        self._control = 0
        self._seen: Mapping[str, Service] = {}
        self._released: Mapping[str, Set[str]] = {}
        self.revision = 0  # of etcd, up to which this is known to be true

    def update(self, state: State, released: Mapping[str, Set[str]], now: float) -> set[str]:
        """`released`: by service key, barred addresses that no call is on any more."""
        self._control = _revision(state, "control")
        self.revision = max(self._control, _revision(state, "registry"))
        seen, self._seen = self._seen, state.services
        moved = {key for key, service in state.services.items() if seen.get(key) is not service}
        moved |= {
            key for key in released.keys() | self._released.keys() if released.get(key) != self._released.get(key)
        }
        self._released = released
        if state.services.keys() != seen.keys():
            for key in self.services.keys() - state.services.keys():
                self._empty(key, now)
        return {key for key in moved & state.services.keys() if self._follow(state.services[key], released, now)}

    def _follow(self, service: Service, released: Mapping[str, Set[str]], now: float) -> bool:
        known = self.services.get(service.key)
        gone = released.get(service.key, frozenset())
        if known is not None and _same(known, service, gone):
            return False
        plan = make_plan(service, gone)
        if plan is None:
            if known is not None:
                self._empty(service.key, now)
            return False
        before = known.resources if known else {}
        fresh = encode(plan, self.revision, before)
        leaving = {key: now + self._grace_s for key in before if key not in fresh}
        leaving |= {key: due for key, due in (known.leaving if known else {}).items() if key not in fresh}
        resources = {**{key: before[key] for key in leaving}, **fresh}
        # Not `self.revision`: the registry's watch may be ahead of the one that brings operators' words.
        self.put(Served(service, plan, resources, max(self._control, service.routing.revision), leaving, gone))
        return True

    def _empty(self, key: str, now: float) -> None:
        """The last resources stay, for a while, as they are: operators' words cannot change them."""
        known = self.services[key]
        if known.empty_since is None:
            self.services[key] = replace(known, empty_since=now)

    def put(self, served: Served) -> None:
        self.services[served.service.key] = served
        self.resources |= served.resources

    # ---- time

    def sweep(self, now: float) -> set[str]:
        """Withdraws what has been gone long enough."""
        changed = set()
        for key, served in list(self.services.items()):
            if served.empty_since is not None and now - served.empty_since >= self._grace_s:
                del self.services[key]
                self._drop(served.resources)
                changed.add(key)
            elif due := [name for name, at in served.leaving.items() if now >= at]:
                self.services[key] = _without(served, due)
                self._drop(due)
                changed.add(key)
        return changed

    def _drop(self, keys: Mapping[Key, Resource] | list[Key]) -> None:
        for key in keys:
            self.resources.pop(key, None)


def _revision(state: State, kind: str) -> int:
    return max((source.revision for source in state.sources.values() if source.kind == kind), default=0)


def _same(known: Served, service: Service, released: Set[str]) -> bool:
    if known.empty_since is not None:
        return False
    if known.service is service:
        return known.released == released
    same = known.service.backends == service.backends and known.service.routing == service.routing
    return same and known.released == released


def _without(served: Served, names: list[Key]) -> Served:
    resources = {key: resource for key, resource in served.resources.items() if key not in names}
    return replace(served, resources=resources, leaving={k: at for k, at in served.leaving.items() if k not in names})
