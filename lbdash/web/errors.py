"""Answers that say no: one JSON shape for machines, one page for people."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse

_TEXTS = {
    400: ("bad_request", "The request is malformed."),
    403: ("forbidden", "This is not allowed."),
    404: ("not_found", "There is nothing at this address."),
    500: ("internal", "Something failed here; the log has the traceback."),
}


def error(status: int, code: str, message: str, hint: str = "") -> JsonResponse:
    """The API's only error shape."""
    return JsonResponse({"error": {"code": code, "message": message, "hint": hint}}, status=status)


def is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/") or request.path in ("/metrics", "/healthz", "/readyz")


def refuse(request: HttpRequest, status: int, code: str, message: str, hint: str = "") -> HttpResponse:
    """JSON under /api/. On pages: 401 leads to the login page, everything else is the error page."""
    if is_api(request):
        return error(status, code, message, hint)
    if status == 401:
        return _to_login(request)
    return render(request, "error.html", {"status": status, "message": message, "hint": hint}, status=status)


def _to_login(request: HttpRequest) -> HttpResponse:
    if request.headers.get("HX-Request"):
        # A fragment must not be replaced by a login page: the browser goes there as a whole.
        return HttpResponse(status=401, headers={"HX-Redirect": reverse("login")})
    if request.method != "GET":
        return HttpResponseRedirect(reverse("login"))
    return HttpResponseRedirect(f"{reverse('login')}?{urlencode({'next': request.get_full_path()})}")


def _plain(request: HttpRequest, status: int) -> HttpResponse:
    code, message = _TEXTS[status]
    return refuse(request, status, code, message)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _plain(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _plain(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _plain(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    return _plain(request, 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    hint = "Reload the page and try again; scripts send Authorization: Bearer TOKEN."
    return refuse(request, 403, "csrf", "The request did not come from a page of this dashboard.", hint)
