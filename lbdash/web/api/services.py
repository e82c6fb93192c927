"""Reading: services, SubConns, picks, events."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse

from lbdash.live.state import Service
from lbdash.live.view import LiveView
from lbdash.model import AddressError, Connectivity, canonical_address
from lbdash.viewmodels import api, api_lists
from lbdash.web.access import runtime
from lbdash.web.api import params
from lbdash.web.api.errors import ApiError, bad_field


def answer(data: dict[str, Any], status: int = 200) -> JsonResponse:
    """A NaN that slipped through is a defect of ours and raises, instead of being sent as broken JSON."""
    return JsonResponse(data, status=status, json_dumps_params={"allow_nan": False})


def find(request: HttpRequest, name: str) -> tuple[LiveView, Service]:
    view = runtime(request).store.view()
    service = view.state.services.get(name)
    if service is None:
        hint = "GET /api/v1/services lists them; in URLs a / in a name is written ~ and ~ is ~~."
        raise ApiError(404, "unknown_service", f"There is no service {name[:200]!r}.", hint)
    return view, service


async def services(request: HttpRequest) -> JsonResponse:
    return answer(api.services(runtime(request).store.view()))


async def service(request: HttpRequest, name: str) -> JsonResponse:
    return answer(api.service(*find(request, name)))


async def subconns(request: HttpRequest, name: str) -> JsonResponse:
    view, found = find(request, name)
    wanted = api_lists.Wanted(
        client=params.text(request, "client"),
        address=_address(request),
        state=_state(request),
        limit=params.whole(request, "limit", 200, 1, 1000),
        after=params.text(request, "after"),
    )
    return answer(api_lists.subconns(view, found, wanted))


async def picks(request: HttpRequest, name: str) -> JsonResponse:
    view, found = find(request, name)
    limit = params.whole(request, "limit", 100, 1, 1000)
    return answer(api_lists.picks(view.picks(found.key, client=params.text(request, "client"), limit=limit)))


async def events(request: HttpRequest, name: str) -> JsonResponse:
    view, found = find(request, name)
    limit = params.whole(request, "limit", 100, 1, 1000)
    before = params.whole(request, "before", 0, 0, 2**53)
    return answer(api_lists.events(view.timeline(found.key, limit=limit, before=before), limit))


def _address(request: HttpRequest) -> str:
    text = params.text(request, "backend")
    try:
        return canonical_address(text) if text else ""
    except AddressError as error:
        raise bad_field("backend", str(error)) from None


def _state(request: HttpRequest) -> Connectivity | None:
    text = params.text(request, "state").upper()
    if text and text not in Connectivity.__members__:
        raise bad_field("state", f"is none of {', '.join(Connectivity.__members__)}")
    return Connectivity[text] if text else None
