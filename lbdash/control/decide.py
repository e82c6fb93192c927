"""May this request be tried, and what would it write? Pure; the same answer for button, API and command line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from lbdash.control.audit import AuditEntry
from lbdash.control.checks import frozen
from lbdash.control.commands import Command, Freeze, Request, Restore, Undo
from lbdash.control.conflict import other_generation, touched_since
from lbdash.control.guards import objections
from lbdash.control.objection import Objection
from lbdash.control.plan import Change, Plan, generation_value, plan
from lbdash.control.result import Difference
from lbdash.control.words import rfc3339
from lbdash.live.state import Service, State
from lbdash.live.view import LiveView
from lbdash.registry.control_keys import FREEZE, generation_key
from lbdash.registry.routing import Raw


@dataclass(frozen=True, slots=True)
class Go:
    """To be tried. `plan` is what the operator asked for; `changes` all of the transaction, the generation with it."""

    plan: Plan
    changes: tuple[Change, ...]
    generation: int | None
    objections: tuple[Objection, ...] = ()  # gone past by force


@dataclass(frozen=True, slots=True)
class No:
    outcome: str  # "refused" | "conflict"
    text: str
    objections: tuple[Objection, ...] = ()
    conflict: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """How this dashboard was started. `armed`: globs of service names; none = read-only."""

    armed: Sequence[str] = ()
    capacity_floor: int = 1

    def is_armed(self, *names: str) -> bool:
        return any(fnmatchcase(name, glob) for name in names for glob in self.armed)


def refused(*objections: Objection) -> No:
    return No("refused", " ".join(objection.text for objection in objections), objections)


def decide(view: LiveView, request: Request, undone: AuditEntry | None, rules: Rules, now: float) -> Go | No:
    """`undone`: the audited command an Undo names; None = there is none."""
    if isinstance(request.command, Freeze):
        return _freeze(view, request, request.command, rules, now)
    service = view.state.services.get(request.service)
    if service is None:
        return refused(Objection("unknown_service", f"No service is called {request.service}.", False))
    if basic := (*_armed(service, request, rules), *frozen(view.state), *_looked(request)):
        return refused(*basic)
    if differences := other_generation(service, request):
        return No("conflict", _faster(service), conflict=differences)
    if isinstance(request.command, Undo):
        return _undo(view, service, request, undone, rules, now)
    return _judge(view, service, request, request.command, rules, now)


def undoable(of: str, service: Service, undone: AuditEntry | None) -> Restore | No:
    """What an undo of command `of` puts back, if it can."""
    if undone is None or undone.service != service.key:
        return refused(Objection("unknown_command", f"No command {of} of {service.name} is on record.", False))
    if undone.outcome != "applied" or undone.revision is None:
        return refused(Objection("not_applied", f"Command {of} was not applied: {undone.outcome}.", False))
    if differences := touched_since(service, undone):
        return No("conflict", "What it wrote was changed since; nothing was written.", conflict=differences)
    return Restore(of, undone.before)


def _undo(
    view: LiveView, service: Service, request: Request, undone: AuditEntry | None, rules: Rules, now: float
) -> Go | No:
    assert isinstance(request.command, Undo)
    found = undoable(request.command.of, service, undone)
    return found if isinstance(found, No) else _judge(view, service, request, found, rules, now)


def _judge(
    view: LiveView, service: Service, request: Request, command: Command | Restore, rules: Rules, now: float
) -> Go | No:
    assert not isinstance(command, Undo | Freeze)
    found = objections(view, service.key, command, now, rules.capacity_floor)
    if found and (no := _unforced(service, request, found)):
        return no
    made = plan(service, command, request.by, request.reason, now)
    key, routing = generation_key(service.routing.service), service.routing
    value = generation_value(routing, request.id, request.by, request.reason, now)
    bump = Change(key, routing.raw.get(key), value)
    return Go(made, (bump, *made.changes), routing.generation.number + 1, found)


def _unforced(service: Service, request: Request, found: tuple[Objection, ...]) -> No | None:
    if request.force is None or not all(objection.forceable for objection in found):
        return refused(*found)
    if request.force.service not in (service.name, service.key):
        return refused(*found, Objection("force", f"To force, type the service's name: {service.name}.", False))
    if not request.force.reason.strip():
        return refused(*found, Objection("force", "To force, say why the objections do not hold.", False))
    return None


def _armed(service: Service, request: Request, rules: Rules) -> tuple[Objection, ...]:
    if request.armed and rules.is_armed(service.key, service.name):
        return ()
    text = f"{service.name} is not armed: start with --control {service.name} to steer it."
    return (Objection("not_armed", text, False),)


def _looked(request: Request) -> tuple[Objection, ...]:
    if request.generation is not None:
        return ()
    return (Objection("generation", "Say which generation you have looked at.", False),)


def _faster(service: Service) -> str:
    by = service.routing.generation.stamp.by
    return f"Somebody was faster{' (' + by + ')' if by else ''}; nothing was written."


def _freeze(view: LiveView, request: Request, command: Freeze, rules: Rules, now: float) -> Go | No:
    if not (request.armed and rules.armed):
        return refused(Objection("not_armed", "This dashboard is read-only: start it with --control GLOB.", False))
    if found := objections(view, "", command, now):
        return refused(*found)
    stamp = {"by": request.by, "reason": request.reason, "at": rfc3339(now)}
    value = json.dumps(stamp, ensure_ascii=False).encode() if command.on else None
    change = Change(FREEZE, _frozen_now(view.state), value)
    return Go(Plan((change,)), (change,), None)


def _frozen_now(state: State) -> Raw | None:
    if state.freeze is None:
        return None
    stamp = {"by": state.freeze.by, "reason": state.freeze.reason, "at": state.freeze.at}
    return Raw(json.dumps(stamp, ensure_ascii=False).encode(), state.freeze_revision, 0)
