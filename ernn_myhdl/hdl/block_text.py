"""MyHDL's decorator of blocks without the text of every block.

`myhdl.block` reads the source of each function that it decorates and takes it apart to its end, only to tell a line in a message.
That was a third of the time in which the blocks are imported, in every process that simulates or converts.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import myhdl._block


class BlockText(Sequence[str]):
    """The lines of a function, which are read when they are looked at."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    @cached_property
    def _lines(self) -> list[str]:
        return inspect.getsourcelines(self._function)[0]

    def __len__(self) -> int:
        return len(self._lines)

    def __getitem__(self, index: Any) -> Any:
        return self._lines[index]

    def __repr__(self) -> str:
        return repr(self._lines)


class _Inspect:
    """The module `inspect`, as the module of MyHDL's decorator sees it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(inspect, name)

    @staticmethod
    def getsourcelines(function: Callable[..., Any]) -> tuple[Sequence[str], int]:
        return BlockText(function), function.__code__.co_firstlineno


_SHORT = _Inspect()


def install(package: str) -> None:
    """From now on, MyHDL reads the text of a block in the modules of a package when it is asked for; of others as ever."""
    decorator = getattr(myhdl._block, "block_decorator", None)
    if decorator is None:  # another MyHDL, which decorates in another way
        return
    whole = decorator.__init__

    def decorated(self: Any, func: Callable[..., Any]) -> None:
        written = func.__module__ is None  # `ernn_myhdl.hdl.written_block`
        if not written and not func.__module__.startswith(f"{package}."):
            whole(self, func)
            return
        before = myhdl._block.inspect
        myhdl._block.inspect = _SHORT
        try:
            whole(self, func)
        finally:
            myhdl._block.inspect = before

    decorator.__init__ = decorated
