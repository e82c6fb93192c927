"""What a channel is pointed at: `etcd://h1,h2/<service>?convention=...`, `static:///a:1,b:2`, and foreign spellings."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, unquote

from lbdash.model import AddressError, canonical_address
from lbdash.registry.endpoints import parse_endpoints

STATIC = "static"
HELP = "write etcd://host:port/<service>?convention=hwholiday, or static:///host:port,host:port with service="


@dataclass(frozen=True, slots=True)
class Target:
    """`convention` is "static", a convention's name, or "" = detect each value. `etcd` empty: a registry is given."""

    service: str
    convention: str
    etcd: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


def parse_target(target: str, service: str | None = None) -> Target:
    """Raises ValueError that says what to write.

    Foreign spellings: `discovery:///<service>` (hwholiday), `discov://h1,h2/<key>` and `etcd:///h1,h2?key=<key>`
    (go-zero), `etcd:///<service>` (etcd naming; needs `registry=`).
    """
    scheme, separator, rest = target.partition("://")
    if not separator:
        raise ValueError(f"target {target!r} has no scheme; {HELP}")
    authority, _, tail = rest.partition("/")
    path, _, query = tail.partition("?")
    options = {key: values[-1] for key, values in parse_qs(query).items()}
    match scheme:
        case "static":
            return _static(target, path, service)
        case "etcd" if "key" in options:
            return _named(target, path or authority, service or options["key"], "gozero")
        case "etcd":
            return _named(target, authority, service or unquote(path), options.get("convention", ""))
        case "discov":
            return _named(target, authority, service or unquote(path), "gozero")
        case "discovery":
            return _named(target, authority, service or unquote(path), "hwholiday")
    raise ValueError(f"target {target!r}: scheme {scheme!r} is not known; {HELP}")


def _static(target: str, path: str, service: str | None) -> Target:
    if not service:
        raise ValueError(f"target {target!r} names no service: give service=")
    try:
        addresses = tuple(dict.fromkeys(canonical_address(unquote(a)) for a in path.split(",") if a))
    except AddressError as error:
        raise ValueError(f"target {target!r}: {error}") from None
    if not addresses:
        raise ValueError(f"target {target!r} has no address; {HELP}")
    return Target(service, STATIC, addresses=addresses)


def _named(target: str, hosts: str, service: str, convention: str) -> Target:
    if not service:
        raise ValueError(f"target {target!r} names no service; {HELP}")
    endpoints = parse_endpoints(hosts) if hosts else ()
    return Target(service, convention, etcd=tuple(str(endpoint) for endpoint in endpoints))
