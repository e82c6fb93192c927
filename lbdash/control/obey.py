"""Who follows a command, and who cannot and why: said before a command, and again beside its progress. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from lbdash.live.state import Client, Service

WITHOUT_WEIGHTS = frozenset({"pick_first", "round_robin"})
BIASED = frozenset({"p2c_ewma", "least_request"})  # a weight is a bias there, not a share

Named = tuple[str, str, str]  # client id, name, why


def connected(service: Service) -> list[Client]:
    return [client for client in service.clients.values() if client.gone_at is None]


def why_not(client: Client, kinds: Iterable[str]) -> str:
    """Why `client` cannot follow a change of these kinds; "" = it can. `kinds` as `plan.kinds_of` gives them."""
    if client.control_denied:
        return "may not read the control keys"
    for kind in kinds:
        if kind not in client.can_obey:
            return f"{_runtime(client)} cannot obey {kind}"
        if kind == "weight" and client.policy in WITHOUT_WEIGHTS:
            return f"{client.policy} has no weights"
    return ""


def rejected(client: Client, keys: Iterable[str]) -> str:
    """Why `client` turned down the value of one of `keys`; "" = it did not."""
    reasons = dict(client.rejected)
    return next((f"rejected: {reasons[key]}" for key in keys if key in reasons), "")


def cannot_obey(clients: Iterable[Client], kinds: Iterable[str], keys: Iterable[str] = ()) -> tuple[Named, ...]:
    wanted, touched = tuple(sorted(kinds)), tuple(keys)
    found = ((client, why_not(client, wanted) or rejected(client, touched)) for client in clients)
    return tuple((client.id, client.name, why) for client, why in found if why)


def policies(service: Service) -> frozenset[str]:
    """In use at connected clients, or else as the operator chose; empty = not known."""
    used = frozenset(client.policy for client in connected(service) if client.policy)
    return used or (frozenset({service.routing.policy.name}) if service.routing.policy else frozenset())


def _runtime(client: Client) -> str:
    return client.library or client.language or f"a {client.source} client"
