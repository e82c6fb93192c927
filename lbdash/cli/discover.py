"""`discover`: sample an etcd's keys, read-only, and print the `--watch` lines that would fit."""

from __future__ import annotations

import argparse
import asyncio
import json
import shlex
from collections.abc import Iterator
from dataclasses import asdict

from lbdash.cli.errors import CliError
from lbdash.cli.etcd import registry_of
from lbdash.cli.options import Commands, add_etcd, command
from lbdash.cli.output import note, say
from lbdash.registry.conventions.discover import Discovery, discover
from lbdash.registry.kv import Listing


def add(commands: Commands) -> None:
    parser = command(
        commands,
        "discover",
        _run,
        "what is registered in an etcd, and the --watch lines that fit; reads only",
        "  lbdash discover --etcd 10.0.0.5:2379\n  lbdash discover --prefix /prod/ --limit 2000",
    )
    add_etcd(parser)
    parser.add_argument("--prefix", default="", metavar="PREFIX", help="look only below this (default: everywhere)")
    parser.add_argument("--limit", type=int, default=10_000, metavar="N", help="read at most N keys (default 10000)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _run(args: argparse.Namespace) -> int:
    if args.limit < 1:
        raise CliError("--limit must be at least 1")
    listing = asyncio.run(_sample(args))
    found = discover(listing.items)
    if len(listing.items) >= args.limit:
        note(f"Only the first {args.limit} keys were read; there may be more. See --limit and --prefix.")
    say(json.dumps(asdict(found), ensure_ascii=False, indent=2) if args.json else "\n".join(lines(found)))
    return 0


async def _sample(args: argparse.Namespace) -> Listing:
    async with registry_of(args) as registry:
        return await registry.list(args.prefix.encode(), limit=args.limit)


def lines(found: Discovery) -> Iterator[str]:
    """For people: each prefix with its services, then the command line to copy."""
    if not found.suggestions:
        yield f"No registrations in {found.sampled} keys that lbdash can read (hwholiday, etcd naming, go-zero, plain)."
        return
    for item in found.suggestions:
        names = ", ".join(item.services[:5]) + (f" and {len(item.services) - 5} more" if len(item.services) > 5 else "")
        yield f"{item.prefix}  {item.convention or 'several conventions'}, {item.registrations} registrations: {names}"
    if found.unrecognised:
        yield f"({found.unrecognised} of {found.sampled} keys are no registrations lbdash can read)"
    yield ""
    yield "lbdash serve " + " ".join(f"--watch {shlex.quote(item.watch)}" for item in found.suggestions)
