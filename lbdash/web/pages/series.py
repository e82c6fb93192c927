"""History of a service, version or backend as JSON columns for the charts."""

from __future__ import annotations

import math
from collections.abc import Iterable

from django.http import Http404, HttpRequest, JsonResponse

from lbdash.live.view import LiveView, Series
from lbdash.web.access import runtime, viewer_required

SERIES = ("rps", "p50", "p99", "error_ratio")
SPANS = {"60": 60, "600": 600, "3600": 3600}


@viewer_required
async def series(request: HttpRequest, svc: str) -> JsonResponse:
    """`?address=&span=60|600|3600`: `{"t": [unix seconds], "step": s, "rps": [n|null], "p50": …}`, oldest first."""
    view = runtime(request).store.view()
    service = view.state.services.get(svc)
    address = request.GET.get("address", "")
    if service is None or (address and address not in service.backends):
        raise Http404
    return JsonResponse(_columns(view, svc, address, SPANS.get(request.GET.get("span", ""), 600)))


def _columns(view: LiveView, service: str, address: str, span_s: int) -> dict[str, object]:
    found = {name: view.history(service, name, address=address, span_s=span_s) for name in SERIES}
    times = found[SERIES[0]]
    start = times.end - (len(times.values) - 1) * times.step_s
    at = [start + place * times.step_s for place in range(len(times.values))]
    return {"t": at, "step": times.step_s, **{name: list(_numbers(one)) for name, one in found.items()}}


def _numbers(one: Series) -> Iterable[float | None]:
    return (None if math.isnan(value) else round(float(value), 4) for value in one.values)
