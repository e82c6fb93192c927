"""What registrations coming and going mean for services and backends."""

from __future__ import annotations

from dataclasses import replace

from lbdash.live.draft import Draft, ServiceDraft
from lbdash.live.events import RegistrationsChanged
from lbdash.live.identity import registered_service
from lbdash.live.state import Backend
from lbdash.model import Registration


def registrations_changed(draft: Draft, event: RegistrationsChanged) -> None:
    for registration in event.puts:
        _put(draft, registration, event.at)
    for key in event.deletes:
        _delete(draft, key, event.at)


def _put(draft: Draft, registration: Registration, at: float) -> None:
    service = registered_service(draft, registration.convention, registration.service, at)
    where = (service.key, registration.address)
    if draft.keys.get(registration.key, where) != where:
        _delete(draft, registration.key, at)
    if draft.keys.get(registration.key) != where:
        draft.place(registration.key, where)
    if not registration.address:
        service.invalid[registration.key] = registration
        return
    backend = service.backends.get(registration.address) or Backend(registration.address, first_seen=at)
    others = [other for other in backend.registrations if other.key != registration.key]
    # The newest comes first and speaks for the backend: after a crash the old key lingers until its lease ends.
    ordered = sorted((registration, *others), key=lambda found: found.create_revision, reverse=True)
    service.backends[backend.address] = replace(backend, registrations=tuple(ordered), gone_at=None)


def _delete(draft: Draft, key: str, at: float) -> None:
    if key not in draft.keys:
        return
    service_key, address = draft.keys[key]
    draft.place(key, None)
    service = draft.service(service_key)
    service.invalid.pop(key, None)
    if address in service.backends:
        _withdraw(service, address, key, at)


def _withdraw(service: ServiceDraft, address: str, key: str, at: float) -> None:
    backend = service.backends[address]
    rest = tuple(registration for registration in backend.registrations if registration.key != key)
    service.backends[address] = replace(backend, registrations=rest, gone_at=None if rest else at)
