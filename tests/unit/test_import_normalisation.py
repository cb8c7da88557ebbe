"""What is affine in x and no weights can take is a scaling of x by the host, on all ways in and out."""

from dataclasses import replace

import numpy as np
import pytest
from tools import require_module

from ernn_myhdl import DesignError, load_design, new_design, save_design
from ernn_myhdl.cli.main import main
from ernn_myhdl.design.dense import dense_layer
from ernn_myhdl.design.input_scaling import SMALLEST_SCALE, InputScaling
from ernn_myhdl.exchange.graph import Affine, Input, Joined, Node, Output, Windows
from ernn_myhdl.exchange.lowering import lower
from ernn_myhdl.exchange.reference import dense_outputs

SIZE = 4
SCALE = np.array([0.5, -2.0, 3.0, 1.25])
OFFSET = np.array([1.0, 0.5, -0.25, 0.0])
NORMALISATION = InputScaling((0,) * SIZE, tuple(-OFFSET / SCALE), tuple(SCALE))


def normalised(scale=SCALE, offset=OFFSET):
    x = Node(Input(SIZE), (), "x")
    return x, Node(Affine(scale, offset), (x,), "norm")


def layer(inputs=SIZE, block=1, name="layer"):
    return dense_layer(new_design(inputs, SIZE, block=block, cell="linear", lanes=1, seed=3), name)


def lowered(node, keep=False):
    return lower([Output(node, "y")], keep_normalisation=keep)


def behind(node, operation, where="layer"):
    return Node(operation, (node,), where)


def test_dense_weights_take_it_unless_it_is_kept():
    _, norm = normalised()
    node = behind(norm, layer())
    assert lowered(node).normalisation is None
    kept = lowered(node, keep=True)
    assert kept.normalisation == NORMALISATION
    assert np.array_equal(kept.layers[0].weights["input_weight"], layer().weights["input_weight"])


def test_circulant_weights_leave_it_to_the_host():
    _, norm = normalised()
    assert lowered(behind(norm, layer(block=4))).normalisation == NORMALISATION
    alike = Affine(np.array([2.0]), np.array([0.0]))  # keeps the blocks
    x, _ = normalised()
    assert lowered(behind(behind(x, alike, "scale"), layer(block=4))).normalisation is None


@pytest.mark.parametrize(("padding", "offset", "of_host"), [
    (True, OFFSET, True), (True, np.zeros(SIZE), False), (False, OFFSET, False),
])  # fmt: skip
def test_zeros_before_a_convolution_take_no_offset(padding, offset, of_host):
    _, norm = normalised(offset=offset)
    windows = behind(norm, Windows(3, padding=padding), "conv")
    found = lowered(behind(windows, layer(3 * SIZE)))
    assert found.normalisation == (NORMALISATION if of_host else None)


def test_a_residual_of_normalised_x_is_of_what_the_host_gives():
    _, norm = normalised()
    added = Node(Joined("addition"), (behind(norm, layer()), norm), "add")
    found = lowered(added)
    assert found.normalisation == NORMALISATION
    assert found.graph is not None and found.graph.joins[0].inputs == ("layer_0", "x")
    assert np.array_equal(found.layers[0].weights["input_weight"], layer().weights["input_weight"])


@pytest.mark.parametrize("case", ["x as it is too", "two normalisations", "a factor of zero"])
def test_what_no_host_can_do_is_a_layer_of_its_own(case):
    x, norm = normalised()
    other = x if case == "x as it is too" else Node(Affine(SCALE, SCALE), (x,), "other norm")
    scale, added_to = SCALE, (np.ones(SIZE), np.zeros(SIZE)) if other is x else (SCALE, SCALE)
    if case == "a factor of zero":
        scale = np.array([0.5, 0.0, 1.0, 1.0])
        other = norm = normalised(scale=scale)[1]
        added_to = (scale, OFFSET)
    block = 4 if case == "x as it is too" else 1
    added = Node(Joined("addition"), (behind(norm, layer(block=block)), other), "add")
    found = lowered(added)
    assert found.normalisation is None
    assert any("is a linear layer of its own" in note for note in found.notes)
    assert SIZE in [n.groups for n in found.layers]  # a product for each element
    values = np.random.default_rng(3).normal(size=(5, SIZE))
    weights = layer(block=block).weights
    wanted = (values * scale + OFFSET) @ weights["input_weight"][0].T + weights["bias"][0]
    wanted = wanted + values * added_to[0] + added_to[1]
    given = dense_outputs(found.layers, found.graph, [values], [[None]] * len(found.layers))[0]
    assert np.allclose(given, wanted, atol=1e-5)
    if case == "x as it is too":  # the dense layer takes its own
        dense = Node(Joined("addition"), (behind(norm, layer()), x), "add")
        assert len(lowered(dense).layers) == 1


