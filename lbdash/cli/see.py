"""`services`, `subconns`, `picks`, `status`: what the dashboard sees, in a terminal. Read-only."""

from __future__ import annotations

import argparse
from typing import Any

from lbdash.cli import tables
from lbdash.cli.api import Api, Json, service_path
from lbdash.cli.options import Commands, add_api, add_watch, api_of, command
from lbdash.cli.output import show


def add(commands: Commands) -> None:
    _add_services(commands)
    _add_subconns(commands)
    _add_picks(commands)
    status = command(commands, "status", _status, "sources, lag, what the dashboard costs etcd")
    add_watch(status)
    add_api(status)


def _add_services(commands: Commands) -> None:
    parser = command(
        commands,
        "services",
        _services,
        "every service, or one with its backends and clients",
        "  lbdash services\n  lbdash services hwholiday.srv.app --watch\n"
        "  lbdash services hwholiday.srv.app --json | jq '.backends[] | select(.admin != \"ready\") | .address'",
    )
    parser.add_argument("service", nargs="?", help="one service's name; none = all, worst first")
    add_watch(parser)
    add_api(parser)


def _add_subconns(commands: Commands) -> None:
    parser = command(
        commands,
        "subconns",
        _subconns,
        "the state and counters of every client's connection to every backend",
        "  lbdash subconns hwholiday.srv.app --backend 10.0.0.7:8089\n"
        "  lbdash subconns hwholiday.srv.app --state TRANSIENT_FAILURE",
    )
    parser.add_argument("service")
    parser.add_argument("--client", metavar="ID", help="only this client's")
    parser.add_argument("--backend", metavar="ADDR", help="only those to this backend")
    parser.add_argument("--state", metavar="STATE", help="only those in this state, e.g. READY")
    parser.add_argument("--limit", type=int, default=1000, metavar="N", help="at most so many rows (default 1000)")
    add_watch(parser)
    add_api(parser)


def _add_picks(commands: Commands) -> None:
    parser = command(
        commands,
        "picks",
        _picks,
        "what the pickers chose lately, among whom, and why",
        "  lbdash picks hwholiday.srv.app --limit 20\n  lbdash picks hwholiday.srv.app --watch 1",
    )
    parser.add_argument("service")
    parser.add_argument("--client", metavar="ID", help="only this client's")
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="the newest so many (default 20)")
    add_watch(parser)
    add_api(parser)


def _services(args: argparse.Namespace) -> int:
    api = api_of(args)
    if args.service:
        return show(args, lambda: api.get(service_path(args.service)), tables.service)
    return show(args, lambda: api.get("/services"), tables.services)


def _subconns(args: argparse.Namespace) -> int:
    api = api_of(args)
    return show(args, lambda: _all_subconns(api, args), tables.subconns)


def _all_subconns(api: Api, args: argparse.Namespace) -> Json:
    """Page after page, until there are no more or `--limit` is reached; "next" is then where to go on."""
    path, cursor = service_path(args.service, "/subconns"), None
    rows: list[Any] = []
    while True:
        room = min(500, args.limit - len(rows))
        page = api.get(path, client=args.client, backend=args.backend, state=args.state, limit=room, after=cursor)
        rows += page["subconns"]
        cursor = page.get("next")
        if cursor is None or len(rows) >= args.limit:
            return {"subconns": rows, "next": cursor}


def _picks(args: argparse.Namespace) -> int:
    api, path = api_of(args), service_path(args.service, "/picks")
    return show(args, lambda: api.get(path, limit=args.limit, client=args.client), tables.picks)


def _status(args: argparse.Namespace) -> int:
    api = api_of(args)
    return show(args, lambda: api.get("/status"), tables.status)
