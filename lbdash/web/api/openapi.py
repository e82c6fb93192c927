"""The OpenAPI 3.1 document, made from the same table as the routes, so that they cannot drift apart. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from lbdash.web.api.endpoint import Endpoint, openapi_path
from lbdash.web.api.schemas import SCHEMAS, Schema, ref
from lbdash.web.api.schemas_control import CONTROL_SCHEMAS

_NAME = "A service's name. In URLs `/` is written `~` and `~` is `~~`."
_INTRO = (
    "What the pages of lbdash show and do, for scripts. What is not known is null, never 0. Times are RFC 3339. "
    "Errors have one shape, whatever their status."
)


def document(endpoints: Sequence[Endpoint]) -> Schema:
    paths: dict[str, Schema] = {}
    for endpoint in endpoints:
        paths.setdefault(openapi_path(endpoint.path), {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {"title": "lbdash", "version": version("lbdash"), "description": _INTRO},
        "paths": paths,
        "components": {
            "schemas": {**SCHEMAS, **CONTROL_SCHEMAS},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(endpoint: Endpoint) -> Schema:
    operation: Schema = {
        "operationId": endpoint.view.__name__,
        "summary": endpoint.summary,
        "parameters": [*_path_parameters(endpoint), *_query_parameters(endpoint)],
        "responses": _responses(endpoint),
        "security": [{"bearer": []}] if endpoint.role else [],
    }
    if endpoint.role:
        operation["description"] = f"Needs the role {endpoint.role} or a higher one."
    if endpoint.body:
        operation["requestBody"] = {"required": True, **_content(endpoint.body)}
    return operation


def _path_parameters(endpoint: Endpoint) -> list[Schema]:
    names = re.findall(r"{(\w+)}", openapi_path(endpoint.path))
    return [_parameter("path", name, {"type": "string"}, _NAME if name == "name" else "") for name in names]


def _query_parameters(endpoint: Endpoint) -> list[Schema]:
    return [_parameter("query", query.name, query.schema, query.text) for query in endpoint.query]


def _parameter(place: str, name: str, schema: Mapping[str, Any], text: str) -> Schema:
    return {"in": place, "name": name, "required": place == "path", "schema": dict(schema), "description": text}


def _responses(endpoint: Endpoint) -> Schema:
    schemas = dict.fromkeys(_error_statuses(endpoint), "Error") | dict(endpoint.answers)
    return {
        str(status): {
            "description": HTTPStatus(status).phrase,
            **(_content(name) if status != 200 or endpoint.media == "application/json" else _plain(endpoint.media)),
        }
        for status, name in sorted(schemas.items())
    }


def _error_statuses(endpoint: Endpoint) -> set[int]:
    statuses = {405}
    if endpoint.role:
        statuses |= {401, 403}
    if endpoint.query or endpoint.body:
        statuses |= {400}
    if "<" in endpoint.path:
        statuses |= {404}
    return statuses | ({413} if endpoint.body else set())


def _content(name: str) -> Schema:
    return {"content": {"application/json": {"schema": ref(name)}}}


def _plain(media: str) -> Schema:
    return {"content": {media: {"schema": {"type": "string"}}}}
