"""Folders that are worked in for long, and gone on with: trainings and searches.

One of other arguments is replaced with `--force` when the new one stands: until then the new one is made in a hidden
folder beside it, from which an interrupted run goes on.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ernn_myhdl.errors import DesignError
from ernn_myhdl.files.output_folder import put_folder
from ernn_myhdl.files.output_target import check_folder, check_replaceable

#: In the name of the folder beside.
NEXT = "next"

Result = TypeVar("Result")


class OtherOutput(Exception):
    """The folder holds a complete output of other arguments, which may be replaced."""


def folder_beside(folder: Path) -> Path:
    """Where the successor of a complete output is made."""
    return folder.with_name(f".{folder.name}.{NEXT}")


def made_in(
    folder: str | Path, force: bool, marker: str, work: Callable[[Path], Result]
) -> tuple[Result, Path]:
    """What `work` gives, and the folder that holds its output in the end.

    work: makes its output in a folder, or goes on with it; it raises OtherOutput where that holds a complete one of other
    arguments, which it may with `force` only. marker: file that every such folder has.
    """
    folder = Path(folder)
    try:
        return work(folder), folder
    except OtherOutput:
        if not force:
            raise
    target = check_folder(folder, force, marker)
    beside = folder_beside(folder.absolute())
    try:
        result = work(beside)
    except OtherOutput:  # the end of another one, which never took its place
        check_replaceable(beside, beside, (marker,))
        shutil.rmtree(beside)
        result = work(beside)
    if not os.path.lexists(beside):
        raise DesignError(f"output {folder}: its successor {beside} is gone; repeat the command")
    put_folder(beside, target)
    return result, folder
