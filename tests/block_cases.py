"""The table of single-block tests, which lie by subject in the files that are imported here.

The references use the primitives of `ernn_myhdl.numerics.formats`, `pwl` and `transform`, never the hardware.
"""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

from activation_cases import PWL
from block_bench import convert_block
from block_case import BlockCase
from drain_cases import DRAIN
from element_wise_cases import ELEMENTWISE
from lane_cases import LANES
from register_cases import DELAYS, MEMORIES, ROUNDING
from transform_cases import FORWARD, INVERSE
from waiting import joined

CASES = [
    *ROUNDING, *DELAYS, *MEMORIES, *FORWARD, *INVERSE, *LANES, *DRAIN, *ELEMENTWISE, *PWL,
]  # fmt: skip


def _convert(name: str, folder: str, hdl: str) -> None:
    case = next(c for c in CASES if c.name == name)
    convert_block(case.component(), Path(folder), hdl)


def convert_case(case: BlockCase, folder: Path, hdl: str) -> None:
    """Convert a block of the table into `folder`.

    What MyHDL converts depends on all that was elaborated before in the process, so a clean one is
    forked each time from a server that has only imported the modules.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["block_cases"])
    process = context.Process(target=_convert, args=(case.name, str(folder), hdl))
    # the server starts with the first process; as in a conversion, strings have the same hash each time
    before = os.environ.get("PYTHONHASHSEED")
    os.environ["PYTHONHASHSEED"] = "0"
    try:
        process.start()
    finally:
        del os.environ["PYTHONHASHSEED"]
        if before is not None:
            os.environ["PYTHONHASHSEED"] = before
    assert joined(process) == 0, f"conversion of {case.name} failed"
