"""An embedding in the core: words of its table, every cycle, back-pressure; numbers that no row has; sequences begun anew."""

from __future__ import annotations

import numpy as np
import pytest

from ernn_myhdl import (
    DesignError,
    LinearCell,
    Traffic,
    load_design,
    new_network,
    save_design,
)
from ernn_myhdl.design.graph import ADDITION, CONCATENATION, Embedding, Graph, Join
from ernn_myhdl.design.time_joins import LastFrame
from ernn_myhdl.engines.myhdl.simulation import simulate
from ernn_myhdl.golden.network_models import integer_model
from ernn_myhdl.rtl.cycles.graph_times import graph_depths, graph_latency, graph_run, graph_shape
from ernn_myhdl.rtl.fifo import READY
from ernn_myhdl.runs.session import open_session
from ernn_myhdl.streams.traffic import Turn, turn_beats, unpack_beat

#: Rows, elements, samples of a beat, streams.
CASES = {"several beats a row": (5, 3, 2, 2), "all rows of the bits": (8, 3, 4, 1), "two rows, a sample a beat": (2, 3, 1, 1)}  # fmt: skip


def embedded(rows: int, elements: int, beat: int, streams: int = 1, **more):
    table = np.random.default_rng(rows).normal(size=(rows, elements))
    graph = Graph(("join_0",), (Embedding(table=table),), "layer_0")
    cell = LinearCell(elements, 2, 1)
    return new_network([cell], graph=graph, samples_per_beat=beat, streams=streams, **more)


def numbers(core, lengths) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.integers(0, core.graph.embedding.rows, (n, 1)) for n in lengths]


def check_cycles(core, run, frames: int) -> None:
    """Every frame of a run of MyHDL is accepted and delivered when the cycle model says."""
    shape, streams = graph_shape(core), core.stream_shape.streams
    times = graph_run(shape, graph_depths(shape), [i % streams for i in range(frames * streams)])
    beats = shape.beats(core.graph.output)
    expected = np.array([times.accepted, times.delivered[beats - 1 :: beats]]) + READY
    seen = run.known_frame_cycles
    assert seen[seen[:, 0].argsort()].T.tolist() == expected.tolist()
    if streams == 1:
        assert np.diff(seen[0])[0] == graph_latency(shape, graph_depths(shape))


@pytest.mark.parametrize("name", CASES)
def test_the_rows_of_a_table_to_the_bit_and_to_the_cycle(name):
    core = embedded(*CASES[name])
    x = numbers(core, [6] * core.stream_shape.streams)
    golden, integer, myhdl = (core.run(x, engine) for engine in ("golden", "integer", "myhdl"))
    words = golden.stages["join_0.output"].reshape(len(golden.x), -1)[:, : CASES[name][1]]
    assert np.array_equal(words, core.graph.embedding.words[np.concatenate(x)[:, 0]])
    for run in (integer, myhdl):
        assert np.array_equal(run.raw, golden.raw)
        for stage, values in golden.stages.items():
            assert np.array_equal(run.stages[stage], values), stage
    check_cycles(core, myhdl, 6)
    rough = core.run(x, "myhdl", traffic=Traffic(0.2, 0.8, 2, shuffle=True), stages=False)
    assert np.array_equal(rough.raw, golden.raw)


def test_two_tables_of_one_number_go_to_joins_to_the_cycle():
    """A residual around a layer, beside a second table."""
    rng = np.random.default_rng(1)
    tables = [Embedding(table=rng.normal(size=(6, n))) for n in (4, 3)]
    joins = (*tables, Join(ADDITION, ("join_0", "layer_0")), Join(CONCATENATION, ("join_2", "join_1")))  # fmt: skip
    core = new_network(
        [LinearCell(4, 4, 1), LinearCell(7, 3, 1)], graph=Graph(("join_0", "join_3"), joins, "layer_1"),
        samples_per_beat=2,
    )  # fmt: skip
    (x,) = numbers(core, [4])
    myhdl, golden = core.run(x, "myhdl"), core.run(x, "golden")
    assert np.array_equal(myhdl.raw, golden.raw)
    check_cycles(core, myhdl, 4)


