"""`serve`: the dashboard over your own etcd."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from lbdash.cli.dashboard import require_extra, serve
from lbdash.cli.options import Commands, add_etcd, add_tls, command, etcd_overrides, tls_override, usage
from lbdash.cli.output import say
from lbdash.config import Config, Watch, split

_EXAMPLES = """\
  lbdash discover --etcd etcd:2379                      first: which --watch lines fit?
  lbdash serve --etcd etcd:2379 --watch /hwholiday/ --watch user.rpc/=gozero
  lbdash serve --etcd e1:2379,e2:2379 --etcd-user lbdash --etcd-password-file pw --watch /svc/ --name staging
  lbdash serve --watch /hwholiday/ --control 'hwholiday.srv.*'      may steer these services

It reads the watched prefixes and /lbdash/, and nothing else. Without --control it changes nothing, ever.
When it is ready, one line on stdout says where: `lbdash ready http=... telemetry=... etcd=...`.
The first run prints a login URL on stderr. Clients report to the telemetry address."""


def add(commands: Commands) -> None:
    parser = command(commands, "serve", _run, "the dashboard over your own etcd, read-only until armed", _EXAMPLES)
    group = add_etcd(parser)
    group.add_argument(
        "--watch",
        action="append",
        metavar="PREFIX[=CONVENTION]",
        help="registrations are under this prefix; repeatable (LBDASH_WATCH, comma list)",
    )
    parser.add_argument(
        "--control", action="append", metavar="GLOB", help="services it may steer; repeatable (LBDASH_CONTROL)"
    )
    parser.add_argument(
        "--capacity-floor", type=int, metavar="N", help="READY backends each service must keep (default 1)"
    )
    add_addresses(parser)
    parser.add_argument("--host", action="append", dest="hosts", metavar="NAME", help="a further name it is reached by")
    parser.add_argument("--name", help="the environment's name, in every page's header, e.g. production")
    parser.add_argument("--colour", choices=("red", "amber", "green", "blue", "violet"), help="and its colour")
    add_tls(parser.add_argument_group("TLS of the telemetry port"), "telemetry")


def add_addresses(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--http", metavar="HOST:PORT", help="pages and API (default 127.0.0.1:8000; port 0 = any free)")
    parser.add_argument("--telemetry", metavar="HOST:PORT", help="clients report here (default 127.0.0.1:50051)")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="database and secret key (default var; demo: temporary)"
    )


def _run(args: argparse.Namespace) -> int:
    config = config_of(args)
    if not config.watch:
        raise usage(
            "no prefix to watch", "`lbdash discover` shows what is in your etcd; then: lbdash serve --watch PREFIX"
        )
    require_extra()
    asyncio.run(serve(config, say))
    return 0


def config_of(args: argparse.Namespace) -> Config:
    """The options over the environment. Raises ConfigError, naming the option."""
    return Config.from_env(
        **etcd_overrides(args),
        watch=tuple(map(Watch.parse, args.watch)) if args.watch else None,
        control=_lists(args.control),
        hosts=_lists(args.hosts),
        capacity_floor=args.capacity_floor,
        http=args.http,
        telemetry=args.telemetry,
        telemetry_tls=tls_override(args, "telemetry"),
        data=args.data,
        name=args.name,
        colour=args.colour,
    )


def _lists(given: list[str] | None) -> tuple[str, ...] | None:
    return tuple(part for text in given for part in split(text)) if given else None
