"""Activations of linear layers: their arithmetic beside fractions, what a cell takes, their files and exports."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from activation_designs import ACTIVATIONS, chain, inputs
from hypothesis import given
from hypothesis import strategies as st
from tools import require_module

from ernn_myhdl import DesignError, LinearCell, export_model, import_model, load_design, save_design
from ernn_myhdl.design.cells.activations import Slope
from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.design.source_model import SourceModel, read_source_model, write_source
from ernn_myhdl.golden.linear_activation import LinearActivation
from ernn_myhdl.numerics.formats import Format

WITHOUT_TABLE = [n for n in ACTIVATIONS if n not in ("tanh", "sigmoid")]
formats = st.builds(Format, st.integers(4, 24), st.integers(-3, 26))


def exact(cell: LinearCell, words: list[int], source: Format, target: Format) -> list[int]:
    """y of each word, in fractions."""
    unit = Fraction(2) ** (
        target.frac - source.frac
    )  # of a word of the source, in words of the target
    one, half = Fraction(2) ** target.frac, Fraction(1, 2)
    slope = Fraction(0) if cell.constant is None else Fraction(cell.constant.raw, 1) / 2**cell.constant.frac  # fmt: skip
    limits = {"relu": (0, cell.limit or None), "hard_sigmoid": (0, 1.0)}
    limits["hard_tanh"] = (-(cell.limit or 1.0), cell.limit or 1.0)
    low, high = limits.get(cell.activation, (None, None))
    least, most = target.minimum, target.maximum
    if low is not None:
        least = max(least, -math.floor(Fraction(-low) * one + half))
    if high is not None:
        most = min(most, math.floor(Fraction(high) * one + half))
    made = []
    for z in words:
        value = z * unit
        if cell.activation == "leaky_relu" and z < 0:
            value *= slope
        if cell.activation == "hard_sigmoid":
            value = value * slope + one / 2
        made.append(min(max(math.floor(value + half), least), most))
    return made


@pytest.mark.parametrize("name", WITHOUT_TABLE)
@given(
    source=formats,
    target=formats,
    drawn=st.lists(st.integers(-(1 << 23), (1 << 23) - 1), max_size=8),
)
def test_arithmetic_beside_fractions(name, source, target, drawn):
    cell = LinearCell(1, 1, 1, **ACTIVATIONS[name])
    corners = {source.minimum, source.minimum + 1, -1, 0, 1, source.maximum - 1, source.maximum}
    edges = [math.floor(v * 2.0**source.frac) + d for v in (-6, -3, -2.5, -1, -0.7, 0.7, 1, 2.5, 3, 6) for d in (-1, 0, 1)]  # fmt: skip
    z = [v for v in {*corners, *drawn, *edges} if source.minimum <= v <= source.maximum]
    words = LinearActivation.of(cell, source, target).rounded(np.array(z, dtype=np.int64))
    made = np.clip(words, target.minimum, target.maximum).tolist()
    assert made == exact(cell, z, source, target)


@given(st.floats(2.0**-16, 1.0, exclude_max=True))
def test_a_slope_has_sixteen_bits(value):
    slope = Slope.of(value)
    assert slope.raw % 2 == 1 and slope.raw < 1 << 16
    assert abs(Fraction(slope.raw) / 2**slope.frac - Fraction(value)) <= Fraction(value) / (1 << 16)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"activation": "gelu"}, ["'gelu'", "'leaky_relu'"]),
        ({"activation": ["relu"]}, ["['relu']"]),
        ({"activation": "leaky_relu"}, ["slope", "needs one", "0.01"]),
        ({"activation": "hard_sigmoid"}, ["slope", "1/6", "0.2"]),
        ({"activation": "leaky_relu", "slope": 1.5}, ["1.5", "below 1"]),
        ({"activation": "leaky_relu", "slope": -0.1}, ["-0.1"]),
        ({"activation": "relu", "slope": 0.1}, ["'relu' has none"]),
        ({"activation": "tanh", "limit": 2.0}, ["'tanh' has none", "hard_tanh"]),
        ({"activation": "relu", "limit": float("nan")}, ["nan"]),
        ({"activation": "relu", "limit": float("inf")}, ["inf"]),
        ({"activation": "relu", "limit": "6"}, ["'6'", "a number"]),
        ({"activation": "relu", "limit": 1e30}, ["1e+30"]),
    ],
)
def test_what_a_cell_does_not_take(values, words):
    with pytest.raises(DesignError) as error:
        LinearCell(4, 4, 1, **values)
    assert all(word in str(error.value) for word in words), error.value


@pytest.mark.parametrize("name", ["circulant", "dense", "narrow"])
def test_files_keep_activations(name, tmp_path):
    design = chain(name)
    assert load_design(save_design(design, tmp_path / "design")) == design


def test_source_models_of_version_1_have_no_activation_of_linear_layers(tmp_path):
    """They told "tanh" of every linear layer, the default of another cell."""
    weights = {"input_weight": np.eye(3)[None], "bias": np.zeros((1, 3))}
    layers = (DenseLayer("head", "linear", weights, activation="tanh"),)
    write_source(SourceModel("ONNX", "m.onnx", "", "", layers), tmp_path)
    file = tmp_path / "source.safetensors"
    assert read_source_model(tmp_path).layers[0].activation == "tanh"
    data = file.read_bytes()
    assert b'\\"version\\": 2' in data
    file.write_bytes(data.replace(b'\\"version\\": 2', b'\\"version\\": 1'))
    assert read_source_model(tmp_path).layers[0].activation == "none"


@pytest.mark.parametrize("suffix", [".safetensors", pytest.param(".onnx", marks=pytest.mark.onnx)])
@pytest.mark.parametrize("name", ["circulant", "dense", "narrow"])
def test_exports_are_imported_again(name, suffix, tmp_path):
    if suffix == ".onnx":
        require_module("onnx", "pip install 'ernn-myhdl[onnx]'")
    design = chain(name)
    file = tmp_path / f"model{suffix}"
    export_model(design, file)
    again = import_model(file, calibration=inputs(), word=16).design
    assert [d.cell.constant for d in again.layers] == [d.cell.constant for d in design.layers]
    for one, other in zip(again.layers, design.layers, strict=True):
        assert (one.cell.activation, one.cell.block) == (other.cell.activation, other.cell.block)
        f = Format(16, 12)
        assert one.cell.clip(f) == other.cell.clip(f)
