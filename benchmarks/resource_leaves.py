"""Single blocks that the weights of some kinds are fitted to: those whose LUTs follow formats, one element each.

The cost of these blocks is proportional to their elements, but differs much with the bits that a format drops or that lie beyond its
range, which the formats of a few designs do not cover. A trained model's formats differ from those of random weights in just these.
"""

from __future__ import annotations

from collections.abc import Iterator

from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.design.cells.activations import Slope
from ernn_myhdl.design.joins import Window
from ernn_myhdl.design.time_joins import Mean
from ernn_myhdl.explore import weight_terms
from ernn_myhdl.hdl.components import Leaf
from ernn_myhdl.hdl.types import Array, Word, bits_for
from ernn_myhdl.numerics.formats import Format
from ernn_myhdl.numerics.pwl import pwl_table, segments_for
from ernn_myhdl.rtl import drain_chain, pwl, rounding
from ernn_myhdl.rtl.cells import activations
from ernn_myhdl.rtl.cells.rnn import rectify_leaf
from ernn_myhdl.rtl.core.top import core
from ernn_myhdl.rtl.joins import (
    addition,
    argmax,
    concatenation,
    element_wise,
    embedding,
    time_control,
    time_samples,
    window,
    window_ends,
    window_frames,
)
from ernn_myhdl.rtl.joins.addition import together_leaf
from ernn_myhdl.rtl.joins.concatenation import layout_of, turns_leaf
from ernn_myhdl.rtl.joins.divide import divide_leaf
from ernn_myhdl.rtl.joins.entry import frames_leaf, mask_leaf
from ernn_myhdl.rtl.joins.window_layout import window_layout
from ernn_myhdl.rtl.memory import part_leaf
from ernn_myhdl.rtl.weights.idle_sequences import idle_sequences_leaf

#: Bits of source and target, and shift.
ROUNDINGS = (
    *((word, 16, shift) for word in (21, 22, 24, 26, 30, 32, 34) for shift in (1, 2, 3, 4, 5, 8, 9, 11)),
    *((30, target, 8) for target in (8, 10, 12, 14, 15, 17, 18, 20)),
    *((34, target, 11) for target in (8, 10, 12, 14, 15, 17, 18, 20)),
    *((word, 16, 0) for word in (16, 17, 18, 19)), (14, 12, 0), (15, 12, 0), (16, 12, 0),
    (16, 16, -1), (16, 16, -2), (18, 16, -2), (12, 16, -4),
)  # fmt: skip
#: Bits of the target and of the source of a function, and the integer bits of the source.
FUNCTIONS = ((8, 12, (3, 4, 5)), (10, 14, (3, 4, 5)), (12, 16, (3, 4, 5)), (16, 20, (3,)))
#: Elements, and bits of each.
RECTIFIERS = ((8, 16), (4, 20), (1, 12), (8, 12), (2, 24))
#: Bits, and the limits.
CLIPS = (
    *((word, 0, (1 << word - 1) - 1) for word in (8, 10, 12, 13, 16, 20)),
    *((word, 0, 3 << word - 3) for word in (8, 10, 12, 16, 20)), (12, 0, 1434), (16, 0, 22937),
    *((word, -(5 << word - 4), (5 << word - 4) - 1) for word in (8, 12, 16)), (12, -1000, 1000), (16, -9175, 9175),
)  # fmt: skip
#: Bits of the pre-activations, and slopes.
SLOPED = tuple(
    (word, slope) for word in (12, 16, 20) for slope in (0.01, 0.1, 0.125, 1 / 6, 0.2, 0.3, 0.375)
)
#: Parts, and bits of each.
PARTS = tuple((parts, bits) for parts in (2, 4, 8, 16) for bits in (12, 16))


#: Options of designs whose weights are loaded.
LOADED = (
    {"inputs": 8, "hidden": 8, "block": 4, "lanes": 4, "weight_banks": 1},
    {"inputs": 16, "hidden": 64, "block": 8, "lanes": 16, "weight_banks": 2},
    {
        "inputs": 8,
        "hidden": 16,
        "block": 4,
        "lanes": 8,
        "weight_banks": 2,
        "streams": 4,
        "cell": "gru",
    },
    {"inputs": 32, "hidden": 128, "block": 16, "lanes": 32, "weight_banks": 2, "streams": 16},
)


def weight_leaves() -> Iterator[Leaf]:
    """The blocks that load weights."""
    for options in LOADED:
        design = new_design(**options, weights="loadable")
        for component, _ in core(design).components().values():
            if isinstance(component, Leaf) and component.block.func.__name__ in weight_terms.TERMS:
                yield component
    for streams in (1, 2, 4, 16):
        yield idle_sequences_leaf(streams)


#: Words of a lane, bits of each.
CHAINS = ((1, 26), (5, 32), (11, 36), (23, 36))


def chain_leaves() -> Iterator[Leaf]:
    """Registers of drain chains."""
    for count, word in CHAINS:
        for lanes in range(1, drain_chain.LANES + 1):
            yield drain_chain.chain_leaf(count, word, lanes)


