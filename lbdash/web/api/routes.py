"""Every route of the API, once: `urls` serves it, `openapi` describes it."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse

from lbdash.web.api import commands, services, status
from lbdash.web.api.endpoint import Endpoint, Query
from lbdash.web.api.openapi import document
from lbdash.web.api.schemas import INT, STATE, TEXT
from lbdash.web.roles import Role

V1 = "api/v1/"
ONE = V1 + "services/<name:name>"
RESULT = {200: "Result", 409: "Result", 422: "Result", 503: "Result"}
VIEWER, OPERATOR = Role.VIEWER, Role.OPERATOR


def _limit(default: int, most: int) -> Query:
    return Query("limit", {"type": "integer", "minimum": 1, "maximum": most, "default": default}, "rows of a page")


_CLIENT = Query("client", TEXT, "only this client's, by id")
_SUBCONNS = (
    _CLIENT,
    Query("backend", TEXT, "only those to this address"),
    Query("state", STATE, "only those in this state"),
    _limit(200, 1000),
    Query("after", TEXT, "`next` of the page before; a page may be short and still have a next"),
)
_EVENTS = (_limit(100, 1000), Query("before", INT, "`next` of the page before"))
_COMMANDS = (_limit(50, 500), Query("before", TEXT, "`next` of the page before"))


async def openapi(request: HttpRequest) -> JsonResponse:
    return services.answer(document(ENDPOINTS))


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", V1 + "services", services.services, VIEWER, "Every service", {200: "Services"}),
    Endpoint("GET", ONE, services.service, VIEWER, "One service in full", {200: "Service"}),
    Endpoint("GET", ONE + "/subconns", services.subconns, VIEWER, "Its SubConns", {200: "SubConns"}, _SUBCONNS),
    Endpoint(
        "GET",
        ONE + "/picks",
        services.picks,
        VIEWER,
        "Samples of picks with their reasons, newest first",
        {200: "Picks"},
        (_limit(100, 1000), _CLIENT),
    ),
    Endpoint("GET", ONE + "/events", services.events, VIEWER, "Its timeline, newest first", {200: "Events"}, _EVENTS),
    Endpoint("POST", ONE + "/commands", commands.command, OPERATOR, "Steer it", RESULT, body="Command"),
    Endpoint("POST", V1 + "freeze", commands.freeze, OPERATOR, "Refuse all commands everywhere", RESULT, body="Freeze"),
    Endpoint(
        "GET", V1 + "commands", commands.commands, VIEWER, "The audit log, newest first", {200: "Commands"}, _COMMANDS
    ),
    Endpoint("GET", V1 + "commands/<str:id>", commands.progress, VIEWER, "What became of a command", {200: "Progress"}),
    Endpoint("GET", V1 + "status", status.status, VIEWER, "Sources, and what lbdash costs etcd", {200: "Status"}),
    Endpoint("GET", V1 + "openapi.json", openapi, None, "This document", {200: "Document"}),
    Endpoint("GET", "healthz", status.healthz, None, "The process answers", {200: "Health"}),
    Endpoint("GET", "readyz", status.readyz, None, "The first list is in", {200: "Health", 503: "Error"}),
    Endpoint("GET", "metrics", status.metrics, VIEWER, "Prometheus metrics", {200: ""}, media="text/plain"),
)
