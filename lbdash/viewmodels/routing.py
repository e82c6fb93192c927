"""The Routing tab: shares asked for and measured, rules, policy, who asks for what, and what is odd. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lbdash.live.state import Backend, Service
from lbdash.live.view import LiveView, MatrixRow, ServiceNumbers
from lbdash.model import Admin, Connectivity
from lbdash.registry.routing import AdminOverride, OnMissing, Rule, Versions, WeightOverride
from lbdash.viewmodels.heat import client_name, natural

FEW = 20  # nothing is quoted under so many samples


@dataclass(frozen=True, slots=True)
class Share:
    """One version. Percentages; None = not configured, or too few picks to say."""

    version: str
    configured: int | None
    measured: float | None  # in the window
    picks: int  # drawn by share in the window, of all versions
    ready: int | None  # backends READY at one client at least; None = nobody reports
    registered: int


@dataclass(frozen=True, slots=True)
class RuleLine:
    rule: Rule
    hits: int | None  # None = nobody reports
    known: bool  # a backend has the version


@dataclass(frozen=True, slots=True)
class Override:
    """An operator's word about one backend that needs eyes: its backend is gone, or is another than it was for."""

    address: str
    kind: str  # "drain" | "maint" | "weight 50"
    written_for: str
    now: tuple[str, ...]  # registration ids there today; empty = orphan
    by: str
    at: str
    command: str  # the verb that clears it: "ready" | "weight"


@dataclass(frozen=True, slots=True)
class Rejection:
    """A control key that the dashboard (`client` "") or a client could not read."""

    key: str
    reason: str
    client: str = ""
    client_name: str = ""


@dataclass(frozen=True, slots=True)
class RoutingTab:
    shares: tuple[Share, ...]
    configured: bool  # shares are set at all
    rules: tuple[RuleLine, ...]
    on_missing: OnMissing
    policy: str  # "" = what each client was built with
    config: str  # JSON
    policies: Mapping[str, int]  # in use: name -> clients
    matrix: tuple[MatrixRow, ...]
    answering: tuple[str, ...]  # the matrix's columns
    rejections: tuple[Rejection, ...]
    overrides: tuple[Override, ...]
    window_s: int
    generation: int


def build(view: LiveView, service: Service) -> RoutingTab:
    numbers = view.numbers(service.key)
    versions = service.routing.versions or Versions()
    known = _known_versions(service, versions, numbers)
    policy = service.routing.policy
    return RoutingTab(
        shares=tuple(_share(service, numbers, versions, version) for version in known),
        configured=bool(versions.shares),
        rules=tuple(_rule(service, numbers, rule) for rule in versions.rules),
        on_missing=versions.on_missing,
        policy=policy.name if policy else "",
        config=json.dumps(dict(policy.config)) if policy and policy.config else "",
        policies=_policies(service),
        matrix=numbers.matrix,
        answering=_answering(known, numbers.matrix),
        rejections=tuple(_rejections(service)),
        overrides=tuple(_odd_overrides(service)),
        window_s=numbers.numbers.window_s,
        generation=service.routing.generation.number,
    )


def _present(service: Service) -> Iterable[Backend]:
    return (backend for backend in service.backends.values() if backend.gone_at is None and backend.registered)


def _known_versions(service: Service, versions: Versions, numbers: ServiceNumbers) -> list[str]:
    names = {backend.version for backend in _present(service)} | set(versions.shares) | set(numbers.versions)
    return sorted((name for name in names if name), key=natural)


def _share(service: Service, numbers: ServiceNumbers, versions: Versions, version: str) -> Share:
    backends = [backend for backend in _present(service) if backend.version == version]
    drawn, total = _drawn(numbers, version), _drawn(numbers)
    picks = round(total * numbers.numbers.window_s)
    return Share(
        version,
        versions.shares.get(version, 0) if versions.shares else None,
        100 * drawn / total if picks >= FEW else None,
        picks,
        sum(_is_ready(numbers, backend.address) for backend in backends) if numbers.clients else None,
        len(backends),
    )


def _drawn(numbers: ServiceNumbers, version: str = "") -> float:
    """Calls a second that asked for no version and matched no rule; the shares speak of no others."""
    rows = (row.answered_rps for row in numbers.matrix if row.source == "share")
    return sum(rps for answered in rows for name, rps in answered.items() if version in ("", name))


def _is_ready(numbers: ServiceNumbers, address: str) -> bool:
    found = numbers.backends.get(address)
    return bool(found and found.connectivity.get(Connectivity.READY))


def _rule(service: Service, numbers: ServiceNumbers, rule: Rule) -> RuleLine:
    wanted = (rule.header, rule.exact, rule.version)
    same = (hits.count for hits in numbers.rule_hits if (hits.header, hits.exact, hits.version) == wanted)
    known = any(backend.version == rule.version for backend in _present(service))
    return RuleLine(rule, sum(same) if numbers.clients else None, known)


def _policies(service: Service) -> Mapping[str, int]:
    counted: dict[str, int] = {}
    for client in service.clients.values():
        if client.gone_at is None:
            counted[client.policy] = counted.get(client.policy, 0) + 1
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def _answering(known: list[str], matrix: Iterable[MatrixRow]) -> tuple[str, ...]:
    answered = {version for row in matrix for version in row.answered}
    return (*known, *sorted(answered - set(known), key=natural))


def _rejections(service: Service) -> Iterable[Rejection]:
    for key, reason in service.routing.problems.items():
        yield Rejection(key, reason)
    for client in service.clients.values():
        if client.gone_at is None:
            for key, reason in client.rejected:
                yield Rejection(key, reason, client.id, client_name(service, client.id))


def _odd_overrides(service: Service) -> Iterable[Override]:
    routing = service.routing
    for address in sorted({*routing.admin, *routing.weight}, key=natural):
        ids = _ids(service, address)
        found: tuple[AdminOverride | WeightOverride | None, ...]
        found = (routing.admin.get(address), routing.weight.get(address))
        for override in (override for override in found if override):
            # An override that names no registration was written for whatever is there.
            if not ids or (override.registration and override.registration not in ids):
                yield _odd(address, override, ids)


def _ids(service: Service, address: str) -> tuple[str, ...]:
    backend = service.backends.get(address)
    return tuple(registration.id for registration in backend.registrations) if backend else ()


def _odd(address: str, override: AdminOverride | WeightOverride, ids: tuple[str, ...]) -> Override:
    if isinstance(override, WeightOverride):
        kind, command = f"weight {override.weight}", "weight"
    else:
        kind, command = "drain" if override.state is Admin.DRAIN else "maint", "ready"
    return Override(address, kind, override.registration, ids, override.stamp.by, override.stamp.at, command)