def single_leaves() -> Iterator[Leaf]:
    """The blocks."""
    for source, target, shift in ROUNDINGS:
        yield rounding.leaf(1, source, target, shift)
    for target, source, integers in FUNCTIONS:
        for function in ("sigmoid", "tanh"):
            for integer in integers:
                formats = Format(source, source - 1 - integer), Format(target, target - 1)
                table = pwl_table(function, *formats, segments_for(function, *formats))
                yield pwl.leaf(f"pwl_{function}_{target}_{integer}", 1, table)
    for count, bits in RECTIFIERS:
        yield rectify_leaf(count, bits)
    for bits, low, high in CLIPS:
        yield activations.clip_leaf(1, bits, low, high)
    for bits, slope in SLOPED:
        constant = Slope.of(slope)
        yield activations.leaky_leaf(1, bits, constant.raw, constant.frac)
        yield activations.scale_leaf(1, bits, constant.raw, bits - 6 + constant.frac)
    for parts, bits in PARTS:
        yield part_leaf(parts, Array(1, bits))


#: Joins: operands, samples of a beat, bits of each.
JOINS = ((2, 1, 12), (2, 4, 12), (2, 8, 16), (3, 4, 12), (4, 8, 12))
#: Beats of a frame, streams.
SEQUENCES = ((1, 1), (4, 1), (16, 4))
#: Kind, bits of a sample and of the result, beats of a frame and streams.
KEPT = tuple(
    (kind, word, word + 6 if kind == "sum" else word, beats)
    for kind in ("maximum", "sum", "repeat")
    for word, beats in ((12, 4), (12, 32), (16, 4), (12, 256), (16, 512))
)
#: Bits of the sum, and frames of the mean.
MEANS = ((16, 3), (16, 8), (18, 28), (20, 100))
#: Beats of a frame of x, streams.
FRAMES = ((1, 1), (4, 1), (17, 1), (4, 2), (9, 4))
#: Rows of a table, beats of one.
ROWS = ((2, 4), (10, 1), (65, 16), (100, 2), (256, 8), (1000, 8), (4096, 1), (50000, 64))
#: Elements of a frame, samples of a beat, bits of each.
CHOICES = ((10, 4, 12), (12, 8, 16), (35, 1, 12), (500, 2, 14), (5, 8, 12))
#: Elements of a frame, kernel, dilation, stride, samples of a beat, streams.
WINDOWS = (
    (4, 3, 1, 1, 4, 1), (8, 5, 2, 1, 4, 1), (3, 4, 1, 2, 4, 1), (40, 3, 8, 1, 8, 1), (1, 64, 1, 1, 8, 1),
    (16, 3, 4, 3, 2, 2), (8, 3, 1, 1, 8, 4), (5, 9, 3, 1, 4, 8),
)  # fmt: skip


def time_leaves() -> Iterator[Leaf]:
    """The blocks of joins over time."""
    for beats, streams in SEQUENCES:
        yield time_control.sequence_leaf(streams, beats, 2)
        yield time_control.loaded_leaf(streams)
        for frames in (8, 100):
            yield time_control.count_leaf(streams, frames, frames)
            yield time_control.repeat_leaf(streams, beats, frames, 2)
    for kind, source, word, beats in KEPT:
        place = Word(bits_for(beats))
        yield time_samples.sample_leaf(kind, f"{kind}_sample", source, word, place, beats)
    for word, frames in MEANS:
        mean = Mean(("layer_0",), Format(12, 8), frames=frames)
        target = word + mean.constant[0].bit_length()
        yield time_samples.multiply_leaf("multiply", 1, word, target, mean.constant[0])


def join_leaves() -> Iterator[Leaf]:
    """The blocks of graphs of layers."""
    for operands, count, bits in JOINS:
        yield divide_leaf(operands)
        yield together_leaf(operands)
        yield addition.add_leaf("join", count, operands, bits + 2)
        yield mask_leaf(count, bits, max(count // 2, 1))
        for sizes in ([count] * operands, [count + 1] * operands):
            layout = layout_of(sizes, count)
            yield concatenation.pack_leaf("join", count, operands, bits, layout.carries)
            for streams in (1, 4):
                yield turns_leaf("join_turns", layout, 1, bits_for(streams))
    yield from time_leaves()
    for beats, streams in FRAMES:
        yield frames_leaf(beats, streams, False)
    for size, kernel, dilation, stride, beat, streams in WINDOWS:
        cut = Window(size=size, kernel=kernel, dilation=dilation, stride=stride, inputs=("x",))
        layout = window_layout(cut, beat)
        yield window_frames.frames_leaf("window", layout, 1, streams)
        yield window.taps_leaf("window", layout, 1, streams)
        yield window.mask_leaf(beat * 12)
    for last in (0, 1, 4, 40, 700):
        for streams in (1, 2, 4):
            yield window_ends.ends_leaf("window", 2, streams, last)
    for rows, beats in ROWS:
        yield embedding.read_leaf(rows, beats, 1)
    for size, beat, bits in CHOICES:
        yield argmax.enter_leaf(-(-size // beat), 1, argmax.slots_of(beat))
        yield argmax.mask_leaf(beat, bits, size % beat or beat)
        yield element_wise.samples_leaf(beat, size % beat or beat)
        yield argmax.pairs_leaf(max(beat // 2, 1), bits, bits_for(beat) + 1)
        yield argmax.best_leaf(beat, bits, bits_for(beat), bits_for(size))
