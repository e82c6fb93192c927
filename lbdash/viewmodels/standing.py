"""How a backend stands, in one word: the operator's word first, then what clients see. HAProxy's colours. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lbdash.live.state import Backend, Service
from lbdash.live.view import ServiceNumbers
from lbdash.model import Admin, Connectivity
from lbdash.viewmodels.heat import natural

ORDER = ("up", "drain", "maint", "wait", "down", "idle")


@dataclass(frozen=True, slots=True)
class Standing:
    """`css` is one of ORDER."""

    css: str
    word: str


UP = Standing("up", "READY")
UNCHECKED = Standing("idle", "unchecked")
_BY_ADMIN = {Admin.DRAIN: Standing("drain", "drain"), Admin.MAINT: Standing("maint", "maint")}


def standing(backend: Backend, states: Mapping[Connectivity, int], admin: Admin) -> Standing:
    """`states`: SubConns of connected clients to it."""
    if backend.gone_at is not None:
        return Standing("idle", "gone")
    return _BY_ADMIN.get(admin) or _connected(states)


def _connected(states: Mapping[Connectivity, int]) -> Standing:
    if states.get(Connectivity.READY):
        return UP
    if states.get(Connectivity.TRANSIENT_FAILURE):
        return Standing("down", "TRANSIENT_FAILURE")
    if states.get(Connectivity.CONNECTING):
        return Standing("wait", "CONNECTING")
    return Standing("idle", "IDLE") if states.get(Connectivity.IDLE) else UNCHECKED


def standings(service: Service, numbers: ServiceNumbers) -> Mapping[str, int]:
    """Registered backends by `css`."""
    counted = dict.fromkeys(ORDER, 0)
    for backend in service.backends.values():
        if backend.registered and backend.gone_at is None:
            admin = service.routing.admin_of(backend.address)
            counted[standing(backend, _states(numbers, backend), admin).css] += 1
    return counted


def ready(service: Service, numbers: ServiceNumbers) -> int | None:
    """Registered backends that some client has READY, drained ones too; None when nobody reports."""
    if not connected(service):
        return None
    return sum(bool(_states(numbers, backend).get(Connectivity.READY)) for backend in registered(service))


def _states(numbers: ServiceNumbers, backend: Backend) -> Mapping[Connectivity, int]:
    found = numbers.backends.get(backend.address)
    return found.connectivity if found else {}


def registered(service: Service) -> list[Backend]:
    return [backend for backend in service.backends.values() if backend.registered and backend.gone_at is None]


def connected(service: Service) -> int:
    """Clients that report now."""
    return sum(client.gone_at is None for client in service.clients.values())


def version_order(service: Service) -> list[str]:
    """The service's versions in natural order: a version has the same colour on every page."""
    shares = service.routing.versions.shares if service.routing.versions else {}
    return sorted({*shares, *(backend.version for backend in service.backends.values())} - {""}, key=natural)
