"""gRPC's service config, as far as it concerns balancing (SPEC 3.5). Pure.

Keys are read in any case, as Go reads them: hwholiday's `{"LoadBalancingPolicy": "version"}` means what its author
meant. Names of policies are compared in any case, with and without gRPC's suffix `_experimental`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

FALLBACK = "pick_first"


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """`policy` "" = the config names none. `health_service` None = no health checks are asked for."""

    policy: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    health_service: str | None = None
    problems: tuple[str, ...] = ()


def parse(text: str, supported: Collection[str]) -> ServiceConfig:
    """Raises ValueError, naming the field, for anything that is not a service config.

    `loadBalancingConfig` wins over the old `loadBalancingPolicy`; an unknown name in the latter means pick_first.
    """
    try:
        whole = json.loads(text)
    except ValueError as error:
        raise ValueError(f"service config: not JSON: {error}") from None
    fields = _keys(_object(whole, "service config"))
    health = _health(fields.get("healthcheckconfig"))
    if "loadbalancingconfig" in fields:
        try:
            policy, config = first_supported(fields["loadbalancingconfig"], supported)
        except ValueError as error:
            raise ValueError(f"loadBalancingConfig: {error}") from None
        return ServiceConfig(policy, config, health)
    return _by_name(fields.get("loadbalancingpolicy"), supported, health)


def first_supported(entries: Any, supported: Collection[str]) -> tuple[str, Mapping[str, Any]]:
    """Of `[{"name": {settings}}, ...]` the first whose name is known. ValueError when there is none."""
    if not isinstance(entries, list):
        raise ValueError(f"must be a list, got {type(entries).__name__}")
    for number, entry in enumerate(entries):
        if len(_object(entry, f"[{number}]")) != 1:
            raise ValueError(f"[{number}] must have one key, the policy's name; it has {len(entry)}")
        (name, config), *_ = entry.items()
        if known(name) in supported:
            return known(name), _object(config, name)
    raise ValueError(f"none is supported of {[*map(_only_key, entries)]}")


def known(name: str) -> str:
    """Our spelling of gRPC's name."""
    return name.lower().removesuffix("_experimental")


def _by_name(name: Any, supported: Collection[str], health: str | None) -> ServiceConfig:
    if name is None or name == "":
        return ServiceConfig(health_service=health)
    if not isinstance(name, str):
        raise ValueError(f"loadBalancingPolicy: must be a text, got {type(name).__name__}")
    if known(name) in supported:
        return ServiceConfig(known(name), health_service=health)
    problem = f"loadBalancingPolicy: unknown policy {name!r}, using {FALLBACK}"
    return ServiceConfig(FALLBACK, health_service=health, problems=(problem,))


def _health(value: Any) -> str | None:
    if value is None:
        return None
    name = _keys(_object(value, "healthCheckConfig")).get("servicename")
    if name is not None and not isinstance(name, str):
        raise ValueError(f"healthCheckConfig.serviceName: must be a text, got {type(name).__name__}")
    return name


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where}: must be an object, got {type(value).__name__}")
    return value


def _keys(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key.lower(): inner for key, inner in value.items()}


def _only_key(entry: dict[str, Any]) -> str:
    return next(iter(entry))
