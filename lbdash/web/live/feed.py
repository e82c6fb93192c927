"""One page that is being watched: its newest screen, and the differences between recent ones, each made once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from itertools import count

from lbdash.viewmodels.html import Html
from lbdash.viewmodels.screen import Memo, Screen
from lbdash.web.live.frames import frame

_serials = count(1)  # never repeats in a process: a token of another feed cannot be mistaken for one of ours
_HANDED = 8  # first paints whose socket may still come
_FRAMES = 32


@dataclass(frozen=True, slots=True)
class Key:
    """What makes two viewers' pages the same page."""

    path: str
    query: tuple[tuple[str, str], ...]
    may_steer: bool


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A screen with its serial; what a browser has. Compared by identity."""

    serial: int
    screen: Screen


@dataclass(slots=True)
class Feed:
    """`compose`, `blob` and `load` are bound to the page's subject. `viewers` counts open sockets."""

    key: Key
    compose: Callable[[Memo, object, bool], Screen]
    blob: Callable[[Memo, object], bytes | None] | None = None
    load: Callable[[], Awaitable[object]] | None = None  # what the store does not hold, e.g. from the database
    loaded: object = None
    loading: asyncio.Task[None] | None = None
    memo: Memo = field(default_factory=Memo)
    viewers: int = 0
    latest: Shown | None = None
    bytes_: bytes | None = None
    blob_serial: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _handed: OrderedDict[int, Shown] = field(default_factory=OrderedDict)
    _frames: OrderedDict[tuple[int, int], str | None] = field(default_factory=OrderedDict)

    def paint(self, fresh: bool = True) -> Shown:
        """Compose now, with `fresh` numbers or those of the last time; every viewer gets the newest screen next."""
        self.latest = Shown(next(_serials), self.compose(self.memo, self.loaded, fresh))
        self._wake()
        return self.latest

    async def reload(self) -> None:
        if self.load is not None:
            self.loaded = await self.load()

    def fail(self, notice: Html) -> None:
        """Keep what was shown, under a notice that says why it stands still."""
        before = self.latest.screen if self.latest else Screen("lbdash")
        if before.regions.get("notices") != notice:
            self.latest = Shown(next(_serials), replace(before, regions={**before.regions, "notices": notice}))
            self._wake()

    def paint_blob(self) -> None:
        if self.blob is None:
            return
        content = self.blob(self.memo, self.loaded)
        if content != self.bytes_:
            self.bytes_, self.blob_serial = content, next(_serials)
            self._wake()

    def hand_out(self) -> tuple[Screen, int]:
        """For a first paint: the screen, and the token by which the page's socket says what it has."""
        shown = self.paint()
        self._handed[shown.serial] = shown
        while len(self._handed) > _HANDED:
            self._handed.popitem(last=False)
        return shown.screen, shown.serial

    def handed(self, token: int) -> Shown | None:
        return self._handed.pop(token, None)

    def frame_from(self, old: Shown | None, new: Shown) -> str | None:
        """The same two screens are compared once for all viewers."""
        key = (old.serial if old else 0, new.serial)
        if key not in self._frames:
            self._frames[key] = frame(old.screen if old else None, new.screen, new.serial)
            while len(self._frames) > _FRAMES:
                self._frames.popitem(last=False)
        return self._frames[key]

    def _wake(self) -> None:
        # A new event for the next round: whoever waits on the old one sees it set, however late it looks.
        self._changed.set()
        self._changed = asyncio.Event()

    async def newer(self, serial: int, blob_serial: int) -> None:
        """Wait until there is a screen or blob that the viewer does not have."""
        while (self.latest is None or self.latest.serial <= serial) and self.blob_serial <= blob_serial:
            await self._changed.wait()
