"""Events as people read them: bounded, equal neighbours in one line."""

from __future__ import annotations

from lbdash.live.timeline import OVERALL, PER_SERVICE, Note, Timeline


def note(at: float, text: str = "TRANSIENT_FAILURE", backend: str = "a:1", client: str = "c1", **more: str) -> Note:
    return Note(at, "state", "error", "shop", text, backend, client, **more)


def test_nine_clients_that_lose_one_backend_are_one_line() -> None:
    timeline = Timeline()
    for number in range(9):
        timeline.add(note(100 + number * 0.3, client=f"c{number}"))
        timeline.add(note(100 + number * 0.3, backend="b:1"))
    entries = timeline.newest("shop", 10, 0)
    assert [(e.backend, e.count, e.at, e.client) for e in entries] == [("b:1", 9, 100, "c1"), ("a:1", 9, 100, "")]
    assert entries[1].until == 100 + 8 * 0.3
    assert timeline.newest("", 10, 0) == entries


def test_what_happens_later_or_elsewhere_is_a_line_of_its_own() -> None:
    timeline = Timeline()
    for later in (note(100), note(103.5), note(103.6, text="READY again"), note(103.7, backend="b:1")):
        timeline.add(later)
    assert [entry.count for entry in timeline.newest("shop", 10, 0)] == [1, 1, 1, 1]


def test_commands_are_never_folded() -> None:
    timeline = Timeline()
    for _ in range(2):
        timeline.add(note(100, command="42"))
    assert len(timeline.newest("shop", 10, 0)) == 2


def test_pages_go_back_by_serial() -> None:
    timeline = Timeline()
    for number in range(10):
        timeline.add(note(100, text=str(number)))
    first = timeline.newest("shop", 4, 0)
    second = timeline.newest("shop", 4, first[-1].serial)
    assert [entry.text for entry in (*first, *second)] == list("98765432")


def test_a_noisy_service_does_not_push_out_a_quiet_one() -> None:
    timeline = Timeline()
    timeline.add(Note(1, "command", "ok", "quiet", "drained"))
    for number in range(OVERALL + 10):
        timeline.add(note(100, text=str(number)))
    assert len(timeline.newest("shop", 10**6, 0)) == PER_SERVICE
    assert len(timeline.newest("", 10**6, 0)) == OVERALL
    assert [entry.text for entry in timeline.newest("quiet", 10, 0)] == ["drained"]
