"""Runs: a design and an input on an engine, and what came out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from ernn_myhdl.calibration.saturation import saturation_notes
from ernn_myhdl.corpus.inputs import check_input, first_frames, is_one_sequence
from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.design.host_steps import stepped
from ernn_myhdl.design.storage import load_design, write_design
from ernn_myhdl.design.time_joins import check_lengths
from ernn_myhdl.engines.registry import (
    CYCLE_ENGINES,
    DEFAULT,
    DEFAULT_SOURCE,
    ENGINES,
    check_options,
    choose_engine,
)
from ernn_myhdl.engines.result import Job
from ernn_myhdl.errors import DesignError
from ernn_myhdl.files.array_file import save_arrays
from ernn_myhdl.files.json_text import json_text
from ernn_myhdl.files.output_folder import new_file, new_folder
from ernn_myhdl.numerics.formats import to_real
from ernn_myhdl.runs.final_states import check_no_windows, of_model, of_stages
from ernn_myhdl.runs.run_folder import (
    KEPT,
    RUN_NAME,
    RUN_VERSION,
    Damage,
    load_initial,
    narrow,
    read_run_arrays,
    read_summary,
)
from ernn_myhdl.runs.session import Session as Session
from ernn_myhdl.runs.session import open_session as open_session
from ernn_myhdl.streams.initial_states import (
    CoreState,
    check_initial_states,
    saturated_states,
)
from ernn_myhdl.streams.state_file import (
    FINAL_NAME,
    save_states,
    write_states,
)
from ernn_myhdl.streams.traffic import Traffic

DESIGN_FOLDER = "design"


@dataclass
class Run:
    """What one engine made of one input; the sequences follow each other in all arrays.

    Parameters
    ----------
    design : Design or Network
    engine : str
    x, outputs : ndarray, (frames, inputs) and (frames, outputs), float64
        Outputs are the values behind the design's host steps.
    raw : ndarray, (frames, outputs), int64
        The words of the core in the `output` format.
    sequences : list of int
        Lengths in x; `output_lengths`: those in y, where joins over time give other numbers of frames.
    initial : list
        The states before the sequences, None for zero; empty where all are.
    frame_cycles : ndarray, (frames of y, 2), or None
        Cycles of the first x beat accepted and the last y beat delivered (of what stands for a sequence the first x
        beat of its last frame); None for the models, which know no cycles.
    stages : dict of str to ndarray, (frames, ...), int64
        Named tensors, of the shapes of `ernn_myhdl.golden.tensors.tensor_shapes`.
    stage_cycles : dict of str to ndarray, (frames, ..., blocks)
        The cycle at which each block of them appeared; as the trace only from engines that know cycles and see inside.
    trace : dict of str to ndarray
        The value of a signal in every cycle (`ernn_myhdl.engines.trace.CycleTrace`).
    saturations : dict of str to int, or None
        Saturated elements of each tensor, None where the engine does not count them.
    traffic : Traffic
    seconds, preparation_seconds : float
        Wall time, and the part of it for elaboration, conversion and compilation.
    cycles : int or None
    notes : list of str
        What the user should know about the run.
    interrupted : bool
        By Ctrl-C, so that frames are missing.
    """

    design: CoreSpecification
    engine: str
    x: np.ndarray
    outputs: np.ndarray
    raw: np.ndarray
    sequences: list[int]
    initial: list[CoreState | None] = field(default_factory=list)
    frame_cycles: np.ndarray | None = None
    stages: dict[str, np.ndarray] = field(default_factory=dict)
    stage_cycles: dict[str, np.ndarray] = field(default_factory=dict)
    trace: dict[str, np.ndarray] = field(default_factory=dict)
    saturations: dict[str, int] | None = None
    traffic: Traffic = Traffic()
    seconds: float = 0.0
    preparation_seconds: float = 0.0
    cycles: int | None = None
    notes: list[str] = field(default_factory=list)
    interrupted: bool = False

    def __repr__(self) -> str:
        frames = f"{len(self.outputs)} frames of {len(self.sequences)} sequences"
        return f"Run({self.design.name} on {self.engine}: {frames})"

    @property
    def digest(self) -> str:
        """Digest of the design."""
        return self.design.digest

    @property
    def frames(self) -> int:
        """Frames of x."""
        return len(self.x)

    @property
    def output_lengths(self) -> list[int]:
        """Frames of y of each sequence."""
        return self.design.output_lengths(self.sequences)

    @property
    def core_outputs(self) -> np.ndarray:
        """Values (frames, outputs) of y as the core gives it, before the design's host steps."""
        return to_real(self.raw, self.design.output_format)

    @property
    def known_frame_cycles(self) -> np.ndarray:
        """`frame_cycles`; DesignError where the engine knows no cycles."""
        if self.frame_cycles is None:
            raise DesignError(
                f"engine = {self.engine!r}: knows no cycles; run one that does: "
                f"{', '.join(CYCLE_ENGINES)}"
            )
        return self.frame_cycles

    @property
    def cycles_per_second(self) -> float | None:
        """Simulated cycles in a second of wall time after the preparation."""
        return None if self.cycles is None else self.cycles / self._computing_seconds

    @property
    def frames_per_second(self) -> float:
        """Frames in a second of wall time after the preparation."""
        return self.frames / self._computing_seconds

    @property
    def _computing_seconds(self) -> float:
        return max(self.seconds - self.preparation_seconds, 1e-9)

    @property
    def input_sequences(self) -> list[np.ndarray]:
        """x cut into its sequences."""
        return np.split(self.x, np.cumsum(self.sequences)[:-1])

    def final_states(self) -> list[CoreState | None]:
        """The states behind the last frame of each sequence, raw words; `initial` of a run that goes on from there.

        DesignError where the design has windows, whose frames are no part of a state.

        They are those of the run's named tensors; a run without these asks the integer model.
        """
        check_no_windows(self.design)
        found = of_stages(self.design, self.stages, self.sequences)
        if found is not None:
            return found
        initial = self.initial or [None] * len(self.sequences)
        return of_model(self.design, self.input_sequences, initial)

    def summary(self) -> dict:
        """What run.json holds: everything but the arrays."""
        summary = {
            "format_version": RUN_VERSION,
            "engine": self.engine,
            "design": self.design.name,
            "design_digest": self.digest,
            "frames": self.frames,
            "sequences": list(self.sequences),
            "outputs": self.raw.shape[1],
            "seconds": self.seconds,
            "preparation_seconds": self.preparation_seconds,
            "frames_per_second": self.frames_per_second,
            "cycles": self.cycles,
            "cycles_per_second": self.cycles_per_second,
            "saturations": self.saturations,
            "traffic": asdict(self.traffic),
            "loaded_sequences": [i for i, s in enumerate(self.initial) if s is not None],
            "notes": list(self.notes),
        }
        if self.frame_cycles is not None:
            cycles = self.frame_cycles
            graph = self.design.graph
            over_time = graph is not None and graph.frames[graph.output] is not None
            first = self.output_lengths[0] - 1 if over_time else 0
            summary["latency_cycles"] = int(cycles[first, 1] - cycles[first, 0])
            # in the order of delivery; frames of several streams may come in uneven steps
            gaps = np.diff(np.sort(cycles[:, 1]))
            several = self.design.stream_shape.streams > 1
            middle = np.mean if several else np.median
            known = len(gaps) and not over_time  # of frames of y that stand for those of x
            summary["interval_cycles"] = round(float(middle(gaps))) if known else None
        return summary

    def save(self, folder: str | Path, force: bool = False) -> Path:
        """Write a new run folder; an existing one is an error, or replaced with `force`."""
        with new_folder(folder, force, RUN_NAME) as partial:
            write_run(self, partial)
        return Path(folder)


