"""What is remembered and answered of a request: audit entry, track, result. Pure."""

from __future__ import annotations

from dataclasses import replace

from lbdash.control.audit import AuditEntry
from lbdash.control.commands import Request, command_json
from lbdash.control.conflict import failed_compares
from lbdash.control.decide import Go, No, refused
from lbdash.control.objection import Objection
from lbdash.control.result import Result
from lbdash.control.track import Track, expected, new_track
from lbdash.control.words import describe
from lbdash.control.write import Written
from lbdash.live.state import State
from lbdash.registry.control_keys import FREEZE
from lbdash.registry.routing import Stamp

MAX_TEXT = 300  # of a reason or a name, in etcd


def cleaned(request: Request) -> Request:
    """With texts that can be written: no half surrogate pairs, nothing endless."""
    return replace(request, by=_clean(request.by), reason=_clean(request.reason))


def _clean(text: str) -> str:
    return text.encode(errors="replace").decode()[:MAX_TEXT]


def entry_of(request: Request, decision: Go | No, now: float) -> AuditEntry:
    go = decision if isinstance(decision, Go) else None
    return AuditEntry(
        id=request.id,
        service=request.service,
        verb=request.command.verb,
        command=command_json(request.command),
        by=request.by,
        reason=request.reason,
        at=now,
        seen=request.generation,
        text=describe(request.command),
        forced=_clean(request.force.reason) if go and go.objections and request.force else "",
        objections=tuple(objection.code for objection in decision.objections),
        before=go.plan.before if go else {},
        after=go.plan.after if go else {},
    )


def replay(request: Request, entry: AuditEntry) -> Result:
    """The first answer to an id, from the audit trail; an entry without outcome is a command of unknown outcome."""
    if (entry.service, dict(entry.command)) != (request.service, command_json(request.command)):
        return reused(request)
    outcome = "unknown" if entry.outcome == "attempted" else entry.outcome
    objections = tuple(Objection(code, entry.text, False) for code in entry.objections if outcome == "refused")
    return Result(
        entry.id,
        outcome,
        entry.text,
        entry.generation,
        entry.revision,
        objections,
        entry.before,
        entry.after,
    )


def reused(request: Request) -> Result:
    text = f"Command id {request.id} was used for another request: send a new one."
    return answer(request, refused(Objection("id_reused", text, False)))


def answer(request: Request, no: No) -> Result:
    return Result(request.id, no.outcome, no.text, objections=no.objections, conflict=no.conflict)


def result_of(request: Request, go: Go, written: Written) -> Result:
    found = Result(
        request.id, written.outcome, written.text, objections=go.objections, before=go.plan.before, after=go.plan.after
    )
    if written.outcome == "applied":
        text = f"Applied: {describe(request.command)}."
        return replace(found, text=text, generation=go.generation, revision=written.revision)
    if written.outcome == "conflict":
        return _conflict(request, go, written, found)
    return found


def _conflict(request: Request, go: Go, written: Written, found: Result) -> Result:
    differences = failed_compares(go.changes, written.current)
    if not differences and any(kv.key == FREEZE.encode() for kv in written.current):
        return answer(request, refused(Objection("frozen", "All commands were frozen meanwhile.", False)))
    return replace(found, conflict=differences)


def track_of(request: Request, go: Go, state: State, now: float) -> Track:
    """A command about to be written; the clients that can obey are those connected now."""
    stamp, text = Stamp(by=request.by, reason=request.reason), describe(request.command)
    track = new_track(
        request.id, request.service, request.command.verb, text, stamp, now, go.plan.after, go.plan.before
    )
    service = state.services.get(request.service)
    if service is None:
        return track
    clients = expected(service, track.kinds)
    return replace(
        track,
        base=(service.routing.generation.number, service.routing.revision),
        members={client.id: client.name for client in clients},
        epochs={client.id: client.list_epoch for client in clients},
    )


def recovered(entry: AuditEntry) -> Track:
    """A command whose outcome nobody knew when we stopped. Who was connected then is not known either."""
    stamp = Stamp(by=entry.by, reason=entry.reason)
    track = new_track(entry.id, entry.service, entry.verb, entry.text, stamp, entry.at, entry.after, entry.before)
    return replace(track, outcome="unknown", base=(entry.seen or 0, 0))
