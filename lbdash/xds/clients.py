"""Stock clients as the store knows clients: one per ADS stream and service it listens for.

A load report comes on a stream of its own; it belongs to the client of the same connection and node. Node ids alone do
not tell processes apart, for a bootstrap file is copied.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from lbdash.live.events import ClientClosed, ClientOpened, ClientReported, Event, TelemetryRejected
from lbdash.model import Connectivity
from lbdash.proto import xds_pb2 as pb
from lbdash.xds.loads import Loads, Told

SOURCE = "xds"
OBEYS = frozenset({"drain", "maint", "weight", "versions"})
TELLS = frozenset({"picks", "inflight"})
POLICY = "xds"
_NAME = 200
_LANGUAGES = (("c-core", "C-core"), ("go", "Go"), ("java", "Java"), ("node", "Node"), ("rust", "Rust"))


@dataclass(frozen=True, slots=True)
class Origin:
    """Who is at the other end of a stream. `peer` is the connection, as grpc spells it."""

    peer: str
    node: str
    agent: str = ""
    version: str = ""

    @classmethod
    def of(cls, peer: str, node: pb.Node) -> Origin:
        return cls(peer, *(text[:_NAME] for text in (node.id, node.user_agent_name, node.user_agent_version)))

    @property
    def host(self) -> str:
        return unquote(self.peer).partition(":")[2].rpartition(":")[0]

    @property
    def language(self) -> str:
        return next((name for word, name in _LANGUAGES if word in self.agent.lower()), self.agent)


@dataclass(slots=True)
class Awaited:
    """A revision that takes backends out of rotation was accepted at `since`; its counts do not show that yet."""

    revision: int
    since: float


@dataclass(slots=True, eq=False)
class XdsClient:
    """`teller`: the load report stream that speaks for it. `resting`: what is out of rotation, as it has accepted.
    `followed`: it has accepted all there was, once."""

    id: str
    service: str
    origin: Origin
    loads: Loads = field(default_factory=Loads)
    teller: LoadStream | None = None
    applied: int = 0
    rejected: tuple[tuple[str, str], ...] = ()
    resting: frozenset[str] = frozenset()
    followed: bool = False
    awaited: Awaited | None = None
    connectivity: Connectivity = Connectivity.IDLE

    def accept(self, revision: int, resting: frozenset[str], at: float) -> None:
        """It follows `revision`, under which `resting` are out of rotation.

        When that takes backends out, and the client tells of its calls, it counts as applied with the next report from
        after it: the one that is due has calls from before, which would look like calls on a drained backend, and a
        backend would look safe to stop while a call is on its way to it.
        """
        taken_out = self.followed and self.teller is not None and not resting <= self.resting
        self.resting, self.followed = resting, True
        if taken_out:
            self.awaited = Awaited(revision, at)
        elif self.awaited is not None:
            self.awaited.revision = revision
        else:
            self.applied = revision

    def settle(self, at: float, after_s: float) -> bool:
        """True when the awaited revision is `after_s` old: it is applied now."""
        if self.awaited is None or at - self.awaited.since < after_s:
            return False
        self.applied, self.awaited = self.awaited.revision, None
        return True

    def opened(self, at: float) -> ClientOpened:
        origin = self.origin
        return ClientOpened(
            id=self.id,
            name=origin.node or self.id[:8],
            service=self.service,
            convention="",
            policy=POLICY,
            source=SOURCE,
            at=at,
            target=f"xds:///{self.service}",
            host=origin.host,
            language=origin.language,
            library=f"{origin.agent} {origin.version}".strip(),
            can_obey=OBEYS,
            can_tell=TELLS if self.teller is not None else frozenset(),
        )

    def reported(self, at: float, told: Told | None = None) -> Iterator[Event]:
        told = told or Told()
        if any(transition.state is Connectivity.READY for transition in told.transitions):
            self.connectivity = Connectivity.READY
        yield ClientReported(
            self.id,
            at,
            None,
            opened=tuple(told.opened),
            gone=tuple(told.gone),
            transitions=tuple(told.transitions),
            counters=told.counters(),
            applied_revision=self.applied,
            rejected=self.rejected,
            connectivity=self.connectivity,
            policy=POLICY,
        )
        if told.refused:
            yield TelemetryRejected(self.id, at, told.refused)


@dataclass(slots=True, eq=False)
class LoadStream:
    """`clients`: by service, those it speaks for."""

    origin: Origin
    clients: dict[str, XdsClient] = field(default_factory=dict)


class Clients:
    """`tell` gets events."""

    def __init__(self, tell: Callable[[list[Event]], None], clock: Callable[[], float]) -> None:
        self._tell, self._clock = tell, clock
        self._by_service: dict[str, dict[str, XdsClient]] = {}

    def of(self, service: str) -> Iterable[XdsClient]:
        return self._by_service.get(service, {}).values()

    def all(self) -> Iterator[XdsClient]:
        return (client for clients in self._by_service.values() for client in clients.values())

    def open(self, origin: Origin, service: str) -> XdsClient:
        client = XdsClient(uuid.uuid4().hex, service, origin)
        self._by_service.setdefault(service, {})[client.id] = client
        self._tell([client.opened(self._clock())])
        return client

    def close(self, client: XdsClient, reason: str) -> None:
        known = self._by_service[client.service]
        del known[client.id]
        client.teller = None
        if not known:
            del self._by_service[client.service]
        self._tell([ClientClosed(client.id, self._clock(), reason)])

    # ---- load report streams

    def told_by(self, stream: LoadStream, service: str) -> XdsClient | None:
        """The client that `stream` speaks for; from its first word on the client is one that can tell."""
        known = stream.clients.get(service)
        if known is not None and known.teller is stream:
            return known
        found = self._silent(stream.origin, service)
        if found is not None:
            found.teller = stream
            stream.clients[service] = found
            self._tell([found.opened(self._clock())])
        return found

    def greet(self, stream: LoadStream) -> None:
        """A stream opened. A client without calls has nothing to report, which is telling, too: find it now."""
        origin = stream.origin
        here = [client for client in self.all() if client.teller is None and client.origin == origin]
        if len(here) == 1:
            self.told_by(stream, here[0].service)

    def _silent(self, origin: Origin, service: str) -> XdsClient | None:
        free = [client for client in self.of(service) if client.teller is None and client.origin.node == origin.node]
        near = [client for client in free if client.origin.peer == origin.peer]
        same_host = [client for client in free if client.origin.host == origin.host]
        if near:
            return near[-1]
        return same_host[0] if len(same_host) == 1 else None

    def fall_silent(self, stream: LoadStream) -> None:
        """It ended: what its clients do is not known any more."""
        silent = [client for client in stream.clients.values() if client.teller is stream]
        for client in silent:
            client.teller = None
        if silent:
            self._tell([client.opened(self._clock()) for client in silent])
