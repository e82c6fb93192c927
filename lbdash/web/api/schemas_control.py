"""JSON Schema of commands, their progress, and status."""

from __future__ import annotations

from collections.abc import Mapping

from lbdash.control.commands import MAX_FOR_S
from lbdash.model import MAX_WEIGHT
from lbdash.web.api.schemas import (
    ANY,
    FLAG,
    FLAG_,
    INT,
    INT_,
    NUM_,
    TEXT,
    TEXT_,
    TIME,
    TIME_,
    Schema,
    fields,
    listed,
    mapped,
    nullable,
    ref,
    ref_or_null,
)

_BACKENDS: Schema = {"type": "array", "items": TEXT, "minItems": 1, "description": "addresses"}
_FOR_S: Schema = {"type": ["integer", "null"], "minimum": 1, "maximum": MAX_FOR_S, "description": "null = no end"}
_WEIGHT: Schema = {"type": ["integer", "null"], "minimum": 1, "maximum": MAX_WEIGHT, "description": "null clears"}
_VALUE: Schema = {"type": ["object", "null"], "description": "the etcd value; null clears"}

_ENVELOPE: dict[str, Schema] = {
    "generation": {"type": "integer", "minimum": 0, "description": "the one you looked at; 409 when it has moved on"},
    "reason": {"type": "string", "maxLength": 300},
    "id": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$", "description": "made by you: a repeat is harmless"},
    "force": {"anyOf": [fields(service=TEXT, reason=TEXT), {"type": "null"}]},
}


def _command(verb: str, required: list[str], **properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {"command": {"const": verb}, **properties, **_ENVELOPE},
        "required": ["command", "generation", *required],
    }


_AUDITED: dict[str, Schema] = {
    "id": TEXT,
    "service": TEXT_,
    "by": TEXT,
    "reason": TEXT,
    "at": TIME_,
    "outcome": TEXT,
    "text": TEXT,
    "generation": INT_,
    "revision": INT_,
}
_NAMED = fields(id=TEXT, name=TEXT)

CONTROL_SCHEMAS: Mapping[str, Schema] = {
    "Command": {
        "oneOf": [
            _command("drain", ["backends"], backends=_BACKENDS, for_s=_FOR_S),
            _command("maint", ["backends"], backends=_BACKENDS, for_s=_FOR_S),
            _command("ready", ["backends"], backends=_BACKENDS),
            _command("weight", ["weights"], weights=mapped(_WEIGHT)),
            _command("versions", [], value=_VALUE, shares=mapped(INT), rules=listed(ANY), on_missing=ANY),
            _command("policy", [], value=_VALUE, name=TEXT, config=ANY),
            _command("undo", ["of"], of=TEXT),
        ]
    },
    "Freeze": {
        "type": "object",
        "properties": {"on": FLAG, "command": {"const": "freeze"}, "reason": TEXT, "id": _ENVELOPE["id"]},
        "required": ["on"],
    },
    "Objection": fields(code=TEXT, text=TEXT, forceable=FLAG),
    "Result": {
        "type": "object",
        "properties": {
            "id": TEXT,
            "outcome": {"enum": ["applied", "conflict", "refused", "failed", "unknown", "stale"]},
            "generation": INT_,
            "revision": INT_,
            "text": TEXT,
            "objections": listed(ref("Objection")),
            "before": mapped(TEXT_),
            "after": mapped(TEXT_),
            "conflict": listed(fields(what=TEXT, saw=TEXT, wanted=TEXT, now=TEXT, by=TEXT, at=TEXT, reason=TEXT)),
            "error": {"description": "as in Error; absent when applied", **fields(code=TEXT, message=TEXT, hint=TEXT)},
        },
        "required": ["id", "outcome", "generation", "revision", "text", "objections"],
    },
    "Progress": fields(
        **_AUDITED,
        verb=TEXT,
        clients={
            "anyOf": [
                fields(
                    total=INT,
                    seen=INT,
                    gone=INT,
                    stragglers=listed(_NAMED),
                    cannot_obey=listed(fields(id=TEXT, name=TEXT, why=TEXT)),
                ),
                {"type": "null"},
            ]
        },
        effective_ms=NUM_,
        inflight=INT_,
        oldest_ms=NUM_,
        drained=FLAG_,
        verdict=TEXT_,
        violations=INT_,
        cannot_tell=listed(TEXT),
        returns_no_earlier_than=TIME_,
        expired=FLAG_,
    ),
    "AuditEntry": fields(
        **_AUDITED,
        command=ANY,
        forced=TEXT_,
        objections=listed(TEXT),
        before=mapped(TEXT_),
        after=mapped(TEXT_),
    ),
    "Commands": fields(commands=listed(ref("AuditEntry")), next=TEXT_),
    "Stamp": fields(by=TEXT, at=TEXT, reason=TEXT),
    "Source": fields(
        name=TEXT,
        kind=TEXT,
        stale=FLAG,
        reason=TEXT,
        synced=FLAG,
        revision=INT_,
        events=INT,
        connected_at=TIME_,
        lost_at=TIME_,
        proven_at=TIME_,
        age_s=NUM_,
    ),
    "Status": fields(
        name=TEXT,
        ready=FLAG,
        control=listed(TEXT),
        frozen=ref_or_null("Stamp"),
        started_at=TIME,
        now=TIME,
        services=INT,
        clients=INT,
        sources=listed(ref("Source")),
        etcd=fields(
            endpoints=listed(TEXT),
            cluster_id=TEXT_,
            alarms=nullable("array"),
            rpcs=INT,
            rpcs_by_method=mapped(INT),
            watches=INT,
            bytes_in=INT,
            bytes_out=INT,
        ),
        peers=listed(fields(id=TEXT, text=TEXT)),
        memory_bytes=mapped(INT),
    ),
}
