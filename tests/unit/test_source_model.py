"""A design keeps what it was made of, and `ernn evaluate` compares with it."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from ernn_myhdl import import_model, load_design, save_design
from ernn_myhdl.cli.main import main
from ernn_myhdl.corpus.inputs import DataSet
from ernn_myhdl.design.source_model import SOURCE_NAME
from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.importing import save_imported
from ernn_myhdl.golden.float_reference import dense_gru
from ernn_myhdl.runs.evaluate import evaluate


def _array(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).uniform(-0.6, 0.6, shape).astype(np.float32)


ARRAYS = {
    "gru.weight_ih_l0": _array(24, 5),
    "gru.weight_hh_l0": _array(24, 8),
    "gru.bias_ih_l0": _array(24),
    "gru.bias_hh_l0": _array(24, seed=1),
}
HEAD = {"head.weight": _array(3, 8), "head.bias": _array(3)}


@pytest.fixture
def model(tmp_path):
    save_file(ARRAYS | HEAD, tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


@pytest.fixture
def data():
    rng = np.random.default_rng(3)
    x = [rng.normal(size=(n, 5)) for n in (9, 6)]
    return DataSet(x, np.array([0, 2]))


def _source_outputs(x: list[np.ndarray]) -> np.ndarray:
    """By `ernn_myhdl.golden.float_reference.dense_gru`, from the state dict's arrays."""
    ih, hh = (ARRAYS[f"gru.weight_{n}_l0"].reshape(3, 8, -1) for n in ("ih", "hh"))
    bi, bh = (ARRAYS[f"gru.bias_{n}_l0"].reshape(3, 8) for n in ("ih", "hh"))
    bias = bi + np.concatenate([bh[:2], np.zeros((1, 8))])
    h = dense_gru(x, ih, hh, bias, bh[2:])
    return np.concatenate(h) @ HEAD["head.weight"].T.astype(float) + HEAD["head.bias"]


@pytest.mark.parametrize("block", [1, 4])
def test_evaluate_compares_with_the_source_of_a_projection(model, data, block):
    """The reference was the already projected weights: 68.8 dB for a model that had lost 73 % of its span."""
    design = import_model(model, block=block, word=16, lanes=1).design
    found = evaluate(design, data)
    exact = _source_outputs(data.sequences)
    fixed = np.concatenate([design.run(x, "integer").outputs for x in data.sequences])
    assert found.source.total.error == pytest.approx(np.abs(fixed - exact).max(), abs=1e-6)
    assert found.source.total.span == pytest.approx(np.ptp(exact), abs=1e-6)
    assert found.rounding.error < 1e-3
    if block == 1:
        assert found.source.projection.error == 0
        assert found.source.total == found.rounding
    else:
        assert found.source.projection.relative > 0.1
        assert found.source.projection.error == pytest.approx(found.source.total.error, abs=1e-3)
    ends = np.split(exact, [9])
    hits = [int(y.mean(axis=0).argmax()) == label for y, label in zip(ends, (0, 2), strict=True)]
    assert found.source.accuracy == np.mean(hits)


@pytest.mark.parametrize("block", [1, 4])
def test_a_folder_keeps_the_source_and_the_core_does_not_know_it(model, data, tmp_path, block):
    imported = import_model(model, block=block, lanes=1)
    save_imported(imported, tmp_path / "d")
    loaded = load_design(tmp_path / "d")
    assert loaded.source.name == "model.safetensors" and loaded.source.exact == (block == 1)
    assert loaded == imported.design and loaded.digest == imported.design.digest
    save_design(loaded, tmp_path / "again")
    assert load_design(tmp_path / "again").source.as_dict() == loaded.source.as_dict()
    first, again = evaluate(imported.design, data), evaluate(load_design(tmp_path / "again"), data)
    assert first.source.projection == again.source.projection
    (tmp_path / "again" / SOURCE_NAME).unlink()
    without = load_design(tmp_path / "again")
    assert without.source is None and without == loaded and without.digest == loaded.digest
    assert evaluate(without, data).source is None


