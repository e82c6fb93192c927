"""The control plane between the store and the streams: keeps the snapshot, wakes who it concerns, judges who follows.

Streams tell it what clients say; it tells the store. No I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from lbdash.live.events import Event, SourceProven, TelemetryRejected
from lbdash.live.store import Store
from lbdash.proto import xds_pb2 as pb
from lbdash.xds.clients import SOURCE, Clients, LoadStream, XdsClient
from lbdash.xds.names import SHORT, service_of
from lbdash.xds.release import Releases
from lbdash.xds.snapshot import GRACE_S, Served, Snapshot
from lbdash.xds.stream import AdsStream

HOLD_S = 10.0  # how long a client that has seen a newer revision is not answered
PROOF_EVERY_S = 1.0
SETTLE_S = 0.25  # a load report that comes sooner after an answer may have been made before it
PATIENCE_S = 3.0  # a client that has nothing to say says nothing
_MAX_KEYS, _MAX_REASON = 50, 1000


@dataclass(slots=True)
class _Proof:
    at: float = float("-inf")
    events: int = 0


class Plane:
    """`ready`: every watched prefix has been listed once; before that nothing is answered."""

    def __init__(
        self, store: Store, clock: Callable[[], float], ready: Callable[[], bool], grace_s: float = GRACE_S
    ) -> None:
        self._store, self._clock, self._ready = store, clock, ready
        self.snapshot = Snapshot(grace_s)
        self.clients = Clients(store.apply, clock)
        self._releases = Releases()
        self._released: Mapping[str, set[str]] = {}
        self._watching: dict[str, set[AdsStream]] = {}
        self._held: set[AdsStream] = set()
        self._open = False
        self._proof = _Proof()

    # ---- from the store

    def refresh(self) -> None:
        """Take in the state as it is now."""
        if not self._open:
            if not self._ready():
                return
            self._open = True
            self._wake(self._held)
        now = self._clock()
        self.concern(self.snapshot.update(self._store.view().state, self._released, now), now)
        if self._held:
            self._wake(self._held)

    def sweep(self) -> None:
        """Once in a while: what time alone changes."""
        now = self._clock()
        barred = ((key, address) for key, served in self.snapshot.services.items() for address in served.plan.barred)
        self._released = self._releases.look(barred, self._busy, now)
        self.refresh()
        self.concern(self.snapshot.sweep(now), now)
        events: list[Event] = []
        for client in self.clients.all():
            if client.settle(now, PATIENCE_S):
                events += client.reported(now)
        self._store.apply(events)

    def _busy(self, service: str, address: str) -> bool:
        return any(client.teller is None or client.loads.busy(address) for client in self.clients.of(service))

    def concern(self, services: Iterable[str], now: float) -> None:
        """What is served of these changed."""
        for service in services:
            for stream in self._watching.get(service, ()):
                stream.wake.set()
                if service in stream.clients:
                    self._judge(stream, stream.clients[service], now)

    def _wake(self, streams: set[AdsStream]) -> None:
        for stream in streams:
            stream.wake.set()
        streams.clear()

    # ---- from ADS streams

    @property
    def waiting(self) -> int:
        """Streams that are not answered yet."""
        return len(self._held)

    def may_answer(self, stream: AdsStream) -> bool:
        """False: not yet. It is woken when that changes; `HOLD_S` ends a wait for a revision that never comes."""
        behind = stream.subscriptions.floor > self.snapshot.revision
        if self._open and (not behind or self._clock() - stream.opened_at >= HOLD_S):
            return True
        self._held.add(stream)
        return False

    def listen(self, stream: AdsStream) -> None:
        """Its subscriptions may have changed."""
        self._watch(stream, stream.subscriptions.services())
        services = stream.subscriptions.listeners
        for service in stream.clients.keys() - services:
            self.clients.close(stream.clients.pop(service), "closed")
        for service in services - stream.clients.keys():
            stream.clients[service] = self.clients.open(stream.origin, service)
            self._tell_left_out(stream.clients[service])

    def _watch(self, stream: AdsStream, services: frozenset[str]) -> None:
        for service in services - stream.watching:
            self._watching.setdefault(service, set()).add(stream)
        for service in stream.watching - services:
            self._watching[service].discard(stream)
            if not self._watching[service]:
                del self._watching[service]
        stream.watching = services

    def _tell_left_out(self, client: XdsClient) -> None:
        served = self.snapshot.services.get(client.service)
        if served is not None and served.plan.left_out:
            names = ", ".join(served.plan.left_out[:5])
            reason = f"{len(served.plan.left_out)} backends are not IP addresses, which xDS needs: {names}"
            self._store.apply([TelemetryRejected(client.id, self._clock(), reason)])

    def answered(self, stream: AdsStream) -> None:
        now = self._clock()
        for client in stream.clients.values():
            self._judge(stream, client, now)

    def leave(self, stream: AdsStream, reason: str) -> None:
        self._held.discard(stream)
        self._watch(stream, frozenset())
        for client in stream.clients.values():
            self.clients.close(client, reason)

    def _judge(self, stream: AdsStream, client: XdsClient, now: float) -> None:
        served = self.snapshot.services.get(client.service)
        if served is None:
            return
        rejected = _rejected(stream, client, served)
        before = client.applied
        if stream.subscriptions.follow(served.resources, client.service, served.plan.targets):
            client.accept(served.revision, served.plan.resting, now)
        if (client.applied, rejected) != (before, client.rejected):
            client.rejected = rejected
            self._store.apply(list(client.reported(now)))

    # ---- from load report streams

    def loads(self, stream: LoadStream, clusters: Iterable[pb.ClusterStats]) -> None:
        now, events = self._clock(), self._prove()
        by_service: dict[str, list[pb.ClusterStats]] = {service: [] for service in stream.clients}
        for stats in clusters:
            by_service.setdefault(service_of(stats.cluster_name), []).append(stats)
        for service, found in by_service.items():
            served = self.snapshot.services.get(service)
            if served is None or served.plan.grouped:
                continue
            client = self.clients.told_by(stream, service)
            if client is not None:
                client.settle(now, SETTLE_S)
                events += client.reported(now, client.loads.take(found, served.service.backends, now))
        self._store.apply(events)

    def _prove(self) -> list[Event]:
        self._proof.events += 1
        now = self._clock()
        if now - self._proof.at < PROOF_EVERY_S:
            return []
        proof = SourceProven(SOURCE, SOURCE, now, synced=True, events=self._proof.events)
        self._proof = _Proof(now)
        return [proof]


def _rejected(stream: AdsStream, client: XdsClient, served: Served) -> tuple[tuple[str, str], ...]:
    """(control key, why): every key that changed since what the client follows; it cannot say which it was."""
    errors = [f"{SHORT[each.type_url]}: {each.error}" for each in stream.subscriptions.types.values() if each.error]
    if not errors:
        return ()
    why = "; ".join(errors)[:_MAX_REASON]
    keys = [key for key, raw in served.service.routing.raw.items() if raw.mod_revision > client.applied]
    return tuple((key, why) for key in keys[:_MAX_KEYS]) or ((f"xds:///{client.service}", why),)
