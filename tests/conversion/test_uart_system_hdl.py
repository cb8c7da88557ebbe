"""The UART system: in MyHDL behind its pins, cycle by cycle in GHDL and Icarus, and the whole of it in Verilator behind a terminal."""

from __future__ import annotations

import json
import multiprocessing
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from block_bench import compare, convert_block, run_myhdl, run_verilog, run_vhdl
from pages import ROOT
from tools import UNOPTIMISED, require_tool, require_verilator
from uart_bench import LINK, SerialEnd, answered, bench_netlist
from waiting import joined
from weight_bench import stand_in_image

from ernn_myhdl import GruCell, new_network, save_design
from ernn_myhdl.cli.main import main
from ernn_myhdl.host.board import Board
from ernn_myhdl.host.description import load_description, load_vectors
from ernn_myhdl.host.registers import IDENTITY, MODES
from ernn_myhdl.host.selftest import selftest
from ernn_myhdl.host.serial_link import SerialLink
from ernn_myhdl.host.serial_port import SerialPort, SerialTransport
from ernn_myhdl.host.serial_protocol import (
    COMMAND_CODES,
    MOST_BYTES,
    QUEUE_BYTES,
    MessageReader,
    link_register,
    message,
)
from ernn_myhdl.host.transport import BoardError
from ernn_myhdl.system.rtl.uart_system import BUS_BITS
from ernn_myhdl.system.simulation import build
from ernn_myhdl.system.simulation.build import LIBRARY
from ernn_myhdl.system.simulation.serial_board import (
    Faults,
    SerialBoard,
    SerialModel,
)

TIMEOUT = 60.0
#: As few cycles a bit as the receiver takes.
FAST = SerialLink(4_000_000, LINK.divider, 1_000_000)


@pytest.fixture(scope="module")
def replayed():
    """Inputs and outputs in MyHDL of requests of all kinds, repeated, damaged and out of sequence, with an echo as the core."""
    line = SerialEnd()
    wanted = (12).to_bytes(2, "little")

    def test():
        yield from line.wait(270)
        assert (yield from line.ask("read", b"\0\0"))[0] == "sequence"
        assert (yield from line.ask("hello", b"\x7e\x7d\x01\x80")) == (
            "done",
            QUEUE_BYTES,
            0,
            b"\x7e\x7d\x01\x80",
        )
        assert (yield from line.read("ID")) == IDENTITY
        assert (yield from line.write("ID", 1)) == "refused"
        assert (yield from line.write("PACKET", MODES["sequence"])) == "done"
        assert (yield from line.ask("write", b"\x44\0\1"))[0] == "length"
        # a send whose CRC is wrong, one with a byte without a stop bit, and a pulse that is no start bit
        sent = message(line.number + 1, COMMAND_CODES["send"], b"\x55" * 3)
        yield from line.send(sent[:-2] + bytes([sent[-2] ^ 1]) + sent[-1:])
        yield from line.send(sent[:5])
        yield from line.send(sent[5:6], stop=0)
        yield from line.send(b"\xff" + sent[6:])
        yield from line.cycle(rxd=0)
        yield from line.cycle(rxd=1)
        assert (yield from line.reply()) is None
        assert (yield from line.ask("send", bytes(range(10))))[:2] == ("done", QUEUE_BYTES - 10)
        last = bytes(range(0x79, 0x7F))
        status, *_ = yield from line.ask("send_last", last)
        again = yield from line.ask("send_last", last, line.number)
        assert (status, again[0]) == ("done", "done")
        first = yield from line.ask("receive", wanted)
        assert first == ("done", QUEUE_BYTES, 4, bytes(range(10)) + last[:2])
        assert (yield from line.ask("receive", wanted, line.number)) == first
        assert (yield from line.ask("receive", wanted)) == ("last", QUEUE_BYTES, 0, last[2:])
        # an image of weights in two messages, the first of which comes twice, and one that the core does not take
        image = np.array(stand_in_image(7, 0x7E7D0081, 5), "<u4").tobytes()
        load = yield from line.ask("load", image[:8])
        assert load[0] == "done" and load[1] <= QUEUE_BYTES
        assert (yield from line.ask("load", image[:8], line.number))[0] == "done"
        assert (yield from line.ask("load", image[8:11]))[0] == "length"
        assert (yield from line.ask("load_last", image[8:]))[0] == "done"
        assert (yield from line.read("WEIGHTS")) == 2
        assert (yield from line.ask("load_last", image[:4]))[0] == "done"
        assert (yield from line.read("WEIGHTS")) == 32
        assert (yield from line.read("ERRORS")) == 48
        assert (yield from line.write("CONTROL", 2)) == "done"
        assert (yield from line.read(link_register("LINK_DROPPED").address)) == 2
        assert (yield from line.read(link_register("LINK_REPEATED").address)) == 3
        yield from line.cycle(button=1)
        yield from line.wait(3)
        yield from line.cycle(button=0)
        yield from line.wait(265)
        assert (yield from line.ask("read", b"\0\0"))[0] == "sequence"

    return run_myhdl(bench_netlist(), test)


