"""Trainings on elements of x of different size: a matrix that is block-circulant for scaled x."""

import warnings

import numpy as np
import pytest
from small_training import nn, torch

from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.importing import import_model
from ernn_myhdl.golden.network_models import float_model, integer_model
from ernn_myhdl.train import Quantisation, compress, fit, save_model, supervised

pytestmark = pytest.mark.torch

#: Sizes of the elements of a block column of 4, twice.
SIZE = np.array([1e-3, 1.0, 40.0, 8.0, 5.0, 5.0, 0.01, 5.0])
QUIET = {"progress": False, "seed": 3}


def data(seed: int, count: int = 6) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return list((rng.standard_normal((count, 20, 8)) * SIZE).astype(np.float32))


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(8, 8, batch_first=True)
        self.head = nn.Linear(8, 2)
        with torch.no_grad():
            self.gru.weight_ih_l0.div_(torch.from_numpy(SIZE).float())

    def forward(self, x):
        return self.head(self.gru(x)[0])


def batches():
    x = torch.from_numpy(np.stack(data(0)))
    target = torch.tanh(x[..., :2] / torch.tensor([1e-3, 1.0])).cumsum(1) / 5
    return [(x[i : i + 2], target[i : i + 2]) for i in (0, 2, 4)]


@pytest.fixture(scope="module")
def compressed():
    torch.manual_seed(0)
    return compress(
        Model(), {"gru.*": 4}, supervised(nn.functional.mse_loss), batches(), "projection",
        epochs=3, calibration=data(0), **QUIET,
    )  # fmt: skip


def outputs(model, x) -> np.ndarray:
    with torch.no_grad():
        return np.concatenate([model(torch.from_numpy(s)[None])[0].numpy() for s in x])


def test_matrix_is_circulant_for_scaled_x_and_the_model_takes_x_as_it_is(compressed):
    (shifts,) = compressed.shifts.values()
    assert shifts[1] - shifts[0] in (-9, -10, -11) and shifts[2] == 0
    weight = compressed.model.gru.weight_ih_l0.detach().numpy().reshape(3, 8, 8)
    scaled = weight / np.ldexp(1.0, shifts)
    for a in range(4):  # each wrapped diagonal has one value
        for i in range(0, 8, 4):
            for j in range(0, 8, 4):
                rows, columns = (np.arange(4) + a) % 4 + i, np.arange(4) + j
                assert np.all(scaled[:, rows, columns] == scaled[:, rows[:1], columns[:1]])
    assert set(compressed.model.state_dict()) == set(Model().state_dict())


