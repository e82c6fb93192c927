"""What the command line says when it cannot go on, and the exit codes scripts rely on."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Documented in docs/cli.md; never renumbered. argparse itself ends with 2 on a wrong call."""

    DONE = 0  # with --wait: nothing is in flight at any known client
    FAILED = 1  # no answer, no permission, or the command could not be carried out: nothing was changed
    USAGE = 2
    REFUSED = 3  # a guard objected: nothing was changed
    CONFLICT = 4  # somebody was faster: nothing was changed
    TIMED_OUT = 5  # --wait: the command is in force, calls may still be running
    CANNOT_TELL = 6  # --wait: quiet as far as anyone can see, but not every client can tell
    UNKNOWN = 7  # the answer was lost: the command may or may not be in force
    INTERRUPTED = 130


class CliError(Exception):
    """Ends the program: one line of what happened, one of what to try."""

    def __init__(self, text: str, hint: str = "", code: Exit = Exit.FAILED) -> None:
        super().__init__(text)
        self.hint, self.code = hint, code
