"""Which stream speaks for which channel, and what is remembered of channels whose stream ended."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Set

from lbdash.model import LATENCY_SCHEME
from lbdash.proto import telemetry_pb2 as pb
from lbdash.sources.channel import Channel
from lbdash.sources.places import Places

MAX_CHANNELS = 20_000  # that have a stream
KEEP_S = 600.0  # how long a channel without a stream is remembered
MAX_KEPT = 5_000
MAX_NAME = 300


class Channels:
    def __init__(self, per_stream: int, places: int) -> None:
        self._per_stream = per_stream
        self._places = Places(places, KEEP_S)
        self._all: dict[str, Channel] = {}
        self._released: OrderedDict[str, Channel] = OrderedDict()  # oldest first; also in `_all`

    @property
    def live(self) -> int:
        return len(self._all) - len(self._released)

    def get(self, id: str) -> Channel | None:
        return self._all.get(id)

    def claim(self, stream: object, held: Set[str], message: pb.Open, at: float) -> str:
        """Make `stream` the one that speaks for the channel. Returns why not, "" when it does."""
        id = message.channel_id.hex()
        reason = self._objection(stream, held, message, id)
        if reason:
            return reason
        self._sweep(at)
        channel = self._all.get(id)
        if channel is None:
            channel = self._all[id] = Channel(id, _process(message), self._places)
        self._released.pop(id, None)
        channel.owner = stream
        return ""

    def _objection(self, stream: object, held: Set[str], message: pb.Open, id: str) -> str:
        if len(message.channel_id) != 16:
            return f"channel_id has {len(message.channel_id)} bytes, not 16"
        if not message.service or len(message.service) > MAX_NAME:
            return f"the service name is empty or longer than {MAX_NAME} characters"
        if message.latency_scheme not in (0, LATENCY_SCHEME):
            return f"latency scheme {message.latency_scheme} is not known here, only {LATENCY_SCHEME}"
        known = self._all.get(id)
        if known is not None and known.owner not in (None, stream) and known.process != _process(message):
            return "another live stream has this channel id"
        if id not in held and len(held) >= self._per_stream:
            return f"a stream may carry {self._per_stream} channels"
        if known is None and self.live >= MAX_CHANNELS:
            return f"this dashboard takes {MAX_CHANNELS} channels"
        return ""

    def release(self, stream: object, ids: Iterable[str], at: float) -> list[str]:
        """The stream ended; returns the channels it still spoke for, which may come back on another."""
        released = [id for id in ids if (found := self._all.get(id)) is not None and found.owner is stream]
        for id in released:
            channel = self._all[id]
            channel.owner, channel.released_at = None, at
            self._released[id] = channel
        self._sweep(at)
        return released

    def close(self, stream: object, id: str, at: float) -> bool:
        """The channel said goodbye; ids are never reused, so it is forgotten."""
        channel = self._all.get(id)
        if channel is None or channel.owner is not stream:
            return False
        del self._all[id]
        self._places.give_back(channel.places, at)
        return True

    def _sweep(self, at: float) -> None:
        self._places.sweep(at)
        while self._released:
            id, channel = next(iter(self._released.items()))
            if len(self._released) <= MAX_KEPT and at - channel.released_at < KEEP_S:
                return
            del self._released[id], self._all[id]
            self._places.give_back(channel.places, at)


def _process(message: pb.Open) -> tuple[str, int, str]:
    return message.process.host, message.process.pid, message.process.name
