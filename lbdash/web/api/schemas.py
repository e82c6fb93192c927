"""JSON Schema of what the API sends and takes; `openapi` puts it into the document, tests hold answers against it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]


def nullable(kind: str) -> Schema:
    return {"type": [kind, "null"]}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def ref_or_null(name: str) -> Schema:
    return {"anyOf": [ref(name), {"type": "null"}]}


def listed(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def mapped(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


def fields(**properties: Schema) -> Schema:
    """An object that always has all of `properties`."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


TEXT: Schema = {"type": "string"}
TEXT_ = nullable("string")
INT: Schema = {"type": "integer"}
INT_ = nullable("integer")
NUM: Schema = {"type": "number"}
NUM_ = nullable("number")
FLAG: Schema = {"type": "boolean"}
FLAG_ = nullable("boolean")
TIME: Schema = {"type": "string", "format": "date-time"}
TIME_: Schema = {"type": ["string", "null"], "format": "date-time"}
ANY: Schema = {}
STATE: Schema = {"type": "string", "enum": ["IDLE", "CONNECTING", "READY", "TRANSIENT_FAILURE", "SHUTDOWN"]}
SHARE = fields(configured=NUM_, measured=NUM_, fair=NUM_)

SCHEMAS: Mapping[str, Schema] = {
    "Error": fields(error=fields(code=TEXT, message=TEXT, hint=TEXT)),
    "Problem": fields(
        code=TEXT, severity={"type": "string", "enum": ["error", "warning", "info"]}, subject=TEXT, text=TEXT
    ),
    "Version": fields(backends=INT, rps=NUM_, share=fields(configured=NUM_, measured=NUM_)),
    "ServiceSummary": fields(
        name=TEXT,
        convention=TEXT,
        backends=fields(total=INT, ready=INT_),
        clients=INT,
        rps=NUM_,
        error_ratio=NUM_,
        versions=mapped(ref("Version")),
        problems=listed(ref("Problem")),
        generation=INT,
    ),
    "Services": fields(services=listed(ref("ServiceSummary"))),
    "Registration": fields(
        key=TEXT,
        id=TEXT,
        convention=TEXT,
        version=TEXT,
        weight=INT,
        online=FLAG,
        lease=INT_,
        metadata=mapped(TEXT),
        problems=listed(TEXT),
    ),
    "Backend": fields(
        id=TEXT,
        address=TEXT,
        registrations=listed(ref("Registration")),
        version=TEXT,
        gone_at=TIME_,
        weight=fields(registered=INT_, override=INT_, effective=INT_),
        admin={"type": "string", "enum": ["ready", "drain", "maint"]},
        connectivity=mapped(INT),
        picks_total=INT_,
        errors_total=INT_,
        rps=NUM_,
        inflight=INT_,
        oldest_ms=NUM_,
        latency_ms=fields(p50=NUM_, p95=NUM_, p99=NUM_, n=INT_, window_s=INT_),
        share=SHARE,
    ),
    "Client": fields(
        id=TEXT,
        name=TEXT,
        policy=TEXT,
        state=STATE,
        applied_revision=INT_,
        can_obey=listed(TEXT),
        source=TEXT,
        host=TEXT,
        pid=INT_,
        language=TEXT,
        gone_at=TIME_,
    ),
    "Routing": fields(
        admin=mapped(fields(state=TEXT, until=TEXT_, registration=TEXT, by=TEXT, at=TEXT, reason=TEXT)),
        weight=mapped(fields(weight=INT, registration=TEXT, by=TEXT, at=TEXT, reason=TEXT)),
        versions={"anyOf": [fields(shares=mapped(INT), rules=listed(ANY), on_missing=ANY), {"type": "null"}]},
        policy={"anyOf": [fields(name=TEXT, config=ANY), {"type": "null"}]},
        problems=mapped(TEXT),
    ),
    "Service": fields(
        name=TEXT,
        convention=TEXT,
        generation=INT,
        revision=INT_,
        backends=listed(ref("Backend")),
        clients=listed(ref("Client")),
        versions=mapped(ref("Version")),
        routing=ref("Routing"),
        problems=listed(ref("Problem")),
        invalid=listed(ref("Registration")),
        override_ignored=INT_,
        unplaced=INT_,
        coverage=NUM_,
    ),
    "SubConns": fields(
        subconns=listed(
            fields(
                client=TEXT,
                backend=TEXT,
                state=STATE,
                since=TIME_,
                picks_total=INT,
                errors_total=INT,
                inflight=INT,
                oldest_ms=NUM_,
                lag_ms=NUM_,
                success=NUM_,
                load=NUM_,
                weight=NUM_,
                last_error=TEXT,
            )
        ),
        next=TEXT_,
    ),
    "Picks": fields(
        picks=listed(
            fields(
                at=TIME_,
                client=TEXT,
                method=TEXT,
                policy=TEXT,
                requested_version=TEXT_,
                chosen_version=TEXT_,
                result=TEXT,
                chosen=TEXT_,
                reason=TEXT,
                text=TEXT,
                error=TEXT,
                queued_ms=NUM,
                repicks=INT,
                candidates=listed(
                    fields(backend=TEXT, version=TEXT, load=NUM_, lag_ms=NUM_, inflight=INT, success=NUM_, weight=NUM_)
                ),
            )
        )
    ),
    "Events": fields(
        events=listed(
            fields(
                serial=INT,
                at=TIME,
                until=TIME_,
                count=INT,
                kind=TEXT,
                severity=TEXT,
                text=TEXT,
                backend=TEXT_,
                client=TEXT_,
                command=TEXT_,
            )
        ),
        next=INT_,
    ),
    "Health": fields(status=TEXT),
    "Document": {"type": "object"},
}