def test_design_gives_what_the_model_gives(compressed):
    x = data(1)
    wanted = outputs(compressed.model, x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        design = compressed.design(data(0))
    assert design.layers[0].cell.x_block == 4
    exact = np.concatenate(float_model(design).run([s.astype(float) for s in x]))
    assert np.abs(exact - wanted).max() < 1e-5 * np.ptp(wanted)
    runs = integer_model(design).run([s.astype(float) for s in x])
    assert np.abs(np.concatenate([r.outputs for r in runs]) - wanted).max() < 0.01 * np.ptp(wanted)
    shifts = np.array(design.host_scaling.shifts) - compressed.shifts["gru.weight_ih_l0"]

    assert len(set(shifts[:4])) == len(set(shifts[4:])) == 1


def test_saved_model_is_for_x_itself_and_is_imported_as_the_same_design(compressed, tmp_path):
    from safetensors.torch import load_file

    save_model(compressed, tmp_path / "m.safetensors")
    plain = Model()
    plain.load_state_dict(load_file(tmp_path / "m.safetensors"))
    assert np.array_equal(outputs(plain, data(1)), outputs(compressed.model, data(1)))
    found = import_model(tmp_path / "m.safetensors", calibration=data(0))
    assert found.design.digest == compressed.design(data(0)).digest
    assert not any(any(e.values()) for e in found.errors)


STEP = supervised(nn.functional.mse_loss)


def trained(**options):
    torch.manual_seed(0)
    return compress(Model(), {"gru.*": 4}, STEP, batches(), "projection", **options, **QUIET)


def test_training_scales_x_by_the_data_that_it_trains_on():
    """Without calibration x was taken as it is: 0.27 of the span at 10 bits, now 0.004."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = trained(epochs=2, quantise=Quantisation(word=10, epochs=1))
        design = found.design(data(0))
    (shifts,) = found.shifts.values()
    span = np.ptp(np.concatenate(data(0)), axis=0)
    assert np.array_equal(shifts, np.round(np.log2(span.max() / span)))
    of_design = np.array(design.host_scaling.shifts) - shifts
    assert len(set(of_design[:4])) == len(set(of_design[4:])) == 1
    wanted = outputs(found.model, data(1))
    exact = np.concatenate(float_model(design).run([s.astype(float) for s in data(1)]))
    assert np.abs(exact - wanted).max() < 1e-4 * np.ptp(wanted)
    runs = integer_model(design).run([s.astype(float) for s in data(1)])
    assert np.abs(np.concatenate([r.outputs for r in runs]) - wanted).max() < 0.01 * np.ptp(wanted)


def test_scales_of_the_data_are_those_of_the_same_calibration_and_are_reproducible():
    found = [trained(epochs=1) for _ in range(2)]
    given = trained(epochs=1, calibration=data(0))
    assert found[0].shifts == found[1].shifts == given.shifts
    for name, vectors in given.vectors.items():
        assert torch.equal(vectors, found[0].vectors[name])
        assert torch.equal(vectors, found[1].vectors[name])


def test_a_training_goes_on_with_the_scales_of_its_checkpoint(tmp_path):
    """Those of trainings of earlier versions have none, and stay without."""
    found = trained(epochs=1, checkpoint=tmp_path / "new")
    assert trained(epochs=1, checkpoint=tmp_path / "new").shifts == found.shifts != {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trained(epochs=1, checkpoint=tmp_path / "old", input_scales=False)
        assert not trained(epochs=1, checkpoint=tmp_path / "old").shifts


def test_elements_of_one_size_share_the_scale_of_their_block_column():
    from ernn_myhdl.calibration.input_scales import shifts_of_spans

    span = np.array([1.0, 2.0, 1.5, 1.0, 100.0, 120.0, 90.0, 128.0])
    assert shifts_of_spans(span, 4) == (6, 6, 6, 6, 0, 0, 0, 0)
    assert shifts_of_spans(span, 1) == (7, 6, 6, 7, 0, 0, 1, 0)
    assert shifts_of_spans(span, 8) == (7, 6, 6, 7, 0, 0, 1, 0)  # the column itself is uneven
    assert shifts_of_spans(span, 8, by_column=True) == ()
    assert shifts_of_spans(span[:4], 1) == ()
    assert shifts_of_spans(np.array([0.0, np.inf, 1.0]), 1) == ()


def test_a_matrix_that_is_circulant_already_keeps_its_blocks():
    """A scale for each element would have made another matrix of it."""
    from ernn_myhdl.train.matrices import find_matrices

    torch.manual_seed(0)
    model = Model()
    (matrix,) = [m for m in find_matrices(model, {"gru.*": 4}) if m.role == "input"]
    with torch.no_grad():
        matrix.parameter.copy_(matrix.dense(matrix.projected(matrix.parameter)))
    before = matrix.parameter.detach().clone()
    size = torch.tensor([1.0] * 4 + [50.0] * 4)
    uneven = [(x / torch.from_numpy(SIZE).float() * size * (1 + 9 * torch.eye(8)[0]), y) for x, y in batches()]  # fmt: skip
    found = compress(model, {"gru.*": 4}, STEP, uneven, "projection", epochs=0, **QUIET)
    (shifts,) = found.shifts.values()
    assert len(set(shifts[:4])) == len(set(shifts[4:])) == 1 and shifts[0] > shifts[4] == 0
    assert torch.equal(model.gru.weight_ih_l0, before)


def test_frames_of_padding_do_not_widen_a_span():
    x = torch.zeros(2, 30, 8)
    x[:, :20] = torch.from_numpy(np.stack(data(4, 2)))
    x[:, :20, 6] += 1000.0  # far from zero, where padding is
    found = compress(
        Model(), {"gru.*": 4}, STEP, [(x, torch.zeros(2, 30, 2))], "projection", epochs=0, **QUIET
    )
    span = np.ptp(x[:, :20].reshape(-1, 8).numpy(), axis=0)
    (shifts,) = found.shifts.values()
    assert shifts[6] == round(np.log2(span.max() / span[6])) > 10


def test_training_without_scales_names_what_is_added_up(recwarn):
    with pytest.warns(
        UserWarning, match=r"gru.weight_ih_l0: x\[0\], x\[1\], x\[6\] vary less than"
    ):
        found = trained(epochs=0, input_scales=False)
    assert not found.shifts
    with pytest.warns(UserWarning, match="input format .* keeps little of x"):
        found.design(data(0), word=8)


def test_switches_that_contradict_each_other_are_refused():
    for options, match in (
        ({"input_scales": False, "calibration": data(0)}, "leave one of them out"),
        ({"input_scales": 1}, "must be True or False"),
    ):
        with pytest.raises(DesignError, match=match):
            trained(epochs=0, **options)


def test_quantised_words_are_those_that_the_model_computed_with():
    from ernn_myhdl.design.quantise import quantised_weights
    from ernn_myhdl.numerics.circulant import unpack_spectrum
    from ernn_myhdl.numerics.formats import to_real
    from ernn_myhdl.train.circulant_tensors import expand

    torch.manual_seed(0)
    found = fit(
        Model(), supervised(nn.functional.mse_loss), batches(), epochs=0,
        quantise=Quantisation(word=10, epochs=2), calibration=data(0), **QUIET,
    )  # fmt: skip
    design = found.design(data(0)).layers[0]
    words = to_real(quantised_weights(design)["input_weight"], design.formats.input_weight)
    vectors = torch.from_numpy(unpack_spectrum(words))
    scaled = expand(vectors)[:, :8, :8].numpy() * design.input_scaling.factors
    weight = found.model.gru.weight_ih_l0.detach().numpy().reshape(3, 8, 8)
    assert np.abs(scaled - weight).max() <= 1e-6 * np.abs(weight).max()