def write_run(run: Run, folder: Path) -> None:
    """Write the files of a run into an existing folder."""
    (folder / DESIGN_FOLDER).mkdir()
    write_design(run.design, folder / DESIGN_FOLDER, source=False)
    for name in ("x", "outputs", "raw"):
        np.save(folder / f"{name}.npy", getattr(run, name), allow_pickle=False)
    if run.frame_cycles is not None:
        np.save(folder / "frame_cycles.npy", run.frame_cycles, allow_pickle=False)
    save_states(run.initial, run.design, folder)
    keeps = any(layer.cell.state_sizes for layer in run.design.layers)
    keeps = keeps and not (run.design.graph and run.design.graph.windows)
    if keeps and (run.stages or run.design.stream_shape.initial_states):
        write_states(run.final_states(), run.design, folder / FINAL_NAME)
    for name in ("stages", "stage_cycles", "trace"):
        arrays: dict[str, np.ndarray] = getattr(run, name)
        if arrays:
            save_arrays(folder / f"{name}.npz", {n: narrow(a) for n, a in arrays.items()})
    (folder / RUN_NAME).write_text(json_text(run.summary(), 2) + "\n", encoding="utf-8")


def load_run(folder: str | Path) -> Run:
    """The run stored in a folder.

    Parameters
    ----------
    folder : str or path
        It, or its run.json.

    Returns
    -------
    Run

    Raises
    ------
    DesignError
        Where it is none or is damaged.
    """
    folder = Path(folder)
    if folder.name == RUN_NAME and folder.is_file():
        folder = folder.parent
    if not (folder / RUN_NAME).is_file():
        what = f"holds no {RUN_NAME}" if folder.is_dir() else "no such folder"
        raise DesignError(f"run {folder}: {what}; make one with `ernn simulate -o {folder}`")
    design = load_design(folder / DESIGN_FOLDER)
    try:
        summary = read_summary(folder, design)
        arrays = read_run_arrays(folder, design, summary)
    except Damage as error:
        raise DesignError(f"run {folder}: is damaged ({error}); simulate again") from error
    return Run(
        design=design,
        initial=load_initial(folder, design, summary),
        traffic=Traffic(**summary["traffic"]),
        **{name: summary[name] for name in KEPT},
        **arrays,
    )


