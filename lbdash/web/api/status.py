"""How lbdash itself is: status, health, metrics, and the document of this API."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from lbdash.viewmodels.api_status import Process
from lbdash.viewmodels.api_status import status as status_json
from lbdash.viewmodels.metrics import Metrics
from lbdash.web.access import runtime
from lbdash.web.api.errors import ApiError
from lbdash.web.api.services import answer

if TYPE_CHECKING:
    from lbdash.runtime import Runtime


def process(found: Runtime) -> Process:
    config, facts = found.config, found.facts
    return Process(
        name=config.name,
        ready=found.ready,
        control=config.control,
        endpoints=config.etcd,
        started_at=found.started_at,
        cluster_id=facts.cluster_id,
        alarms=facts.alarms,
        cost=found.registry.stats(),
    )


async def status(request: HttpRequest) -> JsonResponse:
    found = runtime(request)
    return answer(status_json(found.store.view(), process(found)))


async def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers. Whether what it shows is fresh is for /readyz and /api/v1/status."""
    return answer({"status": "ok"})


async def readyz(request: HttpRequest) -> JsonResponse:
    if not runtime(request).ready:
        hint = "GET /api/v1/status says which source is missing."
        raise ApiError(503, "not_ready", "The first list of the registry is not in yet.", hint)
    return answer({"status": "ready"})


async def metrics(request: HttpRequest) -> HttpResponse:
    found = runtime(request)
    families = list(Metrics(found.store.view(), process(found)).collect())
    # Spelling out 10,000 samples takes longer than a frame may wait; the view itself belongs to this thread.
    text = await asyncio.to_thread(generate_latest, SimpleNamespace(collect=lambda: families))
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)
