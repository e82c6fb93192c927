"""A watch that heals itself: list at one revision, watch from the next, and repair whatever breaks.

Nothing here knows etcd's wire; `Source` and `Feed` are what is needed of it. The rules:
- a list is told only once the watch that continues it is accepted;
- a broken feed resumes after the last complete revision;
- compacted history, a server that is behind what we saw, or another cluster: list again, tell the difference;
- a safety list now and then finds what no header can show (a wiped server that has already caught up).
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Protocol

from lbdash.registry.kv import (
    Changes,
    Listing,
    PermissionDenied,
    Progress,
    RegistryError,
    Stale,
    WatchMessage,
)
from lbdash.registry.mirror import Mirror, WatchEvent
from lbdash.tasks import Backoff

log = logging.getLogger(__name__)


class Compacted(RegistryError):
    """The history we asked for is gone: list again."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """Seconds. A feed is asked for life every `heartbeat` and broken after `silence` without any."""

    heartbeat: float = 2.0
    silence: float = 5.0
    safety_list: float = 600.0
    denied_retry: float = 30.0
    retry_limit: float = 5.0


# For what runs in every process of a fleet: it asks etcd for little, and never lists without need.
CLIENT = Tuning(heartbeat=10.0, silence=25.0, safety_list=math.inf)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a feed brought: everything up to `revision` is now told. No events = proof of life (`revision` may be 0)."""

    events: tuple[WatchEvent, ...] = ()
    revision: int = 0


class Feed(Protocol):
    """One accepted watch. `revision` and `cluster_id` are the server's when it accepted."""

    revision: int
    cluster_id: int

    async def next(self) -> Delivery:
        """Raises Compacted, PermissionDenied or RegistryUnavailable when the feed has ended."""
        ...

    async def close(self) -> None: ...


class Source(Protocol):
    closed: asyncio.Event

    async def list(self, prefix: bytes, *, serializable: bool) -> Listing: ...

    async def open(self, prefix: bytes, start_revision: int) -> Feed: ...

    def renew_token(self) -> bool:
        """Authenticate again at the next request; False when there is no user."""
        ...


class HealingWatch:
    """`messages()` is to be iterated once."""

    def __init__(self, source: Source, prefix: bytes, tuning: Tuning, rng: random.Random | None = None) -> None:
        self._source, self._prefix, self._tuning = source, prefix, tuning
        self._rng = rng or random.Random()
        self._mirror = Mirror()
        self._retry = Backoff(limit=tuning.retry_limit, rng=self._rng)
        self._must_list = True
        self._token_renewed = False
        self._next_list = 0.0

    async def messages(self) -> AsyncGenerator[WatchMessage, None]:
        while not self._source.closed.is_set():
            try:
                async with aclosing(self._follow()) as told:
                    async for message in told:
                        yield message
            except Compacted:
                log.info("watch %s: history was compacted, listing again", self._name)
                self._must_list = True
                await self._pause(self._retry.delay())
            except PermissionDenied as error:
                # A void token looks like a missing permission on some versions: try a new one once.
                if not self._token_renewed and self._source.renew_token():
                    self._token_renewed = True
                    continue
                yield Stale(str(error), denied=True)
                await self._pause(self._tuning.denied_retry * self._rng.uniform(0.8, 1.2))
            except RegistryError as error:
                if not self._source.closed.is_set():
                    yield Stale(str(error))
                    await self._pause(self._retry.delay())

    async def _follow(self) -> AsyncGenerator[WatchMessage, None]:
        """One feed from acceptance to its end."""
        listing = await self._list() if self._must_list else None
        feed = await self._source.open(self._prefix, (listing or self._mirror).revision + 1)
        try:
            if listing is None and self._mirror.doubts(feed.revision, feed.cluster_id):
                raise Compacted(f"watch {self._name}: the server is behind what it told before")
            self._accepted()
            yield Progress(self._mirror.revision) if listing is None else self._relisted(listing)
            while True:
                yield self._told(await feed.next())
                if (repair := await self._safety_list()) is not None:
                    yield repair
        finally:
            await feed.close()

    async def _list(self) -> Listing:
        """Serializable, for it costs etcd least; from a member that lags behind us, again from the leader."""
        listing = await self._source.list(self._prefix, serializable=True)
        if listing.revision < self._mirror.revision:
            listing = await self._source.list(self._prefix, serializable=False)
        return listing

    def _accepted(self) -> None:
        self._must_list = self._token_renewed = False
        self._retry.reset()

    def _relisted(self, listing: Listing) -> Changes:
        first = self._mirror.empty
        events = self._mirror.replace(listing)
        self._next_list = _now() + self._tuning.safety_list * self._rng.uniform(1.0, 1.2)
        return Changes(events, self._mirror.revision, synced=True, relisted=not first, epoch=self._mirror.epoch)

    def _told(self, delivery: Delivery) -> Changes | Progress:
        events = self._mirror.apply(delivery.events, delivery.revision)
        if not events:
            return Progress(self._mirror.revision)
        return Changes(events, self._mirror.revision, epoch=self._mirror.epoch)

    async def _safety_list(self) -> Changes | None:
        """None when it is not due. The feed goes on meanwhile; what the list overtook is told once."""
        if _now() < self._next_list:
            return None
        return self._relisted(await self._list())

    async def _pause(self, delay: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._source.closed.wait()

    @property
    def _name(self) -> str:
        return self._prefix.decode(errors="backslashreplace")


def _now() -> float:
    return asyncio.get_running_loop().time()
