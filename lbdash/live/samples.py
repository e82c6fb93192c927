"""Bounded memory of single picks and of SubConn transitions: the newest are kept."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Mapping
from heapq import nlargest
from itertools import islice

from lbdash.live.events import PickSample
from lbdash.live.view import StateSpan

PICKS = 1000  # samples per service, and per traced client
TRACED = 20  # clients with a ring of their own, per service
SPANS = 5000  # transitions per service


class PickRing:
    """Samples of one service. A trace is dense, so each traced client has its own ring and cannot drown the rest."""

    def __init__(self) -> None:
        self._all: deque[PickSample] = deque(maxlen=PICKS)
        self._traced: OrderedDict[str, deque[PickSample]] = OrderedDict()
        self._reasons: Counter[str] = Counter()

    def add(self, samples: Iterable[PickSample]) -> None:
        for sample in samples:
            if sample.traced:
                self._trace(sample)
            else:
                self._append(sample)

    def _append(self, sample: PickSample) -> None:
        if len(self._all) == PICKS:
            self._leave(self._all[0].reason)
        self._all.append(sample)
        self._reasons[sample.reason] += 1

    def _leave(self, reason: str) -> None:
        self._reasons[reason] -= 1
        if not self._reasons[reason]:
            del self._reasons[reason]  # a client may make up a new one for each sample

    def _trace(self, sample: PickSample) -> None:
        ring = self._traced.get(sample.client)
        if ring is None:
            ring = self._traced[sample.client] = deque(maxlen=PICKS)
            if len(self._traced) > TRACED:
                self._traced.popitem(last=False)
        ring.append(sample)

    def newest(self, client: str, limit: int) -> list[PickSample]:
        """By their own times: clients report in turn, so the ring is in order for each client only."""
        found: Iterable[PickSample] = self._all
        if client:
            own = [sample for sample in self._all if sample.client == client]
            found = (*own, *self._traced.get(client, ()))
        return nlargest(limit, found, key=lambda sample: sample.at)

    def reasons(self) -> Mapping[str, int]:
        return dict(self._reasons.most_common())


class SpanRing:
    """Recent transitions of one service's SubConns."""

    def __init__(self) -> None:
        self._spans: deque[StateSpan] = deque(maxlen=SPANS)

    def add(self, span: StateSpan) -> None:
        self._spans.append(span)

    def newest(self, client: str, address: str, limit: int) -> list[StateSpan]:
        found = (
            span
            for span in reversed(self._spans)
            if (not client or span.client == client) and (not address or span.address == address)
        )
        return list(islice(found, limit))
