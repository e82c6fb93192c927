"""`token`: API tokens for machines, made and revoked in the dashboard's database."""

from __future__ import annotations

import argparse
from pathlib import Path

from lbdash.cli.dashboard import require_extra, setup_database
from lbdash.cli.errors import CliError
from lbdash.cli.options import Commands, command
from lbdash.cli.output import note, say, table
from lbdash.config import Config


def add(commands: Commands) -> None:
    parser = command(
        commands,
        "token",
        _run,
        "make, list and revoke API tokens (on the dashboard's machine)",
        "  export LBDASH_TOKEN=$(lbdash token create --data var --role operator --name ci)\n"
        "  lbdash token revoke --data var --name ci",
    )
    parser.add_argument("action", choices=("create", "list", "revoke"))
    parser.add_argument("--data", type=Path, metavar="DIR", help="the dashboard's data directory (default var)")
    parser.add_argument("--name", help="who will use it; the audit trail shows it")
    parser.add_argument("--role", choices=("viewer", "operator", "admin"), default="viewer", help="default viewer")


def _run(args: argparse.Namespace) -> int:
    require_extra()
    setup_database(Config.from_env(data=args.data))
    if args.action == "list":
        return _list()
    if not args.name:
        raise CliError("name the token with --name, e.g. --name ci")
    return _create(args) if args.action == "create" else _revoke(args)


def _create(args: argparse.Namespace) -> int:
    from lbdash.web.tokens import create_token

    try:
        say(create_token(args.role, args.name))
    except ValueError as error:
        raise CliError(str(error)) from None
    return 0


def _revoke(args: argparse.Namespace) -> int:
    from lbdash.web.tokens import revoke_token

    count = revoke_token(args.name)
    if not count:
        raise CliError(f"no live token is called {args.name!r}", "`lbdash token list` shows them.")
    note(f"revoked {count}")
    return 0


def _list() -> int:
    from lbdash.web.models import ApiToken

    rows = ApiToken.objects.order_by("name").values_list("name", "role", "created_at", "last_used_at", "revoked_at")
    say(table(["name", "role", "created", "last used", "revoked"], rows))
    return 0
