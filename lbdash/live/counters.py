"""All that is counted, by service. Written by the store alone; readers use `numbers`."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace

from lbdash.live.events import ClientClosed, ClientOpened, ClientReported, RegistrationsChanged
from lbdash.live.forget import Forgotten
from lbdash.live.record import record
from lbdash.live.service import Refusal, ServiceCounters
from lbdash.live.state import Service, State
from lbdash.live.timeline import Note
from lbdash.registry.control_keys import admin_key

OTHER = "other"  # the backends of one service that were too many to keep
MAX_REFUSALS = 1000  # told at once
NOBODY: Set[str] = frozenset()


class Counters:
    """`of` a service key; made when its first client speaks."""

    def __init__(self) -> None:
        self._services: dict[str, ServiceCounters] = {}
        self._refusals: list[Refusal] = []
        self._routings: dict[str, object] = {}  # the routing whose overrides each service's counters know

    def of(self, key: str) -> ServiceCounters | None:
        """With everything folded that was reported so far."""
        counters = self._services.get(key)
        if counters is not None:
            counters.flush()
        return counters

    def addresses_in_use(self, key: str) -> Set[str]:
        counters = self._services.get(key)
        return counters.addresses_in_use() if counters is not None else NOBODY

    # ---- events

    def settle(self, state: State, event: RegistrationsChanged) -> None:
        """Before registrations change: what was counted so far belongs to the versions as they were."""
        for key in {state.keys[k.key][0] for k in event.puts if k.key in state.keys}:
            counters = self._services.get(key)
            if counters is not None and key in state.services:
                counters.settle(versions_of(state.services[key]), event.at)

    def apply(self, state: State, event: ClientOpened | ClientClosed | ClientReported) -> None:
        """`state` already knows the client, or else refused it."""
        key = state.owners.get(event.id)
        if key is None:
            return
        if isinstance(event, ClientReported):
            counters = self._services.get(key)
            if counters is not None:
                counters.fold(_named(event, state.services[key]))
        elif isinstance(event, ClientOpened):
            self._open(state, key, event)
        elif (counters := self._services.get(key)) is not None:
            counters.close(event.id, event.at)

    def _open(self, state: State, key: str, event: ClientOpened) -> None:
        counters = self._services.get(key)
        if counters is None:
            counters = self._services[key] = ServiceCounters(key, self._refusals)
            self._follow(state.services[key])
        counters.open(event.id, event.at)

    def follow(self, state: State) -> None:
        """After control keys changed: whose picks are to be watched."""
        for key in self._services:
            service = state.services.get(key)
            if service is not None and self._routings.get(key) is not service.routing:
                self._follow(service)

    def _follow(self, service: Service) -> None:
        routing = service.routing
        self._routings[service.key] = routing
        revisions = {address: routing.mod_revision(admin_key(service.name, address)) for address in routing.admin}
        self._services[service.key].override(revisions)

    def forget(self, forgotten: Forgotten) -> None:
        for key, client in forgotten.clients:
            if (counters := self._services.get(key)) is not None:
                counters.forget_client(client)
        for key, address in forgotten.backends:
            if (counters := self._services.get(key)) is not None:
                counters.forget_backend(address)
        for key in forgotten.services:
            self._services.pop(key, None)
            self._routings.pop(key, None)

    # ---- time

    def tick(self, state: State, now: float) -> None:
        for key, counters in self._services.items():
            service = state.services.get(key)
            versions = versions_of(service) if service is not None else {}
            counters.tick(now, versions)
            record(counters, versions, now)

    def take_notes(self, key: str) -> list[Note]:
        counters = self._services.get(key)
        if counters is None or not counters.subconns.notes:
            return []
        notes, counters.subconns.notes = counters.subconns.notes, []
        return notes

    def take_refusals(self) -> list[Refusal]:
        """What clients reported that could not be folded, since the last time."""
        if not self._refusals:
            return []
        refusals = self._refusals[:MAX_REFUSALS]
        self._refusals.clear()
        return refusals

    def memory_bytes(self) -> Mapping[str, int]:
        parts = {"subconns": 0, "meters": 0, "history": 0}
        for counters in self._services.values():
            parts["subconns"] += counters.subconns.table.nbytes
            parts["subconns"] += sum(member.rows.nbytes for member in counters.members.values())
            meters = (counters.backends, counters.clients, counters.versions.meters)
            parts["meters"] += sum(part.nbytes for part in meters)
            parts["history"] += counters.history.nbytes
        return parts


def _named(event: ClientReported, service: Service) -> ClientReported:
    """Addresses that the topology had no room for count as one: it will never say that they are gone."""
    if all(subconn.address in service.backends for subconn in event.opened):
        return event
    opened = (
        subconn if subconn.address in service.backends else replace(subconn, address=OTHER) for subconn in event.opened
    )
    return replace(event, opened=tuple(opened))


def versions_of(service: Service) -> dict[str, str]:
    return {address: backend.version for address, backend in service.backends.items()}
