"""Which share of a service's calls each backend should get, by what operators said. Pure. Shares are 0..1."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lbdash.live.state import Backend, Service
from lbdash.model import Admin
from lbdash.viewmodels.standing import registered

# These follow weights exactly. Under p2c_ewma and least_request a weight is a bias, under the others it is nothing:
# there nobody can say what a weight amounts to, and `configured` is None.
EXACT = frozenset({"weighted_round_robin", "version"})


@dataclass(frozen=True, slots=True)
class Expected:
    """`configured` follows the weights, None when the policy does not; `fair` is an equal part of the version's."""

    configured: float | None
    fair: float


def effective_weight(service: Service, backend: Backend) -> int | None:
    """The operator's, else the registration's; None = neither."""
    override = service.routing.weight.get(backend.address)
    return override.weight if override else backend.weight


def policies(service: Service) -> frozenset[str]:
    """In force: the operator's choice, else what connected clients run."""
    if service.routing.policy:
        return frozenset({service.routing.policy.name})
    return frozenset(client.policy for client in service.clients.values() if client.gone_at is None)


def expected(service: Service) -> Mapping[str, Expected]:
    """By address, of all registered backends; 0 for those that should get nothing."""
    serving = _serving(service)
    shares = _version_shares(service, serving)
    exact = bool(in_force := policies(service)) and in_force <= EXACT
    found = {backend.address: Expected(0.0 if exact else None, 0.0) for backend in registered(service)}
    for version, share in shares.items():
        group = [b for b in serving if version is None or b.version == version]
        total = sum(effective_weight(service, backend) or 0 for backend in group)
        for backend in group:
            part = (effective_weight(service, backend) or 0) / total if total else 1 / len(group)
            found[backend.address] = Expected(share * part if exact else None, share / len(group))
    return found


def _serving(service: Service) -> list[Backend]:
    """Online and not drained; drains are ignored when they would leave nobody (DESIGN 5)."""
    admin = service.routing.admin_of
    hard = [b for b in registered(service) if admin(b.address) is not Admin.MAINT and _online(b)]
    soft = [b for b in hard if admin(b.address) is not Admin.DRAIN]
    return soft or hard


def _online(backend: Backend) -> bool:
    return any(registration.online for registration in backend.registrations)


def _version_shares(service: Service, serving: Iterable[Backend]) -> Mapping[str | None, float]:
    """Renormalised over versions that have somebody; {None: 1} = one pool of all versions."""
    there = {backend.version for backend in serving}
    versions = service.routing.versions
    if versions is None or not versions.shares:
        return {None: 1.0} if there else {}
    wanted = {version: share for version, share in versions.shares.items() if version in there and share}
    total = sum(wanted.values())
    return {version: share / total for version, share in wanted.items()}
