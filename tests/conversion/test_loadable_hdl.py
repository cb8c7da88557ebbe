"""The VHDL and the Verilog of a network whose weights are replaced in the middle of the delivered bench."""

from __future__ import annotations

import json
import subprocess

import pytest
from loading_bench import other_weights
from loading_graphs import banked_graph
from tools import require_tool

from ernn_myhdl import RnnCell
from ernn_myhdl.calibration.generate import new_network
from ernn_myhdl.convert import convert
from ernn_myhdl.convert.bench_sequences import vector_lengths
from ernn_myhdl.convert.memory import hex_file
from ernn_myhdl.convert.names import named
from ernn_myhdl.convert.test_bench import (
    EXPECTED,
    bench_file,
    random_sequences,
    result_lines,
)
from ernn_myhdl.convert.weights_bench import IMAGE, image_lines
from ernn_myhdl.convert.writable_memory import verilog_memory
from ernn_myhdl.design.graph import Graph
from ernn_myhdl.design.time_joins import LastFrame, Repeat
from ernn_myhdl.engines.ghdl import check_folder
from ernn_myhdl.golden.network_models import integer_model
from ernn_myhdl.hdl.components import Contents, Rom
from ernn_myhdl.hdl.types import Word
from ernn_myhdl.hdl.writable_memory import writable
from ernn_myhdl.rtl.weights.image import image_words
from ernn_myhdl.synthesis import ghdl_synth_check


def network(banks: int, over_time: bool = False):
    cells = [RnnCell(2, 2, block=2), RnnCell(2, 2, block=2)]
    if over_time and banks > 1:  # a graph that carries the banks of its frames
        return banked_graph("joins").with_weights("loadable", banks)
    if not over_time:
        return new_network(cells).with_weights("loadable", banks)
    joins = (LastFrame(("layer_0",)), Repeat(("join_0",), frames=3))
    graph = Graph(("x", "join_1"), joins, "layer_1")
    return new_network(cells, graph=graph).with_weights("loadable", banks)


def other_image(core, folder) -> None:
    """The bench loads other weights between its two sequences, of which the second has other results."""
    other, sequences = other_weights(core), random_sequences(core, vector_lengths(core))
    models = integer_model(core), integer_model(other)
    made = [model.run(x).raw for model, x in zip(models, sequences, strict=True)]
    lines = result_lines(made, vector_lengths(core), core)
    expected = folder / "test_bench" / bench_file(core.name, EXPECTED)
    assert lines != expected.read_text()
    expected.write_text(lines)
    image = folder / "test_bench" / bench_file(core.name, IMAGE)
    image.write_text(image_lines(image_words(other)))


@pytest.mark.ghdl
@pytest.mark.parametrize(("banks", "over_time"), ((1, False), (2, False), (1, True), (2, True)))
def test_vhdl_loads_weights_in_the_middle_of_a_run(banks, over_time, tmp_path):
    require_tool("ghdl")
    core, folder = network(banks, over_time), tmp_path / "vhdl"
    convert(core, folder)
    checked = ghdl_synth_check(folder)
    ours = ("image_", "load", "bank", "idle", "weights", "parameters", "status")
    assert not [w for w in checked["warnings"] if any(name in w for name in ours)]
    assert check_folder(folder).passed  # an image of its own weights
    other_image(core, folder)
    result = check_folder(folder)
    assert result.passed, result.message


@pytest.mark.iverilog
def test_verilog_loads_weights_in_the_middle_of_a_run(tmp_path):
    require_tool("iverilog")
    core, folder = network(2), tmp_path / "verilog"
    convert(core, folder, hdl="verilog")
    other_image(core, folder)
    files = (folder / "files.txt").read_text().split()
    bench = bench_file(core.name, "test_bench")
    run = ["iverilog", "-g2012", "-s", bench, "-o", "bench.vvp", f"-P{bench}.QUIET_LIMIT=3000"]

    def said() -> str:
        subprocess.run([*run, *files, f"test_bench/{bench}.sv"], cwd=folder, check=True)
        done = subprocess.run(
            ["vvp", "-n", "bench.vvp"], cwd=folder, capture_output=True, text=True
        )
        return done.stdout + done.stderr

    assert "PASS" in said()
    image = folder / "test_bench" / bench_file(core.name, IMAGE)
    text = image.read_text()
    image.write_text(text[:-2] + f"{int(text[-2], 16) ^ 1:X}\n")
    assert "FAIL" in said(), "an image with another check sum is taken"


@pytest.mark.yosys
@pytest.mark.parametrize(
    ("depth", "width", "cell"), ((200, 96, "DP16KD"), (16, 8, "TRELLIS_DPR16X4"))
)
def test_memories_are_taken_for_ram_with_contents(depth, width, cell, tmp_path):
    require_tool("yosys")
    words = [tuple(i * 2654435761 % (1 << width) for i in range(depth))]
    rom = Rom("words", (depth - 1).bit_length(), Word(width), Contents(1, depth, lambda: words))
    memory = writable(rom, 2, 1)
    (tmp_path / "words.sv").write_text(named(verilog_memory(memory), ""))
    (tmp_path / "words_0.hex").write_text(hex_file(memory, 0))
    script = 'read_verilog -sv -defer words.sv; chparam -set INIT "words_0.hex" words; '
    script += "synth_ecp5 -top words; write_json out.json"
    subprocess.run(["yosys", "-q", "-p", script], cwd=tmp_path, check=True)
    cells = json.loads((tmp_path / "out.json").read_text())["modules"]["words"]["cells"].values()
    kinds = [c["type"] for c in cells]
    assert kinds.count(cell) == (3 if depth > 64 else 4)
    if depth > 64:
        assert len(kinds) <= 5  # no logic for a word that is read and written at once
