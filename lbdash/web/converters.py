"""Path converter for names that may hold slashes: `/services/<name:svc>`."""

from __future__ import annotations

from django.urls import register_converter

from lbdash.viewmodels.urls import service_to_url, url_to_service


class Name:
    """A service key or a backend's address, in URL spelling."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        return url_to_service(value)

    def to_url(self, value: str) -> str:
        return service_to_url(value)


def register() -> None:
    """Called by the url conf, once, before its first route."""
    register_converter(Name, "name")
