"""The command line as a shell sees it."""

import subprocess
import sys

import pytest

from lbdash.cli import main

COMMANDS = ("serve", "demo", "services", "subconns", "picks", "status", "drain", "maint", "ready", "weight", "shares")
COMMANDS += ("policy", "undo", "freeze", "register", "discover", "etcd-role", "token", "bootstrap")

# A machine with the base install: importing anything of the dashboard extra fails as if it were not there.
BASE_ONLY = """
import sys
EXTRA = {"django", "channels", "uvicorn", "numpy", "jinja2", "whitenoise", "prometheus_client", "dj_database_url"}
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in EXTRA:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
import importlib.util
real = importlib.util.find_spec
def find_spec(name, package=None):
    try:
        return real(name, package)
    except ModuleNotFoundError:
        return None
importlib.util.find_spec = find_spec
from lbdash.cli import main
sys.exit(main(sys.argv[1:]))
"""


def run_base_install(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", BASE_ONLY, *words], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert "usage: lbdash" in capsys.readouterr().out


def test_the_help_names_every_command_and_where_to_start(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert all(f"    {command}" in text for command in COMMANDS)
    assert "start here" in text


def test_a_wrong_call_ends_with_2() -> None:
    with pytest.raises(SystemExit) as end:
        main(["drain"])
    assert end.value.code == 2


def test_serve_without_a_prefix_points_to_discover(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve"]) == 2
    assert "lbdash discover" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--etcd", "http://user:pw@etcd"), "options of their own"),
        (("--watch", "/b/=nacos"), "nacos"),
        (("--etcd-ca", "/no/such/file"), "--etcd-ca /no/such/file"),
        (("--telemetry-cert", __file__), "go together"),
        (("--telemetry-ca", __file__), "--telemetry-cert"),
    ],
)
def test_what_serve_cannot_use_is_told_before_it_starts(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "--watch", "/svc/", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "pw" not in error


def test_an_empty_prefix_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--watch", "/"]) == 2
    assert "whole etcd" in capsys.readouterr().err


@pytest.mark.parametrize("command", [("serve", "--watch", "/svc/"), ("demo",), ("token", "list")])
def test_without_the_extra_the_pip_command_is_named(command: tuple[str, ...]) -> None:
    done = run_base_install(*command)
    assert done.returncode == 1
    assert "pip install 'lbdash[dashboard]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_base_install_has_the_other_commands() -> None:
    done = run_base_install("etcd-role", "--watch", "/svc/")
    assert done.returncode == 0, done.stderr
    assert "etcdctl role grant-permission" in done.stdout


def test_a_reader_that_leaves_is_no_failure() -> None:
    command = f"{sys.executable} -m lbdash etcd-role --watch /svc/ | true"
    assert subprocess.run(command, shell=True, capture_output=True, text=True).stderr == ""


@pytest.mark.parametrize(("policy", "text"), [("--policy=best", "there are"), ("--backends=1", "at least")])
def test_a_demo_that_cannot_be_says_which_switch(policy: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", policy]) == 2
    error = capsys.readouterr().err
    assert policy.partition("=")[0] in error
    assert text in error
