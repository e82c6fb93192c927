"""From registrations to backends: keys with one address are one backend, until the last of them goes. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lbdash.balancing.endpoint import Backend
from lbdash.model import Registration, is_unroutable


class Directory:
    """The registrations of one service, by key."""

    def __init__(self) -> None:
        self._registrations: dict[str, Registration] = {}

    def put(self, registration: Registration) -> None:
        self._registrations[registration.key] = registration

    def delete(self, key: str) -> None:
        self._registrations.pop(key, None)

    def backends(self) -> tuple[Backend, ...]:
        """In key order, so that every client has the same list. Values that name no dialable address are left out."""
        merged: dict[str, Backend] = {}
        for registration in self._by_age(self._registrations.values()):
            earlier = merged.get(registration.address)
            backend = Backend(
                registration.address,
                registration.version,
                max(1, registration.weight),
                registration.online,
                registration.metadata,
                registration.methods,
            )
            # The newest key says version and weight; one that is online is enough.
            merged[registration.address] = replace(backend, online=True) if earlier and earlier.online else backend
        return tuple(merged[address] for address in self._in_key_order() if address in merged)

    @staticmethod
    def _by_age(registrations: Iterable[Registration]) -> list[Registration]:
        usable = [r for r in registrations if r.address and not is_unroutable(r.address)]
        return sorted(usable, key=lambda r: (r.create_revision, r.key))

    def _in_key_order(self) -> list[str]:
        return list(dict.fromkeys(self._registrations[key].address for key in sorted(self._registrations)))
