"""`drain --wait`: stay until nothing is in flight any more, so that a deploy script may go on.

The judgement is pure (`verdict`); the loop asks the dashboard twice a second and rides over its restarts.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass

from lbdash.cli.api import Api, Json, NoAnswer
from lbdash.cli.errors import Exit
from lbdash.cli.options import duration
from lbdash.cli.output import note, say, spell

_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Verdict:
    """`code` None: go on waiting."""

    text: str
    code: Exit | None = None


def add_wait(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--wait", action="store_true", help="return when it is safe to stop the backends")
    parser.add_argument(
        "--timeout", type=duration, default=600, metavar="TIME", help="wait at most so long (default 10m), then exit 5"
    )


def wait_until_drained(api: Api, args: argparse.Namespace, command: str) -> int:
    """Says each change on stderr. Returns DONE, CANNOT_TELL or TIMED_OUT."""
    deadline, said = time.monotonic() + args.timeout, ""
    progress: Json = {}
    while True:
        try:
            progress = api.get(f"/commands/{command}")
            now = verdict(progress)
        except NoAnswer as error:
            now = Verdict(f"{error}; still trying")
        if now.text != said:
            note(said := now.text)
        if now.code is not None:
            return _end(args, progress, now.code)
        if time.monotonic() >= deadline:
            note(f"Not safe to stop after {args.timeout} s. The command stays in force: `lbdash ready` would end it.")
            return _end(args, progress, Exit.TIMED_OUT)
        time.sleep(_EVERY_S)


def _end(args: argparse.Namespace, progress: Json, code: Exit) -> int:
    if args.json:
        say(json.dumps(progress, ensure_ascii=False))
    return code


def verdict(progress: Json) -> Verdict:
    """What GET /commands/{id} means for somebody who wants to stop the backends."""
    clients = progress.get("clients") or {}
    if progress.get("drained"):
        return Verdict(progress.get("verdict") or "Nothing is in flight any more.", Exit.DONE)
    if progress.get("expired"):
        return Verdict("The command has come to its end: the backends get calls again.", Exit.TIMED_OUT)
    if progress.get("drained") is None and _quiet(progress):
        return Verdict(progress.get("verdict") or "No calls seen, but not every client can tell.", Exit.CANNOT_TELL)
    waiting = f"seen by {spell(clients.get('seen'))} of {spell(clients.get('total'))} clients"
    if inflight := progress.get("inflight"):
        waiting += f", {inflight} in flight{_oldest(progress)}"
    return Verdict(waiting + _named(clients))


def _quiet(progress: Json) -> bool:
    """Everybody who can obey has, and nobody reports a call: waiting longer would not tell more."""
    clients = progress.get("clients")
    return clients is not None and not clients["stragglers"] and not progress.get("inflight")


def _oldest(progress: Json) -> str:
    oldest = progress.get("oldest_ms")
    return "" if oldest is None else f" (the oldest for {oldest / 1000:.0f} s)"


def _named(clients: Json) -> str:
    parts = []
    if stragglers := clients.get("stragglers"):
        parts.append("waiting for " + ", ".join(map(_name, stragglers)))
    if deaf := clients.get("cannot_obey"):
        parts.append("will not follow: " + ", ".join(map(_name, deaf)))
    return "; " + "; ".join(parts) if parts else ""


def _name(client: object) -> str:
    return str(client.get("name") or client.get("id")) if isinstance(client, dict) else str(client)
