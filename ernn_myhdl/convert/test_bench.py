"""A self-checking test bench, of VHDL or SystemVerilog, and its vectors from the golden model.

All files begin with the name of the core. Vectors are text: input.txt holds one beat of s_axis a line, `<user> <last> <tid> <tdata in hex>`, user
and tid in decimal; expected.txt one beat of m_axis in the same form; states.txt, of a core that loads
initial states, one beat of s_state, `<tdest> <last> <tid> <tdata in hex>`; weights.txt, of a core whose weights are loaded, an
image of its own weights, which is sent between the sequences (`ernn_myhdl.convert.weights_bench`). The bench offers beats with random gaps, takes results
with random back-pressure, compares each beat and writes every transfer with its cycle to a log.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ernn_myhdl.convert.bench_sequences import SEQUENCES, vector_lengths
from ernn_myhdl.convert.names import named
from ernn_myhdl.convert.verilog_bench import verilog_bench
from ernn_myhdl.convert.vhdl_bench import EXPECTED, INPUT, STATES, vhdl_bench
from ernn_myhdl.convert.weights_bench import IMAGE, image_lines
from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.rtl.core.view import CoreView
from ernn_myhdl.rtl.weights.image import image_words
from ernn_myhdl.streams.frame_counts import output_turns
from ernn_myhdl.streams.initial_states import CoreState, as_models_take_it, state_beats
from ernn_myhdl.streams.traffic import Beat, StateBeat, Traffic, turn_beats

BENCH = "test_bench"
VECTOR_SEED = 2019


def beat_line(beat: Beat | StateBeat, width: int) -> str:
    """One line of a vector file."""
    data = f"{beat.data:0{width // 4}X}"
    first = beat.user if isinstance(beat, Beat) else beat.layer
    return f"{int(first)} {int(beat.last)} {beat.stream} {data}\n"


def vector_lines(
    sequences, design: CoreSpecification, traffic: Traffic = Traffic(), states: Sequence = ()
) -> str:
    """Vector file of sequences of raw frames, in the order of `traffic`; states: those before them."""
    width = design.stream_shape.data_bits
    turns = traffic.turns([len(s) for s in sequences], design.stream_shape.streams)
    loaded = {i for i, state in enumerate(states) if state is not None}
    beats = turn_beats(sequences, turns, design, loaded)
    return "".join(beat_line(beat, width) for beat in beats)


def result_lines(
    results, lengths: Sequence[int], design: CoreSpecification, states: Sequence = ()
) -> str:
    """Vector file of the results of sequences of so many frames of x, in the order in which the core gives them."""
    width = design.stream_shape.data_bits
    turns = Traffic().turns(lengths, design.stream_shape.streams)
    loaded = {i for i, state in enumerate(states) if state is not None}
    beats = turn_beats(results, output_turns(design, turns, lengths), design, loaded)
    return "".join(beat_line(beat, width) for beat in beats)


def state_lines(
    design: CoreSpecification, states: Sequence, lengths, traffic: Traffic = Traffic()
) -> str:
    """Vector file of the states before sequences of these lengths, in the order of `traffic`."""
    turns = traffic.turns(lengths, design.stream_shape.streams)
    width = design.stream_shape.data_bits
    return "".join(beat_line(beat, width) for beat in state_beats(design, states, turns))


def random_sequences(
    design: CoreSpecification, lengths=SEQUENCES, seed: int = VECTOR_SEED
) -> list[np.ndarray]:
    """Raw input sequences: uniform over the format, with its extreme values mixed in; numbers of rows for an embedding."""
    rng = np.random.default_rng(seed)
    fmt = design.input_format
    embedding = design.graph.embedding if design.graph else None
    sequences = []
    for length in lengths:
        shape = (length, design.inputs)
        if embedding is not None:
            sequences.append(rng.integers(0, embedding.rows, shape))
            continue
        raw = rng.integers(fmt.minimum // 2, fmt.maximum // 2 + 1, shape)
        corner = rng.random(shape) < 0.05
        raw[corner] = rng.choice([fmt.minimum, fmt.maximum, -1, 0, 1], int(corner.sum()))
        sequences.append(raw)
    return sequences


def random_state(design: CoreSpecification, seed: int = VECTOR_SEED) -> CoreState:
    """A state of the core, uniform over its formats."""
    rng = np.random.default_rng([seed, 1])
    state = []
    for layer in design.layers:
        formats = {n: (getattr(layer.formats, n), s) for n, s in layer.cell.state_sizes.items()}
        raw = {n: rng.integers(f.minimum, f.maximum + 1, size) for n, (f, size) in formats.items()}
        state.append(raw or None)
    return tuple(state)


def bench_file(name: str, file: str) -> str:
    """A file of the bench of the core `name`: file is INPUT, EXPECTED, LOG, STATES or BENCH."""
    return f"{name}_{file}"


def write_test_bench(design: CoreSpecification, view: CoreView, folder: Path, hdl: str) -> None:
    """Write the bench, its vectors and the expected result of the golden model.

    Of a core that loads initial states the first sequence starts from one.
    """
    from ernn_myhdl.golden.network_models import fixed_point_model

    def put(file: str, text: str) -> None:
        file = bench_file(design.name, file)
        (folder / file).write_text(named(text, "", file))

    sequences = random_sequences(design, vector_lengths(design))
    states: list[CoreState | None] = [None] * len(sequences)
    if view.loader:
        states[0] = random_state(design)
        put(STATES, state_lines(design, states, [len(s) for s in sequences]))
    if view.weights:
        put(IMAGE, image_lines(image_words(design)))
    model = fixed_point_model(design)
    results = [
        model.run(s, as_models_take_it(design, state)).raw
        for s, state in zip(sequences, states, strict=True)
    ]
    if hdl == "vhdl":
        put(f"{BENCH}.vhd", vhdl_bench(design, view))
    else:
        put(f"{BENCH}.sv", verilog_bench(design, view))
    put(INPUT, vector_lines(sequences, design, states=states))
    put(EXPECTED, result_lines(results, [len(s) for s in sequences], design, states))


def has_loader(design: CoreSpecification) -> bool:
    """Whether the core has s_state."""
    return any(layer.loads_states for layer in design.layers)
