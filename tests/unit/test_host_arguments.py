"""Public calls of the host with things of other types: refused with what is legal, never an error of Python, and nothing is sent."""

from __future__ import annotations

import numpy as np
import pytest

from ernn_myhdl import DesignError, GruCell, LinearCell, ToolError, new_network
from ernn_myhdl.host.board import Board
from ernn_myhdl.host.description import load_description, load_vectors
from ernn_myhdl.host.memory_map import buffer_of, uio_transport
from ernn_myhdl.host.packets import pack, raw_frame, raw_frames, unpack
from ernn_myhdl.host.selftest import selftest
from ernn_myhdl.host.sequences import state_words
from ernn_myhdl.host.state_file import read_states
from ernn_myhdl.host.weight_image import read_image
from ernn_myhdl.system.writer import system_description

WRONG = [
    None, 3, -1, 2.5, float("nan"), "x", b"ab", True, [1], [None], ["a"], {"a": 1}, object(), int, 1 << 70, np.float64(1),
    np.zeros(3, complex), np.zeros((2, 2)), np.array(["a", "b", "c"]), np.zeros((2, 3), object), [[1, 2], [3]], [np.zeros((2, 3)), None],
]  # fmt: skip
DESIGN = new_network(
    [GruCell(3, 4, block=2), LinearCell(4, 2, 1)], lanes=1, samples_per_beat=2, streams=2, initial_states=True
).with_weights("loadable")  # fmt: skip
SYSTEM = system_description(DESIGN, 32)
X, FRAME = np.zeros((2, 3)), np.zeros(3)


class Silent:
    """A transport to which nothing may be sent."""

    def read(self, *given):
        raise AssertionError("something was sent")

    write = exchange = load = read

    def close(self):
        pass


def board() -> Board:
    made = Board.__new__(Board)
    made.transport, made.system, made.timeout, made._kept = Silent(), SYSTEM, 1.0, {}
    made._frames = made._ended = made._sent = 0
    made._broken = False
    return made


CALLS = {
    "board of a transport": lambda v: Board(v, SYSTEM),
    "board of a system": lambda v: Board(Silent(), v),
    "run": lambda v: board().run(v),
    "run two": lambda v: board().run([X, v]),
    "run_raw": lambda v: board().run_raw(v),
    "step": lambda v: board().step(v),
    "step_raw": lambda v: board().step_raw(v),
    "load_weights": lambda v: board().load_weights(v),
    "selftest of a board": lambda v: selftest(v, [(X, X)]),
    "selftest": lambda v: selftest(board(), v),
    "selftest of a vector": lambda v: selftest(board(), [v]),
    "load_description": load_description,
    "load_vectors": lambda v: load_vectors(v, SYSTEM),
    "raw_frames": lambda v: raw_frames(v, SYSTEM),
    "raw_frame": lambda v: raw_frame(v, SYSTEM),
    "pack": lambda v: pack(v, SYSTEM),
    "unpack": lambda v: unpack(v, SYSTEM),
    "state": lambda v: state_words(SYSTEM.states, 2, [{"cell_state": v}, None], 0, 32, 2),
    "read_states": lambda v: read_states(v, SYSTEM, 1),
    "read_image": read_image,
    "uio_transport": lambda v: uio_transport(v, "/none", "/none", 0, 4096),
    "buffer_of": buffer_of,
}


@pytest.mark.parametrize("call", CALLS)
def test_things_of_other_types_are_refused(call):
    for value in WRONG:
        with pytest.raises((DesignError, ToolError)):
            CALLS[call](value)


@pytest.mark.parametrize(
    ("call", "legal"),
    [
        (lambda v: Board(Silent(), SYSTEM, v), ("3", "2.5", str(1 << 70), repr(np.float64(1)))),
        (lambda v: board().run([X], v), ()),
        (lambda v: board().run(X, 1, v), ("None",)),
        (lambda v: board().run_raw([X], 1, [v]), ("None", "[None]")),
        (lambda v: board().step(FRAME, v), ("True",)),
        (lambda v: board().step(FRAME, True, v), ("None",)),
        (lambda v: board().step(FRAME, True, None, v), ("None",)),
        (SYSTEM.frames_out.frames, ("3", str(1 << 70))),
    ],
    ids=["timeout", "streams", "initial", "initial of one", "start", "last", "state", "frames"],
)
def test_options_of_other_types_are_refused(call, legal):
    """legal: those that are none, as Python writes them."""
    for value in WRONG:
        if repr(value) not in legal:
            with pytest.raises(DesignError):
                call(value)


def test_the_message_says_what_is_legal():
    for call, text in (
        (lambda: board().run(None), "x = None: must be an array (frames, inputs) of one sequence, or a list of several"),
        (lambda: board().load_weights(3), "weight image = 3: must be a path, text or pathlib.Path"),
        (lambda: board().run([X], True), "streams = True: must be a whole number, 1 to 2 of the core"),
    ):  # fmt: skip
        with pytest.raises(DesignError) as error:
            call()
        assert str(error.value) == text
