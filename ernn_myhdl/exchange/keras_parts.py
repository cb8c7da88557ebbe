"""Parts of a signal of a Keras model, as `y[:, -1]` and `x[..., 2:5]` write them: the last frame, and some elements of a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ernn_myhdl.errors import DesignError, short
from ernn_myhdl.exchange.graph import LastFrame, Operation, Selected
from ernn_myhdl.whole_numbers import is_whole

_FORMS = "may take the last frame, y[:, -1], or a slice of the elements, y[..., 2:5]"


def parts(
    where: str, index: Sequence[Any], rank: int, size: int | None, frames: int | None
) -> list[Operation]:
    """What a GetItem does, one operation after the other. index: as the file has it, for every axis, the batch first. rank, size,
    frames: of the signal (`ernn_myhdl.exchange.keras_signal.KerasSignal`). Raises DesignError for other parts."""
    dots = [i for i, part in enumerate(index) if _class(part) == "__ellipsis__"]
    each = list(index)
    if dots:
        missing = rank - (len(each) - 1)
        each[dots[0] : dots[0] + 1] = [_ALL] * missing
    each += [_ALL] * (rank - len(each))
    if len(dots) > 1 or len(each) != rank or not _is_all(each[0], None):
        raise DesignError(f"{where}: {short(repr(index))}: {_FORMS}")
    made: list[Operation] = []
    if rank == 3 and not _is_all(each[1], frames):
        if each[1] != -1 and not (frames is not None and each[1] == frames - 1):
            raise DesignError(f"{where}: takes some of the frames of a sequence; {_FORMS}")
        made.append(LastFrame())
    if not _is_all(each[-1], size):
        if _class(each[-1]) != "__slice__":
            raise DesignError(
                f"{where}: takes an element of a frame without its axis; keep it, as x[..., 0:1] does"
            )
        if size is None:
            raise DesignError(f"{where}: takes some elements of frames of unknown size")
        chosen = range(size)[_slice(where, each[-1])]
        if not chosen:
            raise DesignError(f"{where}: takes none of {size} elements of a frame")
        made.append(Selected(tuple(chosen), size))
    return made


_ALL = {"class_name": "__slice__", "config": {}}


def _class(part: Any) -> Any:
    return part.get("class_name") if isinstance(part, dict) else None


def _slice(where: str, part: Any) -> slice:
    config = part.get("config") or {}
    limits = [config.get(name) for name in ("start", "stop", "step")]
    if any(n is not None and not is_whole(n) for n in limits) or limits[2] == 0:
        raise DesignError(f"{where}: its slice is {short(repr(config))}, must be of whole numbers")
    return slice(*limits)


def _is_all(part: Any, size: int | None) -> bool:
    """Whether a part of an axis is all of it."""
    if _class(part) != "__slice__":
        return False
    taken = _slice("slice", part)
    return (
        taken.start in (None, 0)
        and taken.step in (None, 1)
        and (taken.stop is None or size is not None and taken.stop >= size)
    )
