"""Who has been gone long enough is dropped from the topology. Pure."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass, replace

from lbdash.live.draft import Draft
from lbdash.live.state import Service, State

BACKEND_S = 600.0
CLIENT_S = 300.0
MAX_GONE = 1000  # clients per service that are kept after they went; of more, the newest


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What left the state, for the counters to fold: (service key, address), (service key, client id), service keys."""

    backends: tuple[tuple[str, str], ...] = ()
    clients: tuple[tuple[str, str], ...] = ()
    services: tuple[str, ...] = ()


def forget(state: State, now: float, in_use: Callable[[str], Set[str]]) -> tuple[State, Forgotten]:
    """`in_use(service key)`: addresses that a connected client still holds a SubConn to; those stay."""
    draft = Draft(state)
    backends: list[tuple[str, str]] = []
    clients: list[tuple[str, str]] = []
    services: list[str] = []
    for key, service in state.services.items():
        clients += [(key, id) for id in _gone_clients(service, now)]
        backends += [(key, address) for address in _gone_backends(draft, service, now, in_use)]
    for key, id in clients:
        del draft.service(key).clients[id]
        draft.own(id, None)
    for key, address in backends:
        del draft.service(key).backends[address]
    for key in state.services:
        if _empty(draft, key):
            _drop(draft, key)
            services.append(key)
    return draft.freeze(), Forgotten(tuple(backends), tuple(clients), tuple(services))


def _gone_clients(service: Service, now: float) -> list[str]:
    gone = sorted((client.gone_at, client.id) for client in service.clients.values() if client.gone_at is not None)
    surplus = len(gone) - MAX_GONE
    return [id for place, (at, id) in enumerate(gone) if place < surplus or now - at >= CLIENT_S]


def _gone_backends(draft: Draft, service: Service, now: float, in_use: Callable[[str], Set[str]]) -> list[str]:
    """Marks the unregistered that nobody holds any more as gone; returns those whose time is up."""
    unregistered = [backend for backend in service.backends.values() if not backend.registrations]
    if not unregistered:
        return []
    used = in_use(service.key)
    due = []
    for backend in unregistered:
        if backend.address in used:
            continue
        if backend.gone_at is None:
            draft.service(service.key).backends[backend.address] = replace(backend, gone_at=now)
        elif now - backend.gone_at >= BACKEND_S:
            due.append(backend.address)
    return due


def _empty(draft: Draft, key: str) -> bool:
    service = draft.peek(key)
    return service is not None and not (service.backends or service.clients or service.invalid)


def _drop(draft: Draft, key: str) -> None:
    """What operators said of it waits for its return."""
    service = draft.service(key)
    draft.remove(key)
    twins = [other for other in draft.keys_of_services() if _name(draft, other) == service.name]
    if service.routing.raw and not twins:
        draft.orphans = {**draft.orphans, service.name: service.routing}
        draft.touch()


def _name(draft: Draft, key: str) -> str:
    service = draft.peek(key)
    return "" if service is None else service.name
