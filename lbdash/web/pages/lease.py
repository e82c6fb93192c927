"""What is left of a backend's leases: etcd is asked only when somebody opens the page, never on a timer."""

from __future__ import annotations

from collections.abc import Awaitable

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from lbdash.registry.kv import RegistryError
from lbdash.viewmodels import format as fmt
from lbdash.web.access import runtime, viewer_required


@viewer_required
async def lease(request: HttpRequest, svc: str, address: str) -> HttpResponse:
    """A fragment: what etcd says is left of each lease under this backend."""
    run = runtime(request)
    service = run.store.view().state.services.get(svc)
    backend = service.backends.get(address) if service else None
    if service is None or backend is None:
        raise Http404
    lines = [
        (f"registration {r.id}", await _left(run.registry.lease_ttl(r.lease))) for r in backend.registrations if r.lease
    ]
    override = service.routing.admin.get(address)
    if override and override.lease:
        # Through the executor, so that the countdown of its banner starts from what etcd says.
        lines.append((override.state.value, await _left(run.executor.returns_in(svc, address))))
    return render(request, "service/lease.html", {"lines": lines, "at": fmt.clock(run.clock())})


async def _left(asked: Awaitable[int | None]) -> str:
    try:
        seconds = await asked
    except RegistryError as error:
        return f"unknown: {error}"
    return "gone" if seconds is None else f"{fmt.age(seconds)} left, no earlier"
