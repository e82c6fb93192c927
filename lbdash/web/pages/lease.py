"""What is left of a backend's leases: etcd is asked only when somebody opens the page, never on a timer."""

from __future__ import annotations

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
    override = service.routing.admin.get(address)
    wanted = [(f"registration {r.id}", r.lease) for r in backend.registrations if r.lease]
    wanted += [(override.state.value, override.lease)] if override and override.lease else []
    lines = [await _lease_line(request, name, number) for name, number in wanted]
    return render(request, "service/lease.html", {"lines": lines, "at": fmt.clock(run.clock())})


async def _lease_line(request: HttpRequest, name: str, number: int) -> tuple[str, str]:
    try:
        left = await runtime(request).registry.lease_ttl(number)
    except RegistryError as error:
        return name, f"unknown: {error}"
    return name, "gone" if left is None else f"{left} s left"
