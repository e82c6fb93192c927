"""`undo` and `freeze`: take a command back; let nobody give one."""

from __future__ import annotations

import argparse

from lbdash.cli.options import Commands, add_api, command
from lbdash.cli.outcome import EXIT_CODES, add_steering, carry_out


def add(commands: Commands) -> None:
    _add_undo(commands)
    _add_freeze(commands)


def _add_undo(commands: Commands) -> None:
    parser = command(
        commands,
        "undo",
        _undo,
        "put back what a command changed, if nobody changed it since",
        f"  lbdash undo hwholiday.srv.app 4f1c0f9e\n\n{EXIT_CODES}",
    )
    parser.add_argument("service")
    parser.add_argument("of", metavar="COMMAND", help="the command's id, as it was printed or as Activity shows it")
    add_steering(parser)


def _add_freeze(commands: Commands) -> None:
    parser = command(
        commands,
        "freeze",
        _freeze,
        "refuse every command, everywhere, until it is lifted",
        f"  lbdash freeze --reason 'incident 4711'\n  lbdash freeze --off\n\n{EXIT_CODES}",
    )
    parser.add_argument("--off", action="store_true", help="lift it")
    parser.add_argument("--reason", default="", help="why; kept in the audit trail")
    add_api(parser)


def _undo(args: argparse.Namespace) -> int:
    return carry_out(args, {"command": "undo", "of": args.of})


def _freeze(args: argparse.Namespace) -> int:
    args.service = args.force = args.generation = None
    return carry_out(args, {"command": "freeze", "on": not args.off})
