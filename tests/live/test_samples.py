from dataclasses import replace

from lbdash.live.events import PickSample
from lbdash.live.samples import PICKS, PickRing

SAMPLE = PickSample(0, "c", "/m", "", "", "complete", "", "next", "p", (), 0, 0, 1, 1, 1, "", False, {})


def test_reasons_that_left_the_ring_are_forgotten() -> None:
    ring = PickRing()
    ring.add(replace(SAMPLE, reason=f"made up {n}") for n in range(3 * PICKS))
    ring.add([SAMPLE, SAMPLE])
    assert len(ring.reasons()) == PICKS - 1
    assert ring.reasons()["next"] == 2
