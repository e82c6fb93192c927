"""Where etcd is: `127.0.0.1:2379,http://h:2379,https://h:2379` as people write it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from lbdash.model import AddressError, canonical_address

DEFAULT_PORT = 2379


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`tls` None: nothing was said, so certificates decide (given = TLS)."""

    address: str
    tls: bool | None = None

    def __str__(self) -> str:
        return self.address


def parse_endpoints(text: str) -> tuple[Endpoint, ...]:
    """A comma list; the port defaults to 2379. Raises ValueError, whose text never repeats a password."""
    endpoints = tuple(parse_endpoint(part.strip()) for part in text.split(",") if part.strip())
    if not endpoints:
        raise ValueError("no etcd endpoint given; write for instance 127.0.0.1:2379")
    return tuple(dict.fromkeys(endpoints))


def parse_endpoint(text: str) -> Endpoint:
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "", text
    if scheme not in ("", "http", "https"):
        raise ValueError(f"etcd endpoint: scheme {scheme!r} is not http or https")
    if "@" in rest:
        raise ValueError("etcd endpoint: give user and password as options of their own, not in the URL")
    if rest.rstrip("/") != urlsplit(f"//{rest}").netloc:
        raise ValueError(f"etcd endpoint {text!r}: write host:port without a path")
    return Endpoint(_address(rest.rstrip("/"), text), {"": None, "http": False, "https": True}[scheme])


def _address(host_port: str, text: str) -> str:
    bare = not host_port.rpartition("]")[2].count(":")
    try:
        return canonical_address(f"{host_port}:{DEFAULT_PORT}" if bare else host_port)
    except AddressError as error:
        raise ValueError(f"etcd endpoint {text!r}: {error}") from None