def test_three_comparisons_are_printed_and_in_json(model, data, tmp_path, capsys):
    assert main(["import", str(model), "--block", "4", "-o", str(tmp_path / "d")]) == 0
    np.savez(tmp_path / "x.npz", a=data.sequences[0], b=data.sequences[1], labels=data.labels)
    capsys.readouterr()
    command = ["evaluate", str(tmp_path / "d"), "--data", str(tmp_path / "x.npz")]
    assert main(command) == 0
    text = capsys.readouterr().out
    assert "\nsource model: model.safetensors (state dict, sha256 " in text
    for line in (
        "float model against source model: accuracy ",
        "fixed point against float model: accuracy ",
        "fixed point against source model: accuracy ",
        "WARNING: the design computes something else than its source model",
    ):
        assert f"\n{line}" in text
    assert main([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    pairs = [(row["model"], row["against"]) for row in told["comparisons"]]
    assert pairs == [("float", "source"), ("fixed point", "float"), ("fixed point", "source")]
    assert told["comparisons"][0]["largest_error_of_span"] > 0.1
    assert told["source"]["name"] == "model.safetensors"
    assert main([*command, "--words", "10,12"]) == 0
    assert "\nfloat model against source model: accuracy " in capsys.readouterr().out


def test_a_source_that_is_not_known_is_said(model, data, tmp_path, capsys):
    assert main(["import", str(model), "--block", "4", "-o", str(tmp_path / "d")]) == 0
    np.savez(tmp_path / "x.npz", a=data.sequences[0])
    command = ["evaluate", str(tmp_path / "d"), "--data", str(tmp_path / "x.npz")]
    weights = tmp_path / "d" / "layer_0" / "weights.safetensors"
    arrays = load_file(weights)
    arrays["bias"] = arrays["bias"] * np.float32(1.5)
    save_file(arrays, weights)
    capsys.readouterr()
    assert main(command) == 0
    said = "source model: not known, since the weights are not those that were imported"
    assert said in capsys.readouterr().out
    (tmp_path / "d" / SOURCE_NAME).unlink()
    assert main(command) == 0
    text = capsys.readouterr().out
    assert f"source model: not known, since the design has no {SOURCE_NAME}" in text
    assert "against source model" not in text


@pytest.mark.parametrize("damage", ["cut", "metadata", "shape", "layers"])
def test_a_damaged_source_is_refused_by_its_file(model, tmp_path, damage):
    save_imported(import_model(model, block=4, lanes=1), tmp_path / "d")
    file = tmp_path / "d" / SOURCE_NAME
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:-9])
    else:
        arrays = load_file(file)
        if damage == "shape":
            arrays["layer_0.bias"] = arrays["layer_0.bias"][:1]
        if damage == "layers":
            arrays["layer_7.bias"] = arrays["layer_0.bias"]
        text = "{}" if damage == "metadata" else file.read_bytes().decode("latin1")
        if damage != "metadata":
            header = json.loads(text[8 : 8 + int.from_bytes(file.read_bytes()[:8], "little")])
            text = header["__metadata__"]["ernn_source"]
        save_file(arrays, file, {"ernn_source": text})
    with pytest.raises(DesignError, match=SOURCE_NAME):
        load_design(tmp_path / "d")


def test_evaluate_starts_from_the_initial_states_of_the_model(tmp_path, data):
    """The source starts from them whatever the core does: a core that starts from zero loses that."""
    from dataclasses import replace

    from ernn_myhdl.design.source_model import Origin
    from ernn_myhdl.exchange.importing import design_of_layers, with_source
    from ernn_myhdl.exchange.source import read_source

    save_file(ARRAYS, tmp_path / "gru.safetensors")
    state = {"cell_state": np.linspace(-3, 3, 8, dtype=np.float32)}
    (layer,) = read_source(tmp_path / "gru.safetensors").layers
    for loads in (True, False):
        layers = [replace(layer, initial=state)]
        options = {"word": 16, "lanes": 1, "initial_states": loads}
        made = design_of_layers(layers, [{"block": 1}], **options)
        made = with_source(made, Origin("test", "layer"), layers)
        found = evaluate(made.design, replace(data, labels=None), initial=made.initial_states)
        assert (found.source.projection.error == 0) == loads
        assert (found.source.total.error > 1) != loads


def test_info_tells_what_a_design_was_made_of(model, tmp_path, capsys):
    """It was in the folder, and only `evaluate` told it."""
    for block, weights in ((1, "its weights"), (4, "its weights projected")):
        assert main(["import", str(model), "-o", str(tmp_path / f"d{block}"), "--block", str(block)]) == 0  # fmt: skip
        capsys.readouterr()
        assert main(["info", str(tmp_path / f"d{block}")]) == 0
        digest = hashlib.sha256(model.read_bytes()).hexdigest()
        line = f"model.safetensors (state dict, sha256 {digest[:12]}), {weights}\n"
        assert line in capsys.readouterr().out
        assert main(["info", str(tmp_path / f"d{block}"), "--json"]) == 0
        source = json.loads(capsys.readouterr().out)["source"]
        assert source == {"kind": "state dict", "name": "model.safetensors", "sha256": digest,
                          "exact": block == 1, "unchanged": True}  # fmt: skip
