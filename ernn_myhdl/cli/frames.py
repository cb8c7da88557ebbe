"""Frames on standard input and output: text, or numbers one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TextIO

import numpy as np

from ernn_myhdl.errors import DesignError

#: Little-endian types of the formats that are no text.
KINDS = {"float32": "<f4", "float64": "<f8", "int16": "<i2", "int32": "<i4"}


def frame_reader(
    source: TextIO, form: str, streams: int, inputs: int
) -> Iterator[np.ndarray | None]:
    """Turns (streams, inputs) as soon as they are complete; None where sequences end.

    form: "text" or of KINDS. Raises DesignError where a frame has another length, or the input ends within one.
    """
    if form == "text":
        return _lines(source, streams, inputs)
    return _numbers(source, np.dtype(KINDS[form]), streams, inputs)


def checked_turns(
    turns: Iterator[np.ndarray | None], check: Callable[[np.ndarray, str], None]
) -> Iterator[np.ndarray | None]:
    """The turns; check: raises DesignError for one that the design does not take, with the name that it is given."""
    number = 0
    for turn in turns:
        if turn is not None:
            check(turn, f"standard input: {'frame' if len(turn) == 1 else 'turn'} {number}")
            number += 1
        yield turn


def with_ends(
    turns: Iterator[np.ndarray | None], close: bool = True
) -> Iterator[tuple[np.ndarray, bool]]:
    """Every turn, and whether the sequences end with it: behind it comes None, or nothing if `close`."""
    before = None
    for turn in turns:
        if before is not None:
            yield before, turn is None
        before = turn
    if before is not None:
        yield before, close


def _numbers(source: TextIO, kind: np.dtype, streams: int, inputs: int) -> Iterator[np.ndarray]:
    size, number = streams * inputs * kind.itemsize, 0
    # a pipe gives what is there: a turn may come in pieces
    while data := _exactly(source, size):
        if len(data) < size:
            what = "frame" if streams == 1 else f"turn of {streams} frames"
            raise DesignError(
                f"standard input: ends within {what} {number} ({len(data)} of {size} bytes); a frame has "
                f"{inputs} numbers of {kind.itemsize} bytes"
            )
        turn = np.frombuffer(data, kind).reshape(streams, inputs).astype(kind.newbyteorder("="))
        if not np.isfinite(turn).all():
            value = turn[~np.isfinite(turn)][0]
            raise DesignError(
                f"standard input: frame {number} holds {value}, must be finite; the input may have another --input-format"
            )
        yield turn
        number += 1


def _exactly(source: TextIO, size: int) -> bytes:
    pieces = b""
    while len(pieces) < size:
        piece = source.buffer.read1(size - len(pieces))  # type: ignore[attr-defined]  # the standard input has it
        if not piece:
            break
        pieces += piece
    return pieces


def _lines(source: TextIO, streams: int, inputs: int) -> Iterator[np.ndarray | None]:
    turn: list[list[float]] = []
    number = 0
    for raw in iter(source.buffer.readline, b""):
        number += 1
        where = f"standard input: line {number}"
        try:
            line = raw.decode("utf-8").strip()
        except UnicodeDecodeError as error:
            raise DesignError(
                f"{where}: is no text; numbers one after the other are read with --input-format"
            ) from error
        if line.startswith("#"):
            continue
        if not line:
            if turn:
                raise DesignError(f"{where}: ends a turn of {len(turn)} of {streams} streams")
            yield None
            continue
        turn.append(_values(line, inputs, where))
        if len(turn) == streams:
            yield np.array(turn)
            turn = []
    if turn:
        raise DesignError(
            f"standard input: ends within a turn, behind {len(turn)} of {streams} streams"
        )


def _values(line: str, inputs: int, where: str) -> list[float]:
    words = line.replace(",", " ").split()
    values = []
    for word in words:
        try:
            value = np.nan if "_" in word else float(word)  # Python takes 1_0 for 10
        except ValueError:
            value = np.nan
        if not np.isfinite(value):
            raise DesignError(f"{where}: {word[:40]!r} is not a finite number")
        values.append(value)
    if len(values) != inputs:
        raise DesignError(
            f"{where}: {len(values)} numbers, must be {inputs}, the inputs of the design"
        )
    return values


def frame_writer(target: TextIO, form: str) -> Callable[[np.ndarray], None]:
    """Writes the frames of a turn at once."""

    def text(turn: np.ndarray) -> None:
        target.writelines(" ".join(map(repr, row)) + "\n" for row in turn.tolist())
        target.flush()

    def numbers(turn: np.ndarray) -> None:
        target.buffer.write(np.ascontiguousarray(turn, KINDS[form]).tobytes())
        target.buffer.flush()

    return text if form == "text" else numbers
