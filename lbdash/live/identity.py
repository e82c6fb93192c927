"""Which service a name means. Identity is (convention, name); the key is the name, or name@convention for the later
of two conventions with one name. A service that only clients know has convention "" until one registers it."""

from __future__ import annotations

from lbdash.live.draft import Draft, ServiceDraft
from lbdash.registry.conventions.detect import UNKNOWN
from lbdash.registry.routing import Routing

MAX_UNREGISTERED = 200  # services that only clients named


def registered_service(draft: Draft, convention: str, name: str, at: float) -> ServiceDraft:
    """The service of a registration; made, or taken over from the clients that named it first.

    A registration that nobody can read belongs to its neighbours, whatever their convention.
    """
    if convention == UNKNOWN and draft.peek(name) is not None:
        return draft.service(name)
    key = _find(draft, convention, name)
    if key is not None:
        return draft.service(key)
    if _may_take_over(draft, convention, name):
        service = draft.service(name)
        service.convention = convention
        return service
    return _make(draft, convention, name, at)


def service_of_client(draft: Draft, convention: str, name: str, at: float) -> ServiceDraft | None:
    """The service a client dials. None when too many services are known to clients only."""
    key = _find(draft, convention, name) if convention else None
    if key is None and (not convention or _is_unregistered(draft, name)):
        key = name if draft.peek(name) is not None else None
    if key is not None:
        return draft.service(key)
    if sum(_is_unregistered(draft, key) for key in draft.keys_of_services()) >= MAX_UNREGISTERED:
        draft.overflow += 1
        draft.touch()
        return None
    return _make(draft, "" if draft.peek(name) is None else convention, name, at)


def _find(draft: Draft, convention: str, name: str) -> str | None:
    for key in (name, f"{name}@{convention}"):
        service = draft.peek(key)
        if service is not None and (service.convention, service.name) == (convention, name):
            return key
    return None


def _is_unregistered(draft: Draft, key: str) -> bool:
    service = draft.peek(key)
    return service is not None and not service.convention


def _may_take_over(draft: Draft, convention: str, name: str) -> bool:
    service = draft.peek(name)
    if service is None or service.convention not in ("", UNKNOWN):
        return False
    return all(client.convention in ("", convention) for client in service.clients.values())


def _make(draft: Draft, convention: str, name: str, at: float) -> ServiceDraft:
    key = name if draft.peek(name) is None else f"{name}@{convention}"
    return draft.add(ServiceDraft(key, name, convention, _routing(draft, name), first_seen=at))


def _routing(draft: Draft, name: str) -> Routing:
    """Control keys go by name: what was said before the service appeared applies now."""
    if name in draft.orphans:
        routing = draft.orphans[name]
        draft.orphans = {other: value for other, value in draft.orphans.items() if other != name}
        draft.touch()
        return routing
    twin = draft.peek(name)
    return twin.routing if twin is not None else Routing(name)
