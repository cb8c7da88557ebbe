"""What an import without --block does to a model's matrices, and what it says where it changes them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from ernn_myhdl import import_model
from ernn_myhdl.cli.main import main
from ernn_myhdl.golden.network_models import integer_model
from ernn_myhdl.golden.output_loss import output_loss
from ernn_myhdl.numerics.circulant import expand


def _array(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).uniform(-0.4, 0.4, shape).astype(np.float32)


def _gru(hidden: int = 16, inputs: int = 6, block: int = 1, input_block: int = 1) -> dict:
    """State dict of an nn.GRU, with circulant blocks where they are larger than 1."""

    def matrix(columns: int, k: int) -> np.ndarray:
        vectors = _array(3, hidden // k, -(-columns // k), k)
        return expand(vectors)[:, :, :columns].reshape(3 * hidden, columns)

    return {
        "gru.weight_ih_l0": matrix(inputs, input_block),
        "gru.weight_hh_l0": matrix(hidden, block),
        "gru.bias_ih_l0": _array(3 * hidden),
        "gru.bias_hh_l0": _array(3 * hidden, seed=1),
    }


def _saved(arrays: dict, tmp_path, name: str = "model.safetensors"):
    save_file({n: np.ascontiguousarray(a) for n, a in arrays.items()}, tmp_path / name)
    return tmp_path / name


def test_the_default_import_keeps_a_dense_model(tmp_path):
    """It made every model block-circulant: outputs of a trained GRU were wrong by 0.763 on a span of 1.05."""
    arrays = _gru() | {"head.weight": _array(4, 16), "head.bias": _array(4)}
    imported = import_model(_saved(arrays, tmp_path), word=16)
    assert [d.cell.block_sizes for d in imported.design.layers] == [{"block": 1}, {"block": 1}]
    for design, layer in zip(imported.design.layers, imported.layers, strict=True):
        for name, array in layer.weights.items():
            assert np.array_equal(design.weights[name].reshape(array.shape), array)
    assert imported.loss is None
    assert any("dense matrices are kept (block 1): gru, head" in n for n in imported.notes)


@pytest.mark.parametrize(
    ("k", "x", "sizes"),
    [
        (8, 8, {"block": 8}),
        (4, 4, {"block": 4}),
        (2, 8, {"block": 2, "input_block": 8}),
        (8, 1, {"block": 8, "input_block": 1}),
    ],
)
def test_circulant_matrices_are_imported_as_such_and_it_is_said(tmp_path, k, x, sizes):
    imported = import_model(_saved(_gru(block=k, input_block=x), tmp_path))
    assert imported.design.cell.block_sizes == sizes
    assert imported.errors == ({"input_weight": 0.0, "recurrent_weight": 0.0},)
    said = " ".join(f"--{n.replace('_', '-')} {v}" for n, v in sizes.items())
    assert f"gru is block-circulant already, imported as such: {said}" in imported.notes


def test_a_matrix_of_one_row_is_no_circulant_block(tmp_path):
    """Every row is the first of a circulant block; it would be filled up to 32 of them."""
    arrays = {"head.weight": _array(1, 32), "head.bias": _array(1)}
    assert import_model(_saved(arrays, tmp_path)).design.cell.block == 1


def test_a_projection_warns_with_the_loss_of_outputs_on_the_calibration_data(tmp_path, capsys):
    file = _saved(_gru(), tmp_path)
    x = np.random.default_rng(1).normal(size=(40, 6)) * 2
    np.save(tmp_path / "x.npy", x)
    command = ["import", str(file), "--calibration", str(tmp_path / "x.npy"), "--word", "24"]
    assert main([*command, "--block", "8", "-o", str(tmp_path / "d"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    dense = integer_model(import_model(file, calibration=[x], word=24).design).run([x])
    made = integer_model(import_model(file, 8, [x], word=24).design).run([x])
    loss = output_loss([r.outputs for r in dense], [r.outputs for r in made])
    assert told["loss"]["largest_error"] == pytest.approx(loss.error, abs=1e-4)
    assert told["loss"]["span"] == pytest.approx(loss.span, abs=1e-4)
    assert told["loss"]["sqnr_db"] == pytest.approx(loss.sqnr, abs=1e-2)
    assert told["loss"]["largest_error_of_span"] > 0.1
    (warning,) = (n for n in told["notes"] if n.startswith("WARNING: "))
    assert "on the calibration data differ" in warning
    assert f"{told['loss']['largest_error']:.4g}" in warning
    assert main([*command, "--block", "8", "-o", str(tmp_path / "e")]) == 0
    assert "\nWARNING: matrices were replaced" in capsys.readouterr().out
    assert main([*command, "-o", str(tmp_path / "f")]) == 0
    assert "WARNING" not in capsys.readouterr().out


def test_a_loss_without_calibration_data_says_so(tmp_path):
    imported = import_model(_saved(_gru(), tmp_path), block=4)
    (warning,) = (n for n in imported.notes if n.startswith("WARNING: "))
    assert "on standard normal inputs differ from the source's" in warning


def test_a_small_change_is_told_without_a_warning(tmp_path):
    arrays = _gru(block=8, input_block=8)
    arrays["gru.weight_hh_l0"] += 1e-3 * _array(48, 16, seed=5)
    imported = import_model(_saved(arrays, tmp_path), block=8)
    assert 0 < imported.errors[0]["recurrent_weight"] < 0.03
    assert not any(n.startswith("WARNING") for n in imported.notes)
    assert any("matrices were replaced" in n for n in imported.notes)
    assert 0 < imported.loss.relative < 1e-2


def test_a_source_too_large_to_be_dense_is_told_of_block(tmp_path, monkeypatch):
    monkeypatch.setattr("ernn_myhdl.exchange.importing.MAX_PARAMETERS", 100)
    with pytest.raises(Exception, match="--block K"):
        import_model(_saved(_gru(), tmp_path))
