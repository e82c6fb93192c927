"""Is a request from one of our own pages? One rule for forms and WebSockets. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit


def same_origin(origin: str, host: str) -> bool:
    """`origin`: an Origin header; `host`: the Host header. Names and ports must be equal, default ports left out."""
    try:
        parts = urlsplit(origin)
        ours = urlsplit(f"{parts.scheme}://{host}")
        port, our_port = parts.port, ours.port
    except ValueError:
        return False
    if parts.scheme not in _PORTS or not parts.hostname:
        return False
    default = _PORTS[parts.scheme]
    return parts.hostname == ours.hostname and (port or default) == (our_port or default)


_PORTS = {"http": 80, "https": 443}
