"""Graceful switch from one policy to another, as grpc-go does it (SPEC 3.4). Pure: states in, who is in use out.

grpc-go's policies own their connections, so a new one has none at first and the old one serves until it is worth
switching. Our policies share the pool's connections and switch at once; this is the rule for those that do not, and
for telling what a grpc-go client does after its service config changed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from lbdash.balancing.service_config import FALLBACK, known
from lbdash.model import Connectivity

CONNECTING, READY = Connectivity.CONNECTING, Connectivity.READY


@dataclass(eq=False, slots=True)
class Slot:
    """One policy that was asked for. `state`: its last report."""

    name: str
    state: Connectivity = CONNECTING


class GracefulSwitch:
    """`current` answers picks, `pending` gets ready to. Methods return the slots that are to be closed."""

    def __init__(self, supported: Collection[str]) -> None:
        self._supported = supported
        self.current: Slot | None = None
        self.pending: Slot | None = None
        self.problem = ""  # of the name asked for last

    def ask(self, name: str) -> list[Slot]:
        """The service config names a policy, in any case. The name in force (or coming) changes nothing; an unknown
        one means pick_first. A third policy takes the place of the pending one."""
        wanted = known(name)
        self.problem = "" if wanted in self._supported else f"unknown policy {name!r}, using {FALLBACK}"
        wanted = wanted if wanted in self._supported else FALLBACK
        newest = self.pending or self.current
        if newest is not None and newest.name == wanted:
            return []
        if self.current is None:
            self.current = Slot(wanted)
            return []
        discarded, self.pending = self.pending, Slot(wanted)
        return [discarded] if discarded is not None else []

    def report(self, slot: Slot, state: Connectivity) -> list[Slot]:
        """A policy says how its connections are. Reports of closed slots change nothing."""
        slot.state = state
        if self.pending is None or self.current is None or slot not in (self.current, self.pending):
            return []
        worth_it = slot is self.pending and state is not CONNECTING
        if not worth_it and self.current.state is READY:
            return []
        closed, self.current, self.pending = self.current, self.pending, None
        return [closed]