def test_weights_for_a_core_that_takes_none_are_an_unknown_command():
    line = SerialEnd()

    def test():
        yield from line.wait(270)
        yield from line.ask("hello", b"abcd")
        for command in ("load", "load_last"):
            assert (yield from line.ask(command, bytes(4)))[0] == "unknown"
        assert (yield from line.write("WEIGHT_DATA", 1)) == "refused"
        assert (yield from line.read("WEIGHTS")) == 0

    run_myhdl(bench_netlist(loads=False), test)


def _converted(folder: str, hdl: str) -> None:
    convert_block(bench_netlist(), Path(folder), hdl)


@pytest.mark.parametrize(
    "hdl",
    [
        pytest.param("vhdl", marks=pytest.mark.ghdl),
        pytest.param("verilog", marks=pytest.mark.iverilog),
    ],
)
def test_uart_system_with_an_echo_in_hdl_is_that_of_myhdl_cycle_by_cycle(hdl, replayed, tmp_path):
    require_tool("ghdl" if hdl == "vhdl" else "iverilog")
    process = multiprocessing.get_context("spawn").Process(
        target=_converted, args=(str(tmp_path), hdl)
    )
    process.start()
    assert joined(process) == 0
    inputs, expected = replayed
    run = run_vhdl if hdl == "vhdl" else run_verilog
    assert compare(run(bench_netlist(), inputs, tmp_path), expected) == 3 * len(inputs)
    assert len({v["led_heard"] for v in expected}) == 2


def small():
    """Two streams; frames of x of two beats of the core; one bank of weights."""
    layer = new_network(
        [GruCell(5, 4, reset="after", block=2)], lanes=1, samples_per_beat=4, streams=2
    ).layers[0]
    return replace(layer.with_weights("loadable"), name="small")


def reweighted(factor: float):
    """The same core with other weights."""
    weights = {n: (factor * np.asarray(a)).astype(np.float32) for n, a in small().weights.items()}
    return replace(small(), weights=weights)


@pytest.fixture(scope="module")
def board_folder(tmp_path_factory):
    """The design's folder, and the converted system with its library; compiled fast."""
    require_verilator()
    folder = tmp_path_factory.mktemp("uart")
    save_design(small(), folder / "design")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "MAKE_FLAGS", UNOPTIMISED)
        yield folder / "design", build.built_board(small(), BUS_BITS, FAST).parent


class Pins:
    """Requests to the model without a terminal."""

    def __init__(self, library: Path) -> None:
        self.model, self.reader, self.number = (
            SerialModel(library, FAST),
            MessageReader(),
            0,
        )
        self.model.run(b"", 400)

    def ask(self, command: str, payload: bytes, number: int | None = None):
        if number is None:
            number = self.number = (self.number + 1) % 256
        waiting = message(number, COMMAND_CODES[command], payload)
        for _ in range(4000):
            sent, made = self.model.run(waiting, 200)
            waiting = waiting[sent:]
            for found in self.reader.messages(made):
                assert found.sequence == number and self.reader.dropped == 0
                return answered(found)
        raise AssertionError(f"no reply to {command}")


