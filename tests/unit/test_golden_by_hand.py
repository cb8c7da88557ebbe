"""docs/number-formats.md written out with exact fractions, for one input, one cell, k = 1."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from random_designs import random_design, random_inputs

from ernn_myhdl.design.cells import CELLS, RESETS
from ernn_myhdl.design.quantise import quantised_weights
from ernn_myhdl.design.tables import tables
from ernn_myhdl.golden.fixed_point import FixedPointModel


def store(value, fmt):
    """An exact value rounded half up and saturated to a format; again an exact value."""
    raw = floor(value * Fraction(2) ** fmt.frac + Fraction(1, 2))
    return min(max(raw, fmt.minimum), fmt.maximum) * Fraction(2) ** -fmt.frac


def line(table, x):
    """The piecewise linear function of an exact value in the table's input format."""
    raw = min(max(int(x * Fraction(2) ** table.input.frac), -table.clamp), table.clamp - 1)
    segment, offset = divmod(raw + table.clamp, 1 << table.offset_bits)
    exact = table.base[segment] * 2**table.base_shift + table.slope[segment] * offset
    return store(Fraction(exact) / Fraction(2) ** (table.shift + table.output.frac), table.output)


def constants(design):
    """Every constant as exact values, gate or peephole first."""
    f = design.formats
    return {
        name: [
            int(v)
            * Fraction(2) ** -(f.preactivation if name.endswith("bias") else getattr(f, name)).frac
            for v in raw.reshape(-1)
        ]
        for name, raw in quantised_weights(design).items()
    }


def rounded(value, fmt):
    """An exact value rounded half up to the fraction of a format."""
    step = Fraction(2) ** fmt.frac
    return floor(value * step + Fraction(1, 2)) / step


def matrix_row(f, products):
    """Sum of a row of a matrix phase: weight and spectrum pairs through both rounding points."""
    exact = sum(weight * spectrum for weight, spectrum in products)
    return store(store(exact, f.block_spectrum), f.preactivation)


def lstm_outputs(design, x):
    """Exact outputs of the inputs x."""
    f, w, table = design.formats, constants(design), tables(design)
    wx, wy, bias = w["input_weight"], w["recurrent_weight"], w["bias"]
    peephole = w.get("peephole", [Fraction(0)] * 3)
    c = spectrum = Fraction(0)
    results = []
    for value in x:
        x_spectrum = store(store(Fraction(value), f.input), f.input_spectrum)
        sums = [matrix_row(f, [(wx[g], x_spectrum), (wy[g], spectrum)]) for g in range(4)]

        def preactivation(gate, product, sums=sums):
            return store(
                sums[gate] + bias[gate] + rounded(product, f.preactivation), f.preactivation
            )

        i = line(table["gate"], preactivation(0, peephole[0] * c))
        forget = line(table["gate"], preactivation(1, peephole[1] * c))
        g = line(table["candidate"], preactivation(2, Fraction(0)))
        c = store(forget * c + i * g, f.cell_state)
        o = line(table["gate"], preactivation(3, peephole[2] * c))
        y = store(o * line(table["state"], c), f.cell_output)
        if design.cell.projection:
            product = w["projection_weight"][0] * store(y, f.cell_output_spectrum)
            y = store(store(product, f.block_spectrum), f.output)
        spectrum = store(y, f.output_spectrum)
        results.append(y)
    return results


def gru_outputs(design, x, h=Fraction(0)):
    """Exact outputs of the inputs x after the cell state h."""
    f, w, table = design.formats, constants(design), tables(design)
    wx, wh, bias = w["input_weight"], w["recurrent_weight"], w["bias"]
    spectrum = store(store(h, f.output), f.output_spectrum)
    results = []
    for value in x:
        x_spectrum = store(store(Fraction(value), f.input), f.input_spectrum)

        def gate(g, x_spectrum=x_spectrum, spectrum=spectrum):
            total = matrix_row(f, [(wx[g], x_spectrum), (wh[g], spectrum)]) + bias[g]
            return line(table["gate"], store(total, f.preactivation))

        r, z = gate(0), gate(1)
        if design.cell.reset == "before":
            m = store(store(r * h, f.cell_output), f.cell_output_spectrum)
            total = matrix_row(f, [(wx[2], x_spectrum), (wh[2], m)]) + bias[2]
        else:
            recurrent = matrix_row(f, [(wh[2], spectrum)]) + w["recurrent_bias"][0]
            recurrent = store(recurrent, f.preactivation)
            total = matrix_row(f, [(wx[2], x_spectrum)]) + bias[2]
            total += rounded(r * recurrent, f.preactivation)
        n = line(table["candidate"], store(total, f.preactivation))
        h = store(n + z * (h - n), f.cell_state)
        y = store(h, f.output)
        spectrum = store(y, f.output_spectrum)
        results.append(y)
    return results


