"""The outcome of a command and its progress, as the JSON API shows them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from lbdash.control.audit import AuditEntry
from lbdash.control.progress import Progress
from lbdash.control.result import Result
from lbdash.viewmodels.api import Json, in_ms, moment, number

# What a caller can do next, by outcome.
_HINTS = {
    "conflict": "Somebody was faster. Look at both sides, then ask again with the new generation.",
    "refused": "Nothing was changed. Objections that are forceable give way to force: {service, reason}.",
    "stale": "The registry gave no proof of life for 5 s; nothing was tried.",
    "failed": "Nothing was changed.",
    "unknown": "The answer was lost: it may have been applied. GET /api/v1/commands/{id} will tell.",
}


def result(result: Result) -> Json:
    """With the API's error shape beside the outcome unless it is "applied"."""
    return {
        "id": result.id,
        "outcome": result.outcome,
        "generation": result.generation,
        "revision": result.revision,
        "text": result.text,
        "objections": [{"code": o.code, "text": o.text, "forceable": o.forceable} for o in result.objections],
        "before": dict(result.before),
        "after": dict(result.after),
        "conflict": list(result.conflict),
        **_error(result),
    }


def _error(result: Result) -> Json:
    hint = _HINTS.get(result.outcome)
    return {"error": {"code": result.outcome, "message": result.text, "hint": hint}} if hint else {}


def progress(id: str, entry: AuditEntry | None, found: Progress | None) -> Json:
    """`found` None: too old to be followed; the audit log still knows its outcome."""
    return {
        "id": id,
        **(_said(found) if found else _audited(entry) if entry else {}),
        **_effect(found),
    }


def _said(found: Progress) -> Json:
    return {
        "service": found.service or None,
        "verb": found.verb,
        "by": found.by,
        "reason": found.reason,
        "at": moment(found.at),
        "outcome": found.outcome,
        "text": found.text,
        "generation": found.generation,
        "revision": found.revision,
    }


def _audited(entry: AuditEntry) -> Json:
    return {
        "service": entry.service or None,
        "verb": entry.verb,
        "by": entry.by,
        "reason": entry.reason,
        "at": moment(entry.at),
        "outcome": entry.outcome,
        "text": entry.text,
        "generation": entry.generation,
        "revision": entry.revision,
    }


def _effect(found: Progress | None) -> Json:
    return {
        "clients": _clients(found) if found else None,
        "effective_ms": number(found.effective_ms) if found else None,
        "inflight": found.inflight if found else None,
        "oldest_ms": in_ms(found.oldest_s) if found else None,
        "drained": found.drained if found else None,
        "verdict": found.verdict if found else None,
        "violations": found.violations if found else None,
        "cannot_tell": list(found.cannot_tell) if found else [],
        "returns_no_earlier_than": moment(found.returns_no_earlier_than) if found else None,
        "expired": found.expired if found else None,
    }


def _clients(found: Progress) -> Json:
    return {
        "total": found.clients_total,
        "seen": found.seen,
        "gone": found.gone,
        "stragglers": _named(found.stragglers),
        "cannot_obey": [{"id": id, "name": name, "why": why} for id, name, why in found.cannot_obey],
    }


def _named(clients: Iterable[tuple[str, str]]) -> list[Json]:
    return [{"id": id, "name": name} for id, name in clients]
