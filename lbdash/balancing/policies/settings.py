"""A policy's settings as they come from JSON: each is read once, with its type and range; errors name the field.

Names are compared a little wider than protobuf does: `choiceCount`, `choice_count` and `ChoiceCount` are one.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, isfinite
from typing import Any

from lbdash.balancing.durations import seconds


class Settings:
    """Read what the policy knows, then `finish`. Every method raises ValueError for a wrong type or range."""

    def __init__(self, policy: str, config: Mapping[str, Any]) -> None:
        if not isinstance(config, Mapping):
            raise ValueError(f"policy {policy}: the config must be an object, got {type(config).__name__}")
        self.policy = policy
        self._left = {plain(name): (name, value) for name, value in config.items()}
        self._known: list[str] = []

    @property
    def empty(self) -> bool:
        """Nothing was given, or everything is read."""
        return not self._left

    def finish(self) -> None:
        """Refuse what nobody read."""
        unknown = ", ".join(sorted(name for name, _ in self._left.values()))
        if unknown and not self._known:
            raise ValueError(f"policy {self.policy} takes no settings, got {unknown}")
        if unknown:
            raise ValueError(f"policy {self.policy} has no setting {unknown}; it has {', '.join(self._known)}")

    def value(self, name: str) -> Any:
        """As it stands; None when absent."""
        self._known.append(name)
        return self._left.pop(plain(name), (name, None))[1]

    def integer(self, name: str, default: int, low: int, high: float = inf, *, cap: int | None = None) -> int:
        """Outside `low`..`high` is refused; above `cap` becomes `cap`."""
        value = self.number(name, default, low, high)
        if value != int(value):
            raise self._error(name, value, "a whole number")
        return int(value) if cap is None else min(cap, int(value))

    def number(self, name: str, default: float, low: float, high: float = inf) -> float:
        value = self.value(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            raise self._error(name, value, "a finite number")
        if not low <= value <= high:
            raise self._error(name, value, f"at least {low:g}" if high == inf else f"between {low:g} and {high:g}")
        return value

    def flag(self, name: str, default: bool) -> bool:
        value = self.value(name)
        if value is not None and not isinstance(value, bool):
            raise self._error(name, value, "true or false")
        return default if value is None else value

    def text(self, name: str, default: str, among: tuple[str, ...] = ()) -> str:
        value = self.value(name)
        if value is not None and (not isinstance(value, str) or not value):
            raise self._error(name, value, "a text that is not empty")
        if value is not None and among and value not in among:
            raise self._error(name, value, f"one of {', '.join(among)}")
        return default if value is None else value

    def seconds(self, name: str, default: float, low: float = 0.0) -> float:
        """A duration as protobuf writes it ("10s", "0.25s") or a number of seconds; `low` at least."""
        value = self.value(name)
        try:
            given = default if value is None else seconds(value)
        except ValueError as error:
            raise ValueError(f"policy {self.policy}: {name}: {error}") from None
        if given < low:
            raise self._error(name, value, f"at least {low:g}s")
        return given

    def group(self, name: str) -> Settings | None:
        """Settings inside a setting; None when absent. Its `finish` is the caller's to call."""
        value = self.value(name)
        return None if value is None else Settings(f"{self.policy}.{name}", value)

    def _error(self, name: str, value: Any, wanted: str) -> ValueError:
        return ValueError(f"policy {self.policy}: {name} must be {wanted}, got {value!r}")


def plain(name: str) -> str:
    return name.replace("_", "").lower()
