"""`/search?q=`: a fragment under the search box, a page without scripts."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from lbdash.viewmodels.search import search as find
from lbdash.web import access
from lbdash.web.live.page import page_header


@access.viewer_required
async def search(request: HttpRequest) -> HttpResponse:
    typed = request.GET.get("q", "").strip()[:200]
    hits = find(access.runtime(request).store.view().state, typed)
    if request.headers.get("HX-Request"):
        return render(request, "partials/hits.html", {"hits": hits, "typed": typed})
    page = page_header(request, access.identity(request))
    return render(request, "search.html", {"hits": hits, "typed": typed, "page": page})
