"""`ernn demo`: the main job from trained weights to VHDL, on real speech.

Accuracies over the whole test set, a cycle-accurate MyHDL simulation and the converted VHDL in GHDL
on the first test utterances, both compared with the fxpmath golden model, plots and a Vivado folder.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

from ernn_myhdl.console import FAILED, FINE, frame_progress
from ernn_myhdl.corpus.japanese_vowels import load_japanese_vowels
from ernn_myhdl.cycle_model.schedule import schedule_for
from ernn_myhdl.demo.model import demo_design, network_inputs
from ernn_myhdl.demo.readout import classify
from ernn_myhdl.design.design import Design
from ernn_myhdl.design.storage import write_design
from ernn_myhdl.errors import ToolError
from ernn_myhdl.files.output_folder import new_folder
from ernn_myhdl.runs.check import count_mismatches
from ernn_myhdl.runs.run import Run, run_design, write_run

DEVICE = "xc7z020"
#: Frames of the first test utterances for each engine.
MYHDL_FRAMES, GHDL_FRAMES = 24, 6
SUMMARY = "summary.json"


def say(text: str) -> None:
    """A line of progress."""
    print(text, file=sys.stderr, flush=True)


def accuracies(design: Design, sequences: list[np.ndarray], labels: np.ndarray) -> dict:
    """Part of the utterances named right by the float, the circulant and the fixed-point model.

    The fixed-point numbers come from the integer model, which is bit-identical to the golden model.
    """
    from ernn_myhdl.golden.float_reference import FloatModel
    from ernn_myhdl.golden.integer import IntegerModel

    def accuracy(outputs) -> float:
        return float(np.mean(classify(outputs) == labels))

    models = {
        "accuracy_float": FloatModel(design.cell, design.weights, structure="dense").run,
        "accuracy_circulant": FloatModel(design.cell, design.weights, structure="circulant").run,
    }
    result = {name: accuracy([run(x) for x in sequences]) for name, run in models.items()}
    fixed = IntegerModel(design).run(sequences)
    result["accuracy_golden"] = accuracy([run.outputs for run in fixed])
    result["saturations"] = sum(run.saturated for run in fixed)
    return result


def _simulated(design: Design, sequences, frames: int, engine: str, **options) -> tuple[Run, int]:
    """A run on a cycle-accurate engine and its differing elements, all stages, to the golden model."""
    golden = run_design(design, sequences, "golden", frames)
    with frame_progress(engine, frames) as progress:
        run = run_design(design, sequences, engine, frames, progress=progress, **options)
    return run, count_mismatches(run, golden)


def _vhdl(design: Design, sequences) -> tuple[int | None, str | None]:
    """Mismatches of the VHDL, or None and the reason why it was not run."""
    try:
        return _simulated(design, sequences, GHDL_FRAMES, "ghdl")[1], None
    except ToolError as error:
        if "not found" not in str(error):
            raise
        return None, str(error)


def run_demo(folder: str | Path, force: bool = False) -> int:
    """Run the demonstration into a new `folder`; returns the exit code.

    An existing folder of an earlier demonstration is replaced with `force` only.
    """
    start = time.perf_counter()
    with new_folder(folder, force, SUMMARY) as target:
        summary = _write(target)
        summary["seconds"] = round(time.perf_counter() - start, 1)
        (target / SUMMARY).write_text(json.dumps(summary, indent=2) + "\n")
    print(table(summary))
    print(f"results in {folder}")
    wrong = summary["rtl_mismatches"] or summary["vhdl_mismatches"]
    late = summary["cycles_per_frame"] != summary["cycles_per_frame_scheduled"]
    return FAILED if wrong or late else FINE


def _write(target: Path) -> dict:
    from ernn_myhdl.plots.error import plot_error
    from ernn_myhdl.plots.schedule import plot_schedule
    from ernn_myhdl.plots.waveform import plot_waveform
    from ernn_myhdl.synthesis import synthesise

    say("1/6  model and data: Japanese Vowels, 370 test utterances")
    data = load_japanese_vowels()
    design = demo_design(data)
    sequences = network_inputs(data, "test")
    (target / "design").mkdir()
    write_design(design, target / "design")
    say("2/6  accuracy of the float, the circulant and the fixed-point model")
    summary = accuracies(design, sequences, data.test.labels)
    summary["test_utterances"] = len(sequences)
    say(f"3/6  cycle-accurate simulation in MyHDL, {MYHDL_FRAMES} frames")
    run, mismatches = _simulated(
        design, sequences, MYHDL_FRAMES, "myhdl", vcd=target / "waveform.vcd"
    )
    (target / "run").mkdir()
    write_run(run, target / "run")
    schedule = schedule_for(design)
    cycles = run.known_frame_cycles
    gaps = np.diff(cycles[:, 1])
    summary |= {
        "frames_simulated": run.frames,
        "rtl_mismatches": mismatches,
        "cycles_per_frame": float(np.mean(gaps)),
        "cycles_per_frame_scheduled": schedule.interval,
        "latency_cycles": int(cycles[0, 1] - cycles[0, 0]),
        "latency_cycles_scheduled": schedule.latency,
        "cycles_per_second": round(run.cycles_per_second or 0.0, 1),
    }
    say("4/6  pictures")
    latency = schedule.latency
    plot_waveform(run, target / "waveform.png", None, 0, latency + 4)
    plot_error(run, target / "error.png")
    plot_schedule(design, target / "schedule.png")
    say("5/6  VHDL with test bench and vectors, and the Vivado folder")
    synthesise(design, target / "vivado", DEVICE)
    design.convert(target / "vhdl")
    say(f"6/6  the VHDL in GHDL, {GHDL_FRAMES} frames")
    summary["vhdl_mismatches"], reason = _vhdl(design, sequences)
    summary["vhdl_frames"] = 0 if reason else GHDL_FRAMES
    if reason:
        summary["vhdl_reason"] = reason
    return summary


def table(summary: dict) -> str:
    """The result as lines for the terminal."""
    vhdl = summary.get("vhdl_reason") or (
        f"{summary['vhdl_mismatches']} in {summary['vhdl_frames']} frames"
    )
    rows = [
        ("accuracy, float", f"{summary['accuracy_float']:.2%}"),
        ("accuracy, block-circulant float", f"{summary['accuracy_circulant']:.2%}"),
        ("accuracy, fixed point (golden)", f"{summary['accuracy_golden']:.2%}"),
        ("test utterances", str(summary["test_utterances"])),
        ("frames simulated in MyHDL", str(summary["frames_simulated"])),
        ("mismatches, golden and MyHDL", str(summary["rtl_mismatches"])),
        ("mismatches, golden and VHDL", vhdl),
        ("cycles per frame, simulated", f"{summary['cycles_per_frame']:g}"),
        ("cycles per frame, scheduled", f"{summary['cycles_per_frame_scheduled']:g}"),
        ("simulated cycles per second", f"{summary['cycles_per_second']:g}"),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)
