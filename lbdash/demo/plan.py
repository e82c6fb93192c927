"""What the demo's fleet consists of, decided from its switches. Pure; plain data that goes to the children as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TypeVar

from lbdash.model import DEFAULT_WEIGHT

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Options:
    """`backends`, `clients` and `rps` are totals of the fleet; `policy` "" = each service's own."""

    backends: int = 12
    clients: int = 9
    rps: float = 120.0
    versions: tuple[str, ...] = ("v1", "v2")
    policy: str = ""
    story: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """`weight`: its part of backends, clients and calls. `caller`: what its clients are called."""

    name: str
    convention: str
    policy: str
    weight: int
    caller: str


SERVICES = (
    Service("hwholiday.srv.app", "hwholiday", "p2c_ewma", 6, "gateway"),
    Service("user.rpc", "gozero", "round_robin", 3, "orders"),
    Service("services/search", "etcd", "weighted_round_robin", 3, "shop"),
)


@dataclass(frozen=True, slots=True)
class Backend:
    """`port` 0 = any free one, kept from then on. `work_ms`: the median of a call. `fail`: which part fails at once."""

    service: str
    convention: str
    version: str = ""
    weight: int = DEFAULT_WEIGHT
    work_ms: float = 4.0
    fail: float = 0.002
    port: int = 0


@dataclass(frozen=True, slots=True)
class Client:
    """`version`: what its calls ask for, "" = nothing."""

    service: str
    convention: str
    policy: str
    name: str
    rps: float
    version: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """One tuple of backends, or clients, for each process. `flapping`: a process to kill now and then, or -1."""

    backends: tuple[tuple[Backend, ...], ...]
    clients: tuple[tuple[Client, ...], ...]
    flapping: int = -1


def plan(options: Options) -> Plan:
    """Raises ValueError that names the switch."""
    _check(options)
    split = _parts(options.backends, [service.weight for service in SERVICES])
    fleet = {service.name: _backends(service, n, options) for service, n in zip(SERVICES, split, strict=True)}
    if options.story:
        fleet = _with_trouble(fleet)
    groups = [tuple(_processes(group)) for group in fleet.values()]
    # The first service's last backend is alone in its process, so that a kill hits nobody else.
    flapping = len(groups[0]) - 1 if options.story else -1
    return Plan(tuple(chain.from_iterable(groups)), tuple(_spread(_clients(options), 8)), flapping)


def _check(options: Options) -> None:
    if options.backends < 2 * len(SERVICES):
        raise ValueError(f"--backends {options.backends}: at least {2 * len(SERVICES)}, two for each service")
    if options.clients < len(SERVICES):
        raise ValueError(f"--clients {options.clients}: at least {len(SERVICES)}, one for each service")
    if not 0 <= options.rps <= 20_000:
        raise ValueError(f"--rps {options.rps:g}: between 0 and 20000 calls a second over the whole fleet")
    if not options.versions or not all(options.versions):
        raise ValueError("--versions: a comma list, e.g. v1,v2")


def _parts(total: int, weights: Sequence[int]) -> list[int]:
    """`total` things divided by weight, everyone gets at least one; what rounding leaves goes to the first."""
    parts = [max(1, total * weight // sum(weights)) for weight in weights]
    parts[0] += total - sum(parts)
    return parts


def _backends(service: Service, count: int, options: Options) -> list[Backend]:
    """The first service has versions; two thirds of it the first one. The third has weights."""
    plain = [Backend(service.name, service.convention, work_ms=3.0 + index % 3) for index in range(count)]
    if service.convention == "hwholiday":
        return [replace(b, version=_version(i, count, options.versions)) for i, b in enumerate(plain)]
    if service.convention == "etcd":
        return [replace(b, weight=50 if i % 3 == 2 else DEFAULT_WEIGHT) for i, b in enumerate(plain)]
    return plain


def _version(index: int, count: int, versions: Sequence[str]) -> str:
    first = count - count // 3 if len(versions) > 1 else count
    return versions[0] if index < first else versions[1 + (index - first) % (len(versions) - 1)]


def _with_trouble(fleet: dict[str, list[Backend]]) -> dict[str, list[Backend]]:
    """One backend is slow, one fails fast; the canary is the last version's only backend."""
    app, user, search = (fleet[service.name] for service in SERVICES)
    app = [replace(b, version=app[0].version) for b in app[:-1]] + [replace(app[-1], version=app[-1].version)]
    app.insert(0, app.pop())  # the canary must not be the one that flaps
    app[1] = replace(app[1], work_ms=180.0)
    user[0] = replace(user[0], work_ms=0.3, fail=0.7)
    return dict(zip((service.name for service in SERVICES), (app, user, search), strict=True))


def _processes(group: list[Backend]) -> Iterator[tuple[Backend, ...]]:
    """At most 25 to a process, and the last one alone."""
    yield from _spread(group[:-1], 25)
    yield (group[-1],)


def _spread(items: Sequence[T], most: int) -> Iterator[tuple[T, ...]]:
    for start in range(0, len(items), most):
        yield tuple(items[start : start + most])


def _clients(options: Options) -> list[Client]:
    weights = [service.weight for service in SERVICES]
    counts = _parts(options.clients, weights)
    found = [
        Client(
            service.name,
            service.convention,
            options.policy or service.policy,
            f"{service.caller}-{index + 1}",
            options.rps * service.weight / sum(weights) / count,
        )
        for service, count in zip(SERVICES, counts, strict=True)
        for index in range(count)
    ]
    return [*found, _lost(options)] if options.story else found


def _lost(options: Options) -> Client:
    """A client that asks for a version that does not exist."""
    app = SERVICES[0]
    return Client(app.name, app.convention, options.policy or app.policy, "legacy-app", min(2.0, options.rps), "v9")
