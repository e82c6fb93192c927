"""One ADS stream's side of the state-of-the-world protocol: who subscribed to what, what was sent, what was answered.

Pure: requests go in, responses come out, as bytes. At most one response of a type is unanswered; what happens in the
meantime is in the next one, so a client that is slow, or never answers, costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lbdash.proto import xds_pb2 as pb
from lbdash.xds.names import CDS, EDS, LDS, RDS, TYPES, WHOLE, service_of
from lbdash.xds.resources import Key, Resource

MAX_NAMES = 2000  # per type
MAX_NAME = 500
MAX_ERROR = 1000


class TooMuch(ValueError):
    """A client asked for more than is given; its stream should end with the message."""


@dataclass(slots=True)
class Subscription:
    """Of one type. `sent`: what the client was last told of each name it wants now; None = that it does not exist.
    `error`: why it turned the last response down; "" = it did not. `floor`: the revision it had before this stream."""

    type_url: str
    names: frozenset[str] = frozenset()
    sent: dict[str, Resource | None] = field(default_factory=dict)
    nonce: str = ""
    awaiting: bool = False
    error: str = ""
    floor: int = 0

    def hear(self, request: pb.DiscoveryRequest) -> bool:
        """True when it answers the last response. One with an older nonce was overtaken and is passed over."""
        if request.response_nonce != self.nonce and request.response_nonce:
            return False
        if not request.response_nonce:
            self.floor = _revision(request.version_info)
        self._want(request.resource_names)
        answers = bool(self.nonce) and request.response_nonce == self.nonce and self.awaiting
        if answers:
            self.awaiting = False
            self.error = _error(request.error_detail) if request.HasField("error_detail") else ""
        return answers

    def _want(self, names: Iterable[str]) -> None:
        wanted = frozenset(names)
        if wanted == self.names:
            return
        if len(wanted) > MAX_NAMES or any(len(name) > MAX_NAME for name in wanted):
            raise TooMuch(f"at most {MAX_NAMES} resources of a type, with names of at most {MAX_NAME} characters")
        self.names = wanted
        self.sent = {name: resource for name, resource in self.sent.items() if name in wanted}

    def due(self, resources: Mapping[Key, Resource]) -> list[Resource] | None:
        """What a response must carry now; None = there is nothing to say, or the last one is unanswered."""
        if self.awaiting:
            return None
        now = {name: resources.get((self.type_url, name)) for name in self.names}
        if self.type_url in WHOLE:
            return None if now == self.sent else [found for found in now.values() if found is not None]
        return [found for name, found in now.items() if found is not None and self.sent.get(name) is not found] or None

    def send(self, resources: list[Resource], nonce: str, revision: int) -> bytes:
        told = {resource.name: resource for resource in resources}
        self.sent = {name: told.get(name) for name in self.names} if self.type_url in WHOLE else {**self.sent, **told}
        self.nonce, self.awaiting = nonce, True
        version = max((resource.revision for resource in resources), default=revision)
        head = pb.DiscoveryResponse(version_info=str(version), type_url=self.type_url, nonce=nonce)
        return head.SerializeToString() + b"".join(resource.framed for resource in resources)

    def accepted(self, resources: Mapping[Key, Resource], name: str) -> bool:
        """The client wants it, and has said yes to what it is now."""
        now = resources.get((self.type_url, name))
        return now is not None and not self.awaiting and not self.error and self.sent.get(name) is now


class Subscriptions:
    """All types of one stream. `serial` counts its responses: their nonces."""

    def __init__(self) -> None:
        self.types = {type_url: Subscription(type_url) for type_url in TYPES}
        self._serial = 0

    def hear(self, request: pb.DiscoveryRequest) -> Subscription | None:
        """The type, when the request answered a response of it. Raises TooMuch. Unknown types are passed over."""
        found = self.types.get(request.type_url)
        return found if found is not None and found.hear(request) else None

    def responses(self, resources: Mapping[Key, Resource], revision: int) -> Iterator[bytes]:
        """What to write now, in order. Consume it at once: it notes what it yields as sent."""
        for subscription in self.types.values():
            due = subscription.due(resources)
            if due is not None:
                self._serial += 1
                yield subscription.send(due, str(self._serial), revision)

    @property
    def listeners(self) -> frozenset[str]:
        """Services whose listener the client wants: it has a channel to each of them."""
        return self.types[LDS].names

    def services(self) -> frozenset[str]:
        """All that any of its names belongs to."""
        clusters = self.types[CDS].names | self.types[EDS].names
        return self.listeners | self.types[RDS].names | frozenset(map(service_of, clusters))

    def follow(self, resources: Mapping[Key, Resource], service: str, clusters: Iterable[str]) -> bool:
        """The client has accepted all of a service as it is now: its routes, and the clusters that they name."""
        routed = all(self.types[type_url].accepted(resources, service) for type_url in (LDS, RDS))
        return routed and all(
            self.types[type_url].accepted(resources, cluster) for cluster in clusters for type_url in (CDS, EDS)
        )

    @property
    def floor(self) -> int:
        """The newest revision the client has seen, here or elsewhere, when it opened this stream."""
        return max(subscription.floor for subscription in self.types.values())


def _revision(version: str) -> int:
    return int(version) if version.isascii() and version.isdigit() and len(version) < 19 else 0


def _error(status: pb.Status) -> str:
    return status.message[:MAX_ERROR] or f"code {status.code}"
