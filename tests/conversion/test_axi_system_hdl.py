"""The AXI system converted: cycle by cycle in GHDL and Icarus, and the whole of it in Verilator behind both drivers."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from axi_bench import BusMaster, bench_netlist
from block_bench import compare, convert_block, run_myhdl, run_verilog, run_vhdl
from tools import UNOPTIMISED, require_tool, require_verilator
from waiting import joined
from weight_bench import stand_in_image, weight_core, weight_design

from ernn_myhdl import DesignError, RnnCell, Traffic, new_network, save_design
from ernn_myhdl.cli.main import main
from ernn_myhdl.host.board import Board
from ernn_myhdl.host.description import load_description, load_vectors
from ernn_myhdl.host.registers import MODES, register
from ernn_myhdl.host.selftest import selftest
from ernn_myhdl.host.transport import BoardError, BoardTimeout
from ernn_myhdl.host.weight_image import framed, read_image
from ernn_myhdl.numerics.formats import to_real
from ernn_myhdl.system.loadable import weight_image
from ernn_myhdl.system.simulation import build
from ernn_myhdl.system.simulation.build import LIBRARY
from ernn_myhdl.system.simulation.transport import SimulatedBoard

BUS = 128
#: Compiler -> Debian's package.
COMPILERS = {
    "gcc": "gcc",
    "arm-none-eabi-gcc": "gcc-arm-none-eabi",
    "riscv64-unknown-elf-gcc": "gcc-riscv64-unknown-elf",
}


def small(name: str = "small"):
    """Two streams; beats of 32 bits, four in one of the bus; two banks of weights."""
    layer = new_network([RnnCell(5, 6, block=2)], lanes=1, samples_per_beat=2, streams=2).layers[0]
    return replace(layer.with_weights("loadable", 2), name=name)


def reweighted(factor: float):
    """The same core with other weights."""
    weights = {n: (factor * np.asarray(a)).astype(np.float32) for n, a in small().weights.items()}
    return replace(small(), weights=weights)


def bench(bus_bits: int):
    """The system with a stand-in of a core that loads weights."""
    return bench_netlist(weight_design(), bus_bits, core=weight_core(pause=3, most=14))


def replayed(bus_bits: int):
    """Inputs and outputs in MyHDL of a run with all kinds of packets, errors, images of weights and resets, with an echo as the core."""
    bus = BusMaster(bus_bits, idle=0.3, stall=0.4, seed=bus_bits, weights=True)
    frame = bytes(range(1, 17))

    def test():
        yield from bus.reset(2)
        for name in ("ID", "SHAPE", "DIGEST_3", "STREAMS", "STRUCTURE_5", "WEIGHT_BANKS"):
            yield from bus.read(name)
        yield from bus.write("IRQ_ENABLE", 15)
        image = stand_in_image(3, 0x81234567)
        bus.stream_image(image)
        for words in (image, image[::-1], stand_in_image(*range(8))):
            # behind its 14th word the stand-in takes none: writes wait, then they are refused
            yield from bus.load(words)
            for name in ("WEIGHTS", "ERRORS", "IRQ_STATUS"):
                yield from bus.read(name)
        for mode, packets in (
            ("frame", [frame, frame[:9], frame * 2, frame[:10]]),
            ("sequence", [frame * 3, frame[:1], frame + frame[:4]]),
            ("frames", [frame, frame * 2]),
        ):
            yield from bus.write("PACKET", MODES[mode])
            yield from bus.write("SEQUENCE", 2)
            bus.send(packets)
            yield from bus.receive(len(packets))
            for name in (
                "ERRORS",
                "IRQ_STATUS",
                "FRAMES_IN",
                "PACKETS_OUT",
                "STALL_IN",
                "STALL_OUT",
                "BUSY_CYCLES",
            ):
                yield from bus.read(name)
            yield from bus.write("ERRORS", 63)
            yield from bus.write("IRQ_STATUS", 15)
        yield from bus.write("STREAMS", 9)
        bus.send([frame * 4])
        yield from bus.wait(9)
        yield from bus.write("CONTROL", 15)
        bus.source.clear()
        yield from bus.wait(12)
        yield from bus.reset(1)
        bus.send([frame])
        yield from bus.receive(1)

    return run_myhdl(bench(bus_bits), test)


def _converted(folder: str, hdl: str, bus_bits: int) -> None:
    convert_block(bench(bus_bits), Path(folder), hdl)


@pytest.mark.parametrize(
    ("hdl", "bus_bits"),
    [
        pytest.param("vhdl", 32, marks=pytest.mark.ghdl),
        pytest.param("verilog", 128, marks=pytest.mark.iverilog),
    ],
)
def test_system_with_an_echo_in_hdl_is_that_of_myhdl_cycle_by_cycle(hdl, bus_bits, tmp_path):
    require_tool("ghdl" if hdl == "vhdl" else "iverilog")
    process = multiprocessing.get_context("spawn").Process(
        target=_converted, args=(str(tmp_path), hdl, bus_bits)
    )
    process.start()
    inputs, expected = replayed(bus_bits)
    assert joined(process) == 0
    run = run_vhdl if hdl == "vhdl" else run_verilog
    netlist = bench(bus_bits)
    # what no word has entered yet is undefined in Verilog only where it does not matter
    assert compare(run(netlist, inputs, tmp_path), expected) > 10 * len(inputs)


@pytest.fixture(scope="module")
def board_folder(tmp_path_factory):
    """The design's folder, and the converted system with its library, as `ernn host` builds it; compiled fast."""
    require_verilator()
    folder = tmp_path_factory.mktemp("axi")
    save_design(small(), folder / "design")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "MAKE_FLAGS", UNOPTIMISED)
        yield folder / "design", build.built_board(small(), BUS).parent


