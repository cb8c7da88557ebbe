"""What a host must know of a converted system: `system.json` in its folder, without the design and its tools."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ernn_myhdl.design.host_steps import HostStep, check_steps, step_of
from ernn_myhdl.design.input_scaling import InputScaling, scaling_of
from ernn_myhdl.errors import DesignError
from ernn_myhdl.files.array_file import read_arrays
from ernn_myhdl.host.arguments import path_of
from ernn_myhdl.host.loadable_weights import LoadableWeights, weights_of
from ernn_myhdl.host.sequences import FramesOut, LayerState, frames_out_of, layer_states_of
from ernn_myhdl.host.serial_link import SerialLink, link_of
from ernn_myhdl.numerics.formats import Format
from ernn_myhdl.whole_numbers import is_whole

SYSTEM_NAME, VECTORS_NAME, RECORD_VERSION = "system.json", "vectors.npz", 1
#: Bytes of a description that are read at all.
LONGEST = 1 << 24
_WHOLE = ("inputs", "outputs", "sample_bits", "samples_per_beat", "streams", "layers", "bus_bits")


@dataclass(frozen=True)
class SystemDescription:
    """A core with its wrapper, as the host sees it.

    name, digest: of the design. inputs, outputs: elements of a frame. sample_bits, samples_per_beat: of a beat of the
    core; a frame in a packet is whole beats. streams, layers: of the core. bus_bits: of the AXI4-Streams.
    input_scaling, output_steps: what the host does to x and to y. serial: the line of a UART system, None of an AXI system.
    rows: of an embedding, of which x has the numbers; None without one. weights: what loads at run time; None where they are fixed.
    frames_out: the frames of y of a sequence. states: of the layers that sequences start from; none where that is zero.
    """

    name: str
    digest: str
    inputs: int
    outputs: int
    input_format: Format
    output_format: Format
    sample_bits: int
    samples_per_beat: int
    streams: int
    layers: int
    bus_bits: int
    input_scaling: InputScaling | None = None
    output_steps: tuple[HostStep, ...] = ()
    serial: SerialLink | None = None
    rows: int | None = None
    weights: LoadableWeights | None = None
    frames_out: FramesOut = FramesOut()
    states: tuple[LayerState, ...] = ()

    def _frame_bytes(self, elements: int) -> int:
        beats = -(-elements // self.samples_per_beat)
        return beats * self.samples_per_beat * self.sample_bits // 8

    @property
    def input_bytes(self) -> int:
        """Bytes of a frame of x in a packet."""
        return self._frame_bytes(self.inputs)

    @property
    def output_bytes(self) -> int:
        """Bytes of a frame of y in a packet."""
        return self._frame_bytes(self.outputs)

    def record(self) -> dict[str, Any]:
        """As `system.json` holds it."""
        record: dict[str, Any] = {
            "version": RECORD_VERSION,
            "wrapper": "axi" if self.serial is None else "uart",
            "name": self.name,
            "digest": self.digest,
        }
        if self.serial is not None:
            record["serial"] = self.serial.record()
        record |= {name: getattr(self, name) for name in _WHOLE}
        if self.rows is not None:
            record["rows"] = self.rows
        if self.weights is not None:
            record["weights"] = self.weights.record()
        if self.frames_out != FramesOut():
            record["frames_out"] = self.frames_out.record()
        if self.states:
            record["states"] = [state.record() for state in self.states]
        for name in ("input_format", "output_format"):
            fmt = getattr(self, name)
            record[name] = {"word": fmt.word, "frac": fmt.frac}
        record["host"] = self.input_scaling.record() if self.input_scaling else {}
        record["output_steps"] = [step.record() for step in self.output_steps]
        return record


def description_of(record: object, where: str = SYSTEM_NAME) -> SystemDescription:
    """The description of a `record`; DesignError naming `where` and the entry that is wrong."""
    if not isinstance(record, Mapping) or record.get("version") != RECORD_VERSION:
        raise DesignError(
            f"{where}: is no description of a system of version {RECORD_VERSION}; convert the design with "
            "ernn convert --wrapper axi"
        )
    for name in _WHOLE:
        if not is_whole(record.get(name)) or record[name] < 1:
            raise DesignError(
                f"{where}: {name} = {record.get(name)!r}: must be a whole number, at least 1"
            )
    for name in ("name", "digest"):
        if not isinstance(record.get(name), str):
            raise DesignError(f"{where}: {name} = {record.get(name)!r}: must be a text")
    rows = record.get("rows")
    if rows is not None and (not is_whole(rows) or rows < 1):
        raise DesignError(f"{where}: rows = {rows!r}: must be a whole number, at least 1")
    formats = {}
    for name in ("input_format", "output_format"):
        entry = record.get(name)
        if not isinstance(entry, Mapping) or set(entry) != {"word", "frac"}:
            raise DesignError(f"{where}: {name} = {entry!r}: must have word and frac")
        formats[name] = Format(entry["word"], entry["frac"])
    host, steps = record.get("host") or {}, record.get("output_steps") or []
    if not isinstance(host, Mapping) or not isinstance(steps, Sequence):
        raise DesignError(f"{where}: host must be a table and output_steps a list")
    made = SystemDescription(
        record["name"], record["digest"], record["inputs"], record["outputs"], formats["input_format"],
        formats["output_format"], record["sample_bits"], record["samples_per_beat"], record["streams"],
        record["layers"], record["bus_bits"], scaling_of(host) if host else None, tuple(map(step_of, steps)),
        link_of(record["serial"], where) if "serial" in record else None, rows,
        weights_of(record.get("weights"), where), frames_out_of(record.get("frames_out"), where),
        layer_states_of(record.get("states"), where),
    )  # fmt: skip
    check_steps(made.output_steps, made.outputs, made.frames_out.ends)
    if made.input_scaling is not None:
        made.input_scaling.check(made.inputs)
    return made


def load_description(folder: str | Path) -> SystemDescription:
    """The description in a folder of `ernn convert --wrapper axi`; DesignError where there is none."""
    file = path_of(folder, "folder") / SYSTEM_NAME
    try:
        if not file.is_file():
            raise OSError(0, "is no ordinary file" if file.exists() else "does not exist")
        if file.stat().st_size > LONGEST:
            raise ValueError(f"it has more than {LONGEST} bytes")
        record = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise DesignError(
            f"{folder}: has no readable {SYSTEM_NAME} ({error.strerror}); make the folder with "
            "ernn convert DESIGN --wrapper axi"
        ) from error
    except (ValueError, RecursionError) as error:
        raise DesignError(f"{file}: is no JSON ({error}); convert the design again") from error
    return description_of(record, str(file))


def load_vectors(
    folder: str | Path, description: SystemDescription
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The test vectors of a folder: (raw x, raw y of the golden model) of each sequence, int64 (frames, elements)."""
    file = path_of(folder, "folder") / VECTORS_NAME
    try:
        arrays = read_arrays(file)
        if not isinstance(arrays, dict):
            raise ValueError("it has one array")
        x, y, lengths = arrays["x"], arrays["y"], arrays["lengths"]
    except (OSError, ValueError, KeyError) as error:
        raise DesignError(
            f"{file}: holds no test vectors ({error}); convert the design again"
        ) from error
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu" or not (lengths > 0).all():
        raise DesignError(f"{file}: lengths are no frames of sequences; convert the design again")
    made = [description.frames_out.frames(int(n)) for n in lengths]
    shapes = (int(lengths.sum()), description.inputs), (sum(made), description.outputs)
    if (x.shape, y.shape) != shapes:
        raise DesignError(
            f"{file}: arrays of {x.shape} and {y.shape}, must be {shapes[0]} and {shapes[1]}"
        )
    return cut_vectors(x, y, lengths, description.frames_out)


def cut_vectors(
    x: np.ndarray, y: np.ndarray, lengths: np.ndarray, frames_out: FramesOut
) -> list[tuple[np.ndarray, np.ndarray]]:
    """x and y of each sequence; lengths: of x."""
    made = [frames_out.frames(int(n)) for n in lengths]
    parts = np.split(x, np.cumsum(lengths)[:-1]), np.split(y, np.cumsum(made)[:-1])
    return list(zip(*parts, strict=True))