def test_a_sequence_that_is_begun_anew_in_front_of_the_last_frame():
    """The marks of a frame go through the memory with its first beat."""
    table = np.random.default_rng(2).normal(size=(9, 4))
    graph = Graph(("join_0", "join_1"), (Embedding(table=table), LastFrame(inputs=("layer_0",))), "layer_1")  # fmt: skip
    core = new_network([LinearCell(4, 3, 1), LinearCell(3, 2, 1)], graph=graph, samples_per_beat=2)
    x = numbers(core, [3, 1, 2])
    assert np.array_equal(core.run(x, "myhdl").raw, core.run(x, "golden").raw)


def test_a_number_that_no_row_has_is_the_nearest_one_in_hardware_and_refused_before_it():
    core = embedded(5, 3, 2)
    low, high = core.input_format.minimum, core.input_format.maximum
    assert (low, high) == (-8, 7)
    given = np.array([[low], [-1], [0], [4], [5], [high]])
    beats = turn_beats([given], [Turn(0, i, 0) for i in range(len(given))], core)
    record = simulate(core, beats, len(given), stages=False)
    rows = np.array([unpack_beat(beat.data, core) for _, beat in record.delivered])
    wanted = integer_model(core).run(np.array([[0], [0], [0], [4], [4], [4]])).raw
    assert rows.reshape(len(given), -1)[:, : core.outputs].tolist() == wanted.tolist()
    for wrong, told in ((5.0, "5"), (1.5, "1.5"), (-1, "-1"), (300, "300")):
        for engine in ("golden", "integer", "myhdl"):
            with pytest.raises(
                DesignError, match=f"{told} is the number of no row .* whole number from 0 to 4"
            ):
                core.run(np.array([[0], [wrong]]), engine)
    with open_session(core) as session:
        with pytest.raises(DesignError, match="frame: 1.5 is the number of no row"):
            session.step(np.array([1.5]))
        with pytest.raises(DesignError, match="frame: 5 is the number of no row"):
            session.step_raw(np.array([5]))
        assert np.array_equal(session.step_raw(np.array([4])), wanted[3])


@pytest.mark.ghdl
def test_a_converted_embedding_is_the_model():
    core = embedded(7, 3, 2, 2)
    x = numbers(core, [4, 3])
    assert np.array_equal(core.run(x, "ghdl", stages=False).raw, core.run(x, "golden").raw)


def test_a_table_survives_its_folder_and_is_missed_where_it_is_another(tmp_path):
    core = embedded(5, 3, 2)
    save_design(core, tmp_path / "design")
    assert load_design(tmp_path / "design") == core
    other = embedded(6, 3, 2)
    assert other != core and other.digest != core.digest
    save_design(other, tmp_path / "other")
    tables = tmp_path / "design" / "tables.safetensors"
    tables.write_bytes((tmp_path / "other" / "tables.safetensors").read_bytes())
    with pytest.raises(DesignError, match=r"graph join 0.*table \(6, 3\), must be \(5, 3\)"):
        load_design(tmp_path / "design")
    tables.unlink()
    with pytest.raises(DesignError, match="tables.safetensors: is missing"):
        load_design(tmp_path / "design")


def test_what_an_embedding_cannot_be_is_refused():
    table = np.zeros((4, 3))
    with pytest.raises(DesignError, match="embedding inputs: layer_0, must be x"):
        Embedding(inputs=("layer_0",), table=table)
    with pytest.raises(DesignError, match=r"shape \(1, 3\)"):
        Embedding(table=table[:1])
    with pytest.raises(DesignError, match="NaN"):
        Embedding(table=table * np.nan)
    with pytest.raises(DesignError, match="layer_1: takes x, which is the number of a row"):
        Graph(("join_0", "x"), (Embedding(table=table), Join(CONCATENATION, ("layer_0", "layer_1"))), "join_1")  # fmt: skip
    more = Embedding(table=np.zeros((5, 3)))
    with pytest.raises(DesignError, match="join_1: has 5 rows, another embedding of x 4"):
        Graph(("join_2",), (Embedding(table=table), more, Join(ADDITION, ("join_0", "join_1"))), "layer_0")  # fmt: skip
