"""A benchmark as a command: signals end the programs that it has started, errors of the project are one line.

Exit codes as those of `ernn`: what the benchmark returns (0 fine, 1 a check failed), 2 wrong input, 3 a tool is missing
or failed, 128 + signal after one that stopped it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

from ernn_myhdl.console import BAD_INPUT, TOOL
from ernn_myhdl.errors import DesignError, ToolError, one_line
from ernn_myhdl.processes import stopping


def leave(main: Callable[[], int | None]) -> NoReturn:
    """Run a benchmark, and end this process with its exit code."""
    stopping.install()
    try:
        sys.exit(main())
    except KeyboardInterrupt as error:
        sys.exit(stopping.exit_code(error))
    except DesignError as error:
        code, text = BAD_INPUT, str(error)
    except ToolError as error:
        code, text = TOOL, str(error)
    print(f"error: {one_line(text)}", file=sys.stderr)
    sys.exit(code)
