"""The sub-commands of `ernn` and their parser."""

from __future__ import annotations

from ernn_myhdl import __version__
from ernn_myhdl.cli import (
    compare,
    convert,
    corpus,
    demo,
    evaluate,
    explore,
    export_model,
    host,
    import_model,
    info,
    new,
    plot,
    simulate,
    stream,
    synth,
    train,
    weights,
)
from ernn_myhdl.console import OneLineParser

COMMANDS = (
    new, import_model, info, explore, simulate, stream, evaluate, plot, convert, host, weights, export_model, synth,
    compare, corpus, train, demo,
)  # fmt: skip

DESCRIPTION = (
    "Block-circulant LSTM and GRU cores for FPGAs: make, inspect, simulate, convert, synthesise."
)
EXIT_CODES = "exit codes: 0 fine, 1 a check failed, 2 bad input, 3 a tool is missing or failed, 128 + signal when stopped"


def build_parser() -> OneLineParser:
    """The parser with all sub-commands."""
    parser = OneLineParser(prog="ernn", description=DESCRIPTION, epilog=EXIT_CODES)
    parser.add_argument("--version", action="version", version=f"ernn-myhdl {__version__}")
    subparsers = parser.add_subparsers(
        title="commands", metavar="COMMAND", required=True, parser_class=OneLineParser
    )
    for command in COMMANDS:
        command.add_parser(subparsers)
    return parser
