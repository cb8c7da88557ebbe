"""The Verilog of designs and blocks: clean in Yosys, and what was simulated in Icarus Verilog."""

from __future__ import annotations

import subprocess

import pytest
from block_bench import compare, run_verilog
from block_cases import CASES, convert_case
from block_library import myhdl_run
from lazy_designs import Lazily
from shared_folders import run_folder
from tools import require_tool

from ernn_myhdl import new_design
from ernn_myhdl.convert import convert

DESIGNS = Lazily(
    {
        "projection and peepholes": lambda: new_design(
            5, 10, 3, 4, True, lanes=6, ifft_units=2, element_width=2, samples_per_beat=2
        ),
        "dense": lambda: new_design(3, 4, 0, 1, False, "sigmoid", lanes=4, samples_per_beat=4),
        "rotations": lambda: new_design(9, 8, 0, 8, lanes=2, samples_per_beat=16),
    }
)


@pytest.fixture(scope="module", params=DESIGNS)
def verilog(request, tmp_path_factory):
    """Manifest and folder of a converted design."""
    folder = tmp_path_factory.mktemp("verilog") / "design"
    return convert(DESIGNS[request.param], folder, hdl="verilog"), folder


def yosys(folder, script: str) -> str:
    command = [require_tool("yosys"), "-Q", "-p", script]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr
    return result.stdout + result.stderr


def check_script(files: list[str], top: str) -> str:
    read = "read_verilog -sv " + " ".join(files)
    return f"{read}; hierarchy -check -top {top}; proc; check -assert; select -assert-none t:$dlatch t:$adlatch"


@pytest.mark.yosys
def test_no_latch_and_no_undriven_or_doubly_driven_net(verilog):
    manifest, folder = verilog
    said = yosys(folder, check_script(manifest["files"], manifest["top"]))
    assert "Found and reported 0 problems" in said
    assert "Latch inferred" not in said


@pytest.mark.yosys
@pytest.mark.parametrize("defect", ["latch", "undriven", "two drivers"])
def test_the_check_finds_a_defect(defect, tmp_path):
    body = {
        "latch": "reg r; always @* if (a) r = b; assign q = r;",
        "undriven": "wire u; assign q = u & a;",
        "two drivers": "assign q = a; assign q = b;",
    }[defect]
    (tmp_path / "m.v").write_text(
        f"module m (input wire a, input wire b, output wire q); {body} endmodule\n"
    )
    result = subprocess.run(
        [require_tool("yosys"), "-Q", "-p", check_script(["m.v"], "m")],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode != 0
    assert "ERROR" in result.stdout + result.stderr


def files_below(folder) -> list[str]:
    """All files of a folder and its sub-folders, by their paths in it."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_the_design_is_reproducible_and_complete(verilog, tmp_path):
    manifest, folder = verilog
    assert manifest["hdl"] == "verilog"
    design = next(d for d in DESIGNS.values() if d.digest == manifest["design_digest"])
    convert(design, tmp_path / "again", hdl="verilog")
    files = files_below(folder)
    assert "manifest.json" in files
    assert any(f.startswith("test_bench/") for f in files)
    assert files == files_below(tmp_path / "again")
    assert all((folder / f).read_bytes() == (tmp_path / "again" / f).read_bytes() for f in files)
    kinds = [c["kind"] for c in manifest["components"]]
    assert kinds.count("rom") >= 2 and kinds.count("leaf") >= 10


#: One block of each kind of arithmetic; the whole table runs in GHDL.
SAMPLE = [c for c in CASES if c.name in (
    "round 3 x 12 to 8 by 3", "round 2 x 8 to 5 by 20", "round 2 x 6 to 12 by -5",
    "fft of 8, Q3.9 to Q6.8", "ifft of 8, 12 bits", "lane of 4, 9 x 7", "column select of 8, 12, 10, 14",
    "add_peephole 12 x 10 by 9", "update_state 8 12 by 0 3", "gather 4 x 8 into 2 blocks, 5 chunks",
    "tanh, Q5.11 to Q2.10, 64 segments", "mask rows of 2 x 4, 3 groups, 19 outputs",
    "store of 8 x 2, written by 4, read by 1, 2 pages",
)]  # fmt: skip


def test_the_sample_is_in_the_table():
    assert len(SAMPLE) == 13


@pytest.mark.iverilog
@pytest.mark.parametrize("case", SAMPLE, ids=lambda c: c.name)
def test_block_as_verilog(case, tmp_path, tmp_path_factory):
    require_tool("iverilog")
    inputs, outputs = myhdl_run(case, run_folder(tmp_path_factory))
    convert_case(case, tmp_path, "verilog")
    results = run_verilog(case.component(), inputs, tmp_path)
    defined = [
        {n: v for n, v in row.items() if got[n] is not None}
        for row, got in zip(outputs, results, strict=True)
    ]
    assert compare(results, defined) >= 20
    assert all(v is not None for row in results[len(results) // 2 :] for v in row.values())
