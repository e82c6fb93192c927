"""What stock clients of one service shall do: endpoints, weights, routes. Pure; DESIGN 5 in terms of xDS.

The order of routes is the order of DESIGN 5: the requested version, a rule, the shares. Every route but the first kind
wants `version` to be absent, so that a call for a version nobody has matches nothing and fails, unless `on_missing`
says otherwise.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from lbdash.live.state import Backend, Service
from lbdash.model import DEFAULT_WEIGHT, MAX_WEIGHT, Admin, is_unroutable
from lbdash.registry.routing import OnMissing, Routing, Rule, Versions
from lbdash.xds.names import cluster_name

VERSION_HEADER = "version"
MAX_LOCALITIES = 1000  # one backend each, up to here; a C-core client takes 1.5 s for 1,000 and 12 s for 3,000
_GROUP = "weight="  # how names of groups begin; no address has an equals sign
_HEADER = re.compile(r"[a-z0-9_.][a-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Member:
    """A backend that can be dialled. `barred`: in maint, or offline by its own word."""

    address: str
    host: str
    port: int
    version: str
    weight: int
    drained: bool
    barred: bool


@dataclass(frozen=True, slots=True)
class Endpoint:
    host: str
    port: int
    draining: bool


@dataclass(frozen=True, slots=True)
class Locality:
    """What is weighed and reported as one. `name`: the backend's address, or `weight=100` for a group."""

    name: str
    weight: int
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True)
class Cluster:
    name: str
    localities: tuple[Locality, ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """A header that must equal `exact`; "" = be there at all; None = be absent."""

    header: str
    exact: str | None


@dataclass(frozen=True, slots=True)
class Route:
    """`targets`: cluster name -> weight, all of them positive; one target has no weight to speak of."""

    matches: tuple[Match, ...]
    targets: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """`barred`: addresses in maint or offline. `resting`: those that some cluster gives no new calls. `left_out`: those
    that xDS cannot carry. `grouped`: load reports are per group of backends, which says nothing of one."""

    service: str
    clusters: tuple[Cluster, ...]
    routes: tuple[Route, ...]
    barred: tuple[str, ...] = ()
    resting: frozenset[str] = frozenset()
    left_out: tuple[str, ...] = ()
    grouped: bool = False

    @property
    def targets(self) -> frozenset[str]:
        """Clusters that calls can go to."""
        return frozenset(name for route in self.routes for name, _ in route.targets)


def make_plan(service: Service, released: Set[str] = frozenset()) -> Plan | None:
    """None: nobody is registered whom a client could dial. `released`: barred addresses to take away altogether."""
    registered = [backend for backend in service.backends.values() if backend.registered]
    members = [member for backend in registered if (member := _member(backend, service.routing)) is not None]
    if not members:
        return None
    dialled = {member.address for member in members}
    left_out = tuple(backend.address for backend in registered if backend.address not in dialled)
    planner = _Planner(service.key, members, service.routing.versions or Versions(), released)
    routes = tuple(planner.routes())
    clusters = tuple(planner.clusters(routes))
    barred = tuple(member.address for member in members if member.barred)
    localities = [locality for cluster in clusters for locality in cluster.localities]
    resting = frozenset(each.name for each in localities if all(end.draining for end in each.endpoints))
    grouped = any(each.name.startswith(_GROUP) for each in localities)
    return Plan(service.key, clusters, routes, barred, resting.union(barred), left_out, grouped)


def _member(backend: Backend, routing: Routing) -> Member | None:
    """None for host names, unix sockets, zones and 0.0.0.0: clients would turn it all down, or dial themselves."""
    host, _, port = backend.address.rpartition(":")
    try:
        ip = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
    if is_unroutable(backend.address) or "%" in host:
        return None
    admin = routing.admin_of(backend.address)
    override = routing.weight.get(backend.address)
    weight = override.weight if override else backend.weight or DEFAULT_WEIGHT
    return Member(
        backend.address,
        str(ip),
        int(port),
        _spelt(backend.version),
        min(max(1, weight), MAX_WEIGHT),
        admin is Admin.DRAIN,
        admin is Admin.MAINT or not any(registration.online for registration in backend.registrations),
    )


class _Planner:
    def __init__(self, service: str, members: Sequence[Member], versions: Versions, released: Set[str]) -> None:
        self._service, self._versions, self._released = service, versions, released
        self._all = members
        self._groups: dict[str, list[Member]] = {}
        for member in members:
            self._groups.setdefault(member.version, []).append(member)

    # ---- routes

    def routes(self) -> Iterator[Route]:
        absent = Match(VERSION_HEADER, None)
        for version in sorted(self._groups.keys() - {""}):
            yield Route((Match(VERSION_HEADER, version),), ((self._asked(version), 1),))
        fallback = self._fallback()
        if fallback is not None:
            yield Route((Match(VERSION_HEADER, ""),), ((fallback, 1),))
        for rule in self._versions.rules:
            if _can_match(rule):
                yield Route((absent, Match(rule.header, rule.exact)), ((self._asked(_spelt(rule.version)), 1),))
        yield Route((absent,), self._shared())

    def _asked(self, version: str) -> str:
        """The cluster for calls that ask for `version`, or were ruled to it. An empty one fails them."""
        fallback = None if self._can_serve(version) else self._fallback()
        return fallback or self._cluster_of(version)

    def _fallback(self) -> str | None:
        missing: OnMissing = self._versions.on_missing
        if missing.action == "fail":
            return None
        return cluster_name(self._service) if missing.action == "any" else self._cluster_of(_spelt(missing.version))

    def _shared(self) -> tuple[tuple[str, int], ...]:
        shares = {_spelt(version): share for version, share in self._versions.shares.items() if share > 0}
        if not shares:
            return ((cluster_name(self._service), 1),)
        able = {version: share for version, share in shares.items() if self._can_serve(version)}
        heaviest = max(sorted(shares), key=lambda version: shares[version])
        return tuple((self._cluster_of(version), share) for version, share in (able or {heaviest: 1}).items())

    def _can_serve(self, version: str) -> bool:
        return any(not member.barred for member in self._groups.get(version, ()))

    def _cluster_of(self, version: str) -> str:
        """With one version alone its cluster is that of all, which saves clients the second copy."""
        alone = len(self._groups) == 1 and version in self._groups
        return cluster_name(self._service, None if alone else version)

    # ---- clusters

    def clusters(self, routes: Iterable[Route]) -> Iterator[Cluster]:
        """Those the routes name, and always the one of all."""
        wanted = {name for route in routes for name, _ in route.targets}
        yield Cluster(cluster_name(self._service), self._localities(self._all))
        by_name = {cluster_name(self._service, version): members for version, members in self._groups.items()}
        for name in sorted(wanted - {cluster_name(self._service)}):
            yield Cluster(name, self._localities(by_name.get(name, ())))

    def _localities(self, members: Sequence[Member]) -> tuple[Locality, ...]:
        """Drains are ignored where nobody else is left: only maint may empty a set."""
        ignore_drains = all(member.drained or member.barred for member in members)
        kept = [member for member in members if not (member.barred and member.address in self._released)]
        ends = {member.address: _endpoint(member, ignore_drains) for member in kept}
        if len(kept) > MAX_LOCALITIES:
            return _grouped(kept, ends)
        return tuple(Locality(member.address, member.weight, (ends[member.address],)) for member in kept)


def _endpoint(member: Member, ignore_drains: bool) -> Endpoint:
    return Endpoint(member.host, member.port, member.barred or (member.drained and not ignore_drains))


def _grouped(members: Sequence[Member], ends: Mapping[str, Endpoint]) -> tuple[Locality, ...]:
    """Backends of equal weight share a locality, which weighs what those of them that take calls weigh."""
    groups: dict[int, list[Endpoint]] = {}
    for member in members:
        groups.setdefault(member.weight, []).append(ends[member.address])
    return tuple(
        Locality(f"{_GROUP}{weight}", weight * max(1, sum(not end.draining for end in group)), tuple(group))
        for weight, group in sorted(groups.items())
    )


def _can_match(rule: Rule) -> bool:
    """Binary metadata is base64 on the wire; a bad name would be turned down; an empty value would mean presence."""
    return (
        bool(rule.exact)
        and rule.exact == _spelt(rule.exact)
        and not rule.header.endswith("-bin")
        and bool(_HEADER.fullmatch(rule.header))
    )


def _spelt(text: str | None) -> str:
    """JSON can hold half a surrogate pair; the wire cannot."""
    return (text or "").encode(errors="replace").decode()
