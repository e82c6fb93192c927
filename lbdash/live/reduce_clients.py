"""What clients say of themselves. Numbers are not here: `counters` folds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lbdash.live.draft import Draft, ServiceDraft
from lbdash.live.events import ClientClosed, ClientOpened, ClientReported, TelemetryRejected
from lbdash.live.identity import service_of_client
from lbdash.live.state import Backend, Client, State
from lbdash.model import Problem

MAX_ADDRESSES = 1000  # that only clients named, per service
MAX_PROBLEMS = 5


def opened(draft: Draft, event: ClientOpened) -> None:
    """A known id is a client that came back: it stays where it was and keeps what it had applied."""
    owner = draft.owners.get(event.id)
    service = draft.service(owner) if owner else service_of_client(draft, event.convention, event.service, event.at)
    if service is None:
        return
    known = service.clients.get(event.id)
    if known is None:
        draft.own(event.id, service.key)
        known = Client(event.id, event.name, service.key, event.policy, event.source, opened_at=event.at)
    service.clients[event.id] = replace(
        known,
        name=event.name,
        policy=event.policy,
        source=event.source,
        convention=event.convention,
        target=event.target,
        process=event.process,
        host=event.host,
        pid=event.pid,
        language=event.language,
        library=event.library,
        can_obey=event.can_obey,
        can_tell=event.can_tell,
        gone_at=None,
        gone_reason="",
    )


def closed(draft: Draft, event: ClientClosed) -> None:
    owner = draft.owners.get(event.id)
    if owner is None:
        return
    client = draft.service(owner).clients[event.id]
    if client.gone_at is None:
        draft.service(owner).clients[event.id] = replace(client, gone_at=event.at, gone_reason=event.reason)


def is_news(state: State, event: ClientReported) -> bool:
    """False when a report changes nothing of the topology, which is nearly always."""
    owner = state.owners.get(event.id)
    return owner is not None and (bool(event.opened) or _news(state.services[owner].clients[event.id], event))


def reported(draft: Draft, event: ClientReported) -> None:
    owner = draft.owners.get(event.id)
    if owner is None:
        return
    service = draft.peek(owner)
    assert service is not None
    client = service.clients[event.id]
    if _news(client, event):
        draft.service(owner).clients[event.id] = _updated(client, event)
    fresh = {subconn.address: None for subconn in event.opened if subconn.address not in service.backends}
    if fresh:
        _seen(draft, draft.service(owner), tuple(fresh), event.at)


def _news(client: Client, event: ClientReported) -> bool:
    return (
        client.applied_revision != event.applied_revision
        or client.list_epoch != event.list_epoch
        or client.picker_build != event.picker_build
        or client.connectivity != event.connectivity
        or client.control_denied != event.control_denied
        or client.rejected != event.rejected
        or (event.policy != "" and client.policy != event.policy)
    )


def _updated(client: Client, event: ClientReported) -> Client:
    applied = (client.applied_revision, client.list_epoch) != (event.applied_revision, event.list_epoch)
    return replace(
        client,
        applied_revision=event.applied_revision,
        applied_at=event.at if applied else client.applied_at,
        list_epoch=event.list_epoch,
        picker_build=event.picker_build,
        connectivity=event.connectivity,
        control_denied=event.control_denied,
        rejected=event.rejected,
        policy=event.policy or client.policy,
    )


def _seen(draft: Draft, service: ServiceDraft, addresses: Sequence[str], at: float) -> None:
    room = max(0, MAX_ADDRESSES - sum(not backend.registrations for backend in service.backends.values()))
    for address in addresses[:room]:
        service.backends[address] = Backend(address, first_seen=at)
    if len(addresses) > room:
        draft.overflow += len(addresses) - room
        draft.touch()


def rejected(draft: Draft, event: TelemetryRejected) -> None:
    owner = draft.owners.get(event.id)
    service = draft.peek(owner) if owner is not None else None
    if service is None:
        return
    client, problem = service.clients[event.id], Problem("telemetry", event.reason[:300])
    if client.problems[-1:] == (problem,):
        return  # a client that errs with every report says nothing new
    others = tuple(known for known in client.problems if known != problem)
    draft.service(service.key).clients[event.id] = replace(client, problems=(*others, problem)[-MAX_PROBLEMS:])
