"""What is said against a command."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Objection:
    """`code` is stable and for machines, `text` a sentence for people. Not `forceable`: no reason helps."""

    code: str
    text: str
    forceable: bool
