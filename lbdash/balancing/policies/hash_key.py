"""The key of a call that is placed by hash: a request header."""

from __future__ import annotations

from typing import Any

from lbdash.balancing.policies.settings import Settings

DEFAULT_HEADER = "hash-key"


def header_setting(settings: Settings) -> str:
    """`requestHashHeader`: a lower-case header name that is not binary (gRFC A76)."""
    name = settings.text("requestHashHeader", DEFAULT_HEADER)
    if name != name.lower() or name.endswith("-bin") or not all(c.isalnum() or c in "-_." for c in name):
        raise ValueError(f"policy {settings.policy}: requestHashHeader must be a lower-case text header, got {name!r}")
    return name


def hash_key(metadata: Any, header: str) -> str | None:
    """The values of `header`, joined by commas; None when the call has none."""
    values = [pair[1] for pair in metadata or () if pair[0] == header]
    return ",".join(v if isinstance(v, str) else bytes(v).decode("latin-1") for v in values) if values else None
