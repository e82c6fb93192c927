"""What goes to the terminal: tables for people, JSON for programs, again and again with --watch."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

_CONTROL = {code: "\N{REPLACEMENT CHARACTER}" for code in (*range(32), *range(127, 160)) if code not in (9, 10)}


def show(args: argparse.Namespace, fetch: Callable[[], Any], render: Callable[[Any], str]) -> int:
    """Fetch and print once, or with --watch until Ctrl-C: on a terminal a fresh screen, else block after block."""
    interval = getattr(args, "watch", None)
    while True:
        data = fetch()
        text = json.dumps(data, ensure_ascii=False, indent=None if interval else 2) if args.json else render(data)
        if interval and sys.stdout.isatty() and not args.json:
            sys.stdout.write("\033[2J\033[H")
        say(text)
        if not interval:
            return 0
        time.sleep(interval)


def say(text: str) -> None:
    """To stdout. Names come from the registry: control characters in them must not reach a terminal."""
    print(text.translate(_CONTROL), flush=True)


def note(text: str) -> None:
    """To stderr: progress and remarks, so that stdout stays for results."""
    print(text.translate(_CONTROL), file=sys.stderr, flush=True)


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Columns in line, numbers to the right, "-" where nothing is known. A head that starts with ">" is numbers."""
    right = [name.startswith(">") for name in head]
    lines = [[name.lstrip(">").upper() for name in head], *([spell(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(_line(line, widths, right) for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = (c.rjust(w) if r else c.ljust(w) for c, w, r in zip(cells, widths, right, strict=True))
    return "  ".join(padded).rstrip()


def spell(value: Any) -> str:
    """A cell: None is "-", floats keep three digits or their whole part, lists are joined."""
    match value:
        case None | "":
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
        case dict():
            return " ".join(f"{key}={spell(item)}" for key, item in value.items()) or "-"
        case list() | tuple():
            return ", ".join(spell(item) for item in value) or "-"
    return str(value).replace("\n", " ").replace("\t", " ")


def percent(ratio: float | None) -> str | None:
    """0.0234 -> "2.3 %"."""
    return None if ratio is None else f"{100 * ratio:.1f} %"
