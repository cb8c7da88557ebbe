"""Helpers of the sub-commands: arguments, progress, JSON."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction

from ernn_myhdl.errors import DesignError, one_line
from ernn_myhdl.files.json_text import json_text

FINE, FAILED, BAD_INPUT, TOOL = 0, 1, 2, 3


class OneLineParser(argparse.ArgumentParser):
    """Errors on one line, without the usage, exit code 2."""

    def error(self, message: str):
        line = one_line(f"{self.prog}: error: {message}")
        self.exit(BAD_INPUT, f"{line} (see {self.prog} --help)\n")

    def _get_values(self, action, arg_strings):
        # `--seed=--`: some versions of Python take it as no value, and give an empty list
        if action.option_strings and arg_strings == ["--"]:
            raise argparse.ArgumentError(action, "'--' is no value")
        return super()._get_values(action, arg_strings)


def add_command(subparsers, name: str, help: str, description: str, examples: str):
    """A sub-command's parser; `examples` end its help."""
    return subparsers.add_parser(
        name,
        help=help,
        description=description,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_json(parser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON in place of text")


def add_force(parser, output: str = "folder") -> None:
    parser.add_argument("--force", action="store_true", help=f"replace an existing {output}")


def whole(text: str) -> int:
    """Argument type: a whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def whole_or_part(text: str) -> int | float:
    """Argument type: a whole number, or a part like 1/4 or 0.25."""
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is no number like 2, 1 or 1/4") from None
    return int(value) if value.denominator == 1 else float(value)


def number(text: str) -> float:
    """Argument type: a finite number."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if value - value != 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a finite number")
    return value


def note_line(note: str) -> str:
    """A note as a line; a warning stands for itself."""
    return note if note.startswith("WARNING: ") else f"note: {note}"


def print_json(value) -> None:
    """The value as JSON; null for what is not finite."""
    print(json_text(value, 2))


@contextmanager
def frame_progress(label: str, frames: int) -> Iterator[Callable[[int, int], None]]:
    """A progress bar over frames on the terminal's standard error; nothing where that is a file."""
    if not sys.stderr.isatty():
        yield lambda done, cycle: None
        return
    from tqdm import tqdm

    with tqdm(total=frames, desc=label, unit="frame", file=sys.stderr) as bar:

        def update(done: int, cycle: int) -> None:
            if cycle:
                speed = cycle / max(bar.format_dict["elapsed"], 1e-9)
                bar.set_postfix_str(f"cycle {cycle}, {speed:.3g} cycles/s", refresh=False)
            bar.update(done - bar.n)

        yield update


def say_step(step: str) -> None:
    """What is being done, on the terminal's standard error; nothing where that is a file."""
    if sys.stderr.isatty():
        print(f"{step} ...", file=sys.stderr, flush=True)


@contextmanager
def step_progress(label: str, unit: str) -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar over named steps whose number shows with the first; nothing in a file."""
    if not sys.stderr.isatty():
        yield lambda done, total, name: None
        return
    from tqdm import tqdm

    with tqdm(desc=label, unit=unit, file=sys.stderr) as bar:

        def update(done: int, total: int, name: str) -> None:
            bar.total = total
            bar.set_postfix_str(name, refresh=False)
            bar.update(done - bar.n)
            bar.refresh()  # a step that takes long has names of its own

        yield update


def one_of(what: str, value: str, legal) -> str:
    """`value`, or DesignError unless it is among `legal`."""
    if value not in legal:
        raise DesignError(f"{what} = {value!r}: must be one of {', '.join(legal)}")
    return value
