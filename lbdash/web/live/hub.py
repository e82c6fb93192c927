"""Composes every watched page once per tick for all its viewers. Two lanes: state changes at once, numbers at 4 Hz.

Nothing runs while nobody watches. A page nobody watches keeps its memo for a while, so that coming back is cheap.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from django.http import Http404

from lbdash.tasks import spawn, stop
from lbdash.viewmodels.header import notice
from lbdash.web.live.feed import Feed, Key
from lbdash.web.live.lanes import Lanes

if TYPE_CHECKING:
    from lbdash.runtime import Runtime

log = logging.getLogger(__name__)

MAX_VIEWERS = 500
_IDLE_FEEDS = 16


class Hub:
    """`join` and `leave` bracket a viewer. One per runtime; its loop starts with the first viewer."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._feeds: dict[Key, Feed] = {}
        self._task: asyncio.Task[None] | None = None

    @property
    def viewers(self) -> int:
        return sum(feed.viewers for feed in self._feeds.values())

    @property
    def pages(self) -> int:
        return sum(feed.viewers > 0 for feed in self._feeds.values())

    def feed(self, key: Key, make: Callable[[Key], Feed]) -> Feed:
        """The feed of a page; made when it is new, and then the idlest one beyond the bound is dropped."""
        feed = self._feeds.pop(key, None) or make(key)
        self._feeds[key] = feed  # last = used last
        idle = [other for other in self._feeds.values() if not other.viewers and other is not feed]
        for other in idle[: max(0, len(idle) - _IDLE_FEEDS)]:
            del self._feeds[other.key]
        return feed

    def join(self, feed: Feed) -> bool:
        """False when there are too many viewers. The loop ends with the last one."""
        if self.viewers >= MAX_VIEWERS:
            return False
        self._feeds[feed.key] = feed
        feed.viewers += 1
        if self._task is None or self._task.done():
            self._task = spawn(self._run(), "live hub")
        return True

    def leave(self, feed: Feed) -> None:
        feed.viewers -= 1
        if self._task is not None and not self.viewers:
            self._task.cancel()
            self._task = None

    # ---- the loop

    async def _run(self) -> None:
        changes = self._runtime.store.subscribe()
        store = self._runtime.store
        lanes = Lanes(changes, time.monotonic, lambda: store.topology_version)
        try:
            while watched := self._watched():
                began = time.thread_time()  # not wall time: a busy machine must not look like a dear page
                for feed in watched:
                    self._paint(feed, lanes)
                await lanes.next(time.thread_time() - began)
        finally:
            changes.close()
            await stop(*(feed.loading for feed in self._feeds.values()))

    def _watched(self) -> list[Feed]:
        return [feed for feed in self._feeds.values() if feed.viewers]

    def _paint(self, feed: Feed, lanes: Lanes) -> None:
        try:
            feed.paint(lanes.fresh)
            if lanes.pulse:
                feed.paint_blob()
                self._reload(feed)
        except Http404 as error:
            feed.fail(notice("wait", "This is no longer known", str(error)))
        except Exception:
            log.exception("page %s failed", feed.key.path)
            feed.fail(notice("down", "This page cannot be updated", "The log has the reason. Other pages go on."))

    def _reload(self, feed: Feed) -> None:
        """Beside the loop, one at a time per page: a slow database delays its page, not the others."""
        if feed.load is not None and (feed.loading is None or feed.loading.done()):
            feed.loading = spawn(feed.reload(), f"load {feed.key.path}")
