"""`bootstrap`: what a stock gRPC client needs to follow this control plane. Prints; runs nothing."""

from __future__ import annotations

import argparse
import json
import socket

from lbdash.cli.options import Commands, command, usage
from lbdash.cli.output import note, say
from lbdash.config import Config, Tls, host_port
from lbdash.xds.bootstrap import FILE_VARIABLE, bootstrap, environment_line

_EXAMPLES = """\
  lbdash bootstrap --xds lbdash.example:50052 > xds.json      then: export GRPC_XDS_BOOTSTRAP=xds.json
  eval "$(lbdash bootstrap --xds 127.0.0.1:50052 --env)"      for this shell; dial xds:///SERVICE
  lbdash bootstrap --xds lbdash.example:50052 --tls --ca ca.pem --cert me.pem --key me.key

The paths are those on the client's machine."""


def add(commands: Commands) -> None:
    parser = command(commands, "bootstrap", _run, "print the xDS bootstrap of a stock gRPC client", _EXAMPLES)
    parser.add_argument("--xds", metavar="HOST:PORT", help="where clients reach the --xds port of `serve` (LBDASH_XDS)")
    parser.add_argument(
        "--node", default=socket.gethostname(), help="the client's name here (default this host's name)"
    )
    parser.add_argument("--env", action="store_true", help="print a line for a shell instead of JSON")
    tls = parser.add_argument_group("TLS")
    tls.add_argument("--tls", action="store_true", help="the port speaks TLS; implied by the others")
    for part, meaning in (("ca", "trust this authority"), ("cert", "the client's certificate"), ("key", "its key")):
        tls.add_argument(f"--{part}", default="", metavar="PEM", help=meaning)


def _run(args: argparse.Namespace) -> int:
    server = args.xds or Config.from_env().xds
    if not server:
        raise usage("where is the control plane?", "Name it as clients reach it: lbdash bootstrap --xds HOST:PORT")
    host, port = host_port(server, "--xds")
    if not port or host in ("0.0.0.0", "::"):
        raise usage(f"--xds {server}: no client can dial that", "Name the host and port that clients use.")
    if bool(args.cert) != bool(args.key):
        raise usage("--cert and --key go together")
    tls = Tls(args.ca, args.cert, args.key)
    document = bootstrap(server, args.node, tls if tls or args.tls else None)
    if args.env:
        say(environment_line(document))
    else:
        say(json.dumps(document, indent=2))
        note(f"Save it, and: export {FILE_VARIABLE}=FILE. Or run again with --env. Then dial xds:///SERVICE.")
    return 0
