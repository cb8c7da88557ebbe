"""Clusters of lanes: weights, columns and drain chains across their borders."""

from __future__ import annotations

import numpy as np
import pytest
from random_designs import random_inputs

from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.cycle_model.schedule import frame_times
from ernn_myhdl.hdl.components import Rom
from ernn_myhdl.hdl.netlist import Netlist
from ernn_myhdl.rtl import cluster
from ernn_myhdl.rtl.core.top import core
from ernn_myhdl.runs.check import check_run
from ernn_myhdl.runs.run import run_design


def design(**hardware):
    return new_design(inputs=5, hidden=16, projection=8, block=2, peepholes=True, **hardware)


@pytest.mark.parametrize(
    "lanes, ifft_units, element_width, size",
    [
        (12, 4, 2, 1),  # a chain passes over clusters
        (12, 4, 1, 2),  # lanes of a group in several clusters, the last one smaller
        (16, 4, 4, 4),
        (6, 2, 1, 4),
        (16, 1, 1, 8),  # several registers of a chain in each of two clusters
        (10, 2, 1, 8),  # one of three lanes below one of two, beyond a cluster
    ],
)
def test_drain_chains_cross_clusters(monkeypatch, lanes, ifft_units, element_width, size):
    monkeypatch.setattr(cluster, "CLUSTER", size)
    small = design(lanes=lanes, ifft_units=ifft_units, element_width=element_width)
    x = np.random.default_rng(lanes).standard_normal((2, 5))
    assert check_run(run_design(small, x, "myhdl")) is None


def contents(netlist: Netlist, base: int = 0) -> list[int]:
    """Contents of all lane memories below a netlist."""
    found = []
    for instance in netlist.instances:
        at = base + instance.contents
        if isinstance(instance.component, Netlist):
            found += contents(instance.component, at if instance.component.base else 0)
        elif isinstance(instance.component, Rom) and instance.component.name == "lane_weights":
            found.append(at)
    return found


@pytest.mark.parametrize("lanes, ifft_units", [(96, 4), (80, 16), (16, 16)])
def test_each_lane_has_its_own_weights_once(lanes, ifft_units):
    wide = new_design(5, 48, 8, 2, lanes=lanes, ifft_units=ifft_units, element_width=4)
    top = core(wide)
    assert sorted(contents(top)) == list(range(lanes))
    sizes = [c for name, c in top.components().items() if name.startswith("lanes_")]
    assert len(sizes) <= 2  # full clusters are one component, and so are smaller ones


@pytest.mark.parametrize(
    "block, hidden, registers",
    [
        (
            8,
            16,
            2,
        ),  # a word of 96 bits for each of 3 lanes, of which the first reads the broadcast register
        (2, 8, 0),  # 24 bits: all 3 lanes read it
        (8, 128, 0),  # block RAM
    ],
)
def test_memories_of_luts_have_address_registers(block, hidden, registers):
    top = core(new_design(5, hidden, block=block, lanes=3, ifft_units=1, element_width=1))
    made = {name: count for name, (_, count) in top.components().items()}
    assert made.get("lane_address", 0) == registers


@pytest.mark.parametrize("hidden, memories", [(16, "LUTs"), (96, "block RAM")])
def test_words_of_block_ram_have_a_register_that_costs_no_cycle(hidden, memories):
    """The word of a block RAM went into the sum of two weights in the cycle in which it was read."""
    small = new_design(4, hidden, block=4, lanes=2, ifft_units=1, element_width=1)
    made = {name: count for name, (_, count) in core(small).components().items()}
    assert made.get("lane_word", 0) == (2 if memories == "block RAM" else 0)
    x = random_inputs(1, small, 2)
    run = run_design(small, x, "myhdl")
    assert check_run(run) is None
    last_beats = [frame.beats[-1] for frame in frame_times(small, [0, 0])]
    assert (run.frame_cycles[:, 1] - run.frame_cycles[0, 0]).tolist() == last_beats
