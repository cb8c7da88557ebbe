"""MyHDL blocks whose Python source is made by the program.

MyHDL reads the source of a block, takes names of signals from its variables, and unrolls nothing. So
where a process has a statement for each of a list of things, it must be written out as text.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from myhdl import block


def written_block(
    name: str, arguments: Iterable[str], lines: Iterable[str], scope: Mapping[str, Any]
) -> Callable[..., Any]:
    """The MyHDL block `name(arguments)` with the lines as its body; scope: the names they use."""
    text = f"def {name}({', '.join(arguments)}):\n" + "".join(f"    {line}\n" for line in lines)
    file = f"<{name}, {hash((text, *sorted(map(str, scope.items())))):x}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    names = dict(scope)
    exec(compile(text, file, "exec"), names)
    made: Callable[..., Any] = block(names[name])
    return made
