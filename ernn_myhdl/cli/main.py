"""Entry point of `ernn`: parses, runs a sub-command, turns errors into one line and an exit code.

Signals are taken care of first; everything else is imported behind that.
"""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress

from ernn_myhdl.processes import stopping


def build_parser(arguments=()):
    """The parser with all sub-commands, or with that of `arguments` alone."""
    from ernn_myhdl.cli.commands import build_parser as build

    return build(arguments)


def main(argv: list[str] | None = None) -> int:
    """Run `ernn`; returns the exit code."""
    stopping.install()
    try:
        return _run(argv)
    except KeyboardInterrupt as error:
        return _interrupted(error)
    except BrokenPipeError:
        from ernn_myhdl.cli.streams import discard_output

        discard_output()  # the reader (head, less) has gone
        return 0
    except MemoryError:
        return _fail(2, "out of memory; choose a smaller design or fewer --frames")
    except Exception as error:
        if stopping.stopped():  # a library made another error of the interrupt
            return _interrupted(error)
        raise


def _run(argv: list[str] | None) -> int:
    """Run the sub-command; the errors that users meet become one line."""
    if argv is None:  # workers of pools: the current folder is no place of modules (Python 3.11 on)
        os.environ["PYTHONSAFEPATH"] = "1"
    from ernn_myhdl.cli.places import check_places
    from ernn_myhdl.cli.streams import discard_output, prepare_streams
    from ernn_myhdl.console import BAD_INPUT, TOOL
    from ernn_myhdl.errors import DesignError, ToolError
    from ernn_myhdl.files.output_folder import written

    written.clear()
    prepare_streams()
    try:
        given = sys.argv[1:] if argv is None else argv
        arguments = build_parser(given).parse_args(given)
        check_places(arguments)
        code = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except DesignError as error:
        return _fail(BAD_INPUT, str(error))
    except ToolError as error:
        return _fail(TOOL, str(error))
    except BrokenPipeError:
        raise
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        discard_output()  # that it could not be written may be the error
        what, todo = error.strerror or error, "check the path and its rights"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            what, todo = "the disk is full", "free some space, or write to another one"
        return _fail(BAD_INPUT, f"{where}{what}; {todo}")


def _interrupted(error: BaseException) -> int:
    """The exit code after a signal, and what was written until then."""
    from ernn_myhdl.files.output_folder import written

    # what was only for a moment, in a temporary folder, is gone again
    names = [name for name in dict.fromkeys(map(str, written)) if os.path.lexists(name)]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    text = f"wrote {', '.join(names[:3])}{more}" if names else "no output was written"
    return _fail(stopping.exit_code(error), f"interrupted; {text}")


def _fail(code: int, message: str) -> int:
    from ernn_myhdl.errors import one_line

    with suppress(OSError, ValueError):  # its reader may have gone too
        print(f"ernn: error: {one_line(message)}", file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
