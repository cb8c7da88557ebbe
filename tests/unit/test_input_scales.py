"""One input format for all elements of x: powers of two and offsets, done by the host."""

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tools import require_module, require_tool

from ernn_myhdl import DesignError, export_model, import_model, load_design, new_design, save_design
from ernn_myhdl.calibration.input_scales import choose_input_scaling, coarse_elements, folded
from ernn_myhdl.calibration.random_weights import random_weights
from ernn_myhdl.calibration.range_table import core_range_table
from ernn_myhdl.cli.main import main
from ernn_myhdl.design.cells import GruCell, LinearCell, LstmCell
from ernn_myhdl.design.input_scaling import InputScaling
from ernn_myhdl.design.network import Network
from ernn_myhdl.explore.words import in_word
from ernn_myhdl.golden.float_reference import FloatModel
from ernn_myhdl.golden.network_models import float_model, integer_model
from ernn_myhdl.numerics.circulant import expand
from ernn_myhdl.numerics.formats import quantise
from ernn_myhdl.runs.word_sweep import at_word

#: Standard deviation and mean of temperature, pressure, a flag and vibration.
SPREAD, MEAN = np.array([5, 10, 0.5, 0.01]), np.array([20, 1013, 0.5, 0])


def sensors(seed: int, sequences: int = 3, frames: int = 60) -> list[np.ndarray]:
    """Sequences (frames, 4) of the four."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((sequences, frames, 4)) * SPREAD + MEAN
    x[..., 2] = rng.random((sequences, frames)) < 0.5
    return list(x)


def state_dict(kind: str, hidden: int = 12, seed: int = 0) -> dict[str, np.ndarray]:
    """A layer in PyTorch's names whose weights fit the sizes of the four, as training makes them."""
    rng = np.random.default_rng(seed)
    gates = {"lstm": 4, "gru": 3, "linear": 1}[kind]
    rows = gates * hidden
    weight = rng.uniform(-1, 1, (rows, 4)) / SPREAD
    bias = rng.uniform(-0.3, 0.3, rows) - weight @ MEAN
    if kind == "linear":
        arrays = {"linear.weight": weight, "linear.bias": bias}
    else:
        arrays = {
            f"{kind}.weight_ih_l0": weight,
            f"{kind}.weight_hh_l0": rng.uniform(-0.3, 0.3, (rows, hidden)),
            f"{kind}.bias_ih_l0": bias,
            f"{kind}.bias_hh_l0": rng.uniform(-0.3, 0.3, rows),
        }
    return {name: array.astype(np.float32) for name, array in arrays.items()}


