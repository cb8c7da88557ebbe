"""Entry point of `ernn`: parses, runs a sub-command, turns errors into one line and an exit code."""

from __future__ import annotations

import signal
import sys
from contextlib import suppress

from ernn_myhdl import __version__
from ernn_myhdl.cli import (
    compare,
    convert,
    corpus,
    demo,
    evaluate,
    explore,
    export_model,
    import_model,
    info,
    new,
    plot,
    simulate,
    synth,
    train,
)
from ernn_myhdl.cli.console import BAD_INPUT, INTERRUPTED, TOOL, OneLineParser
from ernn_myhdl.cli.streams import discard_output, prepare_streams
from ernn_myhdl.errors import DesignError, ToolError, one_line

COMMANDS = (
    new, import_model, info, explore, simulate, evaluate, plot, convert, export_model, synth, compare,
    corpus, train, demo,
)  # fmt: skip

DESCRIPTION = (
    "Block-circulant LSTM and GRU cores for FPGAs: make, inspect, simulate, convert, synthesise."
)
EXIT_CODES = "exit codes: 0 fine, 1 a check failed, 2 bad input, 3 a tool is missing or failed"


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


def main(argv: list[str] | None = None) -> int:
    """Run `ernn`; returns the exit code."""
    _terminate_like_an_interrupt()
    prepare_streams()
    try:
        arguments = build_parser().parse_args(argv)
        code = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except DesignError as error:
        return _fail(BAD_INPUT, str(error))
    except ToolError as error:
        return _fail(TOOL, str(error))
    except BrokenPipeError:
        discard_output()  # the reader (head, less) has gone
        return 0
    except KeyboardInterrupt:
        return _fail(INTERRUPTED, "interrupted; no output was written")
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        discard_output()  # that it could not be written may be the error
        return _fail(BAD_INPUT, f"{where}{error.strerror or error}; check the path and its rights")
    except MemoryError:
        return _fail(BAD_INPUT, "out of memory; choose a smaller design or fewer --frames")


def _fail(code: int, message: str) -> int:
    with suppress(OSError, ValueError):  # its reader may have gone too
        print(f"ernn: error: {one_line(message)}", file=sys.stderr, flush=True)
    return code


def _terminate_like_an_interrupt() -> None:
    """SIGTERM unwinds like Ctrl-C, so that no partial output stays."""

    def interrupt(*_):
        raise KeyboardInterrupt

    with suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGTERM, interrupt)


if __name__ == "__main__":
    sys.exit(main())
