"""The host loads images of weights: by registers and over a serial line, against a core's port written in Python."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
from test_serial_link import LINK, ReferenceBoard
from waiting import SECONDS, joined_thread
from weight_port_model import MASKS, WeightPortModel, register_words

from ernn_myhdl import DesignError, RnnCell, new_network, save_design
from ernn_myhdl.cli.main import main
from ernn_myhdl.host import serial_port
from ernn_myhdl.host.board import Board
from ernn_myhdl.host.description import description_of
from ernn_myhdl.host.memory_map import MemoryMap
from ernn_myhdl.host.registers import register
from ernn_myhdl.host.serial_port import SerialTransport
from ernn_myhdl.host.serial_protocol import COMMAND_CODES
from ernn_myhdl.host.transport import BoardError, BoardTimeout
from ernn_myhdl.host.weight_loading import load_image
from ernn_myhdl.rtl.weights.image import memory_contents
from ernn_myhdl.system.loadable import weight_image
from ernn_myhdl.system.rtl.constant_words import constant_words
from ernn_myhdl.system.simulation.serial_board import Faults
from ernn_myhdl.system.writer import system_description

ADDRESS = {n: register(n).address for n in ("WEIGHTS", "WEIGHT_DATA", "WEIGHT_LAST", "ERRORS")}


def design(seed=1, banks=1):
    layer = new_network([RnnCell(5, 6, block=2)], lanes=1, samples_per_beat=4, seed=1).layers[0]
    weights = {n: seed * np.asarray(a) / 4 for n, a in layer.weights.items()}
    return replace(layer, weights=weights).with_weights("loadable", banks)


class Registers:
    """Registers of a system with the port of weights behind them."""

    def __init__(self, core, port):
        self.words = {register(n).address: v for n, v in constant_words(core, 64).items()}
        self.port, self.writes = port, []

    def read(self, offset):
        return self.port.status if offset == ADDRESS["WEIGHTS"] else self.words.get(offset, 0)

    def write(self, offset, value):
        self.writes.append((offset, value))
        if offset in (ADDRESS["WEIGHT_DATA"], ADDRESS["WEIGHT_LAST"]):
            self.port.take(value, offset == ADDRESS["WEIGHT_LAST"])


def board_of(refuses=None, banks=1, timeout=1.0):
    system = system_description(design(banks=banks), 64)
    port = WeightPortModel(system.weights, refuses)
    registers = Registers(design(banks=banks), port)
    return Board(MemoryMap(registers, None), system, timeout), port, registers


def test_an_image_is_loaded_by_registers(tmp_path):
    board, port, registers = board_of()
    new = design(3)
    status = board.load_weights(weight_image(new))
    assert status.loaded and not status.refused and port.contents == memory_contents(new)
    assert str(status) == "the last image was accepted"
    assert registers.writes[-1][0] == ADDRESS["WEIGHT_LAST"]
    (tmp_path / "w.bin").write_bytes(weight_image(design(2)))
    assert board.load_weights(tmp_path / "w.bin").loaded
    assert port.contents == memory_contents(design(2)) and board.weights().loaded


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (
            "not_idle",
            "frames were in the core, or its frame_error was high .one bank.; take all frames of y first",
        ),
        (
            "bank_used",
            "a sequence that runs still uses the other bank, or frame_error was high .two banks.; start a sequence",
        ),
        ("damaged", "magic, version, .* or words are missing; load it again"),
        ("other_structure", "for another structure; make the image with ernn weights --for"),
    ],
)
def test_what_the_core_refuses_is_told(reason, said):
    board, port, registers = board_of(reason)
    with pytest.raises(BoardError, match=f"the core did not take the weights: refused: .*{said}"):
        board.load_weights(weight_image(design(3)))
    assert registers.writes[-2:] == [(ADDRESS["ERRORS"], 32), (register("IRQ_STATUS").address, 8)]


def test_images_that_are_wrong_are_not_sent():
    board, port, registers = board_of()
    image = weight_image(design(3))
    before = len(registers.writes)
    for wrong, said in (
        (image[:-1] + b"\xff", "CRC-32 is"),
        (image[:-4], "words of payload"),
        (weight_image(design(3, banks=2)), "is for the structure"),
        (b"nothing", "no image of weights"),
    ):
        with pytest.raises(DesignError, match=said):
            board.load_weights(wrong)
    assert len(registers.writes) == before
    registers.words |= register_words(system_description(design(banks=2), 64).weights)
    with pytest.raises(BoardError, match=r"banks 2; the folder is of .*, banks 1"):
        board.load_weights(image)
    registers.words[register("WEIGHT_BANKS").address] = 0
    with pytest.raises(BoardError, match="holds a core whose weights are fixed"):
        board.load_weights(image)


def test_an_image_that_a_stopped_host_left_is_ended_first():
    board, port, registers = board_of()
    for word in np.frombuffer(weight_image(design(2)), "<u4").tolist()[:9]:
        port.take(word, False)
    assert board.weights().loading
    assert board.load_weights(weight_image(design(3))).loaded
    assert port.contents == memory_contents(design(3))


def test_an_image_whose_last_words_are_on_their_way_is_not_ended_again(monkeypatch):
    board, port, registers = board_of()
    seen = [MASKS["loading"]] * 4 + [MASKS["damaged"]]
    plain = registers.read
    late = lambda offset: seen.pop(0) if offset == ADDRESS["WEIGHTS"] and seen else plain(offset)  # fmt: skip # noqa: E731
    monkeypatch.setattr(registers, "read", late)
    assert board.load_weights(weight_image(design(3))).loaded
    ends = [offset for offset, _ in registers.writes if offset == ADDRESS["WEIGHT_LAST"]]
    assert len(ends) == 1 and port.contents == memory_contents(design(3))


def test_a_load_without_an_end_is_a_timeout(monkeypatch):
    board, port, _ = board_of(timeout=0.01)
    monkeypatch.setattr(port, "take", lambda word, last: setattr(port, "status", MASKS["loading"]))
    with pytest.raises(BoardTimeout, match="has not ended in 0.01 s; the core says: an image has"):
        board.load_weights(weight_image(design(3)))


def test_a_thread_may_load_while_another_waits_for_its_dma():
    board, port, _ = board_of(banks=2)
    begun, done = threading.Event(), threading.Event()

    def exchange(packets, sizes, timeout):
        begun.set()
        assert done.wait(SECONDS), "the load has not ended"
        return [bytes(n) for n in sizes]

    board.transport.exchange = exchange
    thread = threading.Thread(target=board.run_raw, args=([np.zeros((2, 5), dtype=int)],))
    thread.start()
    assert begun.wait(SECONDS), "the exchange has not begun"
    assert board.load_weights(weight_image(design(3, 2))).loaded
    done.set()
    joined_thread(thread)
    assert port.contents == memory_contents(design(3, 2))


def test_fixed_weights_are_named():
    system = replace(system_description(design(), 64), weights=None)
    board = Board(MemoryMap(Registers(design(), None), None), system)
    with pytest.raises(DesignError, match="the weights of this core are fixed; make the design"):
        board.load_weights(b"")


def test_description_has_the_memories_and_damage_is_named():
    system = system_description(design(banks=2), 64)
    record = system.record()
    assert description_of(record) == system and record["weights"]["banks"] == 2
    good = record["weights"]
    for wrong in (
        good | {"banks": 3},
        good | {"structure": "12"},
        good | {"memories": [{"number": 0}]},
        good | {"memories": [good["memories"][0] | {"depth": 0}]},
        [],
    ):
        with pytest.raises(DesignError):
            description_of(record | {"weights": wrong})


class SerialReference(ReferenceBoard):
    """The board written in Python, with a port of weights."""

    def __init__(self, port, faults=Faults(), full=0):
        super().__init__(faults)
        self.port, self.full, self._image = port, full, bytearray()
        self.words |= register_words(port.weights)

    def _answer(self, found):
        codes = {COMMAND_CODES[n]: n for n in ("load", "load_last")}
        self.words[ADDRESS["WEIGHTS"]] = self.port.status
        if found.command not in codes or self.last is None:
            return super()._answer(found)
        if self.reply is not None and self.last == (found.sequence, found.command):
            return self.reply
        assert found.sequence == (self.last[0] + 1) % 256 and len(found.payload) % 4 == 0
        self.last = found.sequence, found.command
        if self.full:
            self.full -= 1
            self.reply = self._message(found, "room", b"")
            return self.reply
        words = np.frombuffer(found.payload, "<u4").tolist()
        for i, word in enumerate(words):
            last = codes[found.command] == "load_last" and i + 1 == len(words)
            self.port.take(word, last)
        self.reply = self._message(found, "done", b"")
        return self.reply


@pytest.fixture
def quick(monkeypatch):
    clock = iter(range(10**9))
    monkeypatch.setattr(serial_port.time, "monotonic", lambda: next(clock) * 0.01)


@pytest.mark.parametrize("seed", range(4))
def test_an_image_comes_whole_over_a_faulty_cable(seed, quick):
    weights = system_description(design(), 32, LINK).weights
    port = WeightPortModel(weights)
    board = SerialReference(port, Faults(0.004, 0.004, 0.004, seed), full=3)
    transport = SerialTransport(board, LINK, 100.0)
    for scale in (3, 2, 4):
        assert load_image(transport, weight_image(design(scale)), weights, 100.0).loaded
        assert port.contents == memory_contents(design(scale))
    assert sum(board.to_board.done.values()) > 0


def test_a_core_that_takes_no_words_is_told(quick):
    weights = system_description(design(), 32, LINK).weights
    transport = SerialTransport(SerialReference(WeightPortModel(weights), full=10**6), LINK, 1.0)
    with pytest.raises(BoardTimeout, match="the core took no weights in 1 s, 0 of"):
        load_image(transport, weight_image(design(3)), weights, 1.0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["load"], "weights: is missing; load needs --weights FILE"),
        (["selftest", "--weights", "w.bin"], "selftest: takes no weights"),
        (["serve", "--weights", "w.bin"], "weights"),
        (["load", "--weights", "w.bin", "-o", "y.npy"], "load: takes no input and makes no output"),
    ],
)
def test_wrong_arguments_of_a_load_are_named(arguments, said, tmp_path, capsys):
    save_design(design(), tmp_path / "design")
    assert main(["host", *arguments, "--port", "./p", "--design", str(tmp_path / "design")]) == 2
    error = capsys.readouterr().err
    assert said in error and len(error.splitlines()) == 1
