"""Operators' forms: look before you leap (`confirm`, `impact`), then the same command the API takes (`apply`).

Every answer works twice: as a fragment for htmx, and as a page or a redirect where there is no script.
Nothing here flips anything on the screen: what was written comes back through the watch like anybody's change.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render

from lbdash.control.audit import AuditError
from lbdash.control.commands import BadCommand, Command, Freeze, Request, parse_command
from lbdash.control.impact import Impact
from lbdash.control.objection import Objection
from lbdash.control.result import Result
from lbdash.live.state import Service
from lbdash.live.store import Store
from lbdash.registry.routing import Versions
from lbdash.viewmodels import confirm, forms
from lbdash.viewmodels.marks import service_url
from lbdash.web.access import identity, operator_required, runtime, viewer_required
from lbdash.web.live.page import page_header
from lbdash.web.roles import Role

STATUS = {"applied": 200, "conflict": 409, "refused": 422, "stale": 503, "failed": 503, "unknown": 503}
TRACE_S = 30
CATCH_UP_S = 1.0


@viewer_required
async def confirm_drawer(request: HttpRequest, svc: str = "") -> HttpResponseBase:
    """The form of one command with its impact, before anything is asked for. Viewers see it too, switched off."""
    form, service = _form(request.GET), _service(request, svc)
    if forms.first(form, "command") in ("versions", "policy"):
        return HttpResponseRedirect(service_url(svc, "routing"))  # these forms stand there, filled with what is set
    drawer = confirm.drawer(service, form)
    typed = {**form, "backends": list(drawer.backends), "generation": [str(drawer.generation)]}
    if drawer.verb == "weight":
        typed["weight"] = [drawer.weight]
    judgement = await _judge(request, service, typed)
    return _page(request, "service/drawer.html", {"drawer": drawer, "judgement": judgement, "svc": svc})


@viewer_required
async def impact(request: HttpRequest, svc: str = "") -> HttpResponse:
    """What the form as typed would do; asked for while it is edited."""
    service = _service(request, svc)
    judgement = await _judge(request, service, _form(request.GET))
    return render(request, "service/impact.html", {"judgement": judgement, "svc": svc, "id": uuid.uuid4().hex})


@operator_required
async def apply(request: HttpRequest, svc: str = "") -> HttpResponseBase:
    """Run it. 200 written, 409 somebody was faster, 422 refused, 503 the registry cannot be trusted now."""
    if request.method != "POST":
        return HttpResponse(status=405, headers={"Allow": "POST"})
    form, service = _form(request.POST), _service(request, svc)
    try:
        asked = _request(request, svc, form)
    except BadCommand as error:
        judgement = confirm.unreadable(error, "")
        return _page(request, "service/impact.html", {"judgement": judgement, "svc": svc}, 422)
    result = await runtime(request).executor.run(asked)
    if result.outcome == "applied":
        await _come_back(runtime(request).store, svc, result.generation)
        return _written(request, svc, result)
    judgement = await _judge(request, service, form)
    redraw = asked.command.verb in ("versions", "policy")  # those forms stand on the Routing tab, not in the drawer
    context = {"judgement": judgement, "result": result, "svc": svc, "again": _again(svc, form), "redraw": redraw}
    return _page(request, "service/impact.html", context, STATUS[result.outcome])


@operator_required
async def trace(request: HttpRequest, svc: str) -> HttpResponseBase:
    """Ask one client for every pick of the next 30 s."""
    if request.method != "POST":
        return HttpResponse(status=405, headers={"Allow": "POST"})
    service = _service(request, svc)
    client = request.POST.get("client", "")
    if service is None or client not in service.clients:
        raise Http404
    asked = runtime(request).telemetry.request_trace(client, TRACE_S)
    if not request.headers.get("HX-Request"):
        return HttpResponseRedirect(service_url(svc, "picks", client=client))
    text = f"Tracing for {TRACE_S} s; picks marked “traced” follow." if asked else "It is not connected now."
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


# ---- from a request to a command


def _form(data: Any) -> dict[str, list[str]]:
    return {key: list(values) for key, values in data.lists()}


def _service(request: HttpRequest, svc: str) -> Service | None:
    """None only for the freeze, which belongs to no service."""
    if not svc:
        return None
    found = runtime(request).store.view().state.services.get(svc)
    if found is None:
        raise Http404
    return found


def _command(svc: str, form: forms.Form) -> Command:
    command = parse_command(forms.command_body(form))
    if isinstance(command, Freeze) is bool(svc):
        raise BadCommand("command", "freeze belongs to no service, every other command to one")
    return command


def _request(request: HttpRequest, svc: str, form: forms.Form) -> Request:
    return Request(
        command=_command(svc, form),
        service=svc,
        generation=forms.generation(form) if svc else None,
        reason=forms.first(form, "reason")[:300],
        by=identity(request).by,
        id=forms.first(form, "id")[:64] or uuid.uuid4().hex,
        force=forms.force(form),
    )


async def _judge(request: HttpRequest, service: Service | None, form: forms.Form) -> confirm.Judgement:
    svc = service.key if service else ""
    forbidden = _forbidden(request, service)
    try:
        command = _command(svc, form)
        generation = forms.generation(form)
    except BadCommand as error:
        return confirm.unreadable(error, forbidden)
    what, against = await _preview(request, svc, command)
    return confirm.judgement(
        command,
        against,
        what,
        service=svc,
        versions=(service.routing.versions if service else None) or Versions(),
        origin=f"{request.scheme}://{request.get_host()}",
        generation=generation,
        reason=forms.first(form, "reason"),
        force=forms.force(form),
        forbidden=forbidden,
    )


async def _preview(request: HttpRequest, svc: str, command: Command) -> tuple[Impact, tuple[Objection, ...]]:
    try:
        return await runtime(request).executor.preview(svc, command)
    except AuditError as error:
        return Impact(()), (Objection("audit", f"The audit trail cannot be read: {error}", False),)


def _forbidden(request: HttpRequest, service: Service | None) -> str:
    run = runtime(request)
    armed = service is None or run.executor.is_armed(service.key) or run.executor.is_armed(service.name)
    may = identity(request).role.covers(Role.OPERATOR)
    return confirm.forbidden(may, run.config.read_only, armed, service.name if service else "")


# ---- answers


async def _come_back(store: Store, svc: str, generation: int | None) -> None:
    """Wait a moment for the watch to bring the change: a form drawn anew before that would hold the old generation."""
    changes = store.subscribe()
    try:
        async with asyncio.timeout(CATCH_UP_S):
            while generation and store.view().state.services[svc].routing.generation.number < generation:
                await changes.wait()
    except TimeoutError:
        pass  # written all the same; the banner will say so when the watch does
    finally:
        changes.close()


def _written(request: HttpRequest, svc: str, result: Result) -> HttpResponse:
    """Written, not done: how far the clients have come is in the banner, live."""
    back = service_url(svc) if svc else "/activity"
    if not request.headers.get("HX-Request"):
        return HttpResponseRedirect(back)
    response = render(request, "service/written.html", {"result": result})
    response.headers["HX-Trigger"] = "lbdash:written"
    return response


def _again(svc: str, form: Mapping[str, list[str]]) -> str:
    """Where the form is drawn anew on what is there now."""
    kept = ("command", "backends", "weight", "for", "of", "on", "reason")
    words = urlencode({key: form[key] for key in kept if key in form}, doseq=True)
    return f"{service_url(svc)}/confirm?{words}" if svc else f"/freeze/confirm?{words}"


def _page(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """The fragment for htmx; wrapped as a page where there is no script."""
    context = {"id": uuid.uuid4().hex, **context}
    if request.headers.get("HX-Request"):
        return render(request, template, context, status=status)
    context = {**context, "fragment": template, "page": page_header(request, identity(request))}
    return render(request, "service/action.html", context, status=status)
