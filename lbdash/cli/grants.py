"""`etcd-role`: the etcdctl lines that give lbdash what it needs and nothing else. Prints; runs nothing."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator, Sequence

from lbdash.cli.options import Commands, command, usage
from lbdash.cli.output import say
from lbdash.config import Config, Watch
from lbdash.registry.control_keys import ROOT


def add(commands: Commands) -> None:
    parser = command(
        commands,
        "etcd-role",
        _run,
        "print the etcdctl lines for roles that may do what is needed, no more",
        "  lbdash etcd-role --watch /hwholiday/ --watch user.rpc/\n"
        "  lbdash etcd-role --watch /hwholiday/ --read-only     # a dashboard that never steers",
    )
    parser.add_argument("--watch", action="append", metavar="PREFIX", help="a prefix `serve` watches; repeatable")
    parser.add_argument("--name", default="lbdash", help="of the role and the user (default lbdash)")
    parser.add_argument("--read-only", action="store_true", help="for a dashboard without --control")


def _run(args: argparse.Namespace) -> int:
    watch = tuple(map(Watch.parse, args.watch)) if args.watch else Config.from_env().watch
    if not watch:
        raise usage("name the prefixes with --watch", "`lbdash discover` lists what is in an etcd.")
    say("\n".join(grants(args.name, [item.prefix for item in watch], read_only=args.read_only)))
    return 0


def grants(name: str, prefixes: Sequence[str], *, read_only: bool = False) -> Iterator[str]:
    """Shell lines: the dashboard's role, then the one for clients of the library."""
    yield "# the dashboard: reads registrations, never writes them" + (
        "" if read_only else "; its own keys are under /lbdash/"
    )
    yield _etcdctl("role", "add", name)
    for prefix in prefixes:
        yield _grant(name, "read", prefix)
    yield _grant(name, "read" if read_only else "readwrite", ROOT)
    yield _etcdctl("user", "add", name) + "   # asks for a password"
    yield _etcdctl("user", "grant-role", name, name)
    yield "# clients of lbdash.balancing: read their service and what operators said of it"
    yield _etcdctl("role", "add", f"{name}-client")
    for prefix in (*prefixes, ROOT):
        yield _grant(f"{name}-client", "read", prefix)


def _grant(role: str, right: str, prefix: str) -> str:
    return _etcdctl("role", "grant-permission", "--prefix=true", role, right, prefix)


def _etcdctl(*words: str) -> str:
    return shlex.join(("etcdctl", *words))
