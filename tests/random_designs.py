"""Random legal designs and inputs for tests; the same for the same seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ernn_myhdl.calibration.random_weights import random_weights
from ernn_myhdl.calibration.range_analysis import choose_formats
from ernn_myhdl.design.cells import ACTIVATIONS, BLOCK_SIZES, CELLS, RESETS, Cell, make_cell
from ernn_myhdl.design.cells.activations import LINEAR_ACTIVATIONS, WITH_LIMIT, WITH_SLOPE
from ernn_myhdl.design.cells.rnn import NONLINEARITIES
from ernn_myhdl.design.design import Activations, CoreSpecification, Design, Formats, Hardware
from ernn_myhdl.design.network import Network
from ernn_myhdl.golden.float_reference import FloatModel
from ernn_myhdl.numerics.formats import Format


def random_design(
    rng: np.random.Generator | int,
    *,
    kind: str | None = "lstm",
    reset: str | None = None,
    block: int | None = None,
    max_inputs: int = 40,
    max_hidden: int = 48,
    projection: bool | None = None,
    peepholes: bool | None = None,
    g_activation: str | None = None,
    activation: str | None = None,
    min_word: int = 6,
    max_word: int = 20,
    max_state_word: int = 20,
    stress: bool | None = None,
    mixed: bool = False,
) -> Design:
    """A small design: cell, weights, formats, activations and hardware.

    rng: a generator or a seed. An argument that is None is drawn as well.
    kind: of the cell. projection, peepholes: of an LSTM. reset: of a GRU. activation: of an RNN or a linear layer.
    stress: formats moved away from what calibration chose, so that many tensors saturate.
    mixed: matrices with block sizes of their own, up to `block` if that is given.
    """
    rng = np.random.default_rng(rng)
    if kind is None:
        kind = str(rng.choice(list(CELLS)))
    hidden = _size(rng, max_hidden)
    projected = kind == "lstm" and _drawn(rng, projection)
    sizes: dict[str, Any] = {"inputs": _size(rng, max_inputs), "hidden": hidden}
    if projected:
        sizes["projection"] = _size(rng, hidden)
    sizes["block"] = int(rng.choice(BLOCK_SIZES)) if block is None else block
    if kind == "lstm":
        sizes["peepholes"] = _drawn(rng, peepholes)
    if kind == "gru":
        sizes["reset"] = str(rng.choice(RESETS)) if reset is None else reset
    if kind == "rnn":
        sizes["activation"] = str(rng.choice(NONLINEARITIES)) if activation is None else activation
    elif kind != "linear":
        sizes["g_activation"] = _activation(rng) if g_activation is None else g_activation
    if mixed:
        sizes |= _mixed_blocks(rng, kind, sizes["block"], projected)
    (own,) = rng.spawn(1)  # so that the draws behind are those of before there were activations
    if kind == "linear":
        sizes |= linear_activation(own, activation)
    cell = make_cell(kind, **sizes)
    weights = random_weights(cell, int(rng.integers(1 << 32)))
    word = int(rng.integers(min_word, max_word + 1))
    state_word = min(word + int(rng.integers(0, 5)), max_state_word)
    calibration = [rng.normal(size=(12, cell.inputs))]
    formats = choose_formats(cell, weights, calibration, word, state_word)
    if _drawn(rng, stress):
        moved = _moved(rng, formats)
        formats = choose_formats(cell, weights, calibration, word, state_word, moved)
    activations = Activations(*(1 << int(n) for n in rng.integers(2, 8, size=2)))
    hardware = random_hardware(rng, cell, formats)
    return Design(cell, hardware, formats, activations, weights)


def _mixed_blocks(
    rng: np.random.Generator, kind: str, largest: int, projected: bool
) -> dict[str, int]:
    """Block sizes of the matrices of a cell, not all equal where that can be; one is the largest."""
    own = CELLS[kind].block_names.values()
    sizes = ["block", *(name for name in own if projected or name != "projection_block")]
    smaller = [k for k in BLOCK_SIZES if k < largest] or [largest]
    chosen = {name: int(rng.choice(smaller)) for name in sizes}
    chosen[str(rng.choice(sizes))] = largest
    return chosen


def linear_activation(rng: np.random.Generator, name: str | None = None) -> dict[str, Any]:
    """The activation of a linear layer; name: None for any, half of them for none."""
    slope, limit = float(np.exp(rng.uniform(-6.0, -0.02))), float(np.exp(rng.uniform(-2.0, 2.5)))
    chosen = LINEAR_ACTIVATIONS[int(rng.integers(len(LINEAR_ACTIVATIONS)))]
    name = name or ("none" if rng.random() < 0.4 else chosen)
    values: dict[str, Any] = {"activation": name}
    if name in WITH_SLOPE:
        values["slope"] = (
            slope if rng.random() < 0.7 else float(rng.choice([0.01, 0.125, 0.2, 0.5]))
        )
    if name in WITH_LIMIT and rng.random() < 0.6:
        values["limit"] = limit
    return values


def random_hardware(rng: np.random.Generator, cell: Cell, formats: Formats) -> Hardware:
    """Legal hardware parameters for a cell in its formats."""
    blocks, rows = cell.hidden_blocks, len(cell.rows)
    lanes = int(rng.integers(1, rows * blocks + 1))
    element_width = _power(rng, 2 * blocks - 1)
    ifft_units = _power(rng, min(rows * element_width, lanes & -lanes))
    widest = max(formats.input.word, formats.output.word)
    sample_bits = int(rng.choice([bits for bits in (8, 16, 32) if bits >= widest]))
    samples_per_beat = _power(rng, 512 // sample_bits)
    streams = int(rng.choice([1, 1, 2, 4]))
    return Hardware(lanes, ifft_units, element_width, samples_per_beat, sample_bits, streams)


def random_inputs(
    rng: np.random.Generator | int, design: CoreSpecification, frames: int
) -> np.ndarray:
    """Real inputs (frames, inputs), each element of a random kind: ordinary, an extreme of the
    format, halfway between two words and its neighbours, or far outside."""
    rng = np.random.default_rng(rng)
    fmt, shape = design.input_format, (frames, design.inputs)
    low, high = fmt.range
    corners = np.array([low, high, low + fmt.lsb, high - fmt.lsb, -fmt.lsb, fmt.lsb, 0.0])
    halves = (rng.integers(fmt.minimum - 2, fmt.maximum + 2, shape) + 0.5) * fmt.lsb
    small = rng.choice([-1.5, -0.5, 0.5, 1.5], shape) * fmt.lsb
    kinds = [
        rng.normal(size=shape),
        rng.choice(corners, shape),
        rng.uniform(low, high, shape),
        halves,
        np.nextafter(halves, rng.choice([-np.inf, np.inf], shape)),
        small,
        np.nextafter(small, rng.choice([-np.inf, np.inf], shape)),
        rng.choice([-1e30, -4.0 * abs(low), 4.0 * abs(low), 1e30], shape),
    ]
    weights = rng.dirichlet(np.full(len(kinds), 0.3))  # one or two kinds prevail in a sequence
    return np.choose(rng.choice(len(kinds), shape, p=weights), kinds)


def corner_inputs(design: CoreSpecification, frames: int) -> np.ndarray:
    """Real inputs (frames, inputs) that drive the transforms to their extremes: all of a frame
    at the smallest or largest word, alternating signs, one impulse, zero."""
    low, high = design.input_format.range
    size = design.inputs
    alternating = np.where(np.arange(size) % 2, low, high)
    impulse = np.where(np.arange(size) == 0, low, 0.0)
    patterns = [np.full(size, low), np.full(size, high), alternating, -alternating]
    patterns += [impulse, np.zeros(size)]
    return np.array([np.clip(patterns[t % len(patterns)], low, high) for t in range(frames)])


def _drawn(rng: np.random.Generator, value: bool | None) -> bool:
    return bool(rng.integers(2)) if value is None else value


def _activation(rng: np.random.Generator) -> str:
    return str(rng.choice(ACTIVATIONS))


def _size(rng: np.random.Generator, largest: int) -> int:
    """1 to `largest`; small ones as likely as large ones."""
    return min(largest, int(np.exp(rng.uniform(0.0, np.log(largest + 1)))))


def _power(rng: np.random.Generator, largest: int) -> int:
    """A power of two up to `largest`."""
    return 1 << int(rng.integers(largest.bit_length()))


def _moved(rng: np.random.Generator, formats: Formats) -> dict[str, Format]:
    """Overrides of `formats` with other fraction bits; at most one spectrum, since one already
    fixes the fraction of the accumulators."""
    names = ["input", "block_spectrum", "preactivation", "cell_state", "gate", "output"]
    names += ["recurrent_weight", "cell_output"]
    names = [n for n in names if getattr(formats, n) is not None]
    spectra = ["input_weight", "input_spectrum", "output_spectrum", "cell_output_spectrum"]
    spectra = [n for n in spectra if getattr(formats, n) is not None]
    names += [str(rng.choice(spectra))]
    moved = {}
    for name in names:
        if name == "cell_output" and formats.cell_output == formats.output:
            continue
        if rng.random() < 0.5:
            fmt = getattr(formats, name)
            moved[name] = Format(fmt.word, fmt.frac + int(rng.integers(-2, 6)))
    return moved


def random_network(
    rng: np.random.Generator | int,
    layers: int,
    max_size: int = 6,
    recurrent: Sequence[str] = ("lstm", "gru"),
) -> Network:
    """A network of small layers of random cells, formats and hardware with the same streams.

    Only the last layer may be linear. layers: 1 to 3, say. recurrent: kinds of the others.
    """
    rng = np.random.default_rng(rng)
    word = int(rng.integers(8, 17))
    sample_bits = 16 if rng.integers(2) else 32
    beats = int(rng.choice([1, 2, 4, 8]))
    streams = int(rng.choice([1, 1, 2, 4]))
    calibration = [rng.normal(size=(12, _size(rng, max_size)))]
    designs: list[Design] = []
    for i in range(layers):
        kinds = [*recurrent, *(["linear"] if i == layers - 1 and layers > 1 else [])]
        kind = str(rng.choice(kinds))
        hidden = _size(rng, max_size) + 1
        values = {"inputs": calibration[0].shape[1], "hidden": hidden}
        values["block"] = int(rng.choice(BLOCK_SIZES, p=[0.3, 0.27, 0.2, 0.15, 0.05, 0.03]))
        if kind == "lstm":
            values["projection"] = int(rng.integers(0, hidden + 1)) * int(rng.integers(2))
            values["peepholes"] = bool(rng.integers(2))
        if kind == "gru":
            values["reset"] = str(rng.choice(RESETS))
        if kind == "rnn":
            values["activation"] = str(rng.choice(NONLINEARITIES))
        elif kind != "linear":
            values["g_activation"] = _activation(rng)
        (own,) = rng.spawn(1)
        if own.random() < 0.3:
            values |= _mixed_blocks(own, kind, values["block"], bool(values.get("projection")))
        if kind == "linear":
            values |= linear_activation(own)
        cell = make_cell(kind, **values)
        weights = random_weights(cell, int(rng.integers(1 << 32)))
        given = {"input": designs[-1].formats.output} if designs else None
        state_word = word + int(rng.integers(0, 5))
        formats = choose_formats(cell, weights, calibration, word, state_word, given)
        activations = Activations(*(1 << int(n) for n in rng.integers(2, 7, size=2)))
        hardware = replace(
            random_hardware(rng, cell, formats), samples_per_beat=beats, sample_bits=sample_bits,
            streams=streams,
        )  # fmt: skip
        designs.append(Design(cell, hardware, formats, activations, weights, f"layer{i}"))
        calibration = [FloatModel(cell, weights).run(calibration[0])]
    return Network(tuple(designs), "random")


#: Networks that `benchmarks.random_networks` runs, of which the tests run the first.
NETWORKS = 60


def numbered_network(number: int) -> Network:
    """Network `number`: one, two and three layers in turn."""
    return random_network(2000 + number, 1 + number % 3)
