"""A service by registry and by telemetry, as it is and as a command would leave it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from lbdash.control import fleet
from lbdash.control.fleet import Fleet
from lbdash.control.plan import Plan, resulting
from lbdash.live.state import Service
from lbdash.live.view import LiveView, ServiceNumbers
from lbdash.registry.routing import Routing


@dataclass(frozen=True, slots=True)
class Looks:
    """One routing, by registry and by telemetry (None: connectivity unknown)."""

    routing: Routing
    registry: Fleet
    telemetry: Fleet | None

    @property
    def strict(self) -> Fleet:
        """The look that counts fewer survivors."""
        return self.telemetry or self.registry

    @property
    def noun(self) -> str:
        return "READY" if self.telemetry else "registered"

    @property
    def proviso(self) -> str:
        return "" if self.telemetry else " Connectivity is unknown: registered, undrained backends were counted."


def looks(service: Service, routing: Routing, numbers: ServiceNumbers) -> Looks:
    telemetry = fleet.telemetry_look(service, routing, numbers)
    return Looks(routing, fleet.registry_look(service, routing), telemetry)


def factor(before: Looks, after: Looks) -> float | None:
    """Traffic of the most loaded survivor, after : now; the larger of both looks. None = nobody serves."""
    found = [_factor(before.registry, after.registry)]
    if before.telemetry and after.telemetry:
        found.append(_factor(before.telemetry, after.telemetry))
    known = [value for value in found if value is not None]
    return max(known, default=None)


def _factor(before: Fleet, after: Fleet) -> float | None:
    now, then = before.peak(), after.peak()
    return then / now if now and then else None


def judged(view: LiveView, service: Service, changes: Plan) -> tuple[Looks, Looks]:
    """The service as it is, and as it would be."""
    numbers = view.numbers(service.key)
    after = resulting(service.routing, changes.changes)
    return looks(service, service.routing, numbers), looks(service, after, numbers)
