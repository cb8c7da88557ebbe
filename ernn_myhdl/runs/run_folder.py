"""What a run folder holds, checked: every field of run.json and every array against the design."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.design.host_steps import stepped
from ernn_myhdl.engines.registry import ENGINES
from ernn_myhdl.engines.trace import SAMPLES, STAGE_VALID, traced
from ernn_myhdl.files.array_file import MAX_NUMBERS, NoArrayFile, read_arrays
from ernn_myhdl.files.json_text import read_json
from ernn_myhdl.golden.tensors import stages_of
from ernn_myhdl.hdl.stream_port import READY, SINK, SOURCE, VALID, signals
from ernn_myhdl.numerics.formats import Format, to_real
from ernn_myhdl.streams.initial_states import CoreState, check_initial_states
from ernn_myhdl.streams.state_file import STATES_NAME, read_initial_states
from ernn_myhdl.streams.traffic import Traffic
from ernn_myhdl.whole_numbers import is_number

RUN_NAME = "run.json"
RUN_VERSION = 1
#: Fields of run.json that are those of a `Run`.
KEPT = (
    "engine", "sequences", "saturations", "seconds", "preparation_seconds", "cycles", "notes",
)  # fmt: skip
#: Signals without which no waveform is drawn; those of a network's layers have their prefix.
_STREAMS = tuple(
    name for stream in (SOURCE, SINK) for name in signals(stream, VALID, READY, "tdata")
)
_OPERATION = ("op_valid", "op_index", "op_recurrent", "op_second")
#: Largest probability of a gap in `Traffic`.
_MOST_TRAFFIC = 0.95


class Damage(NoArrayFile):
    """Something in a run folder is not what a run writes; the message names file, value and what is legal."""


def _fault(what: str, value: object, legal: str) -> Damage:
    return Damage(f"{what} = {value!r}, must be {legal}")


def _is_count(value: object, least: int = 0) -> bool:
    return type(value) is int and least <= value < 1 << 62


def _is_number(value: object, least: float, most: float) -> bool:
    if not is_number(value):
        return False
    return least <= value <= most and math.isfinite(value)


def read_summary(folder: Path, design: CoreSpecification) -> dict[str, Any]:
    """run.json with all fields checked; Damage where one is missing or none of a run of `design`."""
    try:
        summary = read_json(folder / RUN_NAME)
    except ValueError as error:
        raise Damage(f"{RUN_NAME} cannot be read: {error}") from error
    if not isinstance(summary, dict):
        raise Damage(f"{RUN_NAME} holds no table")
    version = summary.get("format_version")
    if type(version) is not int or version != RUN_VERSION:
        raise _fault(f"{RUN_NAME}: format_version", version, str(RUN_VERSION))
    summary.setdefault("preparation_seconds", 0.0)  # earlier versions had none
    known = {
        "engine": (lambda v: isinstance(v, str) and v in ENGINES, " or ".join(ENGINES)),
        "design": (lambda v: v == design.name, f"the name of its design, {design.name!r}"),
        "design_digest": (
            lambda v: v == design.digest,
            f"the digest of its design, {design.digest}: the design was changed after the run",
        ),
        "frames": (lambda v: _is_count(v, 1), "a number of frames"),
        "outputs": (lambda v: v == design.outputs, f"{design.outputs}, the outputs of its design"),
        "sequences": (
            lambda v: isinstance(v, list) and bool(v) and all(_is_count(n, 1) for n in v),
            "a list of the frames of every sequence",
        ),
        "saturations": (
            lambda v: v is None or _are_counts(v, stages_of(design)),
            "null, or the saturated elements of tensors of its design",
        ),
        "traffic": (_is_traffic, "idle, stall, seed and shuffle of the streams"),
        "seconds": (lambda v: _is_number(v, 0, 1e12), "a time"),
        "preparation_seconds": (lambda v: _is_number(v, 0, 1e12), "a time"),
        "cycles": (lambda v: v is None or _is_count(v, 1), "null or a number of cycles"),
        "notes": (
            lambda v: isinstance(v, list) and all(isinstance(n, str) for n in v),
            "a list of texts",
        ),
    }
    for name, (legal, what) in known.items():
        if name not in summary:
            raise Damage(f"{RUN_NAME}: {name} is missing")
        if not legal(summary[name]):
            raise _fault(f"{RUN_NAME}: {name}", summary[name], what)
    if summary["frames"] != sum(summary["sequences"]):
        raise _fault(f"{RUN_NAME}: frames", summary["frames"], "the sum of sequences")
    loaded = summary.setdefault("loaded_sequences", [])  # earlier versions had none
    count = len(summary["sequences"])
    if not (isinstance(loaded, list) and all(_is_count(n) and n < count for n in loaded)):
        raise _fault(f"{RUN_NAME}: loaded_sequences", loaded, f"a list of numbers below {count}")
    timed = ENGINES[summary["engine"]].cycles
    if timed != (summary["cycles"] is not None):
        right = "a number of cycles" if timed else "null"
        raise _fault(
            f"{RUN_NAME}: cycles", summary["cycles"], f"{right} for engine {summary['engine']!r}"
        )
    return summary


def _are_counts(value: object, names) -> bool:
    return isinstance(value, dict) and all(n in names and _is_count(c) for n, c in value.items())


def _is_traffic(value: object) -> bool:
    if not isinstance(value, dict) or not set(value) <= {f.name for f in fields(Traffic)}:
        return False
    return (
        all(_is_number(value.get(n, 0), 0, _MOST_TRAFFIC) for n in ("idle", "stall"))
        and _is_count(value.get("seed", 0))
        and isinstance(value.get("shuffle", False), bool)
    )


def read_run_arrays(
    folder: Path, design: CoreSpecification, summary: dict[str, Any]
) -> dict[str, Any]:
    """The arrays of a run as the fields of `ernn_myhdl.runs.run.Run`; Damage where one does not fit."""
    frames, cycles, lengths = summary["frames"], summary["cycles"], summary["sequences"]
    leaving = sum(design.output_lengths(lengths))
    x = _single(folder, "x", (frames, design.inputs), np.float64)
    raw = _single(folder, "raw", (leaving, design.outputs), np.int64)
    if not np.isfinite(x).all():
        raise Damage("x.npy holds NaN or infinity")
    _check_range("raw.npy", raw, design.output_format)
    behind = design.frames_behind(lengths)
    values = stepped(design.host_steps, to_real(raw, design.output_format), frames=behind)
    outputs = _single(folder, "outputs", values.shape, np.float64)
    # functions of the host may differ in the last bit between machines
    equal = np.array_equal(outputs, values)
    if not equal and not (design.host_steps and np.allclose(outputs, values)):
        raise Damage("outputs.npy does not hold the values of raw.npy")
    arrays: dict[str, Any] = {"x": x, "outputs": outputs, "raw": raw, "frame_cycles": None}
    if cycles is not None:
        times = _single(folder, "frame_cycles", (leaving, 2), np.int64)
        if times.min() < 0 or times.max() >= cycles or (times[:, 0] > times[:, 1]).any():
            raise Damage(f"frame_cycles.npy holds other cycles than 0 to {cycles - 1} in order")
        arrays["frame_cycles"] = times
    elif (folder / "frame_cycles.npy").exists():
        raise Damage(f"frame_cycles.npy is there, but engine {summary['engine']!r} has no cycles")
    stages = stages_of(design)
    shapes = {
        name: (sum(design.frames_of(name, n) for n in lengths), *stage.shape)
        for name, stage in stages.items()
    }
    arrays["stages"] = _group(folder, "stages", shapes)
    for name, array in arrays["stages"].items():
        _check_range(f"stages.npz {name}", array, stages[name].format)
    when = {name: shapes[name][:-1] for name in arrays["stages"]} if cycles is not None else {}
    arrays["stage_cycles"] = _group(folder, "stage_cycles", when)
    arrays["trace"] = _trace(folder, design, cycles)
    # the core goes on for some cycles after the last y
    end = len(next(iter(arrays["trace"].values()), ())) or 1 << 62
    for name, array in arrays["stage_cycles"].items():
        if array.min() < 0 or array.max() >= end:
            raise Damage(f"stage_cycles.npz {name} holds other cycles than 0 to {end - 1}")
    return arrays


def _trace(folder: Path, design: CoreSpecification, cycles: int | None) -> dict[str, np.ndarray]:
    """The signals of every cycle; those without which no waveform is drawn must be there."""
    known: set[str] = set()
    if cycles is not None:
        known = {*traced(design), *SAMPLES, *stages_of(design)}
        for name, stage in stages_of(design).items():
            known |= {f"{name}_{i}" for i in range(stage.shape[0])}  # where rows are probed apart
        known |= {name + STAGE_VALID for name in known}
    trace = _group(folder, "trace", dict.fromkeys(known, (None,)))
    lengths = {len(signal) for signal in trace.values()}
    if lengths and (len(lengths) > 1 or cycles is None or min(lengths) < cycles):
        raise Damage(
            f"trace.npz has signals of {min(lengths)} to {max(lengths)} cycles, run.json {cycles}"
        )
    needed = [*_STREAMS, *(p + n for p in design.layer_prefixes for n in _OPERATION)]
    if trace and (missing := [name for name in needed if name not in trace]):
        raise Damage(f"trace.npz holds no {missing[0]}")
    return trace


def _single(folder: Path, name: str, shape: tuple[int, ...], kind: type) -> np.ndarray:
    """The array of an .npy file of this shape and type."""

    def check(_: str, found: tuple[int, ...], dtype: np.dtype) -> None:
        if found != shape or dtype != kind:
            wanted = f"{shape} of {np.dtype(kind)}"
            raise Damage(f"{name}.npy has shape {found} of {dtype}, must be {wanted}")

    # as large as the file itself at most, whose size the shape tells
    array = _read(folder / f"{name}.npy", check, max(MAX_NUMBERS, math.prod(shape)))
    if isinstance(array, dict):
        raise Damage(f"{name}.npy is an .npz file")
    return array


def _group(folder: Path, name: str, shapes: dict[str, tuple]) -> dict[str, np.ndarray]:
    """The integer arrays of an .npz file, widened to int64; none where there is no file.

    shapes: of all that may be there; a size None may be any.
    """
    file = folder / f"{name}.npz"
    if not (file.exists() or file.is_symlink()):
        return {}

    def check(array: str, found: tuple[int, ...], dtype: np.dtype) -> None:
        if array not in shapes:
            raise Damage(
                f"{name}.npz holds {array!r}, which a run of this design and engine has not"
            )
        sizes = zip(found, shapes[array], strict=False)
        fits = len(found) == len(shapes[array]) and all(n in (f, None) for f, n in sizes)
        if not fits or dtype.kind != "i":
            wanted = str(shapes[array]).replace("None", "cycles")
            raise Damage(
                f"{name}.npz {array} has shape {found} of {dtype}, must be {wanted} of integers"
            )

    # what was not compressed takes eight times the memory of its file at most
    arrays = _read(file, check, max(MAX_NUMBERS, file.stat().st_size))
    if not isinstance(arrays, dict):
        raise Damage(f"{name}.npz is an .npy file")
    return {n: a.astype(np.int64) for n, a in arrays.items()}


def _read(file: Path, check: Callable, limit: int) -> np.ndarray | dict[str, np.ndarray]:
    try:
        return read_arrays(file, check, limit)
    except Damage:
        raise
    except NoArrayFile as error:
        raise Damage(f"{file.name} cannot be read: {error}") from error


def _check_range(what: str, array: np.ndarray, fmt: Format) -> None:
    """Damage where a raw word is outside its format."""
    low, high = -(1 << (fmt.word - 1)), (1 << (fmt.word - 1)) - 1
    if array.size and (array.min() < low or array.max() > high):
        raise Damage(
            f"{what} holds {array.min()} to {array.max()}, must be {low} to {high}, {fmt.word} bits"
        )


def load_initial(folder: Path, design: CoreSpecification, summary: dict) -> list[CoreState | None]:
    """The initial states of a run, as its folder keeps them."""
    count, loaded = len(summary["sequences"]), summary["loaded_sequences"]
    if not loaded:
        return [None] * count
    given = read_initial_states(folder / STATES_NAME, design, count)
    states = check_initial_states(design, given, count, False)
    return [state if i in loaded else None for i, state in enumerate(states)]


def narrow(array: np.ndarray) -> np.ndarray:
    """Integers in the smallest type that holds them; loading widens them again."""
    if array.dtype != np.int64 or not array.size:
        return array
    low, high = int(array.min()), int(array.max())
    for kind in (np.int8, np.int16, np.int32):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return array.astype(kind)
    return array
