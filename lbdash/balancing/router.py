"""Routing, exactly as DESIGN 5 has it: candidates, version, drains, policy. Pure; one instance per picker build.

1. candidates: READY, not in maint, not offline by their own word
2. version: metadata, else the first matching rule, else a draw by share
3. drained ones are left out unless that leaves nothing
4. the policy's child picker of that version picks
5. nothing left: PickError, or Queue while something may still become READY
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.picker import KeepsPlaces, Picker, PickError, PickInfo, Policy, Queue
from lbdash.balancing.tally import Ask
from lbdash.balancing.versions import NO_VERSIONS, VERSION_HEADER, ShareDraw, header, matching
from lbdash.model import Admin, Connectivity
from lbdash.registry.routing import Versions

NO_MATCH = "no match found conn"
_PENDING = (Connectivity.IDLE, Connectivity.CONNECTING)


@dataclass(frozen=True, slots=True)
class Member:
    """One SubConn as routing sees it."""

    endpoint: Endpoint
    state: Connectivity
    admin: Admin = Admin.READY
    online: bool = True

    @property
    def barred(self) -> bool:
        return self.admin is Admin.MAINT or not self.online


class Group:
    """The members of one version, or all of them. `picker` None: no candidates, and `error` says why."""

    __slots__ = ("drains_ignored", "error", "pending", "picker")

    def __init__(self, name: str, members: Sequence[Member], policy: Policy, now: float) -> None:
        allowed = [member for member in members if not member.barred]
        candidates = [member for member in allowed if member.state is Connectivity.READY]
        undrained = [member for member in candidates if member.admin is not Admin.DRAIN]
        self.drains_ignored = bool(candidates) and not undrained
        self.pending = any(member.state in _PENDING for member in allowed)
        endpoints = [member.endpoint for member in undrained or candidates]
        self.picker: Picker | None = _build(policy, endpoints, allowed, now) if endpoints else None
        self.error = _why(name, len(members), len(allowed))


def _build(policy: Policy, endpoints: Sequence[Endpoint], allowed: Sequence[Member], now: float) -> Picker:
    if not isinstance(policy, KeepsPlaces):
        return policy.build(endpoints, now)
    chosen = set(endpoints)
    others = {member.endpoint: member.state for member in allowed if member.endpoint not in chosen}
    drained = Connectivity.TRANSIENT_FAILURE  # READY, and yet to be passed over
    others = {endpoint: drained if state is Connectivity.READY else state for endpoint, state in others.items()}
    return policy.build_with(endpoints, others, now)


def _why(name: str, members: int, allowed: int) -> PickError:
    of = f" of version {name!r}" if name else ""
    if allowed:
        return PickError(f"{NO_MATCH}: none READY ({allowed} backends{of})", "none_ready")
    if members:
        return PickError(f"{NO_MATCH}: all in maint or offline ({members} backends{of})", "all_maint")
    if name:
        return PickError(f"{NO_MATCH}: no such version {name!r}", "no_version")
    return PickError(f"{NO_MATCH}: no backends", "none_ready")


class Route(NamedTuple):
    """How a call was routed, for the counters."""

    ask: Ask
    drains_ignored: bool


class Rejected(PickError):
    """A PickError that remembers what was asked, so that the rejection is counted under it."""

    def __init__(self, error: PickError, ask: Ask) -> None:
        super().__init__(str(error), error.reason)
        self.ask = ask


class Router:
    """The outer picker. Counts nothing: the caller knows which picks become calls. `rng` draws versions by share."""

    def __init__(
        self,
        members: Sequence[Member],
        versions: Versions | None,
        policy: Policy,
        rng: random.Random,
        now: float,
    ) -> None:
        self._policy, self._now = policy, now
        self._versions = versions or NO_VERSIONS
        self._everything = Group("", members, policy, now)
        self._groups = self._split(members)
        available = [version for version, group in self._groups.items() if group.picker is not None]
        self._shares = ShareDraw(self._versions.shares, available, rng) if self._versions.shares else None
        self._direct = self._everything.picker if self._is_direct() else None

    def _split(self, members: Sequence[Member]) -> dict[str, Group]:
        by_version: dict[str, list[Member]] = {}
        for member in members:
            by_version.setdefault(member.endpoint.version, []).append(member)
        if len(by_version) == 1:
            return dict.fromkeys(by_version, self._everything)
        return {name: Group(name, mine, self._policy, self._now) for name, mine in by_version.items()}

    def _is_direct(self) -> bool:
        """Nothing but the policy decides about a call without metadata."""
        return not self._everything.drains_ignored and self._shares is None

    def pick(self, info: PickInfo) -> Endpoint:
        """Raises PickError or Queue. `info.route` says how it was chosen; None = the policy alone decided."""
        if self._direct is not None and not info.metadata:
            return self._direct.pick(info)
        group, ask = self._group(self._ask(info))
        if info.record is not None:
            info.record.requested_version = ask.requested
        if group.picker is None:
            raise Queue if group.pending else Rejected(group.error, ask)
        info.route = Route(ask, group.drains_ignored)
        return group.picker.pick(info)

    def _ask(self, info: PickInfo) -> Ask:
        asked = header(info.metadata, VERSION_HEADER)
        if asked:
            return Ask(asked, "metadata")
        rule = matching(self._versions.rules, info.metadata) if self._versions.rules else None
        if rule is not None:
            return Ask(rule.version, "rule", rule)
        return Ask("", "any" if self._shares is None else "share")

    def _group(self, ask: Ask) -> tuple[Group, Ask]:
        if ask.requested:
            group = self._of(ask.requested)
            return (group, ask) if group.picker is not None else self._on_missing(group, ask)
        if self._shares is None:
            return self._everything, ask
        drawn = self._shares.draw()
        return self._without_share() if drawn is None else self._groups[drawn], ask

    def _of(self, version: str) -> Group:
        return self._groups.get(version) or Group(version, (), self._policy, self._now)

    def _on_missing(self, group: Group, ask: Ask) -> tuple[Group, Ask]:
        fallback = self._versions.on_missing
        if fallback.action == "fail":
            return group, ask
        instead = self._everything if fallback.action == "any" else self._of(fallback.version)
        return instead, ask._replace(source="on_missing")

    def _without_share(self) -> Group:
        """No version with a share has a candidate: one that may still get one, else the heaviest, says why."""
        shares = self._versions.shares
        named = [self._of(version) for version in sorted(shares, key=lambda v: -shares[v]) if shares[version]]
        return next((group for group in named if group.pending), named[0])
