"""The bootstrap document, as clients and shells read it."""

import json
import shlex

from lbdash.cli import main
from lbdash.config import Tls
from lbdash.xds.bootstrap import bootstrap, environment_line


def test_a_plain_port_needs_its_address_alone() -> None:
    (server,) = bootstrap("10.0.0.9:50052", "web-1")["xds_servers"]
    assert server["server_uri"] == "10.0.0.9:50052"
    assert server["channel_creds"] == [{"type": "insecure"}]
    assert "xds_v3" in server["server_features"]


def test_tls_names_the_files_that_were_given_and_no_others() -> None:
    (server,) = bootstrap("h:1", "web-1", Tls(ca="ca.pem"))["xds_servers"]
    assert server["channel_creds"] == [{"type": "tls", "config": {"ca_certificate_file": "ca.pem"}}]


def test_the_environment_line_survives_a_shell() -> None:
    document = bootstrap("h:1", "it's me")
    export, assignment = shlex.split(environment_line(document))
    name, _, value = assignment.partition("=")
    assert (export, name) == ("export", "GRPC_XDS_BOOTSTRAP_CONFIG")
    assert json.loads(value) == document


def test_the_command_prints_json_on_stdout_and_advice_on_stderr(capsys) -> None:
    assert main(["bootstrap", "--xds", "lbdash.example:50052", "--node", "n"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == bootstrap("lbdash.example:50052", "n")
    assert "GRPC_XDS_BOOTSTRAP" in printed.err


def test_an_address_that_nobody_can_dial_is_refused(capsys) -> None:
    assert main(["bootstrap", "--xds", "0.0.0.0:50052"]) == 2
    assert "no client can dial" in capsys.readouterr().err
