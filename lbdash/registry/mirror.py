"""What a watcher has been told, so that a fresh list can be turned into the difference."""

from __future__ import annotations

from collections.abc import Iterable

from lbdash.registry.kv import KeyValue, Listing, WatchDelete, WatchPut

WatchEvent = WatchPut | WatchDelete


class Mirror:
    """The keys of one prefix as of `revision`, by stamp: values are not kept, only their hashes.

    `epoch` rises when a list contradicts what we were told: then another history is being told
    (a wiped data directory, another cluster), and revisions before and after do not compare.
    """

    def __init__(self) -> None:
        self.revision = 0
        self.epoch = 0
        self._cluster_id: int | None = None
        self._stamps: dict[bytes, tuple[int, int]] = {}  # key -> (mod_revision, hash of everything)

    @property
    def empty(self) -> bool:
        """Nothing was listed yet."""
        return self._cluster_id is None

    def doubts(self, revision: int, cluster_id: int) -> bool:
        """True when a server with these headers may not hold the history we were told."""
        return revision < self.revision or cluster_id != self._cluster_id

    def apply(self, events: Iterable[WatchEvent], revision: int) -> tuple[WatchEvent, ...]:
        """Take in what a watch delivered; returns the events that are news (a list may have overtaken the watch)."""
        fresh = tuple(event for event in events if _revision(event) > self.revision)
        for event in fresh:
            self._take(event)
        self.revision = max(self.revision, revision)
        return fresh

    def replace(self, listing: Listing) -> tuple[WatchEvent, ...]:
        """Take in a whole list; returns what changed, deletions first, puts in revision order."""
        rewritten = not self.empty and self._contradicted(listing)
        self.epoch += rewritten
        stamps = {kv.key: _stamp(kv) for kv in listing.items}
        gone = [WatchDelete(key, listing.revision) for key in self._stamps if key not in stamps]
        # Across epochs an equal stamp proves nothing, so everything is told again.
        news = [WatchPut(kv) for kv in listing.items if rewritten or self._stamps.get(kv.key) != stamps[kv.key]]
        news.sort(key=_revision)
        self._stamps, self.revision, self._cluster_id = stamps, listing.revision, listing.cluster_id
        return (*gone, *news)

    def _contradicted(self, listing: Listing) -> bool:
        """One history never goes back, never changes cluster, and never alters what it said of the past."""
        if self.doubts(listing.revision, listing.cluster_id):
            return True
        return any(kv.mod_revision <= self.revision and self._stamps.get(kv.key) != _stamp(kv) for kv in listing.items)

    def _take(self, event: WatchEvent) -> None:
        if isinstance(event, WatchPut):
            self._stamps[event.kv.key] = _stamp(event.kv)
        else:
            self._stamps.pop(event.key, None)


def _stamp(kv: KeyValue) -> tuple[int, int]:
    return kv.mod_revision, hash(kv)


def _revision(event: WatchEvent) -> int:
    return event.kv.mod_revision if isinstance(event, WatchPut) else event.revision
