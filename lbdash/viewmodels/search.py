"""The search box: services, backends and clients whose names contain what was typed. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from lbdash.live.state import Service, State
from lbdash.viewmodels.marks import backend_url, client_url, service_url

LIMIT = 8  # of each kind
_SHORTEST = 2


@dataclass(frozen=True, slots=True)
class Hit:
    kind: str  # "service" | "backend" | "client"
    text: str
    where: str  # the service, for backends and clients
    href: str


def search(state: State, typed: str) -> tuple[Hit, ...]:
    """Nothing under two letters. Every word must occur."""
    words = typed.lower().split()
    if len("".join(words)) < _SHORTEST:
        return ()
    services = list(state.services.values())
    kinds = (_services(services, words), _backends(services, words), _clients(services, words))
    return tuple(hit for hits in kinds for hit in islice(hits, LIMIT))


def _match(words: list[str], *texts: str) -> bool:
    text = " ".join(texts).lower()
    return all(word in text for word in words)


def _services(services: list[Service], words: list[str]) -> Iterable[Hit]:
    for service in services:
        if _match(words, service.key, service.convention):
            yield Hit("service", service.key, service.convention, service_url(service.key))


def _backends(services: list[Service], words: list[str]) -> Iterable[Hit]:
    for service in services:
        for backend in service.backends.values():
            ids = (registration.id for registration in backend.registrations)
            if _match(words, backend.address, *ids):
                yield Hit("backend", backend.address, service.key, backend_url(service.key, backend.address))


def _clients(services: list[Service], words: list[str]) -> Iterable[Hit]:
    for service in services:
        for client in service.clients.values():
            if client.gone_at is None and _match(words, client.name, client.id, client.host):
                yield Hit("client", client.name or client.id, service.key, client_url(service.key, client.id))
