"""How control keys are spelt: `/lbdash/v1/services/<service>/...`, names quoted so that none can break out."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote

ROOT = "/lbdash/v1/"
SERVICES = ROOT + "services/"
CLIENTS = ROOT + "clients/"
FREEZE = ROOT + "freeze"
INSTANCES = ROOT + "instances/"


@dataclass(frozen=True, slots=True)
class ControlKey:
    service: str
    kind: str  # "generation" | "admin" | "weight" | "versions" | "policy"
    address: str = ""


def service_prefix(service: str) -> str:
    return f"{SERVICES}{quote(service, safe='')}/"


def generation_key(service: str) -> str:
    return service_prefix(service) + "generation"


def admin_key(service: str, address: str) -> str:
    return f"{service_prefix(service)}backends/{quote(address, safe='')}/admin"


def weight_key(service: str, address: str) -> str:
    return f"{service_prefix(service)}backends/{quote(address, safe='')}/weight"


def versions_key(service: str) -> str:
    return service_prefix(service) + "versions"


def policy_key(service: str) -> str:
    return service_prefix(service) + "policy"


def parse_key(key: str) -> ControlKey | None:
    """None for keys that are not a service's control key (or of a kind newer than we are), or not spelt as one."""
    ref = intended(key)
    return ref if ref is not None and spelling(ref) == key else None


def spelling(ref: ControlKey) -> str:
    """The one key that is meant; another that unquotes to the same is not used."""
    place = f"backends/{quote(ref.address, safe='')}/" if ref.kind in ("admin", "weight") else ""
    return f"{service_prefix(ref.service)}{place}{ref.kind}"


def intended(key: str) -> ControlKey | None:
    """What a key means however it was quoted, for people who write keys by hand."""
    if not key.startswith(SERVICES):
        return None
    match key.removeprefix(SERVICES).split("/"):
        case [service, ("generation" | "versions" | "policy") as kind]:
            return ControlKey(unquote(service), kind)
        case [service, "backends", address, ("admin" | "weight") as kind]:
            return ControlKey(unquote(service), kind, unquote(address))
    return None
