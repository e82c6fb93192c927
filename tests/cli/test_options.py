import argparse

import pytest

from lbdash.cli.options import duration
from lbdash.cli.serve import add, config_of
from lbdash.config import ConfigError, Remote, Tls


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("30m", 1800), ("4h", 14400), ("2d", 172800)])
def test_durations(text: str, seconds: int) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "4x", "-1", "1.5h", "h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        duration(text)


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add(parser.add_subparsers())
    return parser.parse_args(["serve", *words])


def test_options_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LBDASH_ETCD", "a:1,b:2")
    monkeypatch.setenv("LBDASH_NAME", "staging")
    monkeypatch.setenv("LBDASH_ETCD_CA", "ca.pem")
    config = config_of(parse("--etcd", "c:3", "--etcd-cert", "me.pem", "--watch", "/a", "--watch", "b/=gozero"))
    assert config.etcd == ("c:3",)
    assert config.name == "staging"
    assert config.etcd_tls == Tls(ca="ca.pem", cert="me.pem")
    assert [str(watch) for watch in config.watch] == ["/a/", "b/=gozero"]
    assert config.read_only


def test_nothing_is_armed_unless_it_is_named() -> None:
    assert config_of(parse("--control", "hw.*,user.rpc", "--control", "x")).control == ("hw.*", "user.rpc", "x")


def test_a_watch_without_a_prefix_would_read_everything() -> None:
    with pytest.raises(ConfigError, match="whole etcd"):
        config_of(parse("--watch", "=gozero"))


def test_the_password_comes_from_a_file_and_is_never_shown(tmp_path) -> None:
    file = tmp_path / "pw"
    file.write_text("s3cret\n")
    config = config_of(parse("--etcd-password-file", str(file)))
    assert config.etcd_password == "s3cret"
    assert "s3cret" not in repr(config)


def test_the_token_is_never_shown() -> None:
    assert "t0ken" not in repr(Remote.from_env({"LBDASH_TOKEN": "t0ken"}))
