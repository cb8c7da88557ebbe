"""docs/number-formats.md written out with exact fractions, for one input, one cell, k = 1."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from random_designs import random_design, random_inputs

from ernn_myhdl.pwl import tables
from ernn_myhdl.quantise import quantised_weights
from golden.fixed_point import FixedPointModel


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
            int(v) * Fraction(2) ** -(f.preactivation if name == "bias" else getattr(f, name)).frac
            for v in raw.reshape(-1)
        ]
        for name, raw in quantised_weights(design).items()
    }


def outputs(design, x):
    """Exact outputs of the inputs x."""
    f, w, table = design.formats, constants(design), tables(design)
    wx, wy, bias = w["input_weight"], w["recurrent_weight"], w["bias"]
    peephole = w.get("peephole", [Fraction(0)] * 3)
    c = spectrum = Fraction(0)
    results = []
    for value in x:
        x_spectrum = store(store(Fraction(value), f.input), f.input_spectrum)
        sums = [
            store(store(wx[g] * x_spectrum + wy[g] * spectrum, f.block_spectrum), f.preactivation)
            for g in range(4)
        ]

        def preactivation(gate, product, sums=sums):
            step = Fraction(2) ** f.preactivation.frac
            rounded = floor(product * step + Fraction(1, 2)) / step
            return store(sums[gate] + bias[gate] + rounded, f.preactivation)

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


@pytest.mark.parametrize("seed", range(12))
def test_the_model_is_the_contract(seed):
    design = random_design(
        seed,
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
    expected = outputs(design, x[:, 0])
    assert [Fraction(float(v)) for v in run.outputs[:, 0]] == expected
