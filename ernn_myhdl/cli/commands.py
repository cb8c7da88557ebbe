"""The sub-commands of `ernn` and their parser."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from ernn_myhdl import __version__
from ernn_myhdl.console import OneLineParser

#: Name of a command -> its module in this folder.
COMMANDS = {
    "new": "new", "import": "import_model", "info": "info", "explore": "explore", "simulate": "simulate",
    "stream": "stream", "evaluate": "evaluate", "plot": "plot", "convert": "convert", "host": "host",
    "weights": "weights", "export": "export_model", "synth": "synth", "compare": "compare", "corpus": "corpus",
    "train": "train", "demo": "demo",
}  # fmt: skip

DESCRIPTION = (
    "Block-circulant LSTM and GRU cores for FPGAs: make, inspect, simulate, convert, synthesise."
)
EXIT_CODES = "exit codes: 0 fine, 1 a check failed, 2 bad input, 3 a tool is missing or failed, 128 + signal when stopped"


def build_parser(arguments: Sequence[str] = ()) -> OneLineParser:
    """The parser with all sub-commands; with the first of `arguments` alone where that is one.

    All their options take ten milliseconds, and what their modules import a tenth of a second.
    """
    parser = OneLineParser(prog="ernn", description=DESCRIPTION, epilog=EXIT_CODES)
    parser.add_argument("--version", action="version", version=f"ernn-myhdl {__version__}")
    subparsers = parser.add_subparsers(
        title="commands", metavar="COMMAND", required=True, parser_class=OneLineParser
    )
    named = [command for command in arguments[:1] if command in COMMANDS]
    for command in named or COMMANDS:
        import_module(f"ernn_myhdl.cli.{COMMANDS[command]}").add_parser(subparsers)
    return parser
