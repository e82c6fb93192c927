"""What one API route is: the url conf, access, and OpenAPI are all made from this."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from lbdash.web.access import needs
from lbdash.web.api.errors import ApiError
from lbdash.web.errors import error
from lbdash.web.roles import Role

View = Callable[..., Awaitable[HttpResponse]]


@dataclass(frozen=True, slots=True)
class Query:
    """A parameter after the question mark; `schema` is JSON Schema."""

    name: str
    schema: Mapping[str, Any]
    text: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`path` is in Django's spelling. `answers`: status -> schema name; `openapi` adds the errors every route has."""

    method: str
    path: str
    view: View
    role: Role | None  # None = public
    summary: str
    answers: Mapping[int, str]
    query: Sequence[Query] = field(default=())
    body: str = ""  # schema name
    media: str = "application/json"

    @property
    def name(self) -> str:
        return f"api-{self.view.__name__}"


def url_patterns(endpoints: Sequence[Endpoint]) -> list[URLPattern]:
    """One pattern a path; its view picks the endpoint by method."""
    paths = dict.fromkeys(endpoint.path for endpoint in endpoints)
    return [_pattern([e for e in endpoints if e.path == one]) for one in paths]


def _pattern(endpoints: Sequence[Endpoint]) -> URLPattern:
    by_method = {endpoint.method: endpoint for endpoint in endpoints}
    allow = sorted({*by_method, *(["HEAD"] if "GET" in by_method else [])})

    @needs({method: endpoint.role for method, endpoint in by_method.items()})
    async def dispatch(request: HttpRequest, **kwargs: str) -> HttpResponse:
        endpoint = by_method.get("GET" if request.method == "HEAD" else request.method or "")
        if endpoint is None:
            response = error(405, "method_not_allowed", f"{request.method} is not possible here.", ", ".join(allow))
            response.headers["Allow"] = ", ".join(allow)
            return response
        try:
            return await endpoint.view(request, **kwargs)
        except ApiError as refused:
            return refused.response()

    return path(endpoints[0].path, dispatch, name=endpoints[0].name)


def openapi_path(django_path: str) -> str:
    """`api/v1/services/<name:name>` -> `/api/v1/services/{name}`"""
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", django_path)
