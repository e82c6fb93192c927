"""What is wrong with a service, as a list: registrations, control keys, clients, and what results. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lbdash.live.state import Client, Service
from lbdash.live.view import ServiceNumbers
from lbdash.model import Problem, Registration
from lbdash.viewmodels.standing import ready, registered

_ORDER = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """`subject` is an address, an etcd key or a client's name; "" = the service."""

    problem: Problem
    subject: str = ""


def service_problems(service: Service, numbers: ServiceNumbers) -> list[Finding]:
    """Worst first."""
    found = [
        *_whole(service, numbers),
        *_registrations(service),
        *_control(service),
        *_clients(service),
    ]
    return sorted(found, key=lambda finding: _ORDER.get(finding.problem.severity, 1))


def _whole(service: Service, numbers: ServiceNumbers) -> Iterable[Finding]:
    if not registered(service):
        yield Finding(Problem("no_backends", "No backend is registered.", "error" if numbers.clients else "info"))
    elif ready(service, numbers) == 0:
        yield Finding(Problem("none_ready", "No client has a READY connection to any backend.", "error"))
    if numbers.override_ignored:
        text = f"{numbers.override_ignored} picks ignored a drain because nothing else was left."
        yield Finding(Problem("override_ignored", text))


def _registrations(service: Service) -> Iterable[Finding]:
    for backend in service.backends.values():
        for registration in backend.registrations if backend.gone_at is None else ():
            yield from _of(registration, backend.address)
        if len(backend.registrations) > 1:
            yield Finding(_duplicate(backend.registrations), backend.address)
    for registration in service.invalid.values():
        yield from _of(registration, registration.key)


def _duplicate(registrations: Sequence[Registration]) -> Problem:
    """Harmless where they agree: after a crash the old key lingers until its lease ends."""
    text = f"{len(registrations)} keys name this address; the newest, {registrations[0].key[-80:]}, speaks for it"
    differ = [name for name in ("version", "weight") if len({getattr(found, name) for found in registrations}) > 1]
    if not differ:
        return Problem("duplicate_address", f"{text}.", "info")
    return Problem("duplicate_address", f"{text}. They differ in {' and '.join(differ)}.")


def _of(registration: Registration, subject: str) -> Iterable[Finding]:
    return (Finding(problem, subject) for problem in registration.problems)


def _control(service: Service) -> Iterable[Finding]:
    for key, reason in service.routing.problems.items():
        yield Finding(Problem("control_key", f"This value is not used: {reason}"), key)


def _clients(service: Service) -> Iterable[Finding]:
    for client in service.clients.values():
        if client.gone_at is None:
            yield from _client(client)


def _client(client: Client) -> Iterable[Finding]:
    subject = client.name or client.id
    yield from (Finding(problem, subject) for problem in client.problems)
    if client.control_denied:
        yield Finding(Problem("cannot_obey", "The client may not read the control keys in etcd."), subject)
    for key, reason in client.rejected:
        yield Finding(Problem("rejected", f"The client does not use {key}: {reason}"), subject)
