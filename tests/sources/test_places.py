import pytest

from lbdash.sources.columns import Malformed
from lbdash.sources.places import Places


def test_places_return_when_the_live_state_has_let_go_of_them() -> None:
    places = Places(100, after_s=60)
    places.take(100)
    places.give_back(30, at=0.0)
    places.give_back(30, at=0.5)
    places.sweep(at=59.0)
    with pytest.raises(Malformed):
        places.take(1)
    places.sweep(at=60.0)
    places.take(60)
    with pytest.raises(Malformed):
        places.take(1)
