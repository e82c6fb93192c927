"""What a command would do, in sentences, before anybody applies it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lbdash.control.commands import Command, Freeze, Restore, SetVersions, Undo, Weight
from lbdash.control.looks import Looks, factor, judged
from lbdash.control.obey import BIASED, Named, cannot_obey, connected, policies
from lbdash.control.plan import Plan, plan
from lbdash.control.words import listed
from lbdash.live.state import Service
from lbdash.live.view import LiveView


@dataclass(frozen=True, slots=True)
class Impact:
    """For the confirm drawer. `sentences` say what changes, `notes` what to keep in mind.

    `survivors` of `registered` backends would be in rotation; `factor`: traffic of the most loaded one, after : now,
    None = not known. `shares`: expected share by address, 0..1, empty where a weight is a bias and no share.
    `not_following`: (client id, name, why), of `clients` connected.
    """

    sentences: tuple[str, ...]
    survivors: int = 0
    registered: int = 0
    factor: float | None = None
    clients: int = 0
    not_following: tuple[Named, ...] = ()
    shares: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def impact(view: LiveView, service_key: str, command: Command | Restore, now: float) -> Impact:
    """Of a command that `objections` finds sensible; otherwise what can be said is little."""
    service = view.state.services.get(service_key)
    if isinstance(command, Freeze):
        text = "Every command is refused, everywhere, until it ends." if command.on else "Commands are accepted again."
        return Impact((text,))
    if service is None or isinstance(command, Undo):
        return Impact(())
    return _impact(view, service, command, plan(service, command, "", "", now))


def _impact(view: LiveView, service: Service, command: Command | Restore, changes: Plan) -> Impact:
    before, after = judged(view, service, changes)
    clients = connected(service)
    lagging = cannot_obey(clients, changes.kinds)
    rps = view.numbers(service.key).numbers.rps
    times = factor(before, after)
    return Impact(
        sentences=(
            *_rotation(before, after, times),
            *_versions(before, after, rps, command),
            *_clients(service, lagging),
        ),
        survivors=len(after.strict.serving),
        registered=len(after.registry.members),
        factor=times,
        clients=len(clients),
        not_following=lagging,
        shares={} if policies(service) & BIASED else after.strict.loads(),
        notes=tuple(_notes(service, after, changes, command)),
    )


def _rotation(before: Looks, after: Looks, times: float | None) -> Iterator[str]:
    was, would = len(before.strict.serving), len(after.strict.serving)
    if was != would:
        left = f"{would} of {len(after.registry.members)} backends would be in rotation ({was} now)"
        yield left + (f"; the most loaded would carry {times:.1f} x what one carries now." if times else ".")


def _versions(before: Looks, after: Looks, rps: float | None, command: Command | Restore) -> Iterator[str]:
    """Per version whose configured share changes: "v2 would carry about 104 rps on 3 READY backends: ..."."""
    if not isinstance(command, SetVersions | Restore) or before.registry.shares == after.registry.shares:
        return
    now, then = before.strict.version_loads(), after.strict.version_loads()
    for version, load in then.items():
        if abs(load - now.get(version, 0.0)) > 0.005:
            yield _version(version, load, before, after, rps)


def _version(version: str, load: float, before: Looks, after: Looks, rps: float | None) -> str:
    members = len(after.strict.serving_of(version))
    amount = f"{load:.0%} of calls" if rps is None else f"about {load * rps:.0f} rps"
    each = f"{load / members:.1%} each" if rps is None else f"{load * rps / members:.0f} rps each"
    text = f"{version} would carry {amount} on {members} {after.noun} backends: {each}"
    busiest, carried = _busiest(before)
    return text + (f", {load / members / carried:.1f} x what {busiest} backends carry now." if carried else ".")


def _busiest(look: Looks) -> tuple[str, float]:
    """The version whose backends carry most now, and the mean load of one."""
    loads = look.strict.version_loads()
    each = {version: load / len(look.strict.serving_of(version)) for version, load in loads.items()}
    version = max(each, key=lambda name: each[name], default="")
    return version, each.get(version, 0.0)


def _clients(service: Service, lagging: tuple[Named, ...]) -> Iterator[str]:
    if lagging:
        names = listed(f"{name} ({why})" for _, name, why in lagging)
        yield f"{len(lagging)} of {len(connected(service))} clients will not follow: {names}."


def _notes(service: Service, after: Looks, changes: Plan, command: Command | Restore) -> Iterator[str]:
    biased = policies(service) & BIASED
    if isinstance(command, Weight) and biased:
        yield f"Under {listed(sorted(biased))} a weight is a bias, not a share."
    if not connected(service):
        yield "No client reports: whether anyone follows cannot be seen here."
    if after.proviso:
        yield after.proviso.strip()
    if changes.lease_s is not None:
        yield "It ends by itself, even if this dashboard is gone; etcd may prolong it, never shorten it."
    if changes.kinds & {"drain"} and changes.after and not after.strict.serving:
        yield "With every backend drained, clients ignore the drains rather than fail calls."
