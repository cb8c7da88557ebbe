"""Models with convolutions over frames, trained and compressed: what the design computes, the file, and what is refused."""

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from small_training import batches, nn, sequences, torch

from ernn_myhdl import import_model
from ernn_myhdl.errors import DesignError
from ernn_myhdl.golden.network_models import float_model
from ernn_myhdl.recogniser.recipe import Recipe
from ernn_myhdl.train import Quantisation, compress, fit, save_model
from ernn_myhdl.train.matrices import find_matrices

pytestmark = pytest.mark.torch
pad = nn.functional.pad


class Convolved(nn.Module):
    """A dilated convolution with an activation, one of one frame, and a residual over a GRU."""

    def __init__(self, padding=4, **options):
        super().__init__()
        torch.manual_seed(0)
        self.padding = padding
        self.conv = nn.Conv1d(5, 8, 3, **{"dilation": 2, **options})
        self.mix = nn.Conv1d(8, 8, 1)
        self.rnn, self.head = nn.GRU(8, 8, batch_first=True), nn.Linear(8, 3)

    def forward(self, x):
        x = torch.relu(self.conv(pad(x.transpose(1, 2), (self.padding, 0))))
        x = self.mix(x).transpose(1, 2)
        return self.head(self.rnn(x)[0] + x)


def loss(model, batch):
    return model(batch.x).square().mean()


def trained(model, method="direct", **options):
    return compress(model, 4, loss, batches(), method, epochs=1, progress=False, **options)


def test_columns_of_a_convolution_are_the_elements_of_the_oldest_frame_first():
    conv = nn.Conv1d(5, 8, 3)
    (matrix,) = find_matrices(nn.Sequential(conv), {"convolution": 4})
    assert matrix.shape == (1, 8, 15)
    window = torch.randn(1, 5, 3)
    wanted = conv(window)[0, :, 0] - conv.bias
    by_gate = matrix.by_gate(matrix.parameter)[0]
    assert torch.allclose(by_gate @ window[0].T.reshape(-1), wanted, atol=1e-6)
    vectors = matrix.projected(matrix.parameter)
    assert vectors.shape == (1, 2, 4, 4)
    dense = matrix.dense(vectors)
    assert torch.allclose(matrix.projected(dense), vectors, atol=1e-6)
    grid = dense.transpose(1, 2).reshape(8, 15)
    assert torch.equal(grid[1, 1], grid[0, 0]) and torch.equal(grid[0, 3], grid[1, 0])


@pytest.mark.parametrize(("padding", "dilation", "stride"), [(4, 2, 1), (2, 1, 2), (0, 1, 1)])
def test_a_trained_convolution_is_a_design_of_its_words(tmp_path, padding, dilation, stride):
    model = Convolved(padding, dilation=dilation, stride=stride)
    result = trained(model, quantise=Quantisation(word=10, epochs=1))
    assert set(result.blocks.values()) == {4}
    x = sequences(4)
    design = result.design(x, lanes=1)
    assert [join.kind for join in design.graph.joins] == ["window", "addition"]
    y = design.run(x, engine="integer")
    assert np.array_equal(y.raw, design.run(x, engine="golden").raw)
    with torch.no_grad():
        wanted = model(torch.tensor(x[0][None], dtype=torch.float32))[0].numpy()
    made = float_model(design).run(x[0])
    assert made.shape == wanted.shape
    assert np.abs(made - wanted).max() <= 1e-4 * np.ptp(wanted)
    file = tmp_path / "model.safetensors"
    save_model(result, file)
    assert load_file(file)["conv.weight"].shape == (8, 5, 3)
    again = import_model(file, calibration=x, word=10, lanes=1).design
    assert again.graph == design.graph
    assert np.array_equal(again.run(x, engine="integer").raw, y.raw)


