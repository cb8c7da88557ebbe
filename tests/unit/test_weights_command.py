"""`ernn weights`: new weights in the formats and the structure of an old design, or a refusal that names the difference."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from tools import require_module

from ernn_myhdl import (
    DesignError,
    GruCell,
    LinearCell,
    LstmCell,
    load_design,
    new_design,
    new_network,
    save_design,
)
from ernn_myhdl.cli.main import main
from ernn_myhdl.design.input_scaling import InputScaling
from ernn_myhdl.design.quantise import quantised_weights
from ernn_myhdl.exchange.exporting import export_model
from ernn_myhdl.exchange.new_weights import new_weights, new_weights_of_module
from ernn_myhdl.host.weight_image import image_contents, read_image
from ernn_myhdl.rtl.weights.image import memory_contents
from ernn_myhdl.system.loadable import loadable_weights, weight_image


def old_design(**options):
    return new_design(5, 8, block=4, **options).with_weights("loadable", 2)


@pytest.fixture
def old(tmp_path):
    design = old_design(name="old")
    save_design(design, tmp_path / "old")
    return design


def run(tmp_path, new, *options):
    place = ["weights", str(new), "--for", str(tmp_path / "old"), "-o", str(tmp_path / "w.bin")]
    return main([*place, *options])


def written(tmp_path, old):
    weights = loadable_weights(old)
    image = read_image(tmp_path / "w.bin")
    return image_contents(image, weights.structure, weights.memories)


def test_weights_of_a_design_and_of_its_export_are_one_image(old, tmp_path, capsys):
    new = new_design(5, 8, block=4, seed=7, name="other", word=10)
    save_design(new, tmp_path / "new")
    made = str(tmp_path / "made")
    assert run(tmp_path, tmp_path / "new", "--design", made) == 0
    assert "no number of a weight, bias or table saturates" in capsys.readouterr().out
    design = load_design(made)
    assert design.formats == old.formats and design.hardware == old.hardware
    assert written(tmp_path, old) == memory_contents(design)
    first = (tmp_path / "w.bin").read_bytes()
    export_model(new, tmp_path / "new.safetensors")
    assert run(tmp_path, tmp_path / "new.safetensors", "--force", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (tmp_path / "w.bin").read_bytes() == first
    assert told["saturated"] == [[]] and told["projection"] is None and told["notes"] == []
    assert told["loss"]["sqnr_db"] > 30 and told["bytes"] == len(first)


def test_saturated_numbers_are_counted_by_tensor(old, tmp_path, capsys):
    weights = {name: np.array(array) for name, array in old.weights.items()}
    most = old.formats.preactivation.range[1]
    weights["bias"][0, :3] = 2 * most, -3 * most, most
    weights["recurrent_weight"] *= 50
    new = replace(old, weights=weights)
    save_design(new, tmp_path / "new")
    assert run(tmp_path, tmp_path / "new") == 0
    out = capsys.readouterr().out
    assert (
        f"WARNING: layer 0: bias: 2 of 32 numbers saturate, the largest is {-3 * most:.4g}" in out
    )
    assert "WARNING: layer 0: recurrent_weight: " in out
    saturated = new_weights(tmp_path / "new", old).saturated[0]
    beyond = {each.tensor: each for each in saturated}
    fmt = old.formats.recurrent_weight
    raw = quantised_weights(new)["recurrent_weight"]
    ends = np.count_nonzero((raw == fmt.minimum) | (raw == fmt.maximum))
    assert 0 < beyond["recurrent_weight"].count <= ends
    assert set(beyond) == {"bias", "recurrent_weight"}


def test_dense_matrices_are_projected_and_the_loss_is_told(old, tmp_path, capsys):
    save_design(new_design(5, 8, block=1, seed=3), tmp_path / "dense")
    x = np.random.default_rng(1).standard_normal((20, 5))
    np.savez(tmp_path / "x.npz", a=x[:12], b=x[12:])
    data = str(tmp_path / "x.npz")
    assert run(tmp_path, tmp_path / "dense", "--data", data, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["frames"] == 20 and told["data"] == data
    assert told["projection"]["largest_error"] > 0 and min(told["errors"][0].values()) > 0.1
    assert "nearest block-circulant ones, as the core has them" in told["notes"][0]
    assert written(tmp_path, old)


def other_layers():
    return {
        "hidden 12, the core has 8": new_design(5, 12, block=4),
        "inputs 6, the core has 5": new_design(6, 8, block=4),
        "outputs 4, the core has 8": new_design(5, 8, projection=4, block=4),
        "cell gru, the core has lstm": new_design(5, 8, cell="gru", block=4),
        "blocks of 2, the core has 4": new_design(5, 8, block=2),
        "peepholes True, the core has False": new_design(5, 8, block=4, peepholes=True),
        "g_activation sigmoid, the core has tanh": new_design(5, 8, block=4, g_activation="sigmoid"),
        "host scaling of x is": replace(
            new_design(5, 8, block=4), input_scaling=InputScaling((1, 0, 0, 0, 0))
        ),
        "2 layers, the core has 1": new_network([LstmCell(5, 8, block=4), LinearCell(8, 2, block=1)]),
    }  # fmt: skip


@pytest.mark.parametrize("said", other_layers())
def test_another_structure_is_refused_by_its_first_difference(said, old, tmp_path, capsys):
    save_design(other_layers()[said], tmp_path / "new")
    assert run(tmp_path, tmp_path / "new") == 2
    error = capsys.readouterr().err
    assert said in error and "a core loads weights of its own structure only" in error
    assert len(error.splitlines()) == 1 and not (tmp_path / "w.bin").exists()


def test_a_core_with_fixed_weights_and_wrong_files_are_refused(tmp_path, capsys):
    fixed = new_design(5, 8, block=4)
    save_design(fixed, tmp_path / "old")
    assert run(tmp_path, tmp_path / "old") == 2
    assert 'has fixed weights; set weights = "loadable"' in capsys.readouterr().err
    save_design(old_design(), tmp_path / "loadable")
    common = ["weights", "--for", str(tmp_path / "loadable"), "-o"]
    for new, output, said in (
        ("none", "w.bin", "is no design folder, and no model file"),
        ("none.onnx", "w.bin", "none.onnx"),
        (str(tmp_path / "old"), str(tmp_path / "loadable" / "w.bin"), "lies in the input"),
    ):
        assert main([*common, str(tmp_path / output), new]) == 2
        assert said in capsys.readouterr().err
    place = [*common, str(tmp_path / "w.bin"), str(tmp_path / "old"), "--order", "a,b"]
    assert main(place) == 2
    assert "the options of model files are not for it" in capsys.readouterr().err
    assert not (tmp_path / "w.bin").exists()


def test_scaling_of_the_host_is_folded_into_the_weights_of_a_model(tmp_path):
    scaling = InputScaling((2, -1, 0, 1, 3), (0.5, 0.0, -1.0, 0.0, 2.0))
    old = replace(old_design(), input_scaling=scaling)
    model = new_design(5, 8, block=4, seed=9)
    export_model(model, tmp_path / "m.safetensors")
    made = new_weights(tmp_path / "m.safetensors", old)
    assert made.design.host_scaling == scaling and made.projection is None or made.projection.relative < 1  # fmt: skip


def test_networks_take_the_weights_of_each_layer(tmp_path):
    cells = [GruCell(4, 8, block=4, reset="after"), LinearCell(8, 3, block=1)]
    old = new_network(cells, seed=1).with_weights("loadable")
    new = new_network(cells, seed=2, word=14)
    save_design(new, tmp_path / "new")
    made = new_weights(tmp_path / "new", old)
    for ours, theirs, same in zip(made.design.layers, new.layers, old.layers, strict=True):
        assert ours.formats == same.formats
        assert all(np.array_equal(ours.weights[n], theirs.weights[n]) for n in ours.weights)
    assert made.loss.relative < 0.05


@pytest.mark.torch
def test_weights_of_a_module_with_an_embedding():
    torch = require_module("torch", "pip install 'ernn-myhdl[torch]'")
    from ernn_myhdl.exchange.torch_module import import_module

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.layer = torch.nn.Embedding(6, 4), torch.nn.GRU(4, 4, batch_first=True)

        def forward(self, x):
            return self.layer(self.table(x))[0]

    example = torch.arange(6).reshape(1, 6)
    first, second = Model(), Model()
    with torch.no_grad():
        second.table.weight[2, 1] = 100.0
    old = import_module(first, example).design.with_weights("loadable")
    made = new_weights_of_module(second, example, old)
    *_, table = made.saturated
    assert [(each.tensor, each.count, each.largest) for each in table] == [("embedding", 1, 100.0)]
    weights = loadable_weights(old)
    contents = image_contents(
        read_image(weight_image(made.design)), weights.structure, weights.memories
    )
    assert contents == memory_contents(made.design) != memory_contents(old)
    with pytest.raises(
        DesignError, match="Model: layer 0 .gru 4 -> 4.: cell gru, the core has lstm"
    ):
        new_weights_of_module(second, example, new_design(4, 4, block=1))
