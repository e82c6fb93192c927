"""`serve`: the dashboard over your own etcd."""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path

from lbdash.cli.dashboard import require_extra, serve
from lbdash.cli.options import Commands, add_etcd, add_tls, command, etcd_overrides, tls_override, usage
from lbdash.cli.output import say
from lbdash.config import Config, Tls, Watch, split
from lbdash.registry.conventions import by_name
from lbdash.registry.endpoints import parse_endpoints

_EXAMPLES = """\
  lbdash discover --etcd etcd:2379                      first: which --watch lines fit?
  lbdash serve --etcd etcd:2379 --watch /hwholiday/ --watch user.rpc/=gozero
  lbdash serve --etcd e1:2379,e2:2379 --etcd-user lbdash --etcd-password-file pw --watch /svc/ --name staging
  lbdash serve --watch /hwholiday/ --control 'hwholiday.srv.*'      may steer these services
  lbdash serve --watch /hwholiday/ --xds 0.0.0.0:50052              and stock clients, see `lbdash bootstrap`

It reads the watched prefixes and /lbdash/, and nothing else. Without --control it changes nothing, ever.
When it is ready, one line on stdout says where: `lbdash ready http=... telemetry=... etcd=... xds=...`.
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
    add_tls(parser.add_argument_group("TLS of the xDS port"), "xds")


def add_addresses(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--http", metavar="HOST:PORT", help="pages and API (default 127.0.0.1:8000; port 0 = any free)")
    parser.add_argument("--telemetry", metavar="HOST:PORT", help="clients report here (default 127.0.0.1:50051)")
    parser.add_argument(
        "--xds", metavar="HOST:PORT", help="stock clients dial xds:///service here (default: not served)"
    )
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
    check(config)
    asyncio.run(serve(config, say))
    return 0


def check(config: Config) -> None:
    """What can be known to be wrong before anything starts. Raises CliError."""
    try:
        parse_endpoints(",".join(config.etcd))
        for watch in config.watch:
            if watch.convention:
                by_name(watch.convention)
    except ValueError as error:
        raise usage(str(error)) from None
    _check_tls("--etcd", config.etcd_tls)
    for option, tls in (("--telemetry", config.telemetry_tls), ("--xds", config.xds_tls)):
        _check_tls(option, tls)
        if tls and not tls.cert:
            raise usage(f"{option}-ca asks clients for certificates, so the port needs its own", f"Give {option}-cert.")


def _check_tls(option: str, tls: Tls) -> None:
    if bool(tls.cert) != bool(tls.key):
        raise usage(f"{option}-cert and {option}-key go together")
    for part in ("ca", "cert", "key"):
        path = getattr(tls, part)
        if path and not os.access(path, os.R_OK):
            raise usage(f"{option}-{part} {path}: there is no such file, or it cannot be read")


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
        xds=args.xds,
        xds_tls=tls_override(args, "xds"),
        data=args.data,
        name=args.name,
        colour=args.colour,
    )


def _lists(given: list[str] | None) -> tuple[str, ...] | None:
    return tuple(part for text in given for part in split(text)) if given else None
