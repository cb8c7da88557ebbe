"""Transfers of a DMA that do not end: it is reset, and the core too, so that the next run is right."""

from __future__ import annotations

import numpy as np
import pytest
from fake_board import Buffer, FakeDma, PynqBoard, Words, design, words_of

from ernn_myhdl.host.board import Board
from ernn_myhdl.host.memory_map import AxiDma, MemoryMap, pynq_transport
from ernn_myhdl.host.registers import register
from ernn_myhdl.host.transport import BoardError, BoardTimeout
from ernn_myhdl.system.writer import system_description

RAW = np.arange(15).reshape(3, 5)
SOFT_RESET = register("CONTROL").field("soft_reset").mask


def boards():
    """Board, DMA, registers and the log of a direct DMA and of PYNQ's."""
    system = system_description(design(), 64)
    buffer = Buffer(256)
    dma, words = FakeDma(buffer), Words(system, words_of(design()))
    yield Board(MemoryMap(words, AxiDma(dma, buffer, 0x1000, 256)), system), dma, words
    pynq, words = PynqBoard(), Words(system, words_of(design()))
    yield Board(pynq_transport(words, pynq, pynq.allocate), system), pynq.mmio, words


def soft_resets(words):
    control = register("CONTROL").address
    return sum(1 for offset, v in words.writes if offset == control and v & SOFT_RESET)


@pytest.mark.parametrize("kind", [0, 1], ids=["direct", "pynq"])
@pytest.mark.parametrize(
    ("behaviour", "error"), [("error", BoardError), ("stuck", BoardTimeout), ("no y", BoardTimeout)]
)
def test_run_behind_a_transfer_that_did_not_end_is_right(kind, behaviour, error):
    board, dma, words = list(boards())[kind]
    board.timeout = 0.01
    for _ in range(2):
        dma.behaviour, before, resets = behaviour, dma.resets, soft_resets(words)
        with pytest.raises(error, match="DMA of y" if behaviour == "no y" else "DMA of x"):
            board.run_raw([RAW])
        assert dma.resets == before + 1
        dma.behaviour = "fine"
        (y,) = board.run_raw([RAW])
        assert np.array_equal(y[:, :5], RAW) and dma.resets == before + 1
        # what the core holds of the packet that did not end is forgotten, once
        assert soft_resets(words) == resets + 1


@pytest.mark.parametrize("kind", [0, 1], ids=["direct", "pynq"])
def test_sequence_of_steps_does_not_go_on_behind_a_transfer_that_did_not_end(kind):
    board, dma, words = list(boards())[kind]
    board.timeout = 0.01
    board.step(RAW[0])
    dma.behaviour = "stuck"
    with pytest.raises(BoardTimeout):
        board.step(RAW[1])
    dma.behaviour = "fine"
    with pytest.raises(BoardError, match="the sequence's state is lost; give start=True"):
        board.step(RAW[1])
    resets = soft_resets(words)
    assert np.array_equal(board.step_raw(RAW[1], start=True)[:5], RAW[1])
    assert np.array_equal(board.step_raw(RAW[2])[:5], RAW[2])
    assert soft_resets(words) == resets + 1


def test_interrupt_of_a_user_resets_the_dma(monkeypatch):
    for board, dma, _ in boards():
        read, before = dma.read, dma.resets

        def pressed(offset, dma=dma, read=read):
            if offset == AxiDma.STATUS:
                dma.read = read
                raise KeyboardInterrupt
            return read(offset)

        monkeypatch.setattr(dma, "read", pressed)
        with pytest.raises(KeyboardInterrupt):
            board.run_raw([RAW])
        assert dma.resets == before + 1
        assert np.array_equal(board.run_raw([RAW])[0][:, :5], RAW)


def test_pynq_gives_buffers_back_behind_the_reset_only():
    pynq = PynqBoard()
    system = system_description(design(), 64)
    board = Board(pynq_transport(Words(system, words_of(design())), pynq, pynq.allocate), system)
    assert pynq.log == ["reset"]
    board.run_raw([RAW])
    pynq.mmio.behaviour, board.timeout = "stuck", 0.01
    with pytest.raises(BoardTimeout):
        board.run_raw([RAW])
    assert pynq.log == ["reset", "free", "free", "reset", "free", "free"]


def test_reset_that_does_not_end_is_told():
    buffer = Buffer(256)
    with pytest.raises(BoardTimeout, match="its reset does not end"):
        AxiDma(FakeDma(buffer, "dead"), buffer, 0x1000, 256)
    pynq = PynqBoard()
    pynq.mmio.behaviour = "dead"
    with pytest.raises(BoardTimeout, match="its reset does not end"):
        pynq_transport(Words(None, {}), pynq, pynq.allocate)
