"""Standard output and error of the command: closed ones, and terminals that cannot show every character."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress


def prepare_streams() -> None:
    """A closed stream (`>&-`, `2>&-`) is one that nobody reads; what a stream's encoding lacks is escaped.

    The number of a closed stream would otherwise be that of the next file that is opened, and the messages
    of a tool that is run would be written into it.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # the lowest free number, which is this one
            opened = os.open(os.devnull, os.O_RDONLY if number == 0 else os.O_WRONLY)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None:
            binary = io.FileIO(number, "w", closefd=False)
            text = io.TextIOWrapper(
                io.BufferedWriter(binary), encoding="utf-8", errors="backslashreplace"
            )
            setattr(sys, name, text)
        elif getattr(stream, "errors", None) == "strict":
            with suppress(AttributeError, OSError, ValueError):
                stream.reconfigure(errors="backslashreplace")


def discard_output() -> None:
    """Nothing more is written to standard output, not even what is flushed at exit: its reader has gone, or
    its disk is full."""
    with suppress(OSError, ValueError, AttributeError):
        number = sys.stdout.fileno()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, number)
        os.close(null)
