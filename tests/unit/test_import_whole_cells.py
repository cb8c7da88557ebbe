"""Our own recurrent modules inside a model of the user: `import_module` and the training of models that branch take them whole."""

import numpy as np
import pytest
from small_training import INPUTS, RECURRENT, batches, nn, sequences, torch

from ernn_myhdl import DesignError, import_model, import_module
from ernn_myhdl.golden.network_models import float_model
from ernn_myhdl.recogniser.recipe import Recipe
from ernn_myhdl.recogniser.task import VOWELS, load_task
from ernn_myhdl.recogniser.training import train_recogniser
from ernn_myhdl.train import Gru, Lstm, Rnn, compress, save_model

pytestmark = pytest.mark.torch
OWN = [name for name in RECURRENT if not name.startswith("nn.")]


class Around(nn.Module):
    """A recurrent module of 6 outputs with a layer in front."""

    def __init__(self, rnn):
        super().__init__()
        torch.manual_seed(1)
        self.front, self.rnn, self.head = nn.Linear(INPUTS, rnn.inputs), rnn, nn.Linear(6, 3)
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.4)

    def forward(self, x):
        return self.head(self.rnn(torch.relu(self.front(x)))[0])


def loss(model, batch):
    return nn.functional.cross_entropy(model(batch.x).transpose(1, 2), batch.targets)


def outputs(model, x):
    with torch.no_grad():
        return model(torch.tensor(x[None], dtype=torch.float32))[0].numpy()


@pytest.mark.parametrize("name", OWN)
def test_a_model_with_our_cells_is_a_design(name):
    model = Around(RECURRENT[name]())
    x = sequences(4)
    design = import_module(model, torch.zeros(2, 5, INPUTS), calibration=x).design
    wanted = outputs(model, x[0])
    assert np.abs(float_model(design).run(x[0]) - wanted).max() <= 1e-4 * np.ptp(wanted)


@pytest.mark.parametrize("make", [Lstm, Gru, Rnn])
def test_states_of_our_cells_are_states_of_the_design(make):
    class Given(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = make(INPUTS, 6, batch_first=True)

        def forward(self, x, *states):
            return self.rnn(x, states if len(states) > 1 else states[0])

    states = [torch.zeros(1, 2, 6)] * (2 if make is Lstm else 1)
    made = import_module(Given(), (torch.zeros(2, 5, INPUTS), *states), calibration=sequences(2))
    assert made.design.hardware.initial_states


def test_what_no_core_knows_of_our_cells_is_told_by_the_class():
    class Lengths(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = Gru(INPUTS, 6, batch_first=True)

        def forward(self, x):
            return self.rnn(x, None, torch.tensor([2, 5]))[0]

    with pytest.raises(DesignError, match="Gru: is given lengths, of which no core knows"):
        import_module(Lengths(), torch.zeros(2, 5, INPUTS), calibration=sequences(2))


class Skipped(nn.Module):
    """A residual around one of our cells."""

    def __init__(self, rnn):
        super().__init__()
        torch.manual_seed(2)
        self.front, self.rnn, self.head = nn.Linear(INPUTS, 8), rnn, nn.Linear(8, 3)

    def forward(self, x):
        front = torch.relu(self.front(x))
        return self.head(self.rnn(front)[0] + front)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Lstm(8, 8, batch_first=True),  # its peepholes are zero before the training
        lambda: Lstm(8, 8, projection=8, layers=2, batch_first=True),
        lambda: Gru(8, 8, layers=2, batch_first=True),
        lambda: Rnn(8, 8, "relu", batch_first=True),
    ],
    ids=["peepholes", "projection", "reset before", "relu"],
)
def test_our_cells_are_trained_inside_a_model_that_branches_and_imported(make, tmp_path):
    model = Skipped(make())
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    trained = compress(model, {"rnn.*": 4}, loss, batches(), "projection", epochs=1, progress=False)
    peepholes = [name for name in before if "peephole" in name]
    assert all(not torch.equal(before[n], model.get_parameter(n)) for n in peepholes)
    x = sequences(3)
    design = trained.design(x)
    blocks = [layer.cell.block for layer in design.layers]
    imported = import_module(model, torch.zeros(2, 5, INPUTS), calibration=x, block=blocks).design
    y = design.run(x, engine="integer").outputs
    assert np.array_equal(y, imported.run(x, engine="integer").outputs)
    wanted = outputs(model, x[0])
    assert np.abs(float_model(design).run(x[0]) - wanted).max() <= 1e-4 * np.ptp(wanted)
    save_model(trained, tmp_path / "model.safetensors")
    again = import_model(tmp_path / "model.safetensors", calibration=x).design
    assert np.array_equal(y, again.run(x, engine="integer").outputs)


def test_recipes_with_our_cells_and_residuals_are_trained(tmp_path):
    recipe = Recipe(
        cell="gru", reset="before", residual=True, front=8, front_kernel=2, hidden=8, block=4, method="direct", epochs=1, admm_epochs=1,
        retrain_epochs=0, quantise_epochs=0,
    )  # fmt: skip
    train_recogniser(load_task(VOWELS), recipe, tmp_path / "run", tmp_path / "start")
    assert (tmp_path / "run" / "design").is_dir()
