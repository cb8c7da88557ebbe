"""What MyHDL wants to know of its callers, without reading the source around every frame.

A block or process of MyHDL asks `inspect.stack()` for the two functions that called it. That reads the
source text of every frame, down to the command line, and was two thirds of the time in which a core is
elaborated, or more where many modules are imported.
"""

from __future__ import annotations

import copy
import inspect
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from itertools import islice
from types import CodeType, FrameType
from typing import Any, TypeAlias

import myhdl._block
import myhdl._extractHierarchy
import myhdl._instance
import myhdl._misc
import myhdl._Signal
import myhdl._util
from myhdl import intbv

from ernn_myhdl.hdl import process_names

#: MyHDL looks at the callers up to the fifth.
DEPTH = 8
_ASKING: tuple[Any, ...] = (myhdl._block, myhdl._instance, myhdl._misc, myhdl._util)


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


class _Callers(Sequence[inspect.FrameInfo]):
    """The nearest callers as from `inspect.stack(0)`, which has no text of the source either."""

    def __init__(self, frame: FrameType) -> None:
        self._frames = list(islice(_frames(frame), DEPTH))

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: Any) -> Any:
        frame = self._frames[index]
        code = frame.f_code
        return inspect.FrameInfo(frame, code.co_filename, frame.f_lineno, code.co_name, None, None)


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
    def stack() -> _Callers:
        """The nearest callers."""
        return _Callers(sys._getframe(1))

    @staticmethod
    def getouterframes(frame: FrameType) -> _Callers:
        """The frame and the nearest ones around it; `instances()` asks for its caller's."""
        return _Callers(frame)

    @staticmethod
    def getsourcelines(function: Any) -> tuple[list[str], int]:
        return _source(function)

    @staticmethod
    def getsource(function: Any) -> str:
        return "".join(_source(function)[0])


_SHORT = _Inspect()


def _copied(value: Any) -> Any:
    """`deepcopy` of what a Signal holds."""
    if type(value) is not intbv:
        return value if type(value) in (bool, int) else copy.deepcopy(value)
    made: Any = object.__new__(intbv)
    made.__dict__.update(value.__dict__)
    return made


#: Module, name and what stands for it meanwhile.
_Replaced: TypeAlias = tuple[tuple[Any, str, Any], ...]
_INSPECTION: _Replaced = tuple((module, "inspect", _SHORT) for module in _ASKING)
#: Without the syntax trees, which only a conversion needs, and the list of all lists of Signals, which never leave it.
_ELABORATION: _Replaced = (
    *_INSPECTION,
    (myhdl._instance, "_makeAST", process_names.parsed),
    (myhdl._instance, "_AttrRefTransformer", process_names.AttributeReferences),
    (myhdl._instance, "_SigNameVisitor", process_names.SignalNames),
    (myhdl._block, "_makeMemInfo", myhdl._extractHierarchy._MemInfo),
    (myhdl._Signal, "deepcopy", _copied),
)


@contextmanager
def _meanwhile(replaced: _Replaced) -> Iterator[None]:
    before = [getattr(module, name) for module, name, _ in replaced]
    for module, name, meanwhile in replaced:
        setattr(module, name, meanwhile)
    try:
        yield
    finally:
        for (module, name, _), own in zip(replaced, before, strict=True):
            setattr(module, name, own)


def brief_inspection() -> AbstractContextManager[None]:
    """Within it, MyHDL sees its nearest callers only, and reads no source twice."""
    return _meanwhile(_INSPECTION)


def brief_elaboration() -> AbstractContextManager[None]:
    """Within it, blocks are elaborated for a simulation: what `brief_inspection` does, and no source is parsed twice."""
    return _meanwhile(_ELABORATION)
