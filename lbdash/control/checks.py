"""Does a command make sense for the service as it is? Pure; none of these objections can be forced."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from lbdash.control.commands import MAX_BACKENDS, Drain, Maint, Ready, Restore, SetPolicy, SetVersions, Weight
from lbdash.control.objection import Objection
from lbdash.control.plan import Planned
from lbdash.control.words import listed
from lbdash.live.staleness import stale_since
from lbdash.live.state import Service, Source, State
from lbdash.registry.control_keys import parse_key
from lbdash.registry.control_values import check_weight, parse_policy, parse_versions


def stale(state: State, now: float) -> str:
    """Why what we know of the control keys cannot be trusted now; "" = it can."""
    source = next((source for source in state.sources.values() if source.kind == "control"), None)
    if source is None or not source.synced:
        return "the control keys have not been listed yet"
    since = stale_since(source, now)
    if since is None:
        return ""
    return (
        f"no proof of life of the control keys for {now - since:.0f} s{': ' + source.reason if source.reason else ''}"
    )


def broken_registries(state: State, now: float) -> tuple[Source, ...]:
    """Watched prefixes whose registrations may be out of date."""
    found = (source for source in state.sources.values() if source.kind == "registry")
    return tuple(source for source in found if not source.synced or stale_since(source, now) is not None)


def frozen(state: State) -> tuple[Objection, ...]:
    if state.freeze is None:
        return ()
    by, why = state.freeze.by or "somebody", state.freeze.reason
    return (Objection("frozen", f"All commands are frozen by {by}{': ' + why if why else ''}.", False),)


def sense(service: Service, command: Planned) -> tuple[Objection, ...]:
    """Unknown or too many backends, weights and values that cannot be."""
    addresses = addressed(command)
    if len(addresses) > MAX_BACKENDS:
        text = f"{len(addresses)} backends in one command; at most {MAX_BACKENDS} fit a transaction."
        return (Objection("too_many", text, False),)
    return (*_unknown(service, command), *_values(command))


def addressed(command: Planned) -> tuple[str, ...]:
    match command:
        case Drain() | Maint() | Ready():
            return command.backends
        case Weight():
            return tuple(command.weights)
        case Restore():
            refs = (parse_key(key) for key in command.values)
            return tuple(dict.fromkeys(ref.address for ref in refs if ref is not None and ref.address))
    return ()


def _unknown(service: Service, command: Planned) -> Iterator[Objection]:
    """Clearing is allowed wherever there is something to clear: an override may outlive its backend."""
    known = {address for address, backend in service.backends.items() if backend.registered and backend.gone_at is None}
    strangers = [address for address in _steered(command) if address not in known]
    cleared = set(addressed(command)) - set(_steered(command))
    overridden = set(service.routing.admin) | set(service.routing.weight) | _raw_addresses(service)
    strangers += [address for address in sorted(cleared) if address not in known | overridden]
    if strangers:
        text = f"{listed(strangers)} {'is' if len(strangers) == 1 else 'are'} not registered for {service.name}."
        yield Objection("unknown_backend", text, False)


def _steered(command: Planned) -> tuple[str, ...]:
    """Those of `addressed` that get an override; of the others it is taken away, or put back as it was."""
    match command:
        case Drain() | Maint():
            return command.backends
        case Weight():
            return tuple(address for address, weight in command.weights.items() if weight is not None)
    return ()


def _raw_addresses(service: Service) -> set[str]:
    """Overridden by keys that cannot be read, too."""
    refs = (parse_key(key) for key in service.routing.raw)
    return {ref.address for ref in refs if ref is not None and ref.address}


def _values(command: Planned) -> Iterator[Objection]:
    match command:
        case Weight():
            yield from _weights(command.weights)
        case SetVersions(value) if value is not None:
            yield from _parsed("versions", parse_versions, value)
        case SetPolicy(value) if value is not None:
            yield from _parsed("policy", parse_policy, value)


def _weights(weights: Mapping[str, int | None]) -> Iterable[Objection]:
    for address, weight in weights.items():
        try:
            if weight is not None:
                check_weight(weight)
        except ValueError as error:
            yield Objection("weight", f"{address}: {error}.", False)


def _parsed(code: str, parse: Callable[[dict[str, Any]], object], value: Mapping[str, Any]) -> Iterator[Objection]:
    try:
        parse(dict(value))
    except KeyError as error:
        yield Objection(code, f"{code}: {error.args[0]} is missing.", False)
    except (ValueError, TypeError) as error:
        yield Objection(code, f"{error}.", False)
