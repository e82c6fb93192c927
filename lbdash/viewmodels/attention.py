"""What needs eyes: what is wrong with a service (`problems`) and what its traffic says, grouped, worst first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from statistics import median

from lbdash.live.state import Service
from lbdash.live.view import BackendNumbers, ServiceNumbers
from lbdash.model import Connectivity, Problem
from lbdash.registry.routing import AdminOverride, WeightOverride
from lbdash.viewmodels import format as fmt
from lbdash.viewmodels.problems import Finding, service_problems
from lbdash.viewmodels.standing import registered

OLD_S = 24 * 3600.0
OUTLIER = 5.0  # times the median P99 of its peers
ERRORS_WARN, ERRORS_BAD = 0.01, 0.05
_LAG_S = 5.0  # a client that has not applied a change for so long is named
_RANK = {"error": 0, "warning": 1, "info": 2}
SEVERITY_WORDS = {"error": "error", "warning": "warning", "info": "note"}


@dataclass(frozen=True, slots=True)
class Concern:
    """Findings of one kind together. `text` is a sentence without the subjects."""

    severity: str
    code: str
    text: str
    subjects: tuple[str, ...]

    @property
    def line(self) -> str:
        """One line for Overview."""
        if not self.subjects:
            return self.text
        more = f" and {len(self.subjects) - 1} more" if len(self.subjects) > 1 else ""
        return f"{self.subjects[0]}{more}: {self.text}"


def concerns(service: Service, numbers: ServiceNumbers, now: float) -> tuple[Concern, ...]:
    """Worst first; equal kinds are one concern, told by the worst of them."""
    found = [*_matrix(numbers), *_backends(service, numbers), *_unserved(service)]
    found += [*service_problems(service, numbers), *_lagging(service, now), *_overrides(service, now)]
    found.sort(key=_kind)
    grouped = [_concern(list(group)) for _, group in groupby(found, key=_kind)]
    return tuple(sorted(grouped, key=lambda concern: _RANK.get(concern.severity, 1)))


def worst(found: Sequence[Concern]) -> str:
    """ "error" | "warning" | "info" | "" when all is well."""
    return found[0].severity if found else ""


def _kind(finding: Finding) -> tuple[int, str]:
    return _RANK.get(finding.problem.severity, 1), finding.problem.code


def _concern(group: list[Finding]) -> Concern:
    problem = group[0].problem
    subjects = tuple(dict.fromkeys(finding.subject for finding in group if finding.subject))
    return Concern(problem.severity, problem.code, problem.text.rstrip("."), subjects)


# ---- what traffic says


def _matrix(numbers: ServiceNumbers) -> Iterable[Finding]:
    for row in numbers.matrix:
        if row.failed_rps > 0:
            what = f"version {row.requested}" if row.requested else "any version"
            text = f"no READY backend for {what}: {fmt.rate(row.failed_rps)} rps fail"
            yield Finding(Problem("no_match", text, "error"))


def _backends(service: Service, numbers: ServiceNumbers) -> Iterable[Finding]:
    pairs = [(b.address, n) for b in registered(service) if (n := numbers.backends.get(b.address)) is not None]
    peers = [n.numbers.latency.p99 for _, n in pairs if n.numbers.latency.p99 is not None]
    middle = median(peers) if len(peers) > 2 else None
    for address, found in pairs:
        yield from _broken(address, found)
        yield from _failing(address, found)
        yield from _slow(address, found, middle)


def _broken(address: str, found: BackendNumbers) -> Iterable[Finding]:
    broken = found.connectivity.get(Connectivity.TRANSIENT_FAILURE, 0)
    if broken:
        total = sum(found.connectivity.values())
        every = broken == total
        text = f"{broken} of {total} clients in TRANSIENT_FAILURE"
        yield Finding(
            Problem("all_failing" if every else "some_failing", text, "error" if every else "warning"), address
        )


def _failing(address: str, found: BackendNumbers) -> Iterable[Finding]:
    ratio = found.numbers.error_ratio or 0.0
    if ratio >= ERRORS_WARN:
        bad = ratio >= ERRORS_BAD
        text = f"{fmt.percent(ratio)} % of calls fail"
        yield Finding(Problem("errors_high" if bad else "errors", text, "error" if bad else "warning"), address)


def _slow(address: str, found: BackendNumbers, middle: float | None) -> Iterable[Finding]:
    p99 = found.numbers.latency.p99
    if p99 is not None and middle and p99 > OUTLIER * middle:
        yield Finding(Problem("slow", f"P99 {fmt.ms(p99)} ms, {p99 / middle:.0f} × its peers"), address)


# ---- what operators said


def _unserved(service: Service) -> Iterable[Finding]:
    shares = service.routing.versions.shares if service.routing.versions else {}
    there = {backend.version for backend in registered(service)}
    for version, share in shares.items():
        if share and version not in there:
            yield Finding(Problem("share_unserved", f"{share} % goes to {version}, which no backend has", "warning"))


def _lagging(service: Service, now: float) -> Iterable[Finding]:
    newest = max((raw.mod_revision for raw in service.routing.raw.values()), default=0)
    changed = _moment(service.routing.generation.stamp.at)
    if not newest or changed is None or now - changed < _LAG_S:
        return
    text = f"has not applied generation {service.routing.generation.number}"
    for client in service.clients.values():
        if client.gone_at is None and client.can_obey and client.applied_revision < newest:
            yield Finding(Problem("lagging", text), client.name or client.id)


def _overrides(service: Service, now: float) -> Iterable[Finding]:
    said: list[tuple[str, AdminOverride | WeightOverride]] = [*service.routing.admin.items()]
    said.extend(service.routing.weight.items())
    for address, override in said:
        kind = override.state.value if isinstance(override, AdminOverride) else f"weight {override.weight}"
        backend = service.backends.get(address)
        if backend is None or backend.gone_at is not None or not backend.registered:
            yield Finding(Problem("orphan", f"{kind} of a backend that is gone", "info"), address)
        elif override.registration and override.registration not in {r.id for r in backend.registrations}:
            yield Finding(Problem("other_instance", f"{kind} was written for {override.registration}"), address)
        elif (at := _moment(override.stamp.at)) is not None and now - at > OLD_S:
            yield Finding(Problem("old_override", f"{kind} for {fmt.age(now - at)}"), address)


def _moment(text: str) -> float | None:
    """RFC 3339 as operators' tools wrote it; None when it is no time."""
    try:
        return datetime.fromisoformat(text).timestamp() if text else None
    except ValueError:
        return None


def minutes(seconds: float) -> str:
    """Time left, in steps that change a cell once a minute: 28 m, 3 h 59 m, 2 d 4 h."""
    if seconds < 60:
        return "< 1 m"
    whole = int(seconds // 60)
    if whole < 60:
        return f"{whole} m"
    return f"{whole // 60} h {whole % 60} m" if whole < 48 * 60 else f"{whole // 1440} d {whole // 60 % 24} h"


def left(until: str | None, now: float) -> float | None:
    """Seconds until an override's informational end; None = permanent or unreadable."""
    at = _moment(until or "")
    return None if at is None else max(0.0, at - now)
