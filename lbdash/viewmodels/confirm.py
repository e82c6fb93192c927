"""The confirm drawer: what an operator is about to do, what it would mean, and what came of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lbdash.control.commands import BadCommand, Command, Force, Freeze, SetPolicy, SetVersions, Weight
from lbdash.control.impact import Impact
from lbdash.control.objection import Objection
from lbdash.live.state import Service
from lbdash.registry.routing import Versions
from lbdash.viewmodels import equivalent
from lbdash.viewmodels.forms import DURATIONS, PERMANENT, Form, first

_LEADS = {
    "drain": "No new picks while others can serve. Calls and streams in flight go on; the connection stays.",
    "maint": "No new picks at all, even when nothing else is left. Each SubConn closes once its last call ends.",
    "ready": "Ends drain and maint. It does not override what the backend itself says.",
    "weight": "100 is the usual weight. Empty returns to what the backend registered.",
    "versions": "One etcd value: shares, rules, and what happens to a version nobody has.",
    "policy": "Clients of the lbdash library switch without failing a call.",
    "undo": "Puts back what the keys were before. Refused when they were changed since.",
    "freeze": "Every command is refused, everywhere, for everybody, until the freeze is lifted.",
}
_APPLY = {
    "drain": "Drain",
    "maint": "Put into maint",
    "ready": "Return to service",
    "weight": "Set weight",
    "versions": "Apply",
    "policy": "Apply policy",
    "undo": "Undo",
}


@dataclass(frozen=True, slots=True)
class Drawer:
    """The form. `durations`: (value, label, chosen); empty where the command knows no end."""

    verb: str
    title: str
    lead: str
    service: str
    backends: tuple[str, ...]
    generation: int
    durations: tuple[tuple[str, str, bool], ...] = ()
    weight: str = ""
    registered: str = ""
    of: str = ""
    on: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is said of the command as typed. `blocked`: why Apply is off, in words; "" = it may be tried.

    `force`: all objections can be gone past by typing the service's name and a reason.
    """

    sentences: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    not_following: tuple[tuple[str, str, str], ...] = ()
    objections: tuple[Objection, ...] = ()
    error: str = ""
    force: bool = False
    typed: str = ""  # the service's name as typed so far
    blocked: str = ""
    apply: str = "Apply"
    curl: str = ""
    cli: str = ""


def drawer(service: Service | None, form: Form) -> Drawer:
    """`form`: what the link that opened it says. `service` None = freeze."""
    verb = first(form, "command")
    backends = tuple(dict.fromkeys(part for text in form.get("backends", ()) for part in text.split(",") if part))
    return Drawer(
        verb=verb,
        title=_title(verb, backends, form),
        lead=_LEADS.get(verb, ""),
        service=service.key if service else "",
        backends=backends,
        generation=service.routing.generation.number if service else 0,
        durations=_durations(form, verb),
        weight=first(form, "weight") or _weight(service, backends),
        registered=_registered(service, backends),
        of=first(form, "of"),
        on=first(form, "on", "true") in ("true", "1"),
        reason=first(form, "reason"),
    )


def _title(verb: str, backends: Sequence[str], form: Form) -> str:
    what = backends[0] if len(backends) == 1 else f"{len(backends) or 'no'} backends"
    match verb:
        case "drain":
            return f"Drain {what}"
        case "maint":
            return f"Put {what} into maint"
        case "ready":
            return f"Return {what} to service"
        case "weight":
            return f"Weight of {what}"
        case "undo":
            return "Undo a command"
        case "freeze":
            return "Freeze all commands" if first(form, "on", "true") in ("true", "1") else "Lift the freeze"
    return "Change routing" if verb in ("versions", "policy") else "Unknown command"


def _durations(form: Form, verb: str) -> tuple[tuple[str, str, bool], ...]:
    if verb not in ("drain", "maint"):
        return ()
    chosen = first(form, "for") or (PERMANENT if verb == "maint" else str(DURATIONS[-1][0]))
    return tuple((str(seconds), label, str(seconds) == chosen) for seconds, label in DURATIONS)


def _weight(service: Service | None, backends: Sequence[str]) -> str:
    """The weight in force, when all of them have the same."""
    found = {_effective(service, address) for address in backends} if service else set()
    weight = found.pop() if len(found) == 1 else None
    return "" if weight is None else str(weight)


def _effective(service: Service, address: str) -> int | None:
    override, backend = service.routing.weight.get(address), service.backends.get(address)
    return override.weight if override else backend.weight if backend else None


def _registered(service: Service | None, backends: Sequence[str]) -> str:
    known = [service.backends[a].weight for a in backends if a in service.backends] if service else []
    weights = sorted({weight for weight in known if weight is not None})
    return " to ".join(str(weight) for weight in dict.fromkeys((weights[0], weights[-1]))) if weights else ""


def judgement(
    command: Command,
    found: tuple[Objection, ...],
    impact: Impact,
    *,
    service: str,
    versions: Versions,
    origin: str,
    generation: int | None,
    reason: str,
    force: Force | None,
    forbidden: str,
) -> Judgement:
    """`forbidden`: why this reader may not apply it at all (role, read-only, not armed); "" = may."""
    hard = [objection for objection in found if not objection.forceable]
    said = only_changed(command, versions)
    return Judgement(
        sentences=impact.sentences,
        notes=impact.notes,
        not_following=impact.not_following,
        objections=found,
        force=bool(found) and not hard,
        typed=force.service if force else "",
        blocked=forbidden or " ".join(objection.text for objection in hard),
        apply=apply_label(command),
        curl=equivalent.curl(origin, service, said, generation, reason, force),
        cli=equivalent.cli(service, said, reason, force),
    )


def only_changed(command: Command, now: Versions) -> Command:
    """A form says shares, rules and on_missing all at once; a field that is as it is now need not be said again."""
    if not isinstance(command, SetVersions) or command.value is None:
        return command
    rules = [{"header": rule.header, "exact": rule.exact, "version": rule.version} for rule in now.rules]
    missing = {"action": now.on_missing.action}
    if now.on_missing.action == "version":
        missing["version"] = now.on_missing.version
    there = {"rules": rules, "on_missing": missing}
    return SetVersions({key: value for key, value in command.value.items() if there.get(key) != value})


def unreadable(error: BadCommand, forbidden: str) -> Judgement:
    """The form cannot be read as a command yet."""
    text = f"{error.field}: {error.text}"
    return Judgement(error=text, blocked=forbidden or text)


def apply_label(command: Command) -> str:
    match command:
        case SetVersions(value) if value and value.get("shares"):
            return "Apply " + " : ".join(str(share) for share in value["shares"].values())
        case SetPolicy(None):
            return "Clear the policy"
        case Weight(weights) if set(weights.values()) == {None}:
            return "Clear the weight"
        case Freeze(on):
            return "Freeze" if on else "Lift the freeze"
    return _APPLY.get(command.verb, "Apply")


def forbidden(role_may: bool, read_only: bool, armed: bool, service: str) -> str:
    """Why controls are off, in words; "" = they are on."""
    if read_only:
        return "This dashboard is read-only: it was started without --control."
    if not role_may:
        return "Your role is viewer; commands need an operator."
    if not armed:
        return f"{service} is not armed: no --control pattern names it."
    return ""
