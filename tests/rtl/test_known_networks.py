"""The benchmark of known networks with one of them: import, golden and MyHDL, and every frame in the cycle of the schedule."""

from __future__ import annotations

import pytest
from tools import require_module


@pytest.mark.torch
def test_a_known_network_is_right_on_the_engines():
    require_module("torch", "pip install 'ernn-myhdl[torch]'")
    from benchmarks.known_networks import network

    row = network("predistortion, skip and ReLU", ["golden", "myhdl"], 2, 0, [])
    assert row["passed"] and row["different"] == 0 and row["scheduled"]
    assert (row["latency"], row["interval"]) == (150, 64)
    assert row["engines"]["myhdl"] == [2, 2]
