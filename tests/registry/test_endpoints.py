from __future__ import annotations

import pytest

from lbdash.registry.endpoints import Endpoint, parse_endpoints


def test_a_comma_list_is_read_as_people_write_it() -> None:
    assert parse_endpoints("127.0.0.1:2379, http://h:1,https://H/,[::1]:3,h,http://h:1") == (
        Endpoint("127.0.0.1:2379"),
        Endpoint("h:1", tls=False),
        Endpoint("h:2379", tls=True),
        Endpoint("[::1]:3"),
        Endpoint("h:2379"),
    )
    assert parse_endpoints("[::1]") == (Endpoint("[::1]:2379"),)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no etcd endpoint"),
        (" , ", "no etcd endpoint"),
        ("ftp://h:1", "'ftp' is not http or https"),
        ("http://h:1/v3", "without a path"),
        ("h:99999", "'99999' is not in 1..65535"),
        ("::1:2379", "IPv6"),
        ("http://", "no host"),
        ("a b:1", "not a host name"),
    ],
)
def test_what_is_no_endpoint_is_explained(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_endpoints(text)


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="options of their own") as refusal:
        parse_endpoints("http://root:hunter2@h:2379")
    assert "hunter2" not in str(refusal.value)
