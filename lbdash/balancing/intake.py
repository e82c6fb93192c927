"""What one channel hears from the resolver: it obeys at once, and keeps what its reports will say of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lbdash.balancing.balancer import Balancer
from lbdash.balancing.endpoint import Backend
from lbdash.registry.routing import Routing

MAX_EVENTS = 50  # unreported ones kept; the oldest go first


@dataclass(frozen=True, slots=True)
class ResolverEvent:
    """`at`: monotonic seconds. `kind`: as `resolver.Listener.event`, and "empty_kept"."""

    at: float
    kind: str
    added: int
    removed: int
    size: int
    text: str


class Intake:
    """A `resolver.Listener`. `on_applied()` runs after a routing change was obeyed: the report must not wait."""

    def __init__(self, balancer: Balancer, on_applied: Callable[[], None]) -> None:
        self._balancer, self._on_applied = balancer, on_applied
        self.revision = self.epoch = 0
        self.control_denied = False
        self.events: deque[ResolverEvent] = deque(maxlen=MAX_EVENTS)

    def backends(self, backends: Sequence[Backend]) -> None:
        if not self._balancer.set_backends(backends):
            self.event("empty_kept", 0, 0, 0, "the list is empty; the last good one stays while a backend is READY")

    def routing(self, routing: Routing, revision: int, epoch: int) -> None:
        self._balancer.set_routing(routing)
        self.revision, self.epoch = revision, epoch
        self._on_applied()

    def failed(self, reason: str) -> None:
        self._balancer.resolver_failed(reason)

    def denied(self, denied: bool) -> None:
        self.control_denied = denied
        self._on_applied()

    def event(self, kind: str, added: int, removed: int, size: int, text: str) -> None:
        self.events.append(ResolverEvent(self._balancer.clock(), kind, added, removed, size, text[:200]))
