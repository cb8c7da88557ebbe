"""Arrays of objects that never change: what was computed from them stays true."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike


def read_only(array: ArrayLike) -> np.ndarray:
    """A copy of an array that nobody can write to; of an array that is one already, itself."""
    base = getattr(array, "base", None)
    if isinstance(array, np.ndarray) and isinstance(base, np.ndarray) and not base.flags.writeable:
        return array
    copy: np.ndarray = np.array(array)
    copy.setflags(write=False)
    view: np.ndarray = copy.view()  # whose flag cannot be set again
    return view


class ReadOnlyArrays(dict[str, np.ndarray]):
    """Arrays by name; neither the names nor the arrays can be changed, also after a copy or pickling."""

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        super().__init__({name: read_only(array) for name, array in arrays.items()})

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("these arrays are read-only: make a dict of copies and a new object of it")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[type[ReadOnlyArrays], tuple[dict[str, np.ndarray]]]:
        return ReadOnlyArrays, (dict(self),)

    def __copy__(self) -> ReadOnlyArrays:
        return self

    def __deepcopy__(self, memo: object) -> ReadOnlyArrays:
        return self

    def same(self, other: Mapping[str, np.ndarray]) -> bool:
        """Whether the names and all elements are equal."""
        return self.keys() == other.keys() and all(
            np.array_equal(array, other[name]) for name, array in self.items()
        )
