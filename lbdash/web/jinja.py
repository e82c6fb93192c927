"""The Jinja2 environment of all templates: autoescaping, strict about unknown names."""

from __future__ import annotations

from typing import Any

from django.templatetags.static import static
from django.urls import reverse
from jinja2 import Environment, StrictUndefined


def environment(**options: Any) -> Environment:
    env = Environment(**{**options, "undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True})
    env.globals.update(static=static, url=url)
    return env


def url(name: str, **kwargs: object) -> str:
    """`{{ url("service", svc=key) }}`."""
    return reverse(name, kwargs=kwargs)
