"""Names in URLs. Servers decode `%2F` before routing, so a service's slashes are written `~`.

`~~` is `~`, a `~` before anything else is `/`. Three rare neighbours would make that ambiguous or be eaten by
browsers (`//`, `/~`, a name that is `.` or `..`), so `~-` is a `/` before one of `/ ~ - .`, and `~.` is a dot.
"""

from __future__ import annotations

import re

_CODES = {"~~": "~", "~-": "/", "~.": ".", "~": "/"}


def service_to_url(name: str) -> str:
    """`services/search` -> `services~search`. Every name has exactly one spelling; see `url_to_service`."""
    if name in (".", ".."):
        return name.replace(".", "~.")
    return re.sub(r"~|/", _escape, name)


def _escape(match: re.Match[str]) -> str:
    if match[0] == "~":
        return "~~"
    following = match.string[match.end() : match.end() + 1]
    return "~-" if following and following in "/~-." else "~"


def url_to_service(text: str) -> str:
    return re.sub(r"~[~.-]?", lambda match: _CODES[match[0]], text)
