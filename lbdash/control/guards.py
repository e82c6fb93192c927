"""What is said against a command, judged by the state that would result and not by its verb (DESIGN 11). Pure.

A finding is held against a command only where it makes it new or worse: a service that is already in
trouble must still be steerable out of it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from lbdash.balancing.policies import make_policy
from lbdash.control import fleet
from lbdash.control.checks import broken_registries, frozen, sense, stale
from lbdash.control.commands import Command, Freeze, Restore, SetPolicy, Undo
from lbdash.control.impact import Impact, impact
from lbdash.control.looks import Looks, factor, judged
from lbdash.control.obey import connected, why_not
from lbdash.control.objection import Objection
from lbdash.control.plan import Plan, plan
from lbdash.control.words import listed
from lbdash.live.state import Service
from lbdash.live.view import LiveView
from lbdash.registry.control_values import parse_policy

__all__ = ["Impact", "Objection", "impact", "objections"]

MAX_FACTOR = 1.5  # traffic of the most loaded survivor, after : now


@dataclass(frozen=True, slots=True)
class Finding:
    """`worth` orders findings of one code and subject: the higher, the worse."""

    code: str
    subject: str
    worth: float
    text: str


def objections(
    view: LiveView, service_key: str, command: Command | Restore, now: float, capacity_floor: int = 1
) -> tuple[Objection, ...]:
    """All that is said against `command`; empty = nothing. An Undo must be looked up first (`Executor.preview`)."""
    if reason := stale(view.state, now):
        return (Objection("stale", f"Refused: {reason}.", False),)
    if isinstance(command, Freeze):
        return _freeze(view, command)
    service = view.state.services.get(service_key)
    if service is None:
        return (Objection("unknown_service", f"No service is called {service_key}.", False),)
    if isinstance(command, Undo):
        raise TypeError("an Undo is judged by what it restores: look it up first")
    if refused := (*frozen(view.state), *sense(service, command)):
        return refused
    changes = plan(service, command, "", "", now)
    return (
        *_sources(view, now),
        *_policy(command),
        *_nobody(service, changes),
        *_worse(view, service, changes, capacity_floor),
    )


def _freeze(view: LiveView, command: Freeze) -> tuple[Objection, ...]:
    if command.on:
        return frozen(view.state)
    return () if view.state.freeze is not None else (Objection("not_frozen", "Nothing is frozen.", False),)


def _sources(view: LiveView, now: float) -> Iterator[Objection]:
    if broken := broken_registries(view.state, now):
        names = listed(source.name for source in broken)
        yield Objection("registry_stale", f"What is registered may be out of date: {names}.", True)


def _policy(command: Command | Restore) -> Iterator[Objection]:
    """Clients keep the policy they have when they cannot make the one they are told."""
    if isinstance(command, SetPolicy) and command.value is not None:
        choice = parse_policy(dict(command.value))
        try:
            make_policy(choice.name, choice.config, random.Random(0))
        except ValueError as error:
            yield Objection("unknown_policy", f"Clients of our library would not take it: {error}.", True)


def _nobody(service: Service, changes: Plan) -> Iterator[Objection]:
    """Clients are known and none would follow. Without any client there is nothing to hold against a command."""
    clients, kinds = connected(service), sorted(changes.kinds)
    clears = all(change.after is None for change in changes.changes)
    if clients and not clears and all(why_not(client, kinds) for client in clients):
        why = why_not(clients[0], kinds)
        text = f"None of {len(clients)} connected clients would follow ({clients[0].name}: {why})."
        yield Objection("nobody_obeys", text, True)


def _worse(view: LiveView, service: Service, changes: Plan, floor: int) -> Iterator[Objection]:
    before, after = judged(view, service, changes)
    known = {(finding.code, finding.subject): finding.worth for finding in _findings(before, floor)}
    for finding in _findings(after, floor):
        if finding.worth > known.get((finding.code, finding.subject), 0.0):
            yield Objection(finding.code, finding.text + after.proviso, True)
    yield from _overload(before, after)


def _overload(before: Looks, after: Looks) -> Iterator[Objection]:
    times = factor(before, after)
    if times is not None and times > MAX_FACTOR + 1e-9:
        text = f"The most loaded backend would carry {times:.1f} x what one carries now, more than {MAX_FACTOR} x."
        yield Objection("overload", text + after.proviso, True)


def _findings(looks: Looks, floor: int) -> Iterator[Finding]:
    serving = len(looks.strict.serving)
    if serving == 0:
        yield Finding("last_ready", "", 1.0, f"No {looks.noun} backend of the service would be left in rotation.")
    if serving < floor and floor > 1:  # a floor of 1 is what `last_ready` says
        text = f"{serving} {looks.noun} backends would be left in rotation, fewer than the floor of {floor}."
        yield Finding("capacity_floor", "", floor - serving, text)
    yield from _version_findings(looks)


def _version_findings(looks: Looks) -> Iterator[Finding]:
    shares = looks.registry.shares
    demand = looks.telemetry.demand if looks.telemetry else looks.registry.demand
    have = {member.version for member in looks.registry.members}
    for version in sorted(fleet.wanted_versions(looks.routing, demand)):
        worth = 1.0 + shares.get(version, 0)
        if version not in have:
            yield Finding("version_missing", version, worth, f"No backend has version {version}, but calls go to it.")
        elif not looks.strict.serving_of(version):
            text = f"No {looks.noun} backend of version {version} would be left in rotation, but calls go to it."
            yield Finding("last_of_version", version, worth, text)
