"""`drain`, `maint`, `ready`: take backends out of rotation, softly or hard, and back."""

from __future__ import annotations

import argparse

from lbdash.cli.options import Commands, api_of, command, duration_or_permanent
from lbdash.cli.outcome import EXIT_CODES, add_steering, carry_out, send
from lbdash.cli.waiting import add_wait, wait_until_drained
from lbdash.control.commands import DRAIN_S


def add(commands: Commands) -> None:
    _add_drain(commands)
    _add_maint(commands)
    _add_ready(commands)


def _add_drain(commands: Commands) -> None:
    parser = command(
        commands,
        "drain",
        _drain,
        "no new calls to these backends while others can serve; running calls go on",
        "  lbdash drain hwholiday.srv.app 10.0.0.7:8089 --reason 'kernel update'\n"
        "  lbdash drain hwholiday.srv.app 10.0.0.7:8089 --wait --timeout 5m && systemctl restart app\n\n"
        f"{EXIT_CODES};\nwith --wait also 5 timed out, 6 quiet but not every client can tell",
    )
    _add_backends(parser)
    parser.add_argument("--maint", action="store_true", help="hard: no new calls even when nothing else is left")
    _add_for(parser, DRAIN_S, "4h")
    add_wait(parser)
    add_steering(parser)


def _add_maint(commands: Commands) -> None:
    parser = command(
        commands,
        "maint",
        _drain,
        "no new calls to these backends at all; connections close after their last call",
        f"  lbdash maint hwholiday.srv.app 10.0.0.7:8089 --for 30m --wait\n\n{EXIT_CODES}",
    )
    parser.set_defaults(maint=True)
    _add_backends(parser)
    _add_for(parser, None, "permanent")
    add_wait(parser)
    add_steering(parser)


def _add_ready(commands: Commands) -> None:
    parser = command(
        commands,
        "ready",
        _ready,
        "return backends to service: end their drain or maint",
        f"  lbdash ready hwholiday.srv.app 10.0.0.7:8089\n\n{EXIT_CODES}",
    )
    _add_backends(parser)
    add_steering(parser)


def _add_backends(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("service")
    parser.add_argument("backends", nargs="+", metavar="ADDR", help="backends, as `lbdash services SERVICE` names them")


def _add_for(parser: argparse.ArgumentParser, default: int | None, text: str) -> None:
    parser.add_argument(
        "--for",
        dest="for_s",
        type=duration_or_permanent,
        default=default,
        metavar="TIME",
        help=f"90s, 30m, 4h, 2d or `permanent`; it ends by itself, even without lbdash (default {text})",
    )


def _drain(args: argparse.Namespace) -> int:
    verb = "maint" if args.maint else "drain"
    body = {"command": verb, "backends": args.backends, "for_s": args.for_s}
    if not args.wait:
        return carry_out(args, body)
    result = send(args, body)
    return result.code if result.code else wait_until_drained(api_of(args), args, result.id)


def _ready(args: argparse.Namespace) -> int:
    return carry_out(args, {"command": "ready", "backends": args.backends})
