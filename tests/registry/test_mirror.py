from __future__ import annotations

import pytest

from lbdash.registry.kv import KeyValue, Listing, WatchDelete, WatchPut
from lbdash.registry.mirror import Mirror


def kv(name: str, revision: int, value: bytes = b"x") -> KeyValue:
    return KeyValue(name.encode(), value, revision, revision, 1, 0)


def mirror_at_10() -> Mirror:
    mirror = Mirror()
    mirror.replace(Listing((kv("a", 3), kv("b", 7)), 10, cluster_id=1))
    return mirror


def test_the_first_list_is_all_news() -> None:
    mirror = Mirror()
    assert mirror.empty
    assert mirror.replace(Listing((kv("b", 7), kv("a", 3)), 10, 1)) == (WatchPut(kv("a", 3)), WatchPut(kv("b", 7)))
    assert (mirror.empty, mirror.revision, mirror.epoch) == (False, 10, 0)


def test_a_later_list_is_told_as_the_difference() -> None:
    told = mirror_at_10().replace(Listing((kv("a", 3), kv("c", 12)), 12, 1))
    assert told == (WatchDelete(b"b", 12), WatchPut(kv("c", 12)))


def test_what_a_list_overtook_is_told_once() -> None:
    mirror = mirror_at_10()
    mirror.replace(Listing((kv("a", 12),), 12, 1))
    late = [WatchDelete(b"b", 11), WatchPut(kv("a", 12)), WatchPut(kv("d", 13))]
    assert mirror.apply(late, 13) == (WatchPut(kv("d", 13)),)
    assert mirror.revision == 13


@pytest.mark.parametrize(
    "listing",
    [
        Listing((kv("a", 3), kv("b", 7)), 9, 1),  # went back
        Listing((kv("a", 3), kv("b", 7)), 10, 2),  # another cluster
        Listing((kv("a", 3, b"other"), kv("b", 7)), 12, 1),  # the past says something else
        Listing((kv("a", 3), kv("b", 7), kv("c", 5)), 12, 1),  # the past has a key we never heard of
    ],
)
def test_a_list_that_contradicts_what_was_told_begins_a_new_epoch(listing: Listing) -> None:
    mirror = mirror_at_10()
    told = mirror.replace(listing)
    assert mirror.epoch == 1
    assert {event.kv.key for event in told} == {kv.key for kv in listing.items}
