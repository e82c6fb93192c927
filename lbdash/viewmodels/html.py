"""HTML made by functions: every piece of text is escaped where it enters. What is `Html` is safe to send.

Names, ids, metadata and reasons come from attackers; an f-string that does not pass `esc` does not pass mypy either,
because builders take and return `Html`.
"""

from __future__ import annotations

import html
from collections.abc import Iterable


class Html(str):
    """Markup that needs no escaping. Jinja asks `__html__`."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


EMPTY = Html("")


def esc(value: object) -> Html:
    """Text as HTML, safe in content and in quoted attributes."""
    return Html(html.escape(str(value)))


def join(parts: Iterable[Html], between: str = "") -> Html:
    return Html(between.join(parts))


def tag(name: str, content: Html = EMPTY, /, **attributes: object) -> Html:
    """`<name a="…">content</name>`. None and False drop an attribute, True writes it bare.

    `class_` is class; other underscores become hyphens: `data_row=key`, `aria_label=text`.
    """
    return Html(f"<{name}{attrs(**attributes)}>{content}</{name}>")


def attrs(**attributes: object) -> Html:
    return Html(
        "".join(
            f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{html.escape(str(value))}"')
            for key, value in attributes.items()
            if value is not None and value is not False
        )
    )