@pytest.mark.verilator
def test_host_and_command_run_vectors_and_sequences_to_the_bit(board_folder, tmp_path, capsys):
    design_folder, made = board_folder
    design, system = small(), load_description(made)
    vectors = load_vectors(made, system)
    x = [to_real(v, design.input_format) for v, _ in vectors]
    for traffic in (Traffic(), Traffic(0.5, 0.6, seed=5)):
        with Board(SimulatedBoard(made / LIBRARY, traffic), system) as board:
            assert selftest(board, vectors).passed
            for streams in (1, 2):
                for got, expected in zip(board.run(x, streams), x, strict=True):
                    assert np.array_equal(got, design.run(expected, engine="golden").outputs)
            with pytest.raises(DesignError, match="streams = 3: must be 1 to 2"):
                board.run(x, streams=3)
            status = board.status()
            assert status.errors == () and not status.busy and status.frames_in == status.frames_out
    np.savez(tmp_path / "x.npz", first=x[0], second=x[2])
    common = ["--port", "sim", "--design", str(design_folder), "--bus", str(BUS)]
    out = str(tmp_path / "y.npz")
    assert (
        main(
            [
                "host",
                "run",
                *common,
                "--input",
                str(tmp_path / "x.npz"),
                "-o",
                out,
                "--streams",
                "2",
            ]
        )
        == 0
    )
    with np.load(out) as y:
        assert np.array_equal(y["first"], to_real(vectors[0][1], design.output_format))
        assert np.array_equal(y["second"], to_real(vectors[2][1], design.output_format))
    capsys.readouterr()
    assert main(["host", "selftest", *common, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["passed"]


@pytest.mark.verilator
def test_driver_tells_what_the_board_reports(board_folder):
    _, made = board_folder
    system = load_description(made)
    transport = SimulatedBoard(made / LIBRARY)
    transport.quiet_cycles = 3000
    with pytest.raises(BoardError, match=r"holds the design \w{16}\.\.\., the folder is of 0{16}"):
        Board(transport, replace(system, digest="0" * 64))
    board = Board(transport, system)
    board._keep("PACKET", MODES["sequence"])
    with pytest.raises(BoardTimeout, match="nothing moved in 3000 cycles"):
        transport.exchange([b"\1" * system.input_bytes], [system.output_bytes] * 2, 1.0)
    board.reset()
    transport.exchange([b"\1" * 5], [system.output_bytes], 1.0)
    assert board.status().errors == ("short",)
    with pytest.raises(BoardError, match="the core reported short"):
        board.run_raw([np.ones((1, 5), dtype=int)])
    vectors = load_vectors(made, system)
    transport.reset(1)
    board.reset()
    assert selftest(board, vectors).passed
    # a packet that does not end leaves nothing behind in the core
    transport.quiet_cycles = 1
    with pytest.raises(BoardTimeout, match="nothing moved in 1 cycles"):
        board.run_raw([vectors[0][0]])
    transport.quiet_cycles = 3000
    assert selftest(board, vectors).passed
    with pytest.raises(BoardError, match=r"write of 0x04C was refused \(SLVERR\)"):
        transport.write(register("STREAMS").address, 3)
    wrong = [(x, y + (np.arange(6) == 4)) for x, y in vectors[1:]]
    board.clear_errors()
    found = selftest(board, wrong)
    assert not found.passed and found.first is not None and found.first[:3] == (0, 0, 4)
    board.close()
    for use in (lambda: transport.irq, lambda: transport.read(0), board.status):
        with pytest.raises(BoardError, match="is closed"):
            use()


@pytest.mark.verilator
def test_weights_are_loaded_between_frames_and_damaged_ones_are_not(board_folder, tmp_path, capsys):
    design_folder, made = board_folder
    system, transport = load_description(made), SimulatedBoard(made / LIBRARY)
    vectors = load_vectors(made, system)
    x = [raw for raw, _ in vectors]
    irq = register("IRQ_ENABLE").field("weights").mask

    def golden(design):
        values = [to_real(raw, design.input_format) for raw in x]
        made = design.run(values, engine="golden").raw
        return np.split(made, np.cumsum([len(v) for v in values])[:-1])

    def same(board, design):
        return all(map(np.array_equal, board.run_raw(x), golden(design)))

    board = Board(transport, system)
    transport.write(register("IRQ_ENABLE").address, irq)
    assert selftest(board, vectors).passed and not transport.irq
    for factor in (-0.5, 0.75, 1.25):
        assert board.load_weights(weight_image(reweighted(factor))).loaded and transport.irq
        assert same(board, reweighted(factor))
    # a sequence that runs goes on with its weights, the next one has the new ones
    half, last = reweighted(1.25), reweighted(-1.0)
    wanted = golden(half)[0]
    assert np.array_equal(board.step_raw(x[0][0], start=True), wanted[0])
    assert board.load_weights(weight_image(last)).loaded
    for frame, y in list(zip(x[0], wanted, strict=True))[1:]:
        assert np.array_equal(board.step_raw(frame), y)
        assert board.weights().pending
    assert np.array_equal(board.step_raw(x[0][0], start=True), golden(last)[0][0])
    assert not board.weights().pending
    assert same(board, last)
    # what the driver would not send
    image = weight_image(small())
    wrong = framed(system.weights.structure, read_image(image).payload.tolist()[:-1])
    for data, reason in ((wrong, "damaged"), (framed("f" * 64, [1]), "other_structure")):
        transport.load(np.frombuffer(data, "<u4").tolist(), 1.0)
        while board.weights().loading:  # its last words are in the FIFO still
            pass
        assert board.weights().refused == (reason,)
        assert board.status().errors == ("weights",)
        board.clear_errors()
        assert same(board, last)
    # by the stream of weights, while frames go through
    transport.stream_image(np.frombuffer(image, "<u4").tolist())
    while transport.image_left:
        assert len(board.run_raw(x)) == len(x)
    assert same(board, small()) and selftest(board, vectors).passed
    board.close()
    image_file = tmp_path / "w.bin"
    save_design(last, tmp_path / "last")
    assert (
        main(
            ["weights", str(tmp_path / "last"), "--for", str(design_folder), "-o", str(image_file)]
        )
        == 0
    )
    common = ["--port", "sim", "--design", str(design_folder), "--bus", str(BUS), "--weights"]
    capsys.readouterr()
    assert main(["host", "load", *common, str(image_file)]) == 0
    assert "the last image was accepted" in capsys.readouterr().out
    np.savez(tmp_path / "x.npz", a=to_real(x[0], system.input_format))
    files = ["--input", str(tmp_path / "x.npz"), "-o", str(tmp_path / "y.npz")]
    assert main(["host", "run", *common, str(image_file), *files]) == 0
    with np.load(tmp_path / "y.npz") as y:
        assert np.array_equal(y["a"], to_real(golden(last)[0], system.output_format))


@pytest.mark.verilator
def test_c_driver_against_the_simulated_board(board_folder, tmp_path):
    _, made = board_folder
    main_file = Path(__file__).with_name("axi_driver_main.c")
    command = [
        "gcc", "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-O1", f"-I{made / 'driver'}", str(main_file),
        str(made / "driver" / "small.c"), str(made / LIBRARY), "-o", str(tmp_path / "main"),
    ]  # fmt: skip
    subprocess.run(command, check=True)
    own = load_vectors(made, load_description(made))
    (tmp_path / "w.bin").write_bytes(weight_image(reweighted(-0.5)))
    values = [to_real(x, small().input_format) for x, _ in own]
    raw = reweighted(-0.5).run(values, engine="golden").raw
    other = zip(values, np.split(raw, np.cumsum([len(v) for v in values])[:-1]), strict=True)
    other = [(x, y) for (x, _), (_, y) in zip(own, other, strict=True)]
    for vectors, image in ((own, []), (other, [tmp_path / "w.bin"])):
        lines = [str(len(vectors))]
        for x, y in vectors:
            lines.append(str(len(x)))
            lines += [" ".join(map(str, [*a, *b])) for a, b in zip(x, y, strict=True)]
        (tmp_path / "vectors.txt").write_text("\n".join(lines) + "\n")
        done = subprocess.run(
            [tmp_path / "main", tmp_path / "vectors.txt", *image], capture_output=True, text=True
        )
        words = f"{2 * sum(y.size for _, y in vectors)} words\n"
        assert (done.returncode, done.stdout) == (0, words)


PACKING = """
#include <stdio.h>
#include "small.h"
int main(void)
{
    double x[SMALL_INPUTS];
    unsigned char frame[SMALL_INPUT_BYTES];
    int i;
    for (;;) {
        for (i = 0; i < SMALL_INPUTS; i++)
            if (scanf("%lf", &x[i]) != 1)
                return 0;
        small_pack(x, frame);
        fwrite(frame, 1, sizeof frame, stdout);
    }
}
"""


def test_c_driver_normalises_as_the_host_does(tmp_path):
    from ernn_myhdl.design.input_scaling import InputScaling
    from ernn_myhdl.host.packets import pack, raw_frames
    from ernn_myhdl.system.driver.writing import write_driver
    from ernn_myhdl.system.writer import system_description

    scaling = InputScaling((1, -2, 0, 3, 0), (0.5, 0.0, 0.1, -1.0, 0.0), (0.3, -2.0, 1e-3, 1 / 3, 7.0))  # fmt: skip
    system = system_description(replace(small().with_weights("fixed"), input_scaling=scaling), 64)
    write_driver(system, tmp_path)
    (tmp_path / "main.c").write_text(PACKING)
    flags = ["gcc", "-std=c99", "-O2", "main.c", "small.c", "-o", "main"]
    subprocess.run(flags, cwd=tmp_path, check=True)
    x = np.random.default_rng(5).normal(0, 2, (200, 5))
    text = " ".join(map(repr, x.reshape(-1).tolist()))
    done = subprocess.run([tmp_path / "main"], input=text.encode(), capture_output=True, check=True)
    assert done.stdout == pack(raw_frames(x, system), system)


@pytest.mark.parametrize("compiler", COMPILERS)
def test_c_driver_compiles_freestanding_without_a_warning(compiler, tmp_path):
    from ernn_myhdl.design.input_scaling import InputScaling
    from ernn_myhdl.system.driver.writing import write_driver
    from ernn_myhdl.system.writer import system_description

    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} not installed: sudo apt-get install {COMPILERS[compiler]}")
    scaling = InputScaling((1, -2, 0, 3, 100), (0.5, 0.0, 0.0, -1.0, 0.0), (0.3, -2.0, 1e-3, 1.0, 7.0))  # fmt: skip
    fixed = small().with_weights("fixed")
    designs = fixed.with_weights("loadable", 2), replace(fixed, input_scaling=scaling), fixed
    for number, design in enumerate(designs):
        folder = tmp_path / str(number)
        folder.mkdir()
        write_driver(system_description(design, 64), folder)
        flags = [
            "-std=c99",
            "-pedantic",
            "-ffreestanding",
            "-Wall",
            "-Wextra",
            "-Wconversion",
            "-Werror",
            "-O2",
            "-c",
        ]
        subprocess.run([compiler, *flags, "small.c", "-o", "small.o"], cwd=folder, check=True)
