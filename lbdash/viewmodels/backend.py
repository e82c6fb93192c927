"""One backend in depth: what it registered, what operators said, what results, and how each client sees it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lbdash.live.state import Backend, Service
from lbdash.live.view import BackendNumbers, LiveView, SubConnRow
from lbdash.model import DEFAULT_WEIGHT, Admin, Problem, Registration
from lbdash.registry.routing import AdminOverride, WeightOverride
from lbdash.viewmodels.heat import client_name, natural
from lbdash.viewmodels.subconns import Stretch, stretches

PEERS = 200  # rows shown; the SubConns tab has the rest
_STRETCHES = 200


@dataclass(frozen=True, slots=True)
class History:
    """One client's view of it over time, oldest first."""

    client: str
    name: str
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Effective:
    """What results; None = nobody is there to carry it out."""

    admin: Admin
    weight: int | None
    version: str
    why: str


@dataclass(frozen=True, slots=True)
class BackendPage:
    address: str
    backend: Backend
    registrations: tuple[Registration, ...]
    admin: AdminOverride | None
    weight: WeightOverride | None
    effective: Effective
    other_instance: bool  # an override was written for another registration than is there now
    numbers: BackendNumbers | None  # None = no client of it reports
    peers: tuple[SubConnRow, ...]  # how each client sees it
    peers_total: int
    histories: tuple[History, ...]
    problems: tuple[Problem, ...]
    generation: int


def build(view: LiveView, service: Service, address: str) -> BackendPage | None:
    """None when nobody ever heard of it."""
    backend = service.backends.get(address)
    if backend is None:
        return None
    rows = sorted(view.subconns(service.key, address=address), key=lambda r: natural(client_name(service, r.client)))
    admin, weight = service.routing.admin.get(address), service.routing.weight.get(address)
    return BackendPage(
        address=address,
        backend=backend,
        registrations=backend.registrations,
        admin=admin,
        weight=weight,
        effective=_effective(backend, admin, weight),
        other_instance=_for_another(backend, admin) or _for_another(backend, weight),
        numbers=view.numbers(service.key).backends.get(address),
        peers=tuple(rows[:PEERS]),
        peers_total=len(rows),
        histories=tuple(_histories(view, service, address)),
        problems=tuple(problem for registration in backend.registrations for problem in registration.problems),
        generation=service.routing.generation.number,
    )


def _effective(backend: Backend, admin: AdminOverride | None, weight: WeightOverride | None) -> Effective:
    state = admin.state if admin else Admin.READY
    return Effective(state, weight.weight if weight else backend.weight, backend.version, _why(backend, state))


def _why(backend: Backend, state: Admin) -> str:
    if backend.gone_at is not None:
        return "not registered any more: clients drop it"
    if not backend.registered:
        return "seen by clients only: nothing here steers it"
    if not any(registration.online for registration in backend.registrations):
        return "its own registration says online: false; an operator cannot change that"
    return {
        Admin.READY: "gets new picks",
        Admin.DRAIN: "no new picks while others can serve; calls in flight go on",
        Admin.MAINT: "no new picks at all; closed once its last call ends",
    }[state]


def _for_another(backend: Backend, override: AdminOverride | WeightOverride | None) -> bool:
    if override is None or not override.registration or not backend.registered:
        return False
    return override.registration not in {registration.id for registration in backend.registrations}


def _histories(view: LiveView, service: Service, address: str) -> Iterable[History]:
    """The clients that saw it change most lately; twelve of them."""
    spans = view.spans(service.key, address=address, limit=_STRETCHES)
    for client in list(dict.fromkeys(span.client for span in spans))[:12]:
        own = stretches((span for span in spans if span.client == client), view.now)
        yield History(client, client_name(service, client), own)


def weight_text(page: BackendPage) -> str:
    """The registered weight as the three-facts table says it."""
    registered = page.backend.weight
    if registered is None:
        return "not registered"
    return f"{registered} (the default)" if registered == DEFAULT_WEIGHT else str(registered)
