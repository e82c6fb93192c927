"""What is served: the resources of every service, kept up with the state. No I/O, time is told.

What vanishes is served on for `GRACE_S`: registrations that all go at once are more often an etcd in trouble (leases
that ended while it was away) than a service that was switched off, and clients drop what an answer leaves out.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace

from lbdash.live.state import Service, State
from lbdash.registry.routing import Routing
from lbdash.xds.plan import Plan, make_plan
from lbdash.xds.resources import Key, Resource, encode

GRACE_S = 60.0


@dataclass(frozen=True, slots=True)
class Served:
    """Of one service. `revision`: of its control keys, as far as these resources follow them.

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
        self.revision = 0  # of etcd, up to which this is known to be true

    def update(self, state: State, released: Mapping[str, Set[str]], now: float) -> set[str]:
        """`released`: by service key, barred addresses that no call is on any more."""
        told = [source.revision for source in state.sources.values() if source.kind in ("registry", "control")]
        self.revision = max(told, default=0)
        changed = {key for key, service in state.services.items() if self._follow(service, released, now)}
        changed |= {key for key in self.services.keys() - state.services.keys() if self._empty(key, now)}
        return changed

    def _follow(self, service: Service, released: Mapping[str, Set[str]], now: float) -> bool:
        known = self.services.get(service.key)
        gone = released.get(service.key, frozenset())
        if known is not None and _same(known, service, gone):
            return False
        plan = make_plan(service, gone)
        if plan is None:
            return known is not None and self._empty(service.key, now, service.routing)
        before = known.resources if known else {}
        fresh = encode(plan, self.revision, before)
        leaving = {key: now + self._grace_s for key in before if key not in fresh}
        leaving |= {key: due for key, due in (known.leaving if known else {}).items() if key not in fresh}
        resources = {**{key: before[key] for key in leaving}, **fresh}
        self.put(Served(service, plan, resources, service.routing.revision, leaving, gone))
        return True

    def _empty(self, key: str, now: float, routing: Routing | None = None) -> bool:
        """The last resources stay, for a while, as they are: operators' words cannot change them."""
        known = self.services[key]
        if known.empty_since is None:
            self.services[key] = replace(known, empty_since=now)
        return False

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
