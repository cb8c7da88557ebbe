"""The classifier in hardware: GRU, LSTM and head on the Japanese Vowels test set, every engine.

    python -m benchmarks.classifier [--myhdl-utterances 3] [--utterances 370] [--model FILE] [--json FILE]

Imports the PyTorch state dict and runs the test utterances through the integer model, the first ones
through the golden model and MyHDL, and all through the core compiled by Verilator. Outputs of all frames
and classes are compared with the integer model, cycles with the schedule, and those of Verilator with
MyHDL's. Exits with 1 on any difference, or with less than 95 % of the utterances named right.
"""

# ruff: noqa: E402 (the environment comes before numpy)
from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):  # read once, when numpy is imported
    os.environ.setdefault(variable, "1")

import numpy as np

from benchmarks.command import leave
from benchmarks.environment import environment, markdown, report
from ernn_myhdl.corpus.japanese_vowels import load_japanese_vowels
from ernn_myhdl.cycle_model.network_schedule import network_schedule
from ernn_myhdl.demo.classifier import CLASSIFIER_FILE, classes, import_classifier
from ernn_myhdl.demo.model import network_inputs
from ernn_myhdl.design.network import Network
from ernn_myhdl.engines.verilator.build import build, find_verilator, missing_tool
from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.importing import Imported
from ernn_myhdl.golden.network_models import float_model
from ernn_myhdl.runs.report import design_info
from ernn_myhdl.runs.run import Run, run_design

REQUIRED_ACCURACY = 0.95


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--myhdl-utterances", type=int, default=3, help="for golden and MyHDL (3)")
    parser.add_argument("--utterances", type=int, default=370, help="test utterances (370)")
    parser.add_argument("--model", type=Path, default=CLASSIFIER_FILE, help="another state dict")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here")
    arguments = parser.parse_args()
    data = load_japanese_vowels()
    sequences = network_inputs(data, "test")
    if not 1 <= arguments.utterances <= len(sequences):
        parser.error(f"--utterances: must be 1 to {len(sequences)}")
    if not 1 <= arguments.myhdl_utterances <= arguments.utterances:
        parser.error(f"--myhdl-utterances: must be 1 to {arguments.utterances}, --utterances")
    if reason := missing_tool():
        print(f"classifier: {reason}", file=sys.stderr)
        return 3
    sequences = sequences[: arguments.utterances]
    labels = data.test.labels[: arguments.utterances]
    try:
        imported = import_classifier(data, arguments.model)
    except DesignError as error:
        print(f"classifier: {error}", file=sys.stderr)
        return 2
    print("building ...", file=sys.stderr, flush=True)
    made = build(network := imported.design, "verilog")
    result = {
        "environment": environment() | {"verilator": find_verilator().version.strip()},
        "layers": layer_rows(imported),
        "build_seconds": None if made.cached else made.seconds,
        "cycles": cycles(network),
        "runs": runs(network, sequences, labels, arguments.myhdl_utterances),
        "accuracy_float": float_accuracy(network, sequences, labels),
    }
    fails = failures(result)
    result["failures"] = fails
    report(result, text_of(result), arguments.json)
    for line in fails:
        print(f"FAILED: {line}")
    if not fails:
        print("OK: all outputs, classes and cycles are equal")
    return 1 if fails else 0


def layer_rows(imported: Imported) -> list[dict]:
    """What was imported, and the hardware of each layer."""
    info = design_info(imported.design)
    return [
        {
            "layer": str(layer),
            "block": own["cell"]["block"],
            "projection_error": max(errors.values()),
            "parameters": own["parameters"],
            "dense_parameters": own["dense_parameters"],
            "lanes": own["hardware"]["lanes"],
            "multipliers": own["multipliers"],
            "latency": own["latency_cycles"],
            "interval": own["interval_cycles"],
        }
        for layer, errors, own in zip(imported.layers, imported.errors, info["layers"], strict=True)
    ]


def cycles(network: Network) -> dict:
    """The schedule of the network with one stream."""
    schedule = network_schedule(network)
    return {
        "latency": schedule.latency,
        "interval": schedule.interval,
        "bottleneck": schedule.bottleneck,
    }


def float_accuracy(network: Network, sequences, labels: np.ndarray) -> float:
    """Part of the utterances that the float reference names right."""
    means = [y.mean(axis=0) for y in float_model(network).run(sequences)]
    return float(np.mean(np.argmax(means, axis=1) == labels))


