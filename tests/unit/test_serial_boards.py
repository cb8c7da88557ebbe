"""Boards behind a serial port: their files, and commands that serve them."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from types import SimpleNamespace

import pytest
from pages import ROOT

from ernn_myhdl import DesignError, RnnCell, new_network, save_design
from ernn_myhdl.cli.main import main
from ernn_myhdl.host.serial_link import serial_link
from ernn_myhdl.synthesis.board_file import PORTS, board_named, board_of, boards, lpf, xdc
from ernn_myhdl.system.simulation import serial_board

LINK = serial_link(25)


def test_constraints_name_every_port_of_every_board():
    assert set(boards()) == {"ulx3s-85f", "arty-a7-35t"}
    for board in boards().values():
        made = {"nextpnr": lpf, "vivado": xdc}[board.tool](board)
        for port in (*PORTS, *board.high):
            assert made.count(f'"{port}" SITE') == 1 or f"[get_ports {port}]" in made
    text = lpf(board_named("ULX3S-85F"))
    assert (
        'LOCATE COMP "clk" SITE "G2";\nIOBUF PORT "clk" IO_TYPE=LVCMOS33 PULLMODE=NONE;\n' in text
    )
    assert 'LOCATE COMP "rxd" SITE "M1";' in text and 'LOCATE COMP "txd" SITE "L4";' in text
    assert text.endswith('FREQUENCY PORT "clk" 25 MHZ;\n')
    text = xdc(board_named("arty-a7-35t"))
    assert (
        "set_property PACKAGE_PIN A9 [get_ports rxd]\n" in text
        and "-period 10.000 [get_ports clk]" in text
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("[pins]\nclk", "[pins]\nclock"), "pins of clock, .*: must be of clk"),
        (
            ('pull = "down"', 'pull = "left"'),
            "button: pull = 'left': must be one of none, up, down",
        ),
        (('device = "lfe5u-85f-6"', 'device = "lfe6"'), "device = 'lfe6': must be one of"),
        (("clock_mhz = 25.0\n", ""), "'clock_mhz': see ulx3s-85f.toml"),
        (('device = "lfe5u-85f-6"', 'device = "xc7a35t"'), "high: only for boards that nextpnr"),
    ],
)
def test_board_files_with_mistakes_are_named(change, said):
    text = (ROOT / "ernn_myhdl/synthesis/boards/ulx3s-85f.toml").read_text()
    assert change[0] in text
    with pytest.raises(DesignError, match=said):
        board_of("mine", text.replace(*change))


@pytest.fixture(scope="module")
def design_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serial") / "design"
    layer = new_network([RnnCell(5, 6, block=2)], lanes=1, samples_per_beat=2).layers[0]
    save_design(layer, folder)
    return folder


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("synth --board ulx4", "board = 'ulx4': must be one of arty-a7-35t, ulx3s-85f, pynq-z2; to add one"),
        ("synth --board ulx3s-85f", "tool = 'vivado': board = 'ulx3s-85f': must be nextpnr"),
        ("synth --board ulx3s-85f --tool yosys", "tool = 'yosys': board = 'ulx3s-85f': must be nextpnr"),
        ("synth --board arty-a7-35t --tool nextpnr", "must be vivado: there is no open flow"),
        ("synth --board arty-a7-35t --bitstream", "has no open flow; leave it out, and run bitstream.tcl"),
        ("synth --board ulx3s-85f --tool nextpnr --device lfe5u-85f-8", "device = 'lfe5u-85f-8': board = 'ulx3s-85f' has lfe5u-85f-6"),
        ("synth --board ulx3s-85f --tool nextpnr --clock-mhz 50", "a board has its own oscillator; remove --clock-mhz"),
        ("synth --board ulx3s-85f --tool nextpnr --baud 3000000", "25 MHz / 8 is +4.2 % off"),
        ("synth --board arty-a7-35t --seeds 2", "seeds = 2: only for tool = 'nextpnr'"),
        ("synth --board arty-a7-35t --yosys yosys", "yosys_program = 'yosys': only for tool = 'nextpnr'"),
        ("synth --tool nextpnr --device lfe5u-25f --bitstream", "bitstream: is of a board; take --board arty-a7-35t or ulx3s-85f with the device that it has, or remove"),
        ("synth --baud 9600", "baud: is of a board"),
        ("convert --wrapper uart", "clock_mhz: is missing; --wrapper uart needs --clock-mhz F"),
        ("convert --wrapper uart --clock-mhz 25 --bus 64", "bus = 64: is of the AXI system"),
        ("convert --clock-mhz 25", "clock_mhz = 25: is of the UART system; add --wrapper uart"),
        ("convert --wrapper axi --baud 9600", "baud = 9600: is of the UART system"),
    ],
)  # fmt: skip
def test_what_does_not_belong_together_is_refused(arguments, said, design_folder, tmp_path, capsys):
    command, *options = arguments.split()
    assert main([command, str(design_folder), "-o", str(tmp_path / "out"), *options]) == 2
    error = capsys.readouterr().err
    assert said in error and len(error.splitlines()) == 1 and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ("selftest --port com1", 2, "or the path of a serial device, such as /dev/ttyUSB0"),
        ("selftest --port ./none", 3, "./none: cannot be opened"),
        ("selftest --port /dev/null", 3, "/dev/null: is no serial device"),
        ("selftest --port /dev/null --timeout 0", 2, "timeout = 0: must be above 0 seconds"),
        ("serve --port sim", 2, "serve takes a new path with a"),
        ("serve --port ./p --input x.npy", 2, "serve: takes no input"),
        ("serve --port /dev/null", 2, "port = '/dev/null': exists"),
    ],
)
def test_ports_that_do_not_fit_are_named(arguments, code, said, design_folder, capsys):
    assert main(["host", *arguments.split(), "--design", str(design_folder)]) == code
    assert said in capsys.readouterr().err


def test_serve_makes_its_port_and_takes_it_away(design_folder, tmp_path, monkeypatch, capsys):
    place, seen = tmp_path / "port", []

    class Simulated:
        def __init__(self, model):
            self.device = "/dev/null"

        def serve(self):
            seen.append(os.readlink(place))

        def close(self):
            seen.append("closed")

    monkeypatch.setattr(serial_board, "serial_model", lambda design: None)
    monkeypatch.setattr(serial_board, "SerialBoard", Simulated)
    common = ["host", "serve", "--design", str(design_folder), "--port"]
    assert main([*common, str(place)]) == 0
    assert seen == ["/dev/null", "closed"] and not place.is_symlink()
    assert f"{place} -> /dev/null" in capsys.readouterr().out
    assert main([*common, str(tmp_path / "none" / "port")]) == 2
    assert "cannot be made (No such file or directory)" in capsys.readouterr().err


def test_a_system_behind_the_wrong_port_is_named(tmp_path, capsys):
    from ernn_myhdl.system.writer import system_description

    layer = new_network([RnnCell(5, 6, block=2)], lanes=1, samples_per_beat=2).layers[0]
    for link, port, said in (
        (
            LINK,
            "uio:a,b,c",
            "is of a UART system; give a serial device, or a folder of ernn convert --wrapper axi",
        ),
        (
            None,
            "/dev/null",
            "is of an AXI system; give uio:REGISTERS,DMA,BUFFER, or a folder of ernn convert --wrapper uart",
        ),
    ):
        record = system_description(layer, 32, link).record()
        assert (record["wrapper"], "serial" in record) == (
            ("uart", True) if link else ("axi", False)
        )
        (tmp_path / "system.json").write_text(json.dumps(record))
        assert main(["host", "selftest", "--port", port, "--design", str(tmp_path)]) == 2
        assert said in capsys.readouterr().err
    record["serial"] = {"baud": 1}
    (tmp_path / "system.json").write_text(json.dumps(record))
    assert main(["host", "selftest", "--port", "/dev/null", "--design", str(tmp_path)]) == 2
    assert "serial = {'baud': 1}: must have clock_hz, divider, baud" in capsys.readouterr().err


def test_a_serial_board_that_is_closed_twice_closes_no_file_of_others(tmp_path):
    board = serial_board.SerialBoard(SimpleNamespace(close=lambda: None))
    board.close()
    with ExitStack() as files:
        opened = [files.enter_context((tmp_path / "file").open("w")) for _ in range(8)]
        board.close()
        assert all(os.fstat(file.fileno()) for file in opened)
