"""Services as the JSON API shows them: plain dicts and lists. Pure. What is not known is None, never 0."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from lbdash.live.state import Backend, Client, Service
from lbdash.live.view import BackendNumbers, Latency, LiveView, Numbers, ServiceNumbers
from lbdash.model import Connectivity, Registration
from lbdash.registry.routing import AdminOverride, Routing, Stamp, Versions
from lbdash.viewmodels import format as fmt
from lbdash.viewmodels.problems import Finding, service_problems
from lbdash.viewmodels.shares import Expected, effective_weight, expected
from lbdash.viewmodels.standing import connected, ready, registered

_SHOWN_PROBLEMS = 100

Json = dict[str, Any]


def number(value: float | None) -> float | None:
    """JSON has no NaN and no infinity: both are "not known"."""
    return value if value is not None and math.isfinite(value) else None


def moment(at: float | None) -> str | None:
    """RFC 3339, UTC."""
    return fmt.iso(at) or None


def services(view: LiveView) -> Json:
    return {"services": [_summary(view, service) for _, service in sorted(view.state.services.items())]}


def _summary(view: LiveView, service: Service) -> Json:
    numbers = view.numbers(service.key)
    return {
        "name": service.key,
        "convention": service.convention,
        "backends": {"total": len(registered(service)), "ready": ready(service, numbers)},
        "clients": connected(service),
        "rps": number(numbers.numbers.rps),
        "error_ratio": number(numbers.numbers.error_ratio),
        "versions": versions(service, numbers),
        "problems": problems(service_problems(service, numbers)),
        "generation": service.routing.generation.number,
    }


def versions(service: Service, numbers: ServiceNumbers) -> Json:
    """By version: those registered, those with a share, those that were seen."""
    wanted = service.routing.versions.shares if service.routing.versions else {}
    there = [backend.version for backend in registered(service)]
    return {
        version: {
            "backends": there.count(version),
            "rps": number(found.rps) if (found := numbers.versions.get(version)) else None,
            "share": {
                "configured": wanted.get(version, 0) / 100 if wanted else None,
                "measured": number(found.share) if found else None,
            },
        }
        for version in sorted({*there, *wanted, *numbers.versions})
    }


def problems(findings: list[Finding]) -> list[Json]:
    return [
        {"code": f.problem.code, "severity": f.problem.severity, "subject": f.subject, "text": f.problem.text}
        for f in findings[:_SHOWN_PROBLEMS]
    ]


# ---- one service


def service(view: LiveView, service: Service) -> Json:
    numbers, shares = view.numbers(service.key), expected(service)
    backends = sorted(service.backends.values(), key=lambda backend: backend.address)
    return {
        "name": service.key,
        "convention": service.convention,
        "generation": service.routing.generation.number,
        "revision": _revision(service.routing),
        "backends": [_backend(service, b, numbers.backends.get(b.address), shares.get(b.address)) for b in backends],
        "clients": [_client(service, client) for client in service.clients.values()],
        "versions": versions(service, numbers),
        "routing": routing(service.routing),
        "problems": problems(service_problems(service, numbers)),
        "invalid": [_registration(registration) for registration in service.invalid.values()],
        "override_ignored": numbers.override_ignored if numbers.clients else None,
        "unplaced": numbers.unplaced if numbers.clients else None,
        # Calls counted at clients against calls counted at servers; none of today's sources counts at servers.
        "coverage": None,
    }


def _revision(routing: Routing) -> int | None:
    """The newest etcd revision of any control key of the service."""
    return max((raw.mod_revision for raw in routing.raw.values()), default=None)


def _backend(service: Service, backend: Backend, found: BackendNumbers | None, share: Expected | None) -> Json:
    override = service.routing.weight.get(backend.address)
    return {
        "id": backend.address,
        "address": backend.address,
        "registrations": [_registration(registration) for registration in backend.registrations],
        "version": backend.version,
        "gone_at": moment(backend.gone_at),
        "weight": {
            "registered": backend.weight,
            "override": override.weight if override else None,
            "effective": effective_weight(service, backend),
        },
        "admin": service.routing.admin_of(backend.address).value,
        "connectivity": {state.name: found.connectivity.get(state, 0) for state in Connectivity} if found else {},
        **_numbers(found.numbers if found else None),
        "share": {
            "configured": share.configured if share else None,
            "measured": number(found.numbers.share) if found else None,
            "fair": share.fair if share else None,
        },
    }


def _numbers(told: Numbers | None) -> Json:
    # Where nobody ever reported, the zeros of the counters are unknown, not 0.
    numbers = told if told and (told.rps is not None or told.totals.picks) else None
    return {
        "picks_total": numbers.totals.picks if numbers else None,
        "errors_total": numbers.totals.errors if numbers else None,
        "rps": number(numbers.rps) if numbers else None,
        "inflight": numbers.inflight if numbers else None,
        "oldest_ms": in_ms(numbers.oldest_s) if numbers else None,
        "latency_ms": _latency(numbers.latency if numbers else None),
    }


def in_ms(seconds: float | None) -> float | None:
    return None if number(seconds) is None or seconds is None else round(seconds * 1000, 3)


def _latency(latency: Latency | None) -> Json:
    if latency is None:
        return {"p50": None, "p95": None, "p99": None, "n": None, "window_s": None}
    return {
        "p50": number(latency.p50),
        "p95": number(latency.p95),
        "p99": number(latency.p99),
        "n": latency.n,
        "window_s": latency.window_s,
    }


def _registration(registration: Registration) -> Json:
    return {
        "key": registration.key,
        "id": registration.id,
        "convention": registration.convention,
        "version": registration.version,
        "weight": registration.weight,
        "online": registration.online,
        "lease": registration.lease or None,
        "metadata": dict(registration.metadata),
        "problems": [problem.code for problem in registration.problems],
    }


def _client(service: Service, client: Client) -> Json:
    return {
        "id": client.id,
        "name": client.name,
        "policy": client.policy,
        "state": client.connectivity.name,
        "applied_revision": client.applied_revision or None,
        "can_obey": sorted(client.can_obey),
        "source": client.source,
        "host": client.host,
        "pid": client.pid or None,
        "language": client.language,
        "gone_at": moment(client.gone_at),
    }


# ---- what operators said


def routing(routing: Routing) -> Json:
    return {
        "admin": {address: _admin(override) for address, override in sorted(routing.admin.items())},
        "weight": {
            address: {"weight": w.weight, "registration": w.registration, **_stamp(w.stamp)}
            for address, w in sorted(routing.weight.items())
        },
        "versions": _versions(routing.versions) if routing.versions else None,
        "policy": {"name": routing.policy.name, "config": dict(routing.policy.config)} if routing.policy else None,
        "problems": dict(routing.problems),
    }


def _admin(override: AdminOverride) -> Json:
    return {
        "state": override.state.value,
        "until": override.until,
        "registration": override.registration,
        **_stamp(override.stamp),
    }


def _versions(versions: Versions) -> Json:
    rules = [{"header": r.header, "exact": r.exact, "version": r.version} for r in versions.rules]
    missing = versions.on_missing
    on_missing = {"action": missing.action} | ({"version": missing.version} if missing.version else {})
    return {"shares": dict(versions.shares), "rules": rules, "on_missing": on_missing}


def _stamp(stamp: Stamp) -> Mapping[str, str]:
    return {"by": stamp.by, "at": stamp.at, "reason": stamp.reason}
