"""The recurrent shapes of hls4ml's examples from PyTorch to Yosys: cycles, multipliers, LUTs and the error in one table.

    python -m benchmarks.hls4ml_shapes --cache FOLDER [--blocks 1 8] [--word 16] [--json FILE]

Top tagging (LSTM 6 to 20), flavour tagging (LSTM 6 to 120) and QuickDraw (LSTM 3 to 128) with their dense layers
(`benchmarks.network_cases`) and random weights; with blocks of k the matrices of the LSTM are made block-circulant first. Each is
imported with formats chosen on calibration data, run on other data ("error": the largest difference of an output from PyTorch's),
simulated by Verilator against the integer model (words that differ), converted, and its blocks synthesised by Yosys for
XC7VX690T; the folder keeps what was synthesised. A sequence takes the latency and an interval for every frame behind the first.
Exits with 1 where a word differs or an error is above 1e-2, with 3 without PyTorch.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from benchmarks.block_synthesis import BlockCache
from benchmarks.command import leave
from benchmarks.environment import environment, markdown, report
from ernn_myhdl import design_info
from ernn_myhdl.rtl.core.top import core
from ernn_myhdl.rtl.fifo import READY
from ernn_myhdl.synthesis.devices import device_named
from ernn_myhdl.synthesis.resources import total_resources
from ernn_myhdl.synthesis.yosys import find_yosys, yosys_version

SHAPES = ("top tagging, LSTM 20", "flavour tagging, LSTM 120", "QuickDraw, LSTM 128")
DEVICE = "xc7vx690t"
LIMIT = 1e-2
#: Sequences that formats are chosen on, and that errors are measured on.
CALIBRATION, TESTED = 32, 8


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.hls4ml_shapes", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument(
        "--cache", type=Path, required=True, metavar="FOLDER", help="results of Yosys"
    )
    parser.add_argument("--only", nargs="+", choices=SHAPES, default=SHAPES, metavar="NAME")
    parser.add_argument("--blocks", nargs="+", type=int, default=[1, 8], help="default: 1 8")
    parser.add_argument("--word", type=int, default=16, help="default: 16")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here")
    arguments = parser.parse_args(argv)
    try:
        import torch
    except ImportError:
        print("hls4ml_shapes: PyTorch is missing; pip install 'ernn-myhdl[train]'", file=sys.stderr)
        return 3
    torch.set_num_threads(1)

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    cache = BlockCache(arguments.cache, device_named(DEVICE), say)
    rows = [
        measure(name, block, arguments.word, cache)
        for name in arguments.only
        for block in arguments.blocks
    ]
    machine = environment("torch") | {"yosys": yosys_version(find_yosys())}
    report({"environment": machine, "shapes": rows}, table(rows), arguments.json)
    return 1 if any(row["different"] or row["error"] > LIMIT for row in rows) else 0


def measure(name: str, block: int, word: int, cache: BlockCache) -> dict:
    """One shape with one block size."""
    import torch

    from benchmarks.network_cases.pytorch import CASES, module
    from ernn_myhdl import import_module

    model, example = module(name)
    if block > 1:
        make_circulant(model, block, example)
    torch.manual_seed(1)
    frames, inputs = CASES[name].frames, CASES[name].inputs
    x = torch.randn(CALIBRATION + TESTED, frames, inputs)
    sequences = [each.numpy().astype(np.float64) for each in x]
    design = import_module(model, example, word=word, calibration=sequences[:CALIBRATION]).design
    with torch.no_grad():
        wanted = model(x[CALIBRATION:]).numpy()
    tested = sequences[CALIBRATION:]
    run = design.run(tested, engine="integer")
    ends = np.cumsum([len(run.outputs) // TESTED] * TESTED) - 1
    simulated = design.run(tested[:1], engine="verilator")
    info = design_info(design)
    found = total_resources(cache.design(core(design)))
    return {
        "shape": name, "frames": frames, "block": block, "word": word,
        "error": float(np.abs(run.outputs[ends] - wanted).max()),
        "different": int((simulated.raw != run.raw[: len(simulated.raw)]).sum()),
        "latency": info["latency_cycles"], "interval": info["interval_cycles"],
        # its first beat is accepted in cycle READY; frame_cycles has the last frame alone, whose result it is
        "cycles": int(simulated.frame_cycles[-1, 1]) - READY,
        **{key: found[key] for key in ("dsp", "ramb18", "ramb36", "lut", "ff")},
    }  # fmt: skip


def make_circulant(model, block: int, example) -> None:
    """Give the matrices of the LSTM their nearest block-circulant ones."""
    from ernn_myhdl.train import compress

    sizes = {"input": block, "recurrent": block, "linear": 1}
    compress(
        model, sizes, lambda net, x: net(x).sum(), [example], method="projection", epochs=0,
        input_scales=False, progress=False,
    )  # fmt: skip


def table(rows: list[dict]) -> str:
    """Markdown of the rows."""
    header = (
        "network", "frames", "k", "bits", "error", "latency / interval", "cycles of a sequence", "DSP48", "RAMB18 / 36",
        "LUT", "FF", "words that differ",
    )  # fmt: skip
    lines = [
        (
            row["shape"], row["frames"], row["block"], row["word"], f"{row['error']:.1e}",
            f"{row['latency']} / {row['interval']}", f"{row['cycles']:,}", row["dsp"], f"{row['ramb18']} / {row['ramb36']}",
            f"{row['lut']:,}", f"{row['ff']:,}", row["different"],
        )
        for row in rows
    ]  # fmt: skip
    return markdown(header, lines)


if __name__ == "__main__":
    leave(main)
