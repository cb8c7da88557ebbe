"""What the command prints: messages of bounded length, strict JSON, closed streams, terminals of ASCII."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from ernn_myhdl import DesignError, load_design, new_design, save_design
from ernn_myhdl.cli.main import main
from ernn_myhdl.design.design_text import network_toml
from ernn_myhdl.errors import LONGEST_MESSAGE, one_line
from ernn_myhdl.files.json_text import json_text, parse_json, read_toml


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_design(new_design(4, 6, block=2, lanes=2), "design")
    return tmp_path


def ernn(command, **options):
    """The command in a shell, so that it may close streams."""
    ernn = f'"{sys.executable}" -m ernn_myhdl'
    return subprocess.run(
        command.replace("ernn ", f"{ernn} "), shell=True, capture_output=True, text=True, **options
    )


def test_closed_streams_are_as_if_nobody_read(place):
    for command, code in (
        ("ernn info design >&-", 0),
        ("ernn info design <&- >&- 2>&-", 0),
        ("ernn info none 2>&-", 2),
    ):
        ran = ernn(command)
        assert (ran.returncode, ran.stdout, ran.stderr) == (code, "", ""), command
    # the file does not get the number of the closed stream
    ran = ernn("ernn plot schedule design -o s.svg >&-")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert (place / "s.svg").read_text().startswith("<?xml")


def test_a_terminal_of_ascii_shows_escapes(place):
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    size = "--cell linear --inputs 1 --hidden 1 --block 1 --lanes 1"
    ran = ernn(f"ernn new {size} -o é && ernn info ü", env=environment)
    assert ran.stdout == "wrote \\xe9: 2 parameters, 1 lanes\n"
    assert ran.returncode == 2 and "design \\xfc: no such folder" in ran.stderr


def test_long_names_and_escape_sequences_in_messages():
    message = str(DesignError(f"design {'x' * 100_000}: no such folder; give another"))
    assert len(message) < 400
    assert message.startswith("design xxx") and message.endswith("xx: no such folder; give another")
    assert "[... 100001 characters ...]" in message
    message = one_line("a " * 100_000 + "end")
    assert len(message) == LONGEST_MESSAGE and message.endswith("a end")
    assert one_line("a\x1b[31m\nb\udcff\u202e") == "a\\x1b[31m b\\udcff\\u202e"
    assert one_line("µ é 中") == "µ é 中"


def test_json_has_no_nan(capsys):
    value = {
        "a": [float("nan"), 1.5],
        "b": (float("-inf"), None),
        "c": np.float64("inf"),
        "d": True,
    }
    text = json_text(value)
    assert json.loads(text, parse_constant=pytest.fail) == {
        "a": [None, 1.5], "b": [None, None], "c": None, "d": True,
    }  # fmt: skip
    with pytest.raises(ValueError, match="Infinity is no number"):
        parse_json('{"a": Infinity}')
    with pytest.raises(ValueError, match="nests too deeply"):
        parse_json("[" * 100_000)


def test_an_option_whose_value_is_two_dashes(place, capsys):
    np.save("x.npy", np.zeros((2, 4)))
    with pytest.raises(SystemExit) as stop:
        main(["simulate", "design", "--input", "x.npy", "--seed=--"])
    assert stop.value.code == 2
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1 and "--seed" in err


@pytest.mark.parametrize("layers", [65, 20_000])
def test_a_network_of_too_many_layers_is_refused_before_it_is_read(place, layers, monkeypatch):
    from ernn_myhdl.design import storage

    (place / "net").mkdir()
    names = [f"layer_{i}" for i in range(layers)]
    # tomlkit takes a minute to write 20,000 names
    text = network_toml("net", ["here"]).replace('["here"]', json.dumps(names))
    (place / "net" / "network.toml").write_text(text)
    read = []
    monkeypatch.setattr(storage, "_read_weights", read.append)
    with pytest.raises(DesignError, match="65 names, must be 1 to 64|must have at most 262144"):
        load_design(place / "net")
    assert not read


def test_toml_that_nests_deeply_or_is_no_file(tmp_path):
    file = tmp_path / "a.toml"
    file.write_text("a = " + "[" * 50_000 + "]" * 50_000)
    with pytest.raises(DesignError, match="is not valid TOML"):
        read_toml(file)
    file.write_bytes(b"a = '\xff'")
    with pytest.raises(DesignError, match="is not valid TOML"):
        read_toml(file)
    with pytest.raises(DesignError, match="it is no ordinary file"):
        read_toml(tmp_path)


@pytest.mark.parametrize("bias", [1e17, 1e19])
def test_a_huge_bias_in_several_word_lengths(place, bias, capsys):
    save_design(new_design(4, 3, block=1, cell="linear", lanes=1), "linear")
    weights = load_file("linear/weights.safetensors")
    weights["bias"].reshape(-1)[0] = bias
    save_file(weights, "linear/weights.safetensors")
    np.save("x.npy", np.random.default_rng(0).standard_normal((3, 4)))
    assert main(["evaluate", "linear", "--data", "x.npy", "--words", "8,9", "--json"]) == 0
    words = json.loads(capsys.readouterr().out)["words"]
    assert [w["word"] for w in words] == [8, 9]
    # one unit in the last place of the bias, not of the other elements
    assert all(w["largest_error"] < bias / 2 ** (w["word"] - 2) for w in words)


def test_a_store_of_bytes_is_refused(place, capsys):
    (place / "store").write_bytes(b"\xd7\xff\0" * 50)
    before = (place / "store").read_bytes()
    options = "--device xc7z020 --lanes 1 --streams 1 --jobs 1 --simulate 1 --store store"
    assert main(f"explore hardware design {options}".split()) == 2
    assert "store: is no store of a sweep" in capsys.readouterr().err
    assert (place / "store").read_bytes() == before
