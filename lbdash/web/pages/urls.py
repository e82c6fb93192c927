"""Routes of the pages."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path

from lbdash.web.access import viewer_required


@viewer_required
async def overview(request: HttpRequest) -> HttpResponse:
    return HttpResponse("lbdash")


urlpatterns = [path("", overview, name="overview")]
