"""One client in depth: who it is, what it obeys, what it has applied, and its SubConns. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lbdash.live.state import Client, Service
from lbdash.live.view import ClientNumbers, LiveView, SubConnRow, TimelineEntry
from lbdash.viewmodels.heat import client_name, natural
from lbdash.viewmodels.subconns import Stretch, stretches

SUBCONNS = 200  # rows shown; the SubConns tab has the rest
VERBS = ("drain", "maint", "weight", "versions", "policy")


@dataclass(frozen=True, slots=True)
class Applied:
    """`behind`: control keys of the service are newer than what it applied."""

    revision: int
    newest: int
    at: float | None
    behind: bool
    epoch: int


@dataclass(frozen=True, slots=True)
class History:
    address: str
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class ClientPage:
    client: Client
    name: str
    siblings: tuple[str, ...]  # other ids of the same stable name: restarts and replicas
    applied: Applied
    numbers: ClientNumbers | None
    subconns: tuple[SubConnRow, ...]
    subconns_total: int
    histories: tuple[History, ...]
    events: tuple[TimelineEntry, ...]


def build(view: LiveView, service: Service, client_id: str) -> ClientPage | None:
    """None when it never reported, or is gone for so long that it was folded away."""
    client = service.clients.get(client_id)
    if client is None:
        return None
    rows = sorted(view.subconns(service.key, client=client_id), key=lambda row: natural(row.address))
    return ClientPage(
        client=client,
        name=client_name(service, client_id),
        siblings=tuple(_siblings(service, client)),
        applied=_applied(service, client),
        numbers=view.numbers(service.key).clients.get(client_id),
        subconns=tuple(rows[:SUBCONNS]),
        subconns_total=len(rows),
        histories=tuple(_histories(view, service, client_id)),
        events=tuple(e for e in view.timeline(service.key, limit=1000) if e.client == client_id)[:50],
    )


def _siblings(service: Service, client: Client) -> Iterable[str]:
    return (other.id for other in service.clients.values() if other.name == client.name and other.id != client.id)


def _applied(service: Service, client: Client) -> Applied:
    newest = max((raw.mod_revision for raw in service.routing.raw.values()), default=0)
    behind = client.gone_at is None and bool(client.can_obey) and client.applied_revision < newest
    return Applied(client.applied_revision, newest, client.applied_at, behind, client.list_epoch)


def _histories(view: LiveView, service: Service, client: str) -> Iterable[History]:
    spans = view.spans(service.key, client=client, limit=200)
    for address in list(dict.fromkeys(span.address for span in spans))[:12]:
        yield History(address, stretches((span for span in spans if span.address == address), view.now))