@cache
def imported(kind: str, **options):
    """A layer of `state_dict`; a thing that is imported does not change."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / f"{kind}.safetensors"
        save_file(state_dict(kind), file)
        return import_model(file, block=1, calibration=sensors(1), **options)


def source_outputs(found, x) -> np.ndarray:
    """Outputs of the dense layer of the source, in float64."""
    (layer,) = found.layers
    cell = layer.cell({"block": 1})
    return np.concatenate(FloatModel(cell, layer.circulant(cell)).run(x))


@pytest.mark.parametrize("kind", ["lstm", "gru", "linear"])
@pytest.mark.parametrize(("word", "limit"), [(12, 0.004), (16, 0.0004)])
def test_elements_of_different_size_are_all_kept(kind, word, limit):
    """Without a scaling the errors are up to 1.4 of the span, with the same message of success."""
    found, x = imported(kind, word=word), sensors(2)
    wanted = source_outputs(found, x)
    span = np.ptp(wanted)
    design = found.design
    shifts, offsets = design.input_scaling.shifts, design.input_scaling.offsets
    assert shifts[3] - shifts[1] == 10 and shifts[2] - shifts[1] in (4, 5)
    assert offsets[0] == pytest.approx(20, abs=4) and offsets[1] == pytest.approx(1013, abs=4)
    assert offsets[2:] == (0.0, 0.0)
    assert not any("WARNING" in note for note in found.notes)
    exact = np.concatenate(float_model(design).run(x))
    assert np.abs(exact - wanted).max() < 1e-5 * span
    error = np.abs(np.concatenate([r.outputs for r in integer_model(design).run(x)]) - wanted)
    assert error.max() < limit * span
    plain = imported(kind, word=word, input_scales=False)
    assert plain.design.input_scaling is None
    error = np.abs(np.concatenate([r.outputs for r in integer_model(plain.design).run(x)]) - wanted)
    assert error.max() > 50 * limit * span
    assert any("WARNING: the input format" in n and "x[3]" in n for n in plain.notes)


def test_all_engines_and_models_agree_on_a_scaled_design():
    design = imported("lstm").design
    x = sensors(3, 2, 3)
    runs = {engine: design.run(x, engine) for engine in ("golden", "integer", "myhdl")}
    raw = quantise(design.input_scaling.apply(np.concatenate(x)), design.input_format)
    for engine, run in runs.items():
        assert np.array_equal(run.raw, runs["golden"].raw), engine
        assert np.array_equal(run.stages["input"].reshape(6, -1)[:, :4], raw), engine
        assert np.array_equal(run.x, np.concatenate(x)), engine


@pytest.mark.ghdl
def test_converted_vhdl_agrees_on_a_scaled_design():
    require_tool("ghdl")
    design = imported("linear").design
    x = sensors(3, 2, 3)
    wanted = design.run(x, "golden")
    assert np.array_equal(design.run(x, "ghdl").raw, wanted.raw)


def test_golden_takes_raw_words_as_they_are():
    design = imported("gru").design
    x = sensors(3, 1, 5)[0]
    raw = quantise(design.input_scaling.apply(x), design.input_format)
    model = integer_model(design)
    assert np.array_equal(model.run(raw).raw, model.run(x).raw)


def test_folder_keeps_the_scaling(tmp_path):
    design = imported("gru").design
    again = load_design(save_design(design, tmp_path / "d"))
    assert again == design and again.digest == design.digest
    assert again.input_scaling == design.input_scaling
    run = again.run(sensors(4)[0], "integer")
    run.save(tmp_path / "run")
    from ernn_myhdl.runs.run import load_run

    loaded = load_run(tmp_path / "run")
    assert loaded.design == design and np.array_equal(loaded.x, sensors(4)[0])


def test_designs_without_a_scaling_keep_digest_and_text():
    """Of the code before there were scalings."""
    from ernn_myhdl.design.design_text import design_toml

    design = new_design(5, 9, 4, 4, True, lanes=4, name="small_core")
    assert "host" not in design_toml(design)
    assert design.input_scaling is None
    assert design.digest == DIGEST_BEFORE


DIGEST_BEFORE = "fba3c7de91e9d175d3789a85c0ed0d06c88018d53f4fdb05b4a0e52139b57192"


@pytest.mark.parametrize("suffix", ["safetensors", "onnx"])
@pytest.mark.parametrize("kind", ["lstm", "linear"])
def test_export_takes_the_scaling_out_and_import_brings_it_back(tmp_path, kind, suffix):
    if suffix == "onnx":
        require_module("onnx", "pip install 'ernn-myhdl[onnx]'")
    found = imported(kind)
    file = tmp_path / f"out.{suffix}"
    notes = export_model(found.design, file)
    assert any("for x as it is" in note for note in notes)
    if suffix == "safetensors":
        source, written = state_dict(kind), load_file(file)
        weight = "linear.weight" if kind == "linear" else "lstm.weight_ih_l0"
        assert np.array_equal(written[weight], source[weight])
    again = import_model(file, calibration=sensors(1))
    assert again.design.digest == found.design.digest
    plain = import_model(file, input_scales=False)
    assert plain.design.input_scaling is None
    x = sensors(2)
    exact = np.concatenate(float_model(plain.design).run(x))
    assert np.allclose(exact, source_outputs(found, x), rtol=0, atol=1e-4)


CELLS = [
    LstmCell(7, 12, 0, 4),
    GruCell(8, 12, 4, "before"),
    GruCell(6, 8, 2, "after"),
    LinearCell(9, 8, 8),
    LstmCell(8, 12, 8, 4, True, input_block=2),
]


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_folding_is_exact_in_every_cell_and_keeps_the_blocks(cell):
    rng = np.random.default_rng(5)
    weights = random_weights(cell, 1)
    shifts = np.repeat(rng.integers(-6, 12, cell.input_blocks), cell.x_block)[: cell.inputs]
    scaling = InputScaling(tuple(shifts.tolist()), tuple(rng.integers(-9, 9, cell.inputs).tolist()))
    x = list(rng.standard_normal((2, 9, cell.inputs)))
    own = folded(cell, weights, scaling)
    assert own["input_weight"].shape == weights["input_weight"].shape
    y = FloatModel(cell, own, scaling=scaling).run(x)
    for a, b in zip(y, FloatModel(cell, weights).run(x), strict=True):
        assert np.abs(a - b).max() < 1e-5
    factors = np.repeat(scaling.factors[:: cell.x_block], cell.x_block)
    assert np.array_equal(expand(own["input_weight"]) * factors, expand(weights["input_weight"]))


def test_elements_of_a_block_column_share_a_shift():
    cell = LstmCell(8, 16, 0, 4)
    rng = np.random.default_rng(0)
    size = np.array([1, 1, 1, 1, 1e-3, 1e-3, 1e-3, 1e-3])
    x = list(rng.standard_normal((2, 50, 8)) * size)
    weights = random_weights(cell, 0)
    weights["input_weight"] = (weights["input_weight"] / size[::4][:, None]).astype(np.float32)
    scaling = choose_input_scaling(cell, weights, x)
    assert scaling.shifts == (0, 0, 0, 0, 10, 10, 10, 10) and not scaling.offsets


def test_elements_that_are_alike_are_left_as_they_are():
    for seed, cell in enumerate(CELLS):
        rng = np.random.default_rng(seed)
        size = rng.uniform(0.5, 2, cell.inputs)
        x = list(rng.standard_normal((3, 40, cell.inputs)) * size)
        assert choose_input_scaling(cell, random_weights(cell, seed), x) is None


def test_constant_and_unused_elements_do_no_harm():
    cell = LinearCell(4, 8, 1)
    x = sensors(1)
    for s in x:
        s[:, 3], s[:, 0] = 0.0, 20.0
    weights = random_weights(cell, 0)
    weights["input_weight"][:, :, 2] = 0.0
    scaling = choose_input_scaling(cell, weights, x)
    assert scaling.shifts[3] == scaling.shifts[2] == 0
    assert scaling.offsets[0] == scaling.offsets[3] == 0
    assert choose_input_scaling(cell, weights, [np.zeros((5, 4))]) is None


def test_element_without_weights_does_not_widen_the_format():
    """A counter that the model does not use had made all others coarse."""
    cell = LinearCell(4, 8, 1)
    rng = np.random.default_rng(0)
    x = list(rng.standard_normal((3, 40, 4)) * [1, 1, 1e5, 1])
    weights = random_weights(cell, 0)
    weights["input_weight"][:, :, 2] = 0.0
    scaling = choose_input_scaling(cell, weights, x)
    assert scaling.shifts[2] < -14 and all(
        shift in (0, 1) for shift in np.delete(scaling.shifts, 2)
    )
    assert np.abs(scaling.apply(np.concatenate(x))).max() < 8


def test_flags_are_not_too_coarse_and_small_elements_are():
    from ernn_myhdl.numerics.formats import Format

    x = sensors(1)
    assert coarse_elements(x, Format(12, 0)).tolist() == [3]
    assert coarse_elements(x, Format(12, -3)).tolist() == [0, 1, 2, 3]
    assert coarse_elements(x, Format(12, 12)).tolist() == []


def test_other_words_and_ranges_keep_the_scaling():
    design = imported("lstm").design
    x = sensors(1)
    for other in (at_word(design, x, 14), in_word(design, 14, x)):
        assert other.input_scaling == design.input_scaling
        assert other.formats.input.word == 14
        assert np.array_equal(float_model(other).run(x[0]), float_model(design).run(x[0]))
    assert at_word(design, x, 12).formats.input == design.formats.input
    rows = {r.tensor: r for r in core_range_table(design, x)}
    assert rows["input"].saturations == 0 and rows["input"].maximum < 64


def test_only_the_first_layer_of_a_network_has_one():
    layer = new_design(4, 4, 1, lanes=1)
    from dataclasses import replace

    own = replace(layer, input_scaling=InputScaling((0, 1, 2, 3)))
    formats = replace(layer.formats, input=layer.formats.output)
    following = replace(layer, formats=formats, input_scaling=InputScaling((0, 1, 2, 3)))
    with pytest.raises(
        DesignError, match="layer 1: has an input scaling, but no host stands between"
    ):
        Network((own, following))
    assert own.digest != layer.digest


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("input_shifts = [1, 2]", "host input_shifts: 2 of them, must be 4"),
        ("input_shifts = [1, 2, 3, 4.5]", r"host input_shifts\[3\] = 4.5: must be a whole number"),
        ("input_shifts = [1, 2, 3, 900]", r"input_shifts\[3\] = 900: .* -126 to 126"),
        ("input_shifts = 3", "host input_shifts = 3: must be a list"),
        ("input_offsets = [1.0]", "host input_shifts: is missing"),
        ("input_shifts = [1, 2, 3, 4]\ninput_offsets = [1.0]", "input_offsets: 1 of them, must be 4"),
        ("input_shifts = [1, 2, 3, 4]\ninput_offsets = [nan, 0, 0, 0]", "neither infinite nor NaN"),
        ("input_scale = [1, 2, 3, 4]", "host input_scale: unknown key"),
    ],
)  # fmt: skip
def test_damaged_scalings_are_refused_by_name(tmp_path, line, message):
    folder = save_design(new_design(4, 4, 1, lanes=1), tmp_path / "d")
    text = (folder / "design.toml").read_text()
    (folder / "design.toml").write_text(f"{text}\n[host]\n{line}\n")
    with pytest.raises(DesignError, match=message) as error:
        load_design(folder)
    assert "\n" not in str(error.value)


def test_commands_say_what_the_host_does_and_what_stays_too_coarse(tmp_path, capsys):
    save_file(state_dict("gru"), tmp_path / "gru.safetensors")
    np.savez(tmp_path / "x.npz", *sensors(1))
    x, model, folder = (str(tmp_path / n) for n in ("x.npz", "gru.safetensors", "d"))
    given = ["import", model, "--block", "1", "--calibration", x]
    assert main([*given, "-o", folder]) == 0
    out = capsys.readouterr().out
    assert (
        "note: the host gives the core x less an offset in 2 of its 4 elements and scaled by 2^0 to 2^10"
        in out
    )
    assert "WARNING" not in out
    assert main(["info", folder]) == 0
    out = capsys.readouterr().out
    assert "word of x = floor((x - offset) * 2^(shift + 5) + 0.5), saturated to 12 bits" in out
    shifts = load_design(folder).input_scaling.shifts
    assert f"shift {' '.join(map(str, shifts))}" in out
    assert main(["info", folder, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["host"]["input_shifts"] == [*shifts]
    assert main(["evaluate", folder, "--data", x]) == 0
    assert "WARNING" not in capsys.readouterr().out
    assert main([*given, "-o", folder + "2", "--no-input-scales"]) == 0
    warning = "WARNING: the input format Q12.0 keeps little of x[3]"
    assert warning in capsys.readouterr().out
    for command in (
        ["evaluate", folder + "2", "--data", x],
        ["simulate", folder + "2", "--input", x],
    ):
        assert main(command) == 0
        assert warning in capsys.readouterr().out
