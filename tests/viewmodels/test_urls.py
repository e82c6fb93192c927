import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lbdash.viewmodels.urls import service_to_url, url_to_service

NAMES = st.text(alphabet="/~-.ab%é", min_size=1, max_size=12)


@given(NAMES)
@example("a//b")
@example("a/~b")
@example("a~/b")
@example("..")
def test_every_name_comes_back_and_fits_one_path_segment(name: str) -> None:
    spelt = service_to_url(name)
    assert url_to_service(spelt) == name
    assert "/" not in spelt
    assert spelt not in (".", "..")


@pytest.mark.parametrize(
    ("name", "spelt"),
    [
        ("hwholiday.srv.app", "hwholiday.srv.app"),
        ("services/search/x", "services~search~x"),
        ("a~b", "a~~b"),
        ("unix:/run/app.sock", "unix:~run~app.sock"),
    ],
)
def test_a_slash_is_a_tilde_and_a_tilde_two(name: str, spelt: str) -> None:
    assert service_to_url(name) == spelt
