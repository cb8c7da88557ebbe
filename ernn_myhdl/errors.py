"""The two exceptions and the warning that users of the package meet, and how their messages fit on a line."""

from __future__ import annotations

from collections.abc import Iterable

#: Characters of a word of a message, and of a whole message; names from files may have any length.
LONGEST_WORD, LONGEST_MESSAGE = 240, 1000

#: Beginning of a note that is a warning.
WARNING = "WARNING: "


class DesignError(ValueError):
    """A specification or an input is wrong.

    The message names the field, its value, what is legal and what to do; it is shortened as
    `one_line` does. The command line prints it and exits with code 2.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(one_line(message))


class DesignWarning(UserWarning):
    """What a design made of a training loses: no other library's warning has this category."""


class ToolError(RuntimeError):
    """A tool outside Python is missing or failed.

    The message names the tool and how to install it, or where its log is. The command line
    prints it and exits with code 3.
    """


def alternatives(words: Iterable[str]) -> str:
    """What is legal, for a message: "a, b or c"."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def one_line(message: object) -> str:
    """The message on one line of at most LONGEST_MESSAGE characters.

    Long words and long messages lose their middle; what a terminal would not show as it stands
    (control characters, escape sequences, halves of surrogate pairs) is written as an escape.
    """
    text = str(message)
    words = (_shortened(word, LONGEST_WORD) for word in text.split())
    return _shortened(_printable(" ".join(words)), LONGEST_MESSAGE)


def _shortened(text: str, limit: int) -> str:
    """The text, or its first two thirds and its end where it has more than `limit` characters."""
    if len(text) <= limit:
        return text
    gap = f"[... {len(text)} characters ...]"
    end = limit // 3
    return text[: limit - end - len(gap)] + gap + text[-end:]


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def short(error: object, limit: int = 120) -> str:
    """The first words of an error of another library, or its type where it says nothing."""
    return one_line(error)[:limit] or type(error).__name__
