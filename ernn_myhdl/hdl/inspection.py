"""What MyHDL wants to know of its callers, without reading the source around every frame.

A block or process of MyHDL asks `inspect.stack()` for the two functions that called it. That reads the
source text of every frame, down to the command line, and was two thirds of the time in which a core is
elaborated, or more where many modules are imported.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from types import CodeType, FrameType
from typing import Any

import myhdl._block
import myhdl._instance
import myhdl._util

#: MyHDL looks at the callers up to the fifth.
DEPTH = 8
_ASKING: tuple[Any, ...] = (myhdl._block, myhdl._instance, myhdl._util)


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


@lru_cache(maxsize=1 << 12)
def _lines(code: CodeType, file: str) -> tuple[list[str], int]:
    """file: other files may hold equal code."""
    return inspect.getsourcelines(code)


def _source(function: Any) -> tuple[list[str], int]:
    code = getattr(function, "__code__", None)
    if code is None:
        return inspect.getsourcelines(function)
    return _lines(code, code.co_filename)


class _Inspect:
    """The module `inspect` with a short and blank stack; it reads the source of a function once."""

    def __getattr__(self, name: str) -> Any:
        return getattr(inspect, name)

    @staticmethod
    def stack() -> list[inspect.FrameInfo]:
        """The nearest callers as from `inspect.stack(0)`, which has no text of the source either."""
        return [
            inspect.FrameInfo(f, f.f_code.co_filename, f.f_lineno, f.f_code.co_name, None, None)
            for f in islice(_frames(sys._getframe(1)), DEPTH)
        ]

    @staticmethod
    def getsourcelines(function: Any) -> tuple[list[str], int]:
        return _source(function)

    @staticmethod
    def getsource(function: Any) -> str:
        return "".join(_source(function)[0])


_SHORT = _Inspect()


@contextmanager
def brief_inspection() -> Iterator[None]:
    """Within it, MyHDL sees its nearest callers only, and reads no source twice."""
    before = [module.inspect for module in _ASKING]
    for module in _ASKING:
        module.inspect = _SHORT
    try:
        yield
    finally:
        for module, own in zip(_ASKING, before, strict=True):
            module.inspect = own
