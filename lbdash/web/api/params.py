"""What callers send, checked. Every error names the field."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from lbdash.control.commands import Force
from lbdash.web.api.errors import ApiError, bad_field

_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_REASON = 300
_MAX_GENERATION = 2**53


def whole(request: HttpRequest, name: str, default: int, least: int, most: int) -> int:
    text = request.GET.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and least <= int(text) <= most):
        raise bad_field(name, f"{text[:40]!r} is not a whole number, {least}..{most}")
    return int(text)


def text(request: HttpRequest, name: str) -> str:
    value = request.GET.get(name, "")
    if len(value) > 400 or "\0" in value:
        raise bad_field(name, "is longer than 400 characters or has a zero byte")
    return value


def body(request: HttpRequest) -> Mapping[str, Any]:
    """The JSON object of a POST."""
    if request.content_type != "application/json":
        raise ApiError(400, "not_json", "The body is not JSON.", "Send Content-Type: application/json.")
    try:
        data = json.loads(request.body, parse_constant=_no_constant)
        # What cannot be written as UTF-8 cannot be kept in the audit log nor in etcd.
        printable = "\\u0000" not in json.dumps(data) and json.dumps(data, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "not_json", f"The body is not JSON: {str(error)[:200]}") from None
    if not printable:
        raise ApiError(400, "not_json", "The body holds a zero byte.")
    if not isinstance(data, dict):
        raise ApiError(400, "not_json", "The body is not a JSON object.")
    return data


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def command_id(data: Mapping[str, Any]) -> str | None:
    value = data.get("id")
    if value is None:
        return None
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise bad_field("id", "is not 1..64 letters, digits, dots, colons, dashes")
    return value


def generation(data: Mapping[str, Any]) -> int:
    value = data.get("generation")
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_GENERATION:
        raise bad_field("generation", "is not the whole number that GET .../services/{name} showed")
    return value


def reason(data: Mapping[str, Any], field: str = "reason") -> str:
    value = data.get("reason", "")
    if not isinstance(value, str) or len(value) > _REASON:
        raise bad_field(field, f"is not text of at most {_REASON} characters")
    return value.strip()


def force(data: Mapping[str, Any]) -> Force | None:
    value = data.get("force")
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise bad_field("force", 'is not {"service", "reason"}')
    if not isinstance(value.get("service"), str):
        raise bad_field("force.service", "is not the service's name")
    why = reason(value, "force.reason")
    if not why:
        raise bad_field("force.reason", "is empty; say why the objections do not hold")
    return Force(value["service"], why)
