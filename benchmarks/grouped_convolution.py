"""A convolution with groups, stored and multiplied as such, beside the same as one matrix with zeros: cycles and resources.

python -m benchmarks.grouped_convolution [--channels 32] [--kernel 3] [--json FILE]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.command import leave
from benchmarks.environment import environment, markdown, report
from ernn_myhdl import LinearCell, new_network
from ernn_myhdl.cycle_model.network_schedule import network_schedule
from ernn_myhdl.design.graph import Graph, Window
from ernn_myhdl.design.network import Network
from ernn_myhdl.explore.resources import estimate
from ernn_myhdl.program.program import program_for


def convolution(
    channels: int, kernel: int, groups: int, lanes: int, samples_per_beat: int = 1
) -> Network:
    """A causal convolution of as many outputs as inputs, with random weights."""
    taps = kernel if groups > 1 else 1
    cell = LinearCell(channels * kernel, channels, 1, groups=groups, taps=taps)
    window = Window(inputs=("x",), size=channels, kernel=kernel)
    graph = Graph(("join_0",), (window,), "layer_0")
    return new_network([cell], lanes=[lanes], graph=graph, samples_per_beat=samples_per_beat)


def measured(network: Network) -> dict:
    """Cycles, resources and memory of a convolution."""
    (layer,) = network.layers
    schedule, used = network_schedule(network), estimate(network)
    words = layer.hardware.lanes * program_for(layer).length
    return {
        "groups": getattr(layer.cell, "groups", 1),
        "lanes": layer.hardware.lanes,
        "stored": layer.cell.weight_shapes["input_weight"][1] * layer.cell.row_columns,
        "products_per_frame": words,
        "latency": schedule.latency,
        "interval": schedule.interval,
        **{name: getattr(used, name) for name in ("dsp", "bram36", "lut", "ff")},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--channels", type=int, default=32, help="a multiple of 8")
    parser.add_argument("--kernel", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    args = parser.parse_args()
    channels, kernel = args.channels, args.kernel
    cases = [(1, n) for n in (1, 8, channels)]
    cases += [(channels // 8, 1), (channels // 8, 8), (channels, 1), (channels, 2)]
    rows = [measured(convolution(channels, kernel, g, n)) for g, n in cases]
    text = f"{channels} channels, kernel {kernel}, 12 bits, a sample a beat\n\n"
    text += markdown(list(rows[0]), [list(row.values()) for row in rows])
    report({"environment": environment(), "rows": rows}, text, args.json)


if __name__ == "__main__":
    leave(main)
