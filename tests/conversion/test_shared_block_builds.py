"""How compiled cores with blocks that stand in them several times are built, as for users."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
from tools import require_verilator

from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.engines.verilator import build

#: Notes its arguments, then is Verilator.
NOTING = '#!/bin/sh\necho "$@" >> {log}\nexec {program} "$@"\n'


@pytest.mark.verilator
def test_a_shared_block_is_verilated_once(monkeypatch, tmp_path):
    """make took the two files of its rule for two rules and ran Verilator twice side by side, into one folder: a build could fail."""
    require_verilator()
    found, log, script = build.find_verilator(), tmp_path / "log", tmp_path / "verilator"
    script.write_text(NOTING.format(log=log, program=found.program))
    script.chmod(0o755)
    noting = replace(found, program=str(script))
    monkeypatch.setattr(build, "find_verilator", lambda: noting)
    monkeypatch.setattr(build, "MAKE_FLAGS", ("OPT_FAST=-O0", "OPT_SLOW=-O0", "OPT_GLOBAL=-O0"))
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setenv(build.CACHE_VARIABLE, str(tmp_path / "cache"))
    design = new_design(inputs=4, hidden=16, block=4, lanes=7, element_width=2, peepholes=True)
    x = np.random.default_rng(3).normal(size=(3, 4))
    np.testing.assert_array_equal(
        design.run(x, "verilator").outputs, design.run(x, "integer").outputs
    )
    blocks = [line for line in log.read_text().splitlines() if "__hierMkArgs.f" in line]
    assert len(blocks) > 1 and len(set(blocks)) == len(blocks), blocks
