"""Names that the source of a MyHDL process reads and assigns, found once for all instances of a block.

MyHDL parses the source of every process anew, which was most of the time in which a core is elaborated. What it looks for
are the names of Signals: which of them are read and which assigned is in the source, and is kept; which are Signals depends on the instance.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any

import myhdl._instance
from myhdl import intbv
from myhdl._Signal import _isListOfSigs, _Signal

# MyHDL's own, which are replaced meanwhile
_parsed = myhdl._instance._makeAST
_resolved = myhdl._instance._AttrRefTransformer
_Visitor = myhdl._instance._SigNameVisitor

#: Attributes that MyHDL takes for parts of Signals; any other one may stand for a Signal of its own.
_OF_SIGNALS = {"next", "posedge", "negedge", "max", "min", "val", "signed"}


class _AnyName(dict[str, Any]):
    """Every name, as a Signal."""

    def __init__(self) -> None:
        super().__init__()
        self.signal = intbv(0)

    def __contains__(self, name: object) -> bool:
        return True

    def __getitem__(self, name: str) -> Any:
        return self.signal


@dataclass(frozen=True)
class _Names:
    """Of a process: names that are read, assigned and both, all of them, and that of a function within it."""

    inputs: frozenset[str]
    outputs: frozenset[str]
    inouts: frozenset[str]
    all: frozenset[str]
    embedded: str | None


class _Source:
    """In the place of a syntax tree: the names in it."""

    def __init__(self, names: _Names) -> None:
        self.names = names


#: By code and file, since others may hold equal code.
_kept: dict[tuple[CodeType, str], _Names | None] = {}


def _names(function: Any) -> _Names | None:
    """Names of a process; None where MyHDL must look at the tree itself."""
    tree = _parsed(function)
    if any(isinstance(n, ast.Attribute) and n.attr not in _OF_SIGNALS for n in ast.walk(tree)):
        return None
    visitor = _Visitor(_AnyName())
    visitor.visit(tree)
    read, assigned, both = map(frozenset, (visitor.inputs, visitor.outputs, visitor.inouts))
    return _Names(read, assigned, both, read | assigned | both, visitor.embedded_func)


def parsed(function: Any) -> Any:
    """`myhdl._util._makeAST`: the syntax tree, or its names where these are all that MyHDL looks for."""
    key = function.__code__, function.__code__.co_filename
    if key not in _kept:
        _kept[key] = _names(function)
    names = _kept[key]
    return _parsed(function) if names is None else _Source(names)


class AttributeReferences:
    """`myhdl._resolverefs._AttrRefTransformer`."""

    def __init__(self, data: Any) -> None:
        self.data = data

    def visit(self, tree: Any) -> None:
        if isinstance(tree, _Source):
            self.data.objlist = []
        else:
            _resolved(self.data).visit(tree)


class SignalNames:
    """`myhdl._visitors._SigNameVisitor`."""

    def __init__(self, symbols: Mapping[str, Any]) -> None:
        self.symbols = symbols
        self.inputs: set[str] = set()
        self.outputs: set[str] = set()
        self.inouts: set[str] = set()
        self.sigdict: dict[str, Any] = {}
        self.losdict: dict[str, Any] = {}
        self.embedded_func: str | None = None

    def visit(self, tree: Any) -> None:
        if not isinstance(tree, _Source):
            visitor = _Visitor(self.symbols)
            visitor.visit(tree)
            self.__dict__.update(
                {name: getattr(visitor, name) for name in vars(self) if name != "symbols"}
            )
            return
        names, found = tree.names, set()
        for name in names.all:
            value = self.symbols.get(name)
            if isinstance(value, _Signal):
                self.sigdict[name] = value
            elif _isListOfSigs(value):
                self.losdict[name] = value
            elif not isinstance(value, intbv):
                continue
            found.add(name)
        self.inputs, self.outputs, self.inouts = (
            set(given & found) for given in (names.inputs, names.outputs, names.inouts)
        )
        self.embedded_func = names.embedded