@pytest.mark.verilator
def test_queues_are_never_overrun_and_a_repeat_changes_nothing(board_folder):
    pins = Pins(board_folder[1] / LIBRARY)
    system = load_description(board_folder[1])
    assert pins.ask("hello", b"abcd")[3] == b"abcd"
    # frames of a sequence that is never taken: y fills its queue, then the core and the queue of x
    frames, sent, refused = bytes(system.input_bytes), 0, 0
    block = frames * (MOST_BYTES // len(frames))
    assert pins.ask("write", b"\x44\0\1\0\0\0")[0] == "done"
    while refused < 2:
        status, room, available, _ = pins.ask("send", block)
        assert status == ("done" if status == "done" else "room")
        sent, refused = sent + (status == "done"), refused + (status == "room")
        assert room <= QUEUE_BYTES and available <= QUEUE_BYTES and sent < 12
    assert available == QUEUE_BYTES and room < len(block)
    assert pins.ask("send", bytes(MOST_BYTES + 1))[0] == "length"
    taken = 0
    for wanted in (0, 1, MOST_BYTES):
        first = pins.ask("receive", wanted.to_bytes(2, "little"))
        assert first[0] == "done" and len(first[3]) == wanted
        again = pins.ask("receive", wanted.to_bytes(2, "little"), pins.number)
        assert again[3] == first[3] and again[0] == first[0]
        taken += wanted
    assert pins.ask("receive", (MOST_BYTES + 1).to_bytes(2, "little"))[0] == "length"
    assert pins.ask("receive", b"\0\0", (pins.number + 2) % 256)[0] == "sequence"
    # a soft reset forgets all of it
    assert pins.ask("write", b"\x40\0\2\0\0\0") == ("done", QUEUE_BYTES, 0, b"")
    assert pins.ask("receive", b"\x40\0")[3] == b"" and pins.model.broken == 0
    pins.model.close()
    with pytest.raises(BoardError, match="simulated board: is closed"):
        pins.model.run(b"", 1)


@pytest.mark.verilator
def test_host_and_command_run_over_a_terminal_to_the_bit(board_folder, tmp_path, capsys):
    design_folder, made = board_folder
    design, system = small(), load_description(made)
    vectors = load_vectors(made, system)
    random = np.random.default_rng(4)
    low, high = design.input_format.minimum, design.input_format.maximum
    # longer than the queue of x
    x = random.integers(low, high + 1, (160, design.inputs))
    expected = design.run(x * 2.0**-design.input_format.frac, engine="integer").raw
    with SerialBoard(SerialModel(made / LIBRARY, FAST)) as simulated:
        port = SerialPort(simulated.device, FAST.baud)
        with Board(SerialTransport(port, FAST, TIMEOUT), system, TIMEOUT) as board:
            assert selftest(board, vectors).passed
            assert np.array_equal(board.run_raw([x])[0], expected)
            with pytest.raises(BoardError, match=r"write of 0x04C was refused \(SLVERR\)"):
                board.transport.write(0x4C, 9)
            assert board.status().errors == ("refused",)
        np.savez(tmp_path / "x.npz", first=x[:5] * 2.0**-design.input_format.frac)
        common = ["--port", simulated.device, "--timeout", str(TIMEOUT), "--design"]
        files = ["--input", str(tmp_path / "x.npz"), "-o", str(tmp_path / "y.npz")]
        assert main(["host", "run", *common, str(made), *files]) == 0
        with np.load(tmp_path / "y.npz") as y:
            assert np.array_equal(y["first"], expected[:5] * 2.0**-design.output_format.frac)
        capsys.readouterr()
        assert main(["host", "selftest", *common, str(design_folder), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["passed"]
        loads_over_the_line(common, files, board_folder, x[:5], tmp_path)


def loads_over_the_line(common, files, board_folder, x, tmp_path):
    """Other weights by `ernn host load`, then the same x; and by the run itself."""
    new, image = reweighted(-0.75), str(tmp_path / "w.bin")
    save_design(new, tmp_path / "new")
    design_folder, made = map(str, board_folder)
    assert main(["weights", str(tmp_path / "new"), "--for", design_folder, "-o", image]) == 0
    assert main(["host", "load", *common, design_folder, "--weights", image]) == 0
    values = x * 2.0**-new.input_format.frac
    for options in ([], ["--weights", image]):
        assert main(["host", "run", *common, made, *files, "--force", *options]) == 0
        with np.load(tmp_path / "y.npz") as y:
            assert np.array_equal(y["first"], new.run(values, engine="golden").outputs)


@pytest.mark.verilator
def test_utterances_over_faulty_cables_are_those_of_the_golden_model(board_folder, monkeypatch):
    """The short form of the benchmark: with a network that is compiled already."""
    sys.path.insert(0, str(ROOT))
    try:
        from benchmarks import uart_board
    finally:
        sys.path.remove(str(ROOT))
    model = SerialModel(board_folder[1] / LIBRARY, FAST)
    monkeypatch.setattr(uart_board, "serial_model", lambda design: model)
    # the model has other weights, and those of the design are loaded over the faulty cable first
    monkeypatch.setattr(uart_board, "on_board", lambda design: small())
    design, random = reweighted(-0.75), np.random.default_rng(8)
    sequences = [random.standard_normal((n, design.inputs)) for n in (8, 3, 12)]
    rate = 0.004
    made, found = uart_board.by_faulty_cable(design, sequences, Faults(rate, rate, rate, 11))
    assert uart_board.wrong_words(made, uart_board.golden(design, sequences)) == 0
    assert found["frames_in"] == 23 and found["requests_repeated"] > 0
    assert found["link_dropped"] + found["replies_damaged"] > 3
