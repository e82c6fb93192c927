import pytest

from lbdash.web.origin import same_origin


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000", True),
        ("http://localhost", "localhost", True),
        ("https://lb.example", "lb.example", True),
        ("https://lb.example:443", "lb.example", True),
        ("http://[::1]:8000", "[::1]:8000", True),
        ("http://LB.example", "lb.example", True),
        ("http://127.0.0.1:9000", "127.0.0.1:8000", False),
        ("http://evil.example", "127.0.0.1:8000", False),
        ("http://127.0.0.1:8000.evil.example", "127.0.0.1:8000", False),
        ("http://127.0.0.1:8000@evil.example", "127.0.0.1:8000", False),
        ("null", "127.0.0.1:8000", False),
        ("", "127.0.0.1:8000", False),
        ("file://127.0.0.1:8000", "127.0.0.1:8000", False),
        ("http://127.0.0.1:x", "127.0.0.1:8000", False),
    ],
)
def test_origin_is_ours_only_when_name_and_port_are(origin: str, host: str, same: bool) -> None:
    assert same_origin(origin, host) is same
