"""Steering: commands as asked, their progress, and the audit log."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, JsonResponse

from lbdash.control.audit import AuditError
from lbdash.control.commands import BadCommand, Command, Freeze, Request, parse_command
from lbdash.viewmodels import api_commands, api_lists
from lbdash.web.access import identity, runtime
from lbdash.web.api import params
from lbdash.web.api.errors import ApiError, bad_field
from lbdash.web.api.services import answer, find
from lbdash.web.audit import DatabaseAudit

STATUS = {"applied": 200, "conflict": 409, "refused": 422, "stale": 503, "failed": 503, "unknown": 503}


async def command(request: HttpRequest, name: str) -> JsonResponse:
    data = params.body(request)
    _, service = find(request, name)
    wanted = _parse(data)
    if isinstance(wanted, Freeze):
        raise bad_field("command", "freeze belongs to no service: POST /api/v1/freeze")
    return await _run(request, wanted, service.key, data, params.generation(data))


async def freeze(request: HttpRequest) -> JsonResponse:
    data = params.body(request)
    wanted = _parse({"command": "freeze", **data})
    if not isinstance(wanted, Freeze):
        raise bad_field("command", "is not freeze")
    return await _run(request, wanted, "", data, None)


def _parse(data: Mapping[str, Any]) -> Command:
    try:
        return parse_command(data)
    except BadCommand as error:
        raise bad_field(error.field, error.text) from None


async def _run(
    request: HttpRequest, wanted: Command, service: str, data: Mapping[str, Any], generation: int | None
) -> JsonResponse:
    asked = Request(
        command=wanted,
        service=service,
        generation=generation,
        reason=params.reason(data),
        by=identity(request).by,
        id=params.command_id(data) or uuid.uuid4().hex,
        force=params.force(data),
    )
    result = await runtime(request).executor.run(asked)
    return answer(api_commands.result(result), STATUS[result.outcome])


async def progress(request: HttpRequest, id: str) -> JsonResponse:
    """From the watch while the executor remembers it, from the audit log afterwards."""
    entry = await _audited(id)
    found = runtime(request).executor.progress(id)
    if entry is None and found is None:
        raise ApiError(404, "unknown_command", f"There is no command {id[:64]!r}.")
    return answer(api_commands.progress(id, entry, found))


async def _audited(id: str) -> Any:
    try:
        return await DatabaseAudit().find(id)
    except AuditError as error:
        raise ApiError(503, "audit", str(error)) from None


async def commands(request: HttpRequest) -> JsonResponse:
    limit = params.whole(request, "limit", 50, 1, 500)
    try:
        entries = await DatabaseAudit().recent(limit, params.text(request, "before"))
    except AuditError as error:
        raise ApiError(503, "audit", str(error)) from None
    return answer(api_lists.commands(entries, limit))
