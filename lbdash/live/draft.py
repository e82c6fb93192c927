"""The state while a batch of events is reduced: copied on first write, so that the snapshot before stays as it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from lbdash.live.state import Backend, Client, Peer, Service, Source, State
from lbdash.model import Registration
from lbdash.registry.routing import Routing, Stamp

V = TypeVar("V")


@dataclass(slots=True)
class ServiceDraft:
    """A `Service` whose mappings may be written."""

    key: str
    name: str
    convention: str
    routing: Routing
    backends: dict[str, Backend] = field(default_factory=dict)
    clients: dict[str, Client] = field(default_factory=dict)
    invalid: dict[str, Registration] = field(default_factory=dict)
    first_seen: float = 0.0

    @classmethod
    def of(cls, service: Service) -> ServiceDraft:
        return cls(
            service.key,
            service.name,
            service.convention,
            service.routing,
            dict(service.backends),
            dict(service.clients),
            dict(service.invalid),
            service.first_seen,
        )

    def frozen(self) -> Service:
        return Service(
            self.key,
            self.name,
            self.convention,
            self.routing,
            self.backends,
            self.clients,
            self.invalid,
            self.first_seen,
        )


class Draft:
    """Reads fall through to `base`; `freeze` returns `base` itself when nothing was written."""

    def __init__(self, base: State) -> None:
        self.base = base
        self.sources: Mapping[str, Source] = base.sources
        self.freeze_stamp: Stamp | None = base.freeze
        self.freeze_revision = base.freeze_revision
        self.peers: tuple[Peer, ...] = base.peers
        self.orphans: Mapping[str, Routing] = base.orphans
        self.announced: Mapping[str, str] = base.announced
        self.overflow = base.overflow
        self._owners: dict[str, str] | None = None
        self._keys: dict[str, tuple[str, str]] | None = None
        self._services: dict[str, ServiceDraft | None] = {}  # None = removed
        self._changed = False

    # ---- services

    def peek(self, key: str) -> Service | ServiceDraft | None:
        """For reading; never copies."""
        return self._services[key] if key in self._services else self.base.services.get(key)

    def service(self, key: str) -> ServiceDraft:
        """For writing. KeyError when there is none."""
        draft = self._services.get(key)
        if draft is None:
            draft = self._services[key] = ServiceDraft.of(self.base.services[key])
        return draft

    def add(self, service: ServiceDraft) -> ServiceDraft:
        self._services[service.key] = service
        return service

    def remove(self, key: str) -> None:
        self._services[key] = None

    def keys_of_services(self) -> list[str]:
        fresh = [key for key in self._services if key not in self.base.services]
        return [key for key in (*self.base.services, *fresh) if self.peek(key) is not None]

    # ---- indexes

    @property
    def owners(self) -> Mapping[str, str]:
        return self.base.owners if self._owners is None else self._owners

    @property
    def keys(self) -> Mapping[str, tuple[str, str]]:
        return self.base.keys if self._keys is None else self._keys

    def own(self, client: str, service: str | None) -> None:
        if self._owners is None:
            self._owners = dict(self.base.owners)
        _set(self._owners, client, service)

    def place(self, key: str, where: tuple[str, str] | None) -> None:
        if self._keys is None:
            self._keys = dict(self.base.keys)
        _set(self._keys, key, where)

    def touch(self) -> None:
        """Say that one of the plain fields was written."""
        self._changed = True

    # ---- the end

    def freeze(self) -> State:
        if not self._changed and not self._services and self._owners is None and self._keys is None:
            return self.base
        return replace(
            self.base,
            services=self._frozen_services(),
            sources=self.sources,
            freeze=self.freeze_stamp,
            freeze_revision=self.freeze_revision,
            peers=self.peers,
            orphans=self.orphans,
            announced=self.announced,
            owners=self.owners,
            keys=self.keys,
            overflow=self.overflow,
            version=self.base.version + 1,
        )

    def _frozen_services(self) -> Mapping[str, Service]:
        if not self._services:
            return self.base.services
        services = dict(self.base.services)
        for key, draft in self._services.items():
            if draft is None:
                services.pop(key, None)
            else:
                services[key] = draft.frozen()
        return services


def _set(mapping: dict[str, V], key: str, value: V | None) -> None:
    if value is None:
        mapping.pop(key, None)
    else:
        mapping[key] = value
