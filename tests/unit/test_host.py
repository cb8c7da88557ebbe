"""The host's driver without a board: numbers, packets, transports on stand-ins, arguments, what it needs to be imported."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from fake_board import Buffer, FakeDma, Words, design, words_of
from pages import ROOT

from ernn_myhdl import DesignError, save_design
from ernn_myhdl.cli.host import read_sequences
from ernn_myhdl.cli.main import main
from ernn_myhdl.design.input_scaling import InputScaling
from ernn_myhdl.host.board import Board
from ernn_myhdl.host.description import description_of, load_description, load_vectors
from ernn_myhdl.host.memory_map import AxiDma, MappedWords, MemoryMap
from ernn_myhdl.host.packets import pack, raw_frames, unpack
from ernn_myhdl.host.registers import ADDRESSES, REGISTERS, WINDOW_BITS, register
from ernn_myhdl.host.serial_link import SerialLink
from ernn_myhdl.host.transport import BoardError, BoardTimeout
from ernn_myhdl.numerics.formats import quantise, to_real
from ernn_myhdl.streams.traffic import packed_samples
from ernn_myhdl.system.register_page import register_page
from ernn_myhdl.system.writer import system_description


def test_registers_do_not_overlap_and_fit_their_window():
    assert len(set(ADDRESSES)) == len(REGISTERS) and max(ADDRESSES) < 1 << WINDOW_BITS
    for each in REGISTERS:
        assert each.address % 4 == 0
        used = 0
        for field in each.fields:
            assert field.mask & used == 0 and field.mask < 1 << 32, (each.name, field.name)
            used |= field.mask


def test_page_of_the_registers_is_that_of_the_table():
    assert (ROOT / "docs" / "register-map.md").read_text() == register_page("Register map")


def test_frames_are_packed_as_the_beats_of_the_core():
    core = design()
    system = system_description(core, 64)
    raw = np.arange(-7, 8).reshape(3, 5)
    size = core.stream_shape.data_bits // 8
    beats = [w.to_bytes(size, "little") for f in raw for w in packed_samples(f, core)]
    assert pack(raw, system) == b"".join(beats)
    y = np.arange(-9, 9).reshape(3, 6)
    back = b"".join(w.to_bytes(size, "little") for f in y for w in packed_samples(f, core))
    assert np.array_equal(unpack(back, system), y)
    with pytest.raises(DesignError, match="packet of y of 15 bytes: must be frames of 16"):
        unpack(back[:15], system)


def test_values_are_scaled_and_quantised_and_words_checked():
    core = replace(design(), input_scaling=InputScaling((1, -1, 0, 0, 2), (0.5, 0, 0, 0, 0)))
    system = system_description(core, 64)
    x = np.linspace(-3, 3, 10).reshape(2, 5)
    assert np.array_equal(
        raw_frames(x, system), quantise(core.host_scaling.apply(x), core.input_format)
    )
    words = np.full((1, 5), core.input_format.maximum)
    assert np.array_equal(raw_frames(words, system), words)
    with pytest.raises(DesignError, match="raw words from .* must be"):
        raw_frames(words + 1, system)
    with pytest.raises(DesignError, match=r"x of shape \(5,\): must be \(frames, 5\)"):
        raw_frames(x[0], system)
    with pytest.raises(DesignError, match="NaN"):
        raw_frames(x * np.nan, system)
    with pytest.raises(DesignError, match="type complex128"):
        raw_frames(x * 1j, system)


def test_description_comes_back_and_damage_is_named(tmp_path):
    core = replace(design(), input_scaling=InputScaling((1, 2, 3, 4, 5)))
    system = system_description(core, 64)
    assert description_of(json.loads(json.dumps(system.record()))) == system
    for name, value in (
        ("inputs", 0),
        ("digest", 3),
        ("input_format", {}),
        ("version", 9),
        ("host", {"input_shifts": [1]}),
    ):
        with pytest.raises(DesignError):
            description_of(system.record() | {name: value})
    with pytest.raises(DesignError, match="has no readable system.json"):
        load_description(tmp_path)
    (tmp_path / "vectors.npz").write_bytes(b"no")
    with pytest.raises(DesignError, match="holds no test vectors"):
        load_vectors(tmp_path, system)


def test_driver_over_an_axi_dma_with_an_echo():
    core = design()
    system = system_description(core, 64)
    buffer = Buffer(256)
    dma = FakeDma(buffer)
    words = Words(system, words_of(core))
    board = Board(MemoryMap(words, AxiDma(dma, buffer, 0x1000, 256)), system)
    raw = np.arange(10).reshape(2, 5)
    (y,) = board.run_raw([raw])
    assert np.array_equal(y[:, :5], raw) and y.shape == (2, 6)
    modes = [value for offset, value in words.writes if offset == register("PACKET").address]
    assert modes == [1]
    step = board.step(to_real(raw[0], core.input_format))
    assert np.array_equal(step[:5], to_real(raw[0], core.output_format))
    assert words.writes[-1] == (register("CONTROL").address, 1)
    with pytest.raises(BoardError, match="the buffer of the DMA has 128 for each"):
        board.run_raw([np.zeros((9, 5), dtype=int)])
    words.words[register("ERRORS").address] = 0b10001
    with pytest.raises(BoardError, match="the core reported short .*; refused"):
        board.run_raw([raw])


def test_a_timeout_has_what_the_core_says():
    core = design()
    system = system_description(core, 64)
    buffer = Buffer(256)
    counts = {register("FRAMES_IN").address: 7, register("STATUS").address: 1 | 3 << 16}
    words = Words(system, words_of(core) | counts)
    board = Board(
        MemoryMap(words, AxiDma(FakeDma(buffer, "stuck"), buffer, 0, 256)), system, timeout=0.01
    )
    with pytest.raises(
        BoardTimeout, match="the core says: busy, 7 frames in, 0 out, 3 inside, errors: none"
    ):
        board.run_raw([np.zeros((1, 5), dtype=int)])


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ID", 0, "ID reads 0x00000000, must be 0x45524E4E"),
        ("VERSION", 9 << 16, "registers of version 9, this driver knows 1"),
        ("DIGEST_5", 1, "holds the design"),
        ("OUTPUTS", 7, "OUTPUTS reads 7, the folder says 6"),
        ("BUS", 32, "streams of 32 bits, the folder says 64"),
    ],
)
def test_another_core_behind_the_port_is_named(name, value, message):
    core = design()
    words = Words(None, words_of(core) | {register(name).address: value})
    with pytest.raises(BoardError, match=message):
        Board(MemoryMap(words, None), system_description(core, 64))


def test_mapped_words_are_those_of_the_file(tmp_path):
    file = tmp_path / "uio"
    file.write_bytes(bytes(4096))
    words = MappedWords(file, 4096)
    words.write(0x44, 0x12345678)
    assert words.read(0x44) == 0x12345678 and words.bytes_at(0x44, 4) == b"\x78\x56\x34\x12"
    words.put(8, b"abcd")
    assert words.read(8) == int.from_bytes(b"abcd", "little")
    words.close()
    assert file.read_bytes()[0x44:0x48] == b"\x78\x56\x34\x12"
    with pytest.raises(BoardError, match="cannot be opened"):
        MappedWords(tmp_path / "none", 4096)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--port", "sim"], "input: is missing"),
        (
            ["selftest", "--port", "com1"],
            "port = 'com1': must be sim, uio:REGISTERS,DMA,BUFFER, or the path",
        ),
        (["selftest", "--port", "uio:/dev/uio0"], "must name three devices"),
        (["serve", "--port", "sim"], "port = 'sim': serve takes a new path"),
        (["serve", "--port", "new"], "serve takes a new path with a /, as ./simulated"),
        (["selftest", "--port", "uio:a,b,c", "--bus", "64"], "bus = 64: is of the simulation"),
        (
            ["selftest", "--port", "sim", "--input", "x.npy"],
            "selftest has the design's own vectors",
        ),
        (["selftest", "--port", "sim", "--bus", "48"], "bus width = 48: must be one of"),
        (["selftest", "--port", "uio:a,b,c"], "has no readable system.json"),
        (["selftest", "--port", "sim", "--streams", "2"], "selftest: takes no streams"),
        (["run", "--port", "sim", "--input", "x", "-o", "y.txt"], "must end in .npy or .npz"),
    ],
)
def test_wrong_arguments_of_host_are_named(arguments, message, tmp_path, capsys):
    save_design(design(), tmp_path / "design")
    code = main(["host", *arguments, "--design", str(tmp_path / "design")])
    error = capsys.readouterr().err
    assert code == 2 and message in error and len(error.splitlines()) == 1


def test_bus_without_its_wrapper_is_refused(tmp_path, capsys):
    save_design(design(), tmp_path / "design")
    arguments = ["convert", str(tmp_path / "design"), "-o", str(tmp_path / "out"), "--bus", "64"]
    assert main(arguments) == 2 and not (tmp_path / "out").exists()
    assert "add --wrapper axi" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["load", "--weights", "/dev/zero"], "weight image /dev/zero: is no file"),
        (["load", "--weights", "x.npy"], "which no image of weights does"),
        (["run", "--input", "wide.npy", "-o", "y.npy"], "input wide.npy: x of shape"),
        (["run", "--input", "two.npz", "-o", "y.npz"], "input two.npz, array b: x of shape"),
        (["run", "--input", "x.npy", "-o", "y.npz"], "output y.npz: must end in .npy, as"),
        (["run", "--input", "two.npz", "-o", "y.npy"], "output y.npy: must end in .npz, as"),
        (["run", "--input", "nan.npy", "-o", "y.npy"], "NaN"),
        (["run", "--input", "none.npy", "-o", "y.npy"], "none.npy"),
    ],
)
def test_files_are_refused_before_a_port_is_opened(options, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    link = SerialLink(8_000_000, 8, 1_000_000)
    record = system_description(design().with_weights("loadable"), 32, link).record()
    (tmp_path / "board").mkdir()
    (tmp_path / "board" / "system.json").write_text(json.dumps(record))
    inputs = design().inputs
    for name, x in (("x", np.zeros((2, inputs))), ("wide", np.zeros((2, inputs + 1))), ("nan", np.full((2, inputs), np.nan))):  # fmt: skip
        np.save(tmp_path / f"{name}.npy", x)
    np.savez(tmp_path / "two.npz", a=np.zeros((2, inputs)), b=np.zeros((2, inputs + 1)))
    assert main(["host", options[0], "--port", "./none", "--design", "board", *options[1:]]) == 2
    assert message in capsys.readouterr().err and not (tmp_path / "y.npy").exists()


def test_a_pipe_in_the_place_of_a_description_is_not_waited_for(tmp_path, capsys):
    os.mkfifo(tmp_path / "system.json")
    assert main(["host", "selftest", "--port", "./none", "--design", str(tmp_path)]) == 2
    assert "is no ordinary file" in capsys.readouterr().err
    for file in ("system.json", "x.npy"):
        with pytest.raises(DesignError, match="input .*: is no .npy or .npz of numbers"):
            read_sequences(tmp_path / file)


def test_host_needs_numpy_only():
    blocked = ["myhdl", "fxpmath", "matplotlib", "safetensors", "tomlkit", "tqdm", "vcd", "torch"]
    modules = [
        "board",
        "description",
        "loadable_weights",
        "memory_map",
        "packets",
        "registers",
        "selftest",
        "serial_link",
        "serial_port",
        "serial_protocol",
        "sequences",
        "state_file",
        "transport",
        "weight_image",
    ]
    program = "import sys\n" + "".join(f"sys.modules[{name!r}] = None\n" for name in blocked)
    program += "".join(f"import ernn_myhdl.host.{name}\n" for name in modules)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_closed_board_is_told():
    core = design()
    closed = []
    system = system_description(core, 64)
    transport = MemoryMap(Words(system, words_of(core)), None, lambda: closed.append(1))
    with Board(transport, system) as board:
        pass
    board.close()
    for use in (board.status, board.reset, lambda: board.run_raw([np.zeros((1, 5), dtype=int)])):
        with pytest.raises(BoardError, match="board: is closed; open another"):
            use()
    assert closed == [1]


@pytest.mark.parametrize("shape", [(2, 5), (3,), ()])
def test_a_step_of_another_shape_than_a_frame_is_told(shape):
    core = design()
    system = system_description(core, 64)
    board = Board(MemoryMap(Words(system, words_of(core)), None), system)
    with pytest.raises(
        DesignError, match=rf"x of shape {re.escape(str(shape))}: must be \(5,\), one frame"
    ):
        board.step(np.zeros(shape))