def linear_outputs(design, x):
    """Exact outputs of the inputs x."""
    f, w = design.formats, constants(design)
    results = []
    for value in x:
        x_spectrum = store(store(Fraction(value), f.input), f.input_spectrum)
        total = matrix_row(f, [(w["input_weight"][0], x_spectrum)]) + w["bias"][0]
        results.append(activated(design, store(total, f.preactivation)))
    return results


def slope_of(value):
    """A slope of 16 significant bits, rounded half up."""
    scale = Fraction(1)
    while Fraction(value) * scale < 1 << 15:
        scale *= 2
    return floor(Fraction(value) * scale + Fraction(1, 2)) / scale


def activated(design, z):
    """y of a linear layer's sum."""
    cell, output = design.cell, design.formats.output
    half, step = Fraction(1, 2), Fraction(2) ** output.frac
    if cell.activation in ("tanh", "sigmoid"):
        return line(tables(design)["output"], z)
    if cell.activation == "leaky_relu":
        return store(z * slope_of(cell.slope) if z < 0 else z, output)
    low, high = output.minimum / step, output.maximum / step
    if cell.activation == "hard_sigmoid":
        z, low, high = z * slope_of(cell.slope) + half, Fraction(0), store(Fraction(1), output)
    elif cell.activation == "relu":
        low, high = Fraction(0), store(Fraction(cell.limit), output) if cell.limit else high
    elif cell.activation == "hard_tanh":
        limit = Fraction(cell.limit or 1.0)
        low, high = max(low, -floor(limit * step + half) / step), store(limit, output)
    else:
        assert cell.activation == "none"
    return min(max(store(z, output), low), high)


def rnn_outputs(design, x):
    """Exact outputs of the inputs x: y is multiplied again by the next frame."""
    f, w, table = design.formats, constants(design), tables(design)
    spectrum = Fraction(0)
    results = []
    for value in x:
        x_spectrum = store(store(Fraction(value), f.input), f.input_spectrum)
        products = [(w["input_weight"][0], x_spectrum), (w["recurrent_weight"][0], spectrum)]
        z = store(matrix_row(f, products) + w["bias"][0], f.preactivation)
        if design.cell.activation == "tanh":
            y = line(table["output"], z)
        else:
            y = store(max(z, Fraction(0)), f.output)
        spectrum = store(y, f.output_spectrum)
        results.append(y)
    return results


OUTPUTS = {
    "lstm": lstm_outputs, "gru": gru_outputs, "linear": linear_outputs, "rnn": rnn_outputs,
}  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", CELLS)
def test_the_model_is_the_contract(kind, seed):
    design = random_design(
        seed,
        kind=kind,
        reset=RESETS[seed % 2],
        block=1,
        max_inputs=1,
        max_hidden=1,
        projection=seed % 2 == 0,
        peepholes=seed % 3 > 0,
        max_state_word=18,
    )
    x = random_inputs(seed, design, 6)
    x[:3] = np.random.default_rng(seed).normal(size=(3, 1))
    run = FixedPointModel(design).run(x)
    expected = OUTPUTS[kind](design, x[:, 0])
    assert [Fraction(float(v)) for v in run.outputs[:, 0]] == expected


@pytest.mark.parametrize("reset", RESETS)
def test_a_gru_starts_from_its_initial_state(reset):
    design = random_design(3, kind="gru", reset=reset, block=1, max_inputs=1, max_hidden=1)
    x = np.random.default_rng(3).normal(size=(4, 1))
    for raw in (design.formats.cell_state.maximum, -77, 1):
        run = FixedPointModel(design).run(x, initial={"cell_state": np.array([raw])})
        h = raw * Fraction(2) ** -design.formats.cell_state.frac
        assert [Fraction(float(v)) for v in run.outputs[:, 0]] == gru_outputs(design, x[:, 0], h)
