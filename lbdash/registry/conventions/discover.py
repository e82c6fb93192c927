"""From a sample of an etcd's keys to the `--watch` lines that would fit it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lbdash.model import Registration
from lbdash.registry.control_keys import ROOT
from lbdash.registry.conventions import CONVENTIONS, parse
from lbdash.registry.kv import KeyValue


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One prefix worth watching. `convention` "" = several under it: each key is detected."""

    prefix: str
    convention: str
    services: tuple[str, ...]
    registrations: int

    @property
    def watch(self) -> str:
        """As `--watch` takes it."""
        return f"{self.prefix}={self.convention}" if self.convention else self.prefix


@dataclass(frozen=True, slots=True)
class Discovery:
    """`unrecognised`: sampled keys that no suggestion covers."""

    suggestions: tuple[Suggestion, ...]
    sampled: int
    unrecognised: int


def discover(sample: Iterable[KeyValue]) -> Discovery:
    """The most populated prefix first. Our own control keys are left out."""
    registrations = [parse(kv) for kv in sample if not kv.key.startswith(ROOT.encode())]
    readable = [r for r in registrations if r.address and r.service and r.convention in CONVENTIONS]
    groups: dict[str, list[Registration]] = {}
    for registration in readable:
        groups.setdefault(_top(registration.key), []).append(registration)
    suggestions = sorted((_suggest(group) for group in groups.values()), key=lambda s: (-s.registrations, s.prefix))
    return Discovery(tuple(suggestions), len(registrations), len(registrations) - len(readable))


def _suggest(group: list[Registration]) -> Suggestion:
    conventions = {registration.convention for registration in group}
    return Suggestion(
        prefix=_common([_parent(registration.key) for registration in group]),
        convention=conventions.pop() if len(conventions) == 1 else "",
        services=tuple(sorted({registration.service for registration in group})),
        registrations=len(group),
    )


def _top(key: str) -> str:
    """The first segment, with the slash before it if there is one: prefixes never reach across."""
    lead = len(key) - len(key.lstrip("/"))
    return key[: lead + key[lead:].index("/")] if "/" in key[lead:] else key


def _parent(key: str) -> list[str]:
    """The directory that holds the service's directory, so that its siblings to come are seen too; else its own."""
    service = key.split("/")[:-1]
    return service[:-1] if any(service[:-1]) else service


def _common(directories: list[list[str]]) -> str:
    shortest, longest = min(directories), max(directories)
    same = 0
    while same < min(len(shortest), len(longest)) and shortest[same] == longest[same]:
        same += 1
    return "/".join(shortest[:same]) + "/"
