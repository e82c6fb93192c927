"""`drain`, `maint`, `ready`, `weight`, `shares`, `policy`, `undo`, `freeze`: the commands that change something.

Each is one POST, checked by the same guards as a click on the page, against the generation just read.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

from lbdash.cli.errors import Exit
from lbdash.cli.options import Commands, add_api, api_of, command, duration_or_permanent, usage
from lbdash.cli.outcome import carry_out, send
from lbdash.cli.waiting import add_wait, wait_until_drained
from lbdash.control.commands import DRAIN_S

_RESULTS = "exit codes: 0 applied, 1 failed, 2 wrong call, 3 refused by a guard, 4 somebody was faster, 7 answer lost"


def add(commands: Commands) -> None:
    _add_drain(commands)
    _add_maint(commands)
    _add_ready(commands)
    _add_weight(commands)
    _add_shares(commands)
    _add_policy(commands)
    _add_undo(commands)
    _add_freeze(commands)


def _add_drain(commands: Commands) -> None:
    parser = command(
        commands,
        "drain",
        _drain,
        "no new calls to these backends while others can serve; running calls go on",
        "  lbdash drain hwholiday.srv.app 10.0.0.7:8089 --reason 'kernel update'\n"
        "  lbdash drain hwholiday.srv.app 10.0.0.7:8089 --wait --timeout 5m && systemctl restart app\n\n"
        f"{_RESULTS};\nwith --wait also 5 timed out, 6 quiet but not every client can tell",
    )
    _add_backends(parser)
    parser.add_argument("--maint", action="store_true", help="hard: no new calls even when nothing else is left")
    _add_for(parser, DRAIN_S, "4h")
    add_wait(parser)
    _add_common(parser)


def _add_maint(commands: Commands) -> None:
    parser = command(
        commands,
        "maint",
        _drain,
        "no new calls to these backends at all; connections close after their last call",
        f"  lbdash maint hwholiday.srv.app 10.0.0.7:8089 --for 30m --wait\n\n{_RESULTS}",
    )
    parser.set_defaults(maint=True)
    _add_backends(parser)
    _add_for(parser, None, "permanent")
    add_wait(parser)
    _add_common(parser)


def _add_ready(commands: Commands) -> None:
    parser = command(
        commands,
        "ready",
        _ready,
        "return backends to service: end their drain or maint",
        f"  lbdash ready hwholiday.srv.app 10.0.0.7:8089\n\n{_RESULTS}",
    )
    _add_backends(parser)
    _add_common(parser)


def _add_weight(commands: Commands) -> None:
    parser = command(
        commands,
        "weight",
        _weight,
        "override backends' weights (1..65535), or clear the override",
        f"  lbdash weight hwholiday.srv.app 10.0.0.7:8089=50 10.0.0.8:8089=clear\n\n{_RESULTS}",
    )
    parser.add_argument("service")
    parser.add_argument("weights", nargs="+", metavar="ADDR=WEIGHT", type=_pair, help="a number, or `clear`")
    _add_common(parser)


def _add_shares(commands: Commands) -> None:
    parser = command(
        commands,
        "shares",
        _shares,
        "what percentage of the calls each version gets",
        f"  lbdash shares hwholiday.srv.app v1=90 v2=10\n  lbdash shares hwholiday.srv.app --clear\n\n{_RESULTS}",
    )
    parser.add_argument("service")
    parser.add_argument(
        "shares", nargs="*", metavar="VERSION=PERCENT", type=_pair, help="whole numbers that sum to 100"
    )
    parser.add_argument("--clear", action="store_true", help="remove shares, rules and the rule for missing versions")
    _add_common(parser)


def _add_policy(commands: Commands) -> None:
    parser = command(
        commands,
        "policy",
        _policy,
        "which policy the clients balance by",
        "  lbdash policy hwholiday.srv.app weighted_round_robin\n"
        f"  lbdash policy hwholiday.srv.app --clear    # each client's own again\n\n{_RESULTS}",
    )
    parser.add_argument("service")
    parser.add_argument("name", nargs="?", help="e.g. round_robin, weighted_round_robin, p2c_ewma, pick_first, version")
    parser.add_argument("--config", type=_json_object, metavar="JSON", help="the policy's settings")
    parser.add_argument("--clear", action="store_true", help="back to what each client was built with")
    _add_common(parser)


def _add_undo(commands: Commands) -> None:
    parser = command(
        commands,
        "undo",
        _undo,
        "put back what a command changed, if nobody changed it since",
        f"  lbdash undo hwholiday.srv.app 4f1c0f9e\n\n{_RESULTS}",
    )
    parser.add_argument("service")
    parser.add_argument("of", metavar="COMMAND", help="the command's id, as it was printed or as Activity shows it")
    _add_common(parser)


def _add_freeze(commands: Commands) -> None:
    parser = command(
        commands,
        "freeze",
        _freeze,
        "refuse every command, everywhere, until it is lifted",
        f"  lbdash freeze --reason 'incident 4711'\n  lbdash freeze --off\n\n{_RESULTS}",
    )
    parser.add_argument("--off", action="store_true", help="lift it")
    parser.add_argument("--reason", default="", help="why; kept in the audit trail")
    add_api(parser)


# ---- shared options


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


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", default="", help="why; kept in the audit trail and shown to others")
    parser.add_argument(
        "--generation", type=int, metavar="N", help="refuse if the routing is no longer at N (default: what it is now)"
    )
    parser.add_argument(
        "--force", metavar="SERVICE", help="go past objections: the service's name again; needs --reason, is audited"
    )
    add_api(parser)


def _pair(text: str) -> tuple[str, int | None]:
    name, equals, value = text.rpartition("=")
    if not equals or not name or not (value == "clear" or value.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=NUMBER")
    return name, None if value == "clear" else int(value)


def _json_object(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError("not a JSON object, e.g. '{\"choiceCount\": 3}'")
    return value


# ---- what they do


def _drain(args: argparse.Namespace) -> int:
    verb = "maint" if args.maint else "drain"
    body = {"command": verb, "backends": args.backends, "for_s": args.for_s}
    if not args.wait:
        return carry_out(args, body)
    result = send(args, body)
    return result.code if result.code else wait_until_drained(api_of(args), args, result.id)


def _ready(args: argparse.Namespace) -> int:
    return carry_out(args, {"command": "ready", "backends": args.backends})


def _weight(args: argparse.Namespace) -> int:
    return carry_out(args, {"command": "weight", "weights": dict(args.weights)})


def _shares(args: argparse.Namespace) -> int:
    if args.clear == bool(args.shares):
        raise usage("name the shares, or --clear", "For example: lbdash shares SERVICE v1=90 v2=10")
    if args.clear:
        return carry_out(args, {"command": "versions", "value": None})
    if any(share is None for _, share in args.shares):
        raise usage("a share is a number: `clear` goes with --clear, for all of them at once")
    return carry_out(args, {"command": "versions", "shares": dict(args.shares)})


def _policy(args: argparse.Namespace) -> int:
    if args.clear == bool(args.name):
        raise usage("name a policy, or --clear")
    if args.clear:
        return carry_out(args, {"command": "policy", "value": None})
    return carry_out(args, {"command": "policy", "name": args.name, "config": args.config or {}})


def _undo(args: argparse.Namespace) -> int:
    return carry_out(args, {"command": "undo", "of": args.of})


def _freeze(args: argparse.Namespace) -> int:
    args.service = args.force = args.generation = None
    return carry_out(args, {"command": "freeze", "on": not args.off}) or Exit.DONE
