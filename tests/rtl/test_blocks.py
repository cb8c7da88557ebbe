"""Every block alone in MyHDL against a reference on integers, cycle by cycle; the latency with it."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from block_bench import compare, run_myhdl
from block_case import pipeline
from block_cases import CASES
from block_library import myhdl_run
from register_cases import ROUNDING
from seeds import seed_of
from shared_folders import run_folder
from transform_cases import FORMATS, through

from ernn_myhdl import rtl
from ernn_myhdl.hdl.netlist import Netlist
from ernn_myhdl.hdl.types import Array, Bit
from ernn_myhdl.numerics import transform
from ernn_myhdl.numerics.formats import Format, requantise
from ernn_myhdl.rtl import fft, rounding
from ernn_myhdl.rtl.drain import combine_leaf


def bench_of(case):
    """What to simulate: a lane is tested together with the block that makes complex words of its sums."""
    component = case.component()
    if component.name != "lane":
        return component
    n = Netlist("lane_and_combine")
    nets = {
        name: n.input(name, port.type)
        for name, port in component.ports.items()
        if port.direction == "in"
    }
    sums = n.add("lane", component, **nets)["sums"]
    points = component.parameters["points"]
    combine = combine_leaf(points, sums.type.width)
    out = n.output("spectrum", Array(points, sums.type.width))
    n.add("combine", combine, clk=n.nets["clk"], sums=sums, spectrum=out)
    return n


def expected_of(case, inputs):
    """`combine` takes another cycle."""
    expected = case.expected(inputs)
    if case.name.startswith("lane"):
        expected = [{}, *expected[:-1]]
    return expected


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return run_folder(tmp_path_factory)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_block(case, shared):
    component = bench_of(case)
    if isinstance(component, Netlist) and component.name == "lane_and_combine":
        rng = np.random.default_rng(seed_of(case.name))
        inputs, outputs = run_myhdl(component, case.vectors(rng))
    else:
        inputs, outputs = myhdl_run(case, shared)
    expected = expected_of(case, inputs)
    assert compare(outputs, expected) >= 20
    if case.constant:
        return
    # one cycle later or earlier would be wrong: the latency is the declared one
    with pytest.raises(AssertionError):
        compare(outputs, [{}, *expected[:-1]])
    with pytest.raises(AssertionError):
        compare(outputs, [*expected[1:], {}])


def test_names_of_the_cases_differ():
    assert len({c.name for c in CASES}) == len(CASES) >= 60
    assert len(ROUNDING) >= 10


@pytest.mark.parametrize("shift", range(-3, 9))
@pytest.mark.parametrize(("source", "target"), [(2, 2), (4, 3), (5, 5), (6, 2), (6, 8)])
def test_rounding_of_every_word(source, target, shift):
    """Exhaustive; shifts beyond the word, where half an LSB is larger than any source, included."""
    fmt = Format(target, 0)
    words = list(range(-(1 << (source - 1)), 1 << (source - 1)))
    inputs, outputs = run_myhdl(
        rounding.leaf(1, source, target, shift),
        [{"source": [w]} for w in [*words, *[0] * rounding.LATENCY]],
    )
    function = pipeline(
        rounding.LATENCY, lambda v: {"target": [requantise(v["source"][0], shift, fmt)]}
    )
    assert compare(outputs, function(inputs)) == len(words)


@pytest.mark.parametrize("points", [1, 2, 4, 8, 16, 32])
def test_the_reference_of_the_transforms_is_the_fourier_transform(points):
    """The flow graphs that the blocks are compared with, against numpy."""
    rng = np.random.default_rng(points)
    source, _ = FORMATS[0]
    signal = rng.integers(source.minimum, source.maximum + 1, points)
    words = through(transform.forward_graph(points), [int(v) << 4 for v in signal])
    exact = np.fft.rfft(signal)
    packed = [exact[0].real]
    if points > 1:
        packed.append(exact[-1].real)
        for value in exact[1:-1]:
            packed += [value.real, value.imag]
    assert np.abs(np.array(words) / 16 - packed).max() < 1.0
    back = through(transform.inverse_graph(points), words)
    assert np.abs(np.array(back) / 16 / points - signal).max() < 1.0


@pytest.mark.parametrize(
    ("points", "inverse", "word"), [(8, True, 19), (8, False, 12), (16, True, 9), (32, True, 5)]
)
def test_registers_hold_the_largest_sums_of_a_transform(points, inverse, word):
    """The signs with which each word behind each stage is largest or smallest: no register within a rotation overflows."""
    graph = transform.inverse_graph(points) if inverse else transform.forward_graph(points)
    low, high = -(1 << (word - 1)), (1 << (word - 1)) - 1
    units = [[int(i == j) << 14 for i in range(points)] for j in range(points)]
    vectors = []
    for stages in range(1, len(graph) + 1):
        for row in np.array([through(graph[:stages], unit) for unit in units]).T:
            for sign in (1, -1):
                vectors.append([low if sign * weight < 0 else high for weight in row])
                vectors.append([low if sign * weight > 0 else high for weight in row])
    leaf = fft._pipeline_leaf(points, inverse, fft._widths(graph, points, word))
    latency = fft._graph_latency(graph)
    padding = [[0] * points] * latency
    _, outputs = run_myhdl(leaf, [{"source": v} for v in vectors + padding])
    assert len(vectors) == 4 * points * len(graph)
    for got, vector in zip(outputs[latency:], vectors, strict=True):
        assert got["target"] == through(graph, vector)


@pytest.mark.parametrize("points", [1, 2, 4, 8, 16, 32])
def test_latencies_follow_from_the_flow_graphs(points):
    """One register a stage of sums, two a stage of rotations; rounding behind."""
    levels = points.bit_length() - 1
    rotations = max(levels - 2, 0)
    assert fft.inverse_latency(points) == levels + fft.ROTATION_LATENCY * rotations
    assert (
        fft.forward_latency(points) == levels + fft.ROTATION_LATENCY * rotations + rounding.LATENCY
    )
    assert transform.spectral_products(points) == {1: 1, 2: 2, 4: 5, 8: 11, 16: 23, 32: 47}[points]


@pytest.mark.parametrize("constant", [0, 1, 3, 7, 11585, 15137, 6270, (1 << 14) - 1, 43691])
def test_signed_digits_are_canonical(constant):
    """Powers of two with signs, no two neighbours: never more of them than ones in the constant."""
    digits = fft.signed_digits(constant)
    assert sum(digits) == constant
    powers = [abs(d).bit_length() - 1 for d in digits]
    assert [1 << p for p in powers] == [abs(d) for d in digits]
    assert all(high - low > 1 for low, high in zip(powers, powers[1:], strict=False))
    assert len(digits) <= constant.bit_count()


# pitfalls of the conversion


def _parts(tree: ast.AST, kind):
    return [node for node in ast.walk(tree) if isinstance(node, kind)]


def _indexed_by_products_of_signals(source: str) -> list[str]:
    """Subscripts in MyHDL processes whose index multiplies anything but constants and loop variables.

    MyHDL converts `signal * constant` in an index without widening it.
    """
    found = []
    for function in _parts(ast.parse(source), ast.FunctionDef):
        marks = [ast.unparse(d) for d in function.decorator_list]
        if not any(m.startswith("always") for m in marks):
            continue
        loops = {n.target.id for n in _parts(function, ast.For) if isinstance(n.target, ast.Name)}
        for subscript in _parts(function, ast.Subscript):
            for product in _parts(subscript.slice, ast.BinOp):
                if not isinstance(product.op, (ast.Mult, ast.LShift)):
                    continue
                names = {n.id for n in _parts(product, ast.Name)}
                constants = {"count", "points", "size", "width", "slots", "parts"}
                if names - loops - constants:
                    found.append(f"{function.name}: {ast.unparse(subscript)}")
    return found


def test_no_array_is_indexed_by_a_product_of_a_signal():
    files = sorted(Path(rtl.__file__).parent.rglob("*.py"))
    assert len(files) > 10
    found = {f.name: _indexed_by_products_of_signals(f.read_text()) for f in files}
    assert not any(found.values()), found


def test_the_search_for_products_in_indices_finds_one():
    source = """
def gather(clk):
    @always(clk.posedge)
    def store():
        for i in range(size):
            rows[slot * size + i].next = chunk[2 * i]
"""
    assert _indexed_by_products_of_signals(source) == ["store: rows[slot * size + i]"]


def test_bits_of_a_bench_line():
    """The packing of vectors: the first port in the lowest bits, arrays in two's complement."""
    from block_bench import packed, unpacked

    n = Netlist("n")
    n.input("a", Array(2, 3))
    n.input("b", Bit())
    n.output("c", Array(2, 3))
    n.output("d", Bit())
    assert packed(n, {"a": [-1, 2], "b": 1}, "in") == (0b1_010_111, 7)
    assert unpacked(n, "01010111") == {"c": [-1, 2], "d": 1}
    assert unpacked(n, "00U10111") == {"c": None, "d": 0}
