"""States are saved in the format that the name of the file says, and go on from either."""

import io
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from ernn_myhdl import DesignError, new_design, new_network
from ernn_myhdl.cli.main import main
from ernn_myhdl.design.cells import GruCell, LinearCell
from ernn_myhdl.design.graph import Graph
from ernn_myhdl.design.storage import save_design
from ernn_myhdl.design.time_joins import Maximum


@pytest.fixture(scope="module")
def design():
    return new_design(3, 8, block=4, seed=1)


FRAMES = np.random.default_rng(0).normal(size=(6, 3))


@pytest.mark.parametrize("engine", ["integer", "golden"])
def test_the_suffix_selects_the_format_and_both_go_on_with_the_same_bits(design, engine, tmp_path):
    with design.open(streams=2) as session:
        for x in FRAMES[:3]:
            session.step(x, stream=1)
        for name in ("s.npz", "s.safetensors"):
            session.save(tmp_path / name)
        wanted = [session.step(x, stream=1) for x in FRAMES[3:]]
    named = np.load(tmp_path / "s.npz", allow_pickle=False)
    held = load_file(tmp_path / "s.safetensors")
    assert sorted(named.files) == sorted(held)
    assert all(np.array_equal(named[name], held[name]) for name in held)
    for name in ("s.npz", "s.safetensors"):
        with design.open(engine, streams=2) as session:
            session.restore(tmp_path / name)
            made = [session.step(x, stream=1) for x in FRAMES[3:]]
        assert np.array_equal(made, wanted)


def test_sequences_under_way_go_on_from_npz(tmp_path):
    network = new_network(
        [GruCell(3, 4, block=2), LinearCell(4, 2)],
        graph=Graph(("x", "layer_0"), (Maximum(("layer_1",)),), "join_0"),
    )
    with network.open() as session:
        for x in FRAMES[:3]:
            session.step(x, last=False)
        session.save(tmp_path / "s.npz")
        wanted = session.step(FRAMES[3], last=True)
    with network.open() as session:
        session.restore(tmp_path / "s.npz")
        assert np.array_equal(session.step(FRAMES[3], last=True), wanted)


@pytest.mark.parametrize("name", ["s.npy", "s", "s.pkl"])
def test_other_names_are_refused_before_a_frame_is_read(design, name, tmp_path, capsys):
    with design.open() as session, pytest.raises(DesignError, match=".safetensors or .npz"):
        session.save(tmp_path / name)
    save_design(design, tmp_path / "d")
    assert main(["stream", str(tmp_path / "d"), "--save-states", str(tmp_path / name)]) == 2
    assert "must end in .safetensors or .npz" in capsys.readouterr().err
    assert not (tmp_path / name).exists()


def test_a_file_of_a_former_version_is_read_whatever_its_name(design, tmp_path):
    with design.open() as session:
        session.step(FRAMES[0])
        session.save(tmp_path / "s.safetensors")
        save_file(load_file(tmp_path / "s.safetensors"), tmp_path / "old.npz")
        session.restore(tmp_path / "old.npz")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"layer_0.output": np.zeros(8, int)}, "type int64, must be float64"),
        ({"layer_0.output": np.array([{}], dtype=object)}, "Python objects"),
        ({"layer_0.output": np.full(8, np.nan), "layer_0.cell_state": np.zeros(8)}, "NaN"),
        ({"layer_7.output": np.zeros(8)}, "must be of layer_0"),
    ],
)
def test_other_arrays_are_refused(design, arrays, message, tmp_path):
    np.savez(tmp_path / "s.npz", **arrays)
    with design.open() as session, pytest.raises(DesignError, match=message):
        session.restore(tmp_path / "s.npz")


def test_a_stream_goes_on_from_npz(design, tmp_path, monkeypatch, capsys):
    save_design(design, tmp_path / "d")

    def stream(frames, *options):
        text = "\n".join(" ".join(map(str, x)) for x in frames) + "\n"
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        assert main(["stream", str(tmp_path / "d"), *options]) == 0
        return capsys.readouterr().out.splitlines()

    whole, states = stream(FRAMES), str(tmp_path / "s.npz")
    assert stream(FRAMES[:2], "--save-states", states) == whole[:2]
    assert stream(FRAMES[2:], "--initial-states", states) == whole[2:]
