"""Who would serve under a routing, and what each would carry: the model that guards and impact judge by. Pure.

Two looks at one service. `registry` knows registrations and overrides only. `telemetry` also knows who is READY
at clients and what traffic asks for; nobody proves who sent telemetry, so it may make a judgement harsher, never
milder: a backend counts only if both looks count it, and of two traffic factors the larger one holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lbdash.control.obey import WITHOUT_WEIGHTS, policies
from lbdash.live.state import Backend, Service
from lbdash.live.view import MatrixRow, ServiceNumbers
from lbdash.model import DEFAULT_WEIGHT, Admin, Connectivity
from lbdash.registry.routing import Routing


@dataclass(frozen=True, slots=True)
class Member:
    """A registered backend under a routing. `capacity` in the unit of `weight`: what it was registered to carry."""

    address: str
    version: str
    weight: float
    capacity: float
    serving: bool


@dataclass(frozen=True, slots=True)
class Demand:
    """Where calls must go, as fractions of all: `pinned` to a version by metadata or a rule, the rest is free."""

    pinned: Mapping[str, float] = field(default_factory=dict)

    @property
    def free(self) -> float:
        return max(0.0, 1.0 - sum(self.pinned.values()))


@dataclass(frozen=True, slots=True)
class Fleet:
    members: tuple[Member, ...]
    shares: Mapping[str, int]  # configured; empty = none
    demand: Demand = Demand()

    @property
    def serving(self) -> tuple[Member, ...]:
        return tuple(member for member in self.members if member.serving)

    def serving_of(self, version: str) -> tuple[Member, ...]:
        return tuple(member for member in self.members if member.serving and member.version == version)

    def loads(self) -> dict[str, float]:
        """Address -> fraction of the service's calls it would carry, for those that serve."""
        loads = dict.fromkeys((member.address for member in self.serving), 0.0)
        for members, fraction in self._flows():
            total = sum(member.weight for member in members)
            for member in members:
                loads[member.address] += fraction * member.weight / total
        return loads

    def peak(self) -> float:
        """The load of the most loaded backend, relative to its capacity. 0 = nobody serves."""
        loads = self.loads()
        return max((loads[member.address] / member.capacity for member in self.serving), default=0.0)

    def version_loads(self) -> dict[str, float]:
        """Version -> fraction of the service's calls, for versions that somebody serves."""
        loads, found = self.loads(), dict.fromkeys((member.version for member in self.serving), 0.0)
        for member in self.serving:
            found[member.version] += loads[member.address]
        return found

    def _flows(self) -> Iterable[tuple[tuple[Member, ...], float]]:
        """Groups of members, each with the fraction of calls spread over it by weight."""
        for version, fraction in self.demand.pinned.items():
            yield self.serving_of(version), fraction
        drawn = {version: share for version, share in self.shares.items() if share and self.serving_of(version)}
        for version, share in drawn.items():
            yield self.serving_of(version), self.demand.free * share / sum(drawn.values())
        if not self.shares:
            yield self.serving, self.demand.free


def registry_look(service: Service, routing: Routing) -> Fleet:
    weighted = not policies(service) or bool(policies(service) - WITHOUT_WEIGHTS)
    backends = [backend for backend in service.backends.values() if backend.registered and backend.gone_at is None]
    return Fleet(tuple(_member(backend, routing, weighted) for backend in backends), _shares(routing))


def telemetry_look(service: Service, routing: Routing, numbers: ServiceNumbers) -> Fleet | None:
    """None: connectivity is unknown, no client tells of a SubConn."""
    if not any(sum(backend.connectivity.values()) for backend in numbers.backends.values()):
        return None
    fleet = registry_look(service, routing)
    members = tuple(_as_connected(member, numbers) for member in fleet.members)
    return Fleet(members, fleet.shares, _demand(numbers.matrix))


def wanted_versions(routing: Routing, demand: Demand) -> frozenset[str]:
    """Versions that calls go to by share, by rule, on a missing version, or because they ask."""
    versions = routing.versions
    asked = {version for version, fraction in demand.pinned.items() if fraction > 0}
    if versions is None:
        return frozenset(asked)
    ruled = {rule.version for rule in versions.rules if rule.exact is not None}
    spare = {versions.on_missing.version} - {""}
    return frozenset(asked | ruled | spare | {version for version, share in versions.shares.items() if share})


def _member(backend: Backend, routing: Routing, weighted: bool) -> Member:
    override = routing.weight.get(backend.address)
    registered = max(1, backend.weight or DEFAULT_WEIGHT)
    serving = routing.admin_of(backend.address) is Admin.READY and any(r.online for r in backend.registrations)
    if not weighted:
        return Member(backend.address, backend.version, 1.0, 1.0, serving)
    weight = override.weight if override else registered
    return Member(backend.address, backend.version, float(weight), float(registered), serving)


def _as_connected(member: Member, numbers: ServiceNumbers) -> Member:
    told = numbers.backends.get(member.address)
    ready = bool(told and told.connectivity.get(Connectivity.READY))
    return Member(member.address, member.version, member.weight, member.capacity, member.serving and ready)


def _shares(routing: Routing) -> Mapping[str, int]:
    return routing.versions.shares if routing.versions else {}


def _demand(matrix: Iterable[MatrixRow]) -> Demand:
    rows = [(row, sum(row.answered_rps.values())) for row in matrix]
    total = sum(rps for _, rps in rows)
    pinned: dict[str, float] = {}
    for row, _ in rows:
        if row.source in ("metadata", "rule") and total > 0:
            for version, rps in row.answered_rps.items():
                pinned[version] = pinned.get(version, 0.0) + rps / total
    return Demand(pinned)
