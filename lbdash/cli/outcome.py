"""One command sent, its outcome in words and as an exit code."""

from __future__ import annotations

import argparse
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lbdash.cli.api import Api, Json, NoAnswer, service_path
from lbdash.cli.errors import Exit
from lbdash.cli.options import add_api, api_of, usage
from lbdash.cli.output import note, say

EXIT_CODES = "exit codes: 0 applied, 1 failed, 2 wrong call, 3 refused by a guard, 4 somebody was faster, 7 answer lost"
_CODES = {
    "applied": Exit.DONE,
    "refused": Exit.REFUSED,
    "conflict": Exit.CONFLICT,
    "unknown": Exit.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Sent:
    id: str
    code: Exit


def add_steering(parser: argparse.ArgumentParser) -> None:
    """What every command that steers a service takes."""
    parser.add_argument("--reason", default="", help="why; kept in the audit trail and shown to others")
    parser.add_argument(
        "--generation", type=int, metavar="N", help="refuse if the routing is no longer at N (default: what it is now)"
    )
    parser.add_argument(
        "--force", metavar="SERVICE", help="go past objections: the service's name again; needs --reason, is audited"
    )
    add_api(parser)


def carry_out(args: argparse.Namespace, command: Mapping[str, Any]) -> int:
    return send(args, command).code


def send(args: argparse.Namespace, command: Mapping[str, Any]) -> Sent:
    """Post `command` and print the outcome: JSON to stdout with --json, else words."""
    if args.force and not args.reason:
        raise usage("--force needs --reason: whoever looks at the audit trail will want to know")
    api = api_of(args)
    body = {**command, "reason": args.reason, "id": uuid.uuid4().hex}
    if args.service is not None:
        body["generation"] = _generation(api, args)
    if args.force:
        body["force"] = {"service": args.force, "reason": args.reason}
    path = "/freeze" if args.service is None else service_path(args.service, "/commands")
    answer = _post(api, path, body)
    _print(args, answer)
    return Sent(str(answer.get("id") or body["id"]), _CODES.get(answer["outcome"], Exit.FAILED))


def _generation(api: Api, args: argparse.Namespace) -> int:
    """What the operator looked at; not told, it is what is there now."""
    if args.generation is not None:
        return int(args.generation)
    return int(api.get(service_path(args.service))["generation"])


def _post(api: Api, path: str, body: Json) -> Json:
    """Sent again when the answer is lost: the id makes it a question for the first one's result."""
    try:
        return api.post(path, body)[1]
    except NoAnswer as error:
        if not error.sent:
            raise
    try:
        return api.post(path, body)[1]
    except NoAnswer as error:
        return {"id": body["id"], "outcome": "unknown", "text": str(error)}


def _print(args: argparse.Namespace, answer: Json) -> None:
    if args.json:
        say(json.dumps(answer, ensure_ascii=False))
        return
    tell = say if answer["outcome"] == "applied" else note
    for line in lines(answer):
        tell(line)


def lines(answer: Json) -> Iterator[str]:
    """The outcome for people: what happened, why, and what to try."""
    match answer["outcome"]:
        case "applied":
            yield answer.get("text") or "Applied."
            yield ", ".join(f"{name} {answer[name]}" for name in ("generation", "revision", "id") if answer.get(name))
        case "refused":
            yield from _refused(answer)
        case "conflict":
            yield answer.get("text") or "Somebody was faster."
            yield from _both_sides(answer.get("conflict"))
            yield "Nothing was changed. Look again with `lbdash services SERVICE`, then repeat."
        case "unknown":
            yield answer.get("text") or "The answer was lost."
            yield f"It may or may not be in force. See Activity in the dashboard for command {answer.get('id')}."
        case outcome:
            yield f"{outcome}: {answer.get('text') or 'nothing was changed'}"


def _refused(answer: Json) -> Iterator[str]:
    objections = answer.get("objections") or []
    yield "Refused, nothing was changed" + (":" if objections else f": {answer.get('text') or 'no reason was given'}")
    yield from (f"  {item['text']} ({item['code']})" for item in objections)
    if objections and all(item.get("forceable") for item in objections):
        yield "If you know better: --force SERVICE --reason WHY."


def _both_sides(conflict: Any) -> Iterator[str]:
    if isinstance(conflict, Mapping):
        yield from (f"  {key}: {value}" for key, value in conflict.items())
    elif conflict:
        yield f"  {conflict}"