def test_a_scaling_with_scales_is_stored_applied_and_in_the_digest(tmp_path):
    plain = new_design(SIZE, SIZE, block=4, lanes=1)
    design = replace(plain, input_scaling=NORMALISATION)
    x = np.array([[0.5, -0.25, 1.0, 3.0], [-1.0, 2.0, 0.0, 0.5]])
    assert np.array_equal(NORMALISATION.apply(x), (x + OFFSET / SCALE) * SCALE)
    again = load_design(save_design(design, tmp_path / "d"))
    assert again == design and again.digest == design.digest != plain.digest
    other = replace(NORMALISATION, scales=(0.5, -2.0, 3.0, 1.5))
    assert replace(design, input_scaling=other).digest != design.digest
    wanted = plain.run(x * SCALE + OFFSET, engine="integer").raw
    assert np.array_equal(design.run(x, engine="integer").raw, wanted)
    assert repr(InputScaling((1,), (0.5,))) == "InputScaling(shifts=(1,), offsets=(0.5,))"


@pytest.mark.parametrize(("scales", "message"), [
    ([1, 2, 3], "input_scales: 3 of them, must be 4"),
    ([1, 2, 3, 0], r"input_scales\[3\] = 0: must be a number of size"),
    ([1, 2, 3, float("inf")], r"input_scales\[3\] = inf"),
    ([1, 2, 3, SMALLEST_SCALE / 2], r"input_scales\[3\]"),
    ([1, 2, 3, True], r"input_scales\[3\] = True"),
])  # fmt: skip
def test_illegal_scales_are_refused(scales, message):
    with pytest.raises(DesignError, match=message):
        InputScaling((0,) * SIZE, (), tuple(scales))


@pytest.mark.torch
@pytest.mark.parametrize("kind", ["convolution", "residual", "circulant"])
def test_a_module_keeps_its_bits_through_all_engines_and_files(tmp_path, kind, capsys):
    torch = require_module("torch", "pip install 'ernn-myhdl[torch]'")
    from ernn_myhdl import export_model, import_model, import_module
    from ernn_myhdl.numerics.circulant import expand

    nn = torch.nn

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(SIZE)
            self.norm.running_mean.uniform_(-1, 1)
            self.norm.running_var.uniform_(0.5, 2)
            self.conv = nn.Conv1d(SIZE, SIZE, 3, padding=2) if kind == "convolution" else None
            self.rnn = nn.GRU(SIZE, SIZE, batch_first=True)
            if kind == "circulant":
                vectors = new_design(SIZE, SIZE, block=4, lanes=1, cell="gru").weights
                for name, own in (("input", "ih"), ("recurrent", "hh")):
                    dense = expand(vectors[f"{name}_weight"]).reshape(-1, SIZE)
                    getattr(self.rnn, f"weight_{own}_l0").data = torch.tensor(
                        dense, dtype=torch.float32
                    )

        def forward(self, x):
            normed = self.norm(x.transpose(1, 2))
            taken = normed if self.conv is None else self.conv(normed)[:, :, :-2]
            y = self.rnn(taken.transpose(1, 2))[0]
            return y + normed.transpose(1, 2) if kind == "residual" else y

    torch.manual_seed(4)
    model = Model().eval()
    example = torch.randn(1, 9, SIZE)
    imported = import_module(model, (example,), word=16)
    design = imported.design
    assert design.host_scaling is not None and len(design.host_scaling.scales) == SIZE
    assert any("the host gives the core x less an offset" in note for note in imported.notes)
    x = example[0].double().numpy()
    y = design.run(x).outputs
    with torch.no_grad():
        assert np.abs(y - model(example)[0].numpy()).max() < 1e-3
    for engine in ("integer", "myhdl"):
        assert np.array_equal(design.run(x, engine=engine).outputs, y)
    with design.open() as session:
        assert np.array_equal(np.stack([session.step(frame) for frame in x]), y)
    folder = save_design(design, tmp_path / "d")
    assert load_design(folder) == design
    assert main(["info", str(folder)]) == 0
    assert "word of x = floor((x - offset) * scale * 2^(shift" in capsys.readouterr().out
    if kind == "circulant":
        for suffix in (".safetensors", ".onnx"):
            if suffix == ".onnx":
                require_module("onnx", "pip install 'ernn-myhdl[onnx]'")
            export_model(design, tmp_path / f"model{suffix}")
            again = import_model(tmp_path / f"model{suffix}", word=16).design
            assert again.host_scaling == design.host_scaling
            assert np.array_equal(again.run(x, engine="integer").outputs, y)
