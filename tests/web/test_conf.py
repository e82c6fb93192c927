import stat
from pathlib import Path

import pytest

from lbdash.config import Config, ConfigError
from lbdash.web.conf import allowed_hosts, database, django_settings, secret_key


def test_the_secret_key_is_made_once_and_for_the_owner_alone(tmp_path: Path) -> None:
    data = tmp_path / "var"
    key = secret_key(data)
    assert len(key) > 50
    assert secret_key(data) == key
    assert stat.S_IMODE((data / "secret_key").stat().st_mode) == 0o600
    assert stat.S_IMODE(data.stat().st_mode) == 0o700


def test_a_key_cut_short_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("abc")
    with pytest.raises(ConfigError, match="cut short"):
        secret_key(tmp_path)


def test_a_data_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"--data .*file"):
        secret_key(tmp_path / "file" / "var")


@pytest.mark.parametrize(
    ("http", "hosts", "extra"),
    [
        ("127.0.0.1:8000", (), set()),
        ("0.0.0.0:8000", ("lb.example",), {"lb.example"}),
        ("[::]:8000", (), set()),
        ("10.0.0.5:80", (), {"10.0.0.5"}),
        ("[fd00::5]:80", (), {"[fd00::5]"}),
    ],
)
def test_hosts_are_loopback_the_bind_address_and_those_named(
    http: str, hosts: tuple[str, ...], extra: set[str]
) -> None:
    assert set(allowed_hosts(Config(http=http, hosts=hosts))) == {"127.0.0.1", "localhost", "[::1]"} | extra


def test_a_wildcard_host_is_refused() -> None:
    with pytest.raises(ConfigError, match="wildcard"):
        allowed_hosts(Config(hosts=("*",)))


def test_postgres_by_url_sqlite_without(tmp_path: Path) -> None:
    assert database(Config(data=tmp_path))["NAME"] == str(tmp_path / "lbdash.sqlite3")
    found = database(Config(database_url="postgres://u:p@db.example:5433/lbdash"))
    assert (found["ENGINE"], found["HOST"], found["NAME"]) == ("django.db.backends.postgresql", "db.example", "lbdash")


@pytest.mark.parametrize("url", ["nonsense://u:hunter2@db/x", "postgres://u:hunter2@db:port/x"])
def test_a_database_url_that_cannot_be_read_is_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError) as raised:
        database(Config(database_url=url))
    assert "hunter2" not in str(raised.value)


def test_the_database_is_the_owners_alone(tmp_path: Path) -> None:
    database(Config(data=tmp_path))
    assert stat.S_IMODE((tmp_path / "lbdash.sqlite3").stat().st_mode) == 0o600


def test_two_dashboards_on_one_host_do_not_share_cookies(tmp_path: Path) -> None:
    one, other = (django_settings(Config(data=tmp_path / name)) for name in ("a", "b"))
    assert one["SESSION_COOKIE_NAME"] != other["SESSION_COOKIE_NAME"]
    assert one["CSRF_COOKIE_NAME"] != other["CSRF_COOKIE_NAME"]
