"""The C driver without a board: what it refuses, frames that come out, and the words of states, which are those of the driver in Python."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ernn_myhdl import DesignError, LinearCell, LstmCell, new_network
from ernn_myhdl.design.input_scaling import InputScaling
from ernn_myhdl.host.description import description_of
from ernn_myhdl.host.sequences import state_words
from ernn_myhdl.streams.initial_states import layer_beats
from ernn_myhdl.system.driver.writing import write_driver
from ernn_myhdl.system.writer import system_description

MAIN = Path(__file__).parents[1] / "conversion" / "driver_arguments_main.c"


def little(beat=4):
    return new_network(
        [LstmCell(3, 4, block=2), LinearCell(4, 2, block=1)], lanes=1, samples_per_beat=beat, streams=2, initial_states=True,
        outputs=["last", "all"],
    )  # fmt: skip


def own_lines(system, state, stream, beat):
    """What the program prints of a state."""
    (words,) = state_words(system.states, 2, [state, None], stream, system.sample_bits, beat)
    return [f"{i + 1 == len(words):d} {word:08x}" for i, word in enumerate(words)]


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc not installed")
@pytest.mark.parametrize(("beat", "own"), [(1, False), (4, False), (4, True)])
def test_wrong_arguments_are_refused_and_states_are_those_of_python(tmp_path, beat, own):
    design = little(beat)
    if own:
        given = {"output": np.array([0.25, 0.0, -0.5, 0.125]), "cell_state": np.full(4, -0.75)}
        design = design.with_initial([given, None])
    system = replace(system_description(design, 64), name="little")
    write_driver(system, tmp_path)
    formats = design.layers[0].formats
    limits = [
        f"-DCELL_MOST={formats.cell_state.maximum}",
        f"-DOUTPUT_MOST={formats.output.maximum}",
    ]
    command = ["gcc", "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-I.", *limits, str(MAIN), "little.c", "-o", "main"]  # fmt: skip
    subprocess.run(command, cwd=tmp_path, check=True)
    done = subprocess.run([tmp_path / "main"], capture_output=True, text=True)
    state = {"output": [1, -2, 3, -4], "cell_state": [5, -6, 7, -8]}
    (words,) = state_words(system.states, 2, [state, None], 1, system.sample_bits, beat)
    lines = [f"{i + 1 == len(words):d} {word:08x}" for i, word in enumerate(words)]
    assert done.returncode == 0, done.stdout
    sizes = [f"{system.output_bytes} bytes", "0 bytes", "0 bytes"]
    if own:
        # on the stream in use before the sequence and with the start, none where the caller gives them, and on stream 1 by hand
        before, by_hand = (own_lines(system, given, stream, beat) for stream in (0, 1))
        lines = [*before, *sizes, *before, sizes[0], *lines, *by_hand]
    else:
        lines = [*sizes, *lines]
    assert done.stdout.splitlines() == lines
    assert words[0] == 1 << 16
    beats = [b.data for b in layer_beats(design.layers[0], {n: np.array(v) for n, v in state.items()})]  # fmt: skip
    size = max(1, system.samples_per_beat * system.sample_bits // 32)
    assert [sum(w << 32 * i for i, w in enumerate(words[at : at + size])) for at in range(1, len(words), size)] == beats  # fmt: skip


HEADER_IN_CPP = """
#include "little.h"
#include <cstdio>
int main()
{
    const double scales[] = LITTLE_SCALES, offsets[] = LITTLE_OFFSETS;
    std::printf("%a %a %a %a\\n", LITTLE_INPUT_FACTOR, LITTLE_OUTPUT_LSB, scales[1], offsets[2]);
    return little_frames_out(3) != 1;
}
"""


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ not installed")
def test_header_is_one_of_cpp_and_its_numbers_are_exact(tmp_path):
    design = little()
    core, scaling = (
        system_description(design, 64),
        InputScaling((0, 3, 0), (0.0, 0.0, 1 / 3), (1.0, 0.3, 1.0)),
    )
    system = replace(core, name="little", input_scaling=scaling)
    write_driver(system, tmp_path)
    (tmp_path / "main.cpp").write_text(HEADER_IN_CPP)
    flags = ["-pedantic", "-Wall", "-Wextra", "-Werror"]
    for command in (
        ["gcc", "-std=c99", *flags, "-c", "little.c"],
        ["g++", "-std=c++11", *flags, "main.cpp", "little.o", "-o", "main"],
    ):
        subprocess.run(command, cwd=tmp_path, check=True)
    told = subprocess.run([tmp_path / "main"], check=True, capture_output=True, text=True).stdout
    formats = 2.0**system.input_format.frac, 2.0**-system.output_format.frac
    wanted = [*formats, float(scaling.factors[1]), float(scaling.offsets[2])]
    assert [float.fromhex(word) for word in told.split()] == wanted


def test_what_the_host_must_know_of_sequences_is_kept_and_checked():
    system = system_description(little(), 64)
    record = system.record()
    assert description_of(record) == system and system.frames_out.frames(7) == 1
    for wrong in ({"step": 0}, {"least": -1}, {"first": 1.5}, {"more": 1}):
        damaged = record | {"frames_out": record["frames_out"] | wrong}
        with pytest.raises(DesignError, match="frames_out"):
            description_of(damaged)
    part = record["states"][0]["parts"][0]
    for wrong in ([{"layer": 0}], 3, [{"layer": 0, "parts": [part | {"samples": 1}]}]):
        with pytest.raises(DesignError, match="states"):
            description_of(record | {"states": wrong})


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ([None], "must be a list of one for each of 2 layers"),
        ([{"output": [0] * 4}, None], "must be a dictionary of cell_state, output"),
        ([{"output": [0] * 4, "cell_state": [0] * 3}, None], r"cell_state of layer 0: int64 of shape \(3,\)"),
        ([{"output": [1 << 20] * 4, "cell_state": [0] * 4}, None], "raw words from 1048576"),
        ([{"output": [float("nan")] * 4, "cell_state": [0] * 4}, None], "NaN or infinity"),
        ([None, {"output": [0]}], "layer 1 has none"),
    ],
)  # fmt: skip
def test_states_of_another_form_are_refused(state, message):
    system = system_description(little(), 64)
    with pytest.raises(DesignError, match=message):
        state_words(system.states, 2, state, 0, system.sample_bits, system.samples_per_beat)
