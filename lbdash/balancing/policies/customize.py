"""customize: hlb-grpc's filter (SPEC 7.4) with its limiter done right; a draw by weight among those that pass.

A backend passes when its method is online, when every metadata key that both it and the call have is equal, and when
the method's limit has room. Version and the backend's own `online` are decided before, for every policy alike. What
the original got wrong: the limit of a backend that passed but was not drawn was used up too, 0 divided by zero, more
than 1,000 a second were not limited, and all calls shared one map. A registration that tells no methods takes all.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.picker import PickError, PickInfo, candidate
from lbdash.model import Method

DRAWS = 8  # before looking at every endpoint


class Customize:
    name = "customize"
    eager = True

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.free_at: dict[
            tuple[str, str], float
        ] = {}  # (address, method) -> when the next call may go; outlives builds

    def build(self, endpoints: Sequence[Endpoint], now: float) -> CustomizePicker:
        self.free_at = {key: at for key, at in self.free_at.items() if at > now}
        return CustomizePicker(endpoints, self)

    def load(self, endpoint: Endpoint, now: float) -> float | None:
        return None


class CustomizePicker:
    """Draws until one passes, which is the same as a draw among those that pass; looks at all only when few do."""

    __slots__ = ("_cumulative", "_endpoints", "_policy")

    def __init__(self, endpoints: Sequence[Endpoint], policy: Customize) -> None:
        self._endpoints = tuple(endpoints)
        self._cumulative = list(accumulate(endpoint.weight for endpoint in endpoints))
        self._policy = policy

    def pick(self, info: PickInfo) -> Endpoint:
        """Raises PickError when nobody passes, and says how many were refused for what."""
        method = info.method.rpartition("/")[2]
        headers = _headers(info.metadata)
        if info.record is None:
            for _ in range(DRAWS):
                (drawn,) = self._policy.rng.choices(self._endpoints, cum_weights=self._cumulative)
                if not self._refusal(drawn, method, headers, info.now):
                    self._take(drawn, method, info.now)
                    return drawn
        return self._among_all(info, method, headers)

    def _among_all(self, info: PickInfo, method: str, headers: Mapping[str, str]) -> Endpoint:
        verdicts = [self._refusal(endpoint, method, headers, info.now) for endpoint in self._endpoints]
        passing = [e for e, refusal in zip(self._endpoints, verdicts, strict=True) if not refusal]
        if not passing:
            counts = ", ".join(f"{n} {refusal}" for refusal, n in Counter(verdicts).items())
            raise PickError(f"did not get the right conn: {counts}")
        chosen = self._policy.rng.choices(passing, [endpoint.weight for endpoint in passing])[0]
        self._take(chosen, method, info.now)
        if info.record is not None:
            info.record.reason = "passed" if len(self._endpoints) > 1 else "single"
            info.record.candidates = (candidate(chosen, 0.0),)
            info.record.detail.update(n=str(len(self._endpoints)), passed=str(len(passing)))
        return chosen

    def _refusal(self, endpoint: Endpoint, method: str, headers: Mapping[str, str], now: float) -> str:
        """ "" = it passes."""
        about = endpoint.methods.get(method) if endpoint.methods else Method()
        if about is None or not about.online:
            return "method_offline"
        if any(headers.get(key, value) != value for key, value in endpoint.metadata.items()):
            return "metadata"
        limited = about.limit is not None and (
            about.limit <= 0 or now < self._policy.free_at.get((endpoint.address, method), now)
        )
        return "limited" if limited else ""

    def _take(self, endpoint: Endpoint, method: str, now: float) -> None:
        about = endpoint.methods.get(method)
        if about is not None and about.limit:
            self._policy.free_at[endpoint.address, method] = now + 1.0 / about.limit


def _headers(metadata: Any) -> dict[str, str]:
    return {key: value for key, value in metadata or () if isinstance(value, str)}