def runs(network: Network, sequences, labels: np.ndarray, few: int) -> list[dict]:
    """The engines, compared; golden and MyHDL on the first `few` utterances."""
    rows, done = [], {}
    for engine, part in (
        ("integer", sequences),
        ("golden", sequences[:few]),
        ("myhdl", sequences[:few]),
        ("verilator", sequences),
    ):
        print(f"{engine} ...", file=sys.stderr, flush=True)
        run = run_design(network, part, engine, stages=False)
        rows.append(row_of(run, done.setdefault("integer", run), labels))
        done[engine] = run
    slow, fast = done["myhdl"], done["verilator"]
    differing = fast.frame_cycles[: slow.frames] != slow.frame_cycles
    rows[-1]["different_cycles"] = int(differing.sum())
    return rows


def row_of(run: Run, integer: Run, labels: np.ndarray) -> dict:
    """A run against the integer model's run of at least these utterances."""
    count = len(run.sequences)
    expected = classes(integer.raw, integer.sequences)[:count]
    found = classes(run.raw, run.sequences)
    row = {
        "engine": run.engine,
        "utterances": count,
        "frames": run.frames,
        "outputs": run.raw.size,
        "different_outputs": int((run.raw != integer.raw[: run.frames]).sum()),
        "different_classes": int((found != expected).sum()),
        "accuracy": float(np.mean(found == labels[:count])),
        "seconds": run.seconds,
    }
    if run.saturations is not None:
        row["saturated"] = sum(run.saturations.values())
    if run.frame_cycles is not None:
        row |= {
            "cycles": run.cycles,
            "cycles_per_second": run.cycles_per_second,
            "latency": int(run.frame_cycles[0, 1] - run.frame_cycles[0, 0]),
            "interval": float(np.median(np.diff(run.frame_cycles[:, 1]))),
        }
    return row


def failures(result: dict) -> list[str]:
    """What is not as it must be, a line each."""
    found = []
    for layer in result["layers"]:
        if layer["projection_error"]:
            found.append(
                f"{layer['layer']}: not block-circulant, error {layer['projection_error']:.3g}"
            )
    for row in result["runs"]:
        for what in ("outputs", "classes"):
            if count := row[f"different_{what}"]:
                found.append(f"{row['engine']}: {count} {what} differ from the integer model's")
        if row.get("different_cycles"):
            found.append(f"{row['engine']}: {row['different_cycles']} cycles differ from MyHDL's")
        for what in ("latency", "interval"):
            if what in row and row[what] != result["cycles"][what]:
                found.append(
                    f"{row['engine']}: {what} {row[what]:g} cycles, scheduled "
                    f"{result['cycles'][what]:g}"
                )
        if row["engine"] in ("integer", "verilator") and row["accuracy"] < REQUIRED_ACCURACY:
            found.append(f"{row['engine']}: accuracy {row['accuracy']:.2%}")
    return found


def text_of(result: dict) -> str:
    """The tables."""
    layers = markdown(
        ("layer", "block", "projection error", "parameters", "dense", "lanes", "multipliers",
         "latency", "interval"),
        [
            (
                r["layer"], r["block"], f"{r['projection_error']:g}", f"{r['parameters']:,}",
                f"{r['dense_parameters']:,}", r["lanes"], r["multipliers"], r["latency"],
                r["interval"],
            )
            for r in result["layers"]
        ],
    )  # fmt: skip
    engines = markdown(
        ("engine", "utterances", "frames", "outputs", "different", "classes different", "accuracy",
         "latency", "interval", "seconds", "cycles/s"),
        [
            (
                r["engine"], r["utterances"], f"{r['frames']:,}", f"{r['outputs']:,}",
                r["different_outputs"], r["different_classes"], f"{r['accuracy']:.2%}",
                r.get("latency", "-"), f"{r['interval']:g}" if "interval" in r else "-",
                f"{r['seconds']:.1f}",
                f"{r['cycles_per_second']:,.0f}" if "cycles_per_second" in r else "-",
            )
            for r in result["runs"]
        ],
    )  # fmt: skip
    scheduled, first = result["cycles"], result["runs"][0]
    seconds = result["build_seconds"]
    built = "taken from the cache" if seconds is None else f"compiled in {seconds:.0f} s"
    return (
        f"{layers}\n\nnetwork, scheduled: latency {scheduled['latency']} cycles, interval "
        f"{scheduled['interval']:g}, bottleneck layer {scheduled['bottleneck']}\n\n{engines}\n\n"
        f"accuracy: float {result['accuracy_float']:.2%}, fixed point {first['accuracy']:.2%}; "
        f"{first['saturated']} saturated elements; the core for Verilator was {built}"
    )


if __name__ == "__main__":
    leave(main)