def run_design(
    design: CoreSpecification,
    x,
    engine: str = DEFAULT,
    frames: int | None = None,
    vcd: str | Path | None = None,
    traffic: Traffic = Traffic(),
    stages: bool = True,
    vcd_lanes: bool = False,
    progress: Callable[[int, int], None] | None = None,
    source: str = DEFAULT_SOURCE,
    say: Callable[[str], None] | None = None,
    initial=None,
) -> Run:
    """Run x on an engine.

    Initial states beyond their formats, and tensors of which more than one element in a thousand saturates (engines that
    count them), are told in the notes. After Ctrl-C a cycle-accurate engine returns the frames that are done.

    Parameters
    ----------
    design : Design or Network
    x : array_like, (frames, inputs), or a list of such sequences
        Floating point numbers; whole ones where the design begins with an embedding.
    engine : str
        Of `ernn_myhdl.engines.registry`: golden, integer, myhdl, verilator, ghdl ...; auto: verilator where it and g++
        are, otherwise myhdl.
    frames : int, optional
        Only the first so many, of all sequences together.
    vcd : str or path, optional
        File for a waveform (myhdl).
    traffic : Traffic
        Idle cycles and back-pressure (engines that know cycles).
    stages : bool
        Keep every named tensor and the trace.
    vcd_lanes : bool
        The lanes in the waveform even where there are many.
    progress : callable, optional
        Called with (frames done, cycle).
    source : str
        What verilator compiles, `verilog` (MyHDL's) or `vhdl` (GHDL's synthesis of the converted VHDL).
    say : callable, optional
        Called with what is done before the frames.
    initial : dict of str to array_like, or list, optional
        The state at the start of a sequence (`ernn_myhdl.golden.initial_state`; of a network a list of one for each
        layer); for a list of sequences a list, with None for zero. Only designs with initial_states take them. None:
        the states that are the design's own (`initial` of its layers, those that a model holds as constants), which are
        zero where it has none.

    Returns
    -------
    Run

    Raises
    ------
    DesignError
        Where x, an option or a state does not fit the design or the engine.
    ToolError
        Where a program of the engine is missing or failed.
    """
    engine, notes = choose_engine(engine, vcd is not None)
    chosen = ENGINES[engine]
    check_options(chosen, source, vcd is not None, traffic != Traffic())
    for name in ("idle", "stall"):
        if not 0 <= getattr(traffic, name) <= 0.95:
            raise DesignError(
                f"traffic {name} = {getattr(traffic, name)}: must be 0 to 0.95, a probability"
            )
    given = check_input(x, design.inputs, numbers=design.takes_numbers)
    sequences = first_frames(given, frames)
    check_lengths(design.graph, [len(s) for s in sequences])
    for number, sequence in enumerate(sequences):
        design.check_numbers(sequence, f"input sequence {number}")
    states = check_initial_states(design, initial, len(given), is_one_sequence(x))[: len(sequences)]
    job = Job(design, sequences, traffic, stages, None, vcd_lanes, progress, source, say, states)
    start = time.perf_counter()
    if vcd is None:
        result = chosen.run(job)
    else:
        with new_file(vcd) as partial:
            result = chosen.run(replace(job, vcd=partial))
    seconds = time.perf_counter() - start
    notes = notes + saturated_states(design, states)
    if result.saturations is not None:
        notes += saturation_notes(design, result.saturations, sum(len(s) for s in sequences))
    if result.done is not None:
        states = [s for s, n in zip(states, result.done, strict=True) if n]
        sequences = [s[:n] for s, n in zip(sequences, result.done, strict=True) if n]
    lengths = [len(s) for s in sequences]
    return Run(
        design=design,
        engine=engine,
        x=np.concatenate(sequences),
        outputs=stepped(
            design.host_steps,
            to_real(result.raw, design.output_format),
            frames=design.frames_behind(lengths),
        ),
        raw=result.raw,
        sequences=lengths,
        initial=states,
        frame_cycles=result.frame_cycles,
        stages=result.stages,
        stage_cycles=result.stage_cycles,
        trace=result.trace,
        saturations=result.saturations,
        traffic=traffic,
        seconds=seconds,
        preparation_seconds=result.preparation_seconds,
        cycles=result.cycles,
        notes=notes + result.notes,
        interrupted=result.done is not None,
    )