def test_a_convolution_with_groups_is_trained_within_them(tmp_path):
    """Blocks of 4 are cut to the 2 elements of a group; the design stores what was trained."""

    class Grouped(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.mix, self.conv = nn.Linear(5, 8), nn.Conv1d(8, 16, 3, groups=4)
            self.alone, self.rnn = nn.Conv1d(16, 16, 2, groups=16), nn.GRU(16, 4, batch_first=True)

        def forward(self, x):
            x = torch.relu(self.conv(pad(self.mix(x).transpose(1, 2), (2, 0))))
            return self.rnn(self.alone(pad(x, (1, 0))).transpose(1, 2))[0]

    result = trained(Grouped(), quantise=Quantisation(word=10, epochs=1))
    assert (result.blocks["conv.weight"], result.blocks["alone.weight"]) == (2, 1)
    x, file = sequences(3), tmp_path / "model.safetensors"
    design = result.design(x, lanes=1)
    cells = [layer.cell for layer in design.layers]
    assert [(c.groups, c.taps, c.block) for c in cells[1:3]] == [(4, 3, 2), (16, 2, 1)]
    assert torch.equal(result.vectors["conv.weight"], torch.tensor(design.layers[1].weights["input_weight"]))  # fmt: skip
    with torch.no_grad():
        wanted = result.model(torch.tensor(x[0][None], dtype=torch.float32))[0].numpy()
    assert np.abs(float_model(design).run(x[0]) - wanted).max() <= 1e-4 * np.ptp(wanted)
    save_model(result, file)
    again = import_model(file, calibration=x, word=10, lanes=1).design
    assert [layer.cell for layer in again.layers] == cells
    raw = [d.run(x, engine="integer").raw for d in (design, again)]
    assert np.array_equal(*raw)


def test_a_function_behind_a_recurrent_layer_is_trained_and_saved(tmp_path):
    class Behind(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.head = nn.LSTM(5, 8, batch_first=True), nn.Linear(8, 3)

        def forward(self, x):
            return self.head(torch.sigmoid(self.rnn(x)[0]))

    result, x, file = trained(Behind()), sequences(3), tmp_path / "model.safetensors"
    design = result.design(x, lanes=1)
    assert [join.activation for join in design.graph.joins] == ["sigmoid"]
    save_model(result, file)
    again = import_model(file, calibration=x, lanes=1).design
    assert again.graph == design.graph
    raw = [d.run(x, engine="integer").raw for d in (design, again)]
    assert np.array_equal(*raw)


def test_a_convolution_of_one_frame_alone_is_a_row_of_layers():
    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.mix, self.rnn = nn.Conv1d(5, 8, 1), nn.GRU(8, 4, batch_first=True)

        def forward(self, x):
            return self.rnn(self.mix(x.transpose(1, 2)).transpose(1, 2))[0]

    design = fit(Mixed(), loss, batches(), epochs=1, progress=False).design(sequences(2), lanes=1)
    assert design.graph is None
    assert [layer.cell.kind for layer in design.layers] == ["linear", "gru"]


def refused(model, *parts, **options):
    before = {n: t.clone() for n, t in model.state_dict().items()}
    with pytest.raises(DesignError) as error:
        fit(model, loss, batches(), epochs=1, progress=False, **options)
    assert all(part in str(error.value) for part in parts), error.value
    assert all(torch.equal(t, before[n]) for n, t in model.state_dict().items())


def test_what_is_not_followed_is_refused_before_it_is_trained():
    refused(Convolved(padding=2), "not causal", "left side")
    refused(Convolved(groups=1, padding_mode="reflect"), "'conv'", "padding_mode = 'reflect'")
    refused(Convolved(), "'conv'", "modules", modules=["conv", "rnn"])
    model = Convolved()
    model.conv = nn.Conv2d(1, 8, 3)
    refused(model, "'conv'", "Conv2d", "Conv1d")

    class Pooled(Convolved):
        def forward(self, x):
            return super().forward(x).mean(1)

    refused(Pooled(), "together", "step")


def test_a_kernel_that_is_not_the_described_one_is_refused(tmp_path):
    file = tmp_path / "model.safetensors"
    save_model(trained(Convolved()), file)
    with safe_open(file, "np") as archive:
        text = archive.metadata()["ernn"]
    tensors = load_file(file)
    for change, part in (({"kernel": 2}, "(outputs, inputs, 2)"), ({"kernel": 0}, "damaged")):
        description = json.loads(text)
        description["modules"]["conv"] = change
        save_file(tensors, file, {"ernn": json.dumps(description)})
        with pytest.raises(DesignError, match="kernel|damaged") as error:
            import_model(file, calibration=sequences(2))
        assert part in str(error.value)
    description = json.loads(text)
    del description["modules"]["conv"]
    save_file(tensors, file, {"ernn": json.dumps(description)})
    with pytest.raises(DesignError, match="does not tell padding"):
        import_model(file, calibration=sequences(2))


def test_recipes_with_a_convolution_say_what_they_cannot_do():
    assert "kernel 3 dilation 2 linear 8" in Recipe(front=8, front_kernel=3, front_dilation=2).text
    for options, part in (
        ({"front_kernel": 3}, "no layer in front"),
        ({"front": 8, "front_dilation": 2}, "front_kernel"),
        ({"front": 8, "front_kernel": 3, "carry": 2}, "not carried"),
        ({"front": 8, "front_kernel": 300}, "kernel"),
    ):
        with pytest.raises(DesignError, match=part):
            Recipe(**options)
