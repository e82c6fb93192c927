"""`weight`, `shares`, `policy`: how the calls are spread."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

from lbdash.cli.options import Commands, command, usage
from lbdash.cli.outcome import EXIT_CODES, add_steering, carry_out


def add(commands: Commands) -> None:
    _add_weight(commands)
    _add_shares(commands)
    _add_policy(commands)


def _add_weight(commands: Commands) -> None:
    parser = command(
        commands,
        "weight",
        _weight,
        "override backends' weights (1..65535), or clear the override",
        f"  lbdash weight hwholiday.srv.app 10.0.0.7:8089=50 10.0.0.8:8089=clear\n\n{EXIT_CODES}",
    )
    parser.add_argument("service")
    parser.add_argument("weights", nargs="+", metavar="ADDR=WEIGHT", type=_pair, help="a number, or `clear`")
    add_steering(parser)


def _add_shares(commands: Commands) -> None:
    parser = command(
        commands,
        "shares",
        _shares,
        "what percentage of the calls each version gets",
        f"  lbdash shares hwholiday.srv.app v1=90 v2=10\n  lbdash shares hwholiday.srv.app --clear\n\n{EXIT_CODES}",
    )
    parser.add_argument("service")
    parser.add_argument(
        "shares", nargs="*", metavar="VERSION=PERCENT", type=_pair, help="whole numbers that sum to 100"
    )
    parser.add_argument("--clear", action="store_true", help="remove shares, rules and the rule for missing versions")
    add_steering(parser)


def _add_policy(commands: Commands) -> None:
    parser = command(
        commands,
        "policy",
        _policy,
        "which policy the clients balance by",
        "  lbdash policy hwholiday.srv.app weighted_round_robin\n"
        f"  lbdash policy hwholiday.srv.app --clear    # each client's own again\n\n{EXIT_CODES}",
    )
    parser.add_argument("service")
    parser.add_argument("name", nargs="?", help="e.g. round_robin, weighted_round_robin, p2c_ewma, pick_first, version")
    parser.add_argument("--config", type=_json_object, metavar="JSON", help="the policy's settings")
    parser.add_argument("--clear", action="store_true", help="back to what each client was built with")
    add_steering(parser)


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
