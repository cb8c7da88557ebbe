"""The classifier of the Japanese Vowels behind a serial line: `ernn host` and the simulated board, with a good cable and with faulty ones.

    python -m benchmarks.uart_board [--utterances 20] [--seeds 3] [--rate 0.001] [--small] [--banks 1] [-o FILE]

The whole UART system is compiled by Verilator and stands behind a pseudo-terminal, its pins bit by bit. `ernn host serve` and `ernn host
run`, as processes of their own, classify the first test utterances; then the same utterances go through cables that drop, double and
flip bytes in both directions, each with the given probability. With --banks the board is made with other weights, and those of the
classifier are loaded first over the same line, as an image of `ernn weights`. Every word is compared with the golden model. Exit code 1
where one differs, or nothing was damaged.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.command import leave
from benchmarks.environment import environment, report
from ernn_myhdl import GruCell, LinearCell, new_network, save_design
from ernn_myhdl.corpus.japanese_vowels import load_japanese_vowels
from ernn_myhdl.demo.classifier import classes, import_classifier
from ernn_myhdl.demo.model import network_inputs
from ernn_myhdl.engines.verilator.build import missing_tool
from ernn_myhdl.golden.network_models import fixed_point_model
from ernn_myhdl.host.board import Board
from ernn_myhdl.host.packets import raw_frames
from ernn_myhdl.host.serial_port import SerialPort, SerialTransport
from ernn_myhdl.host.serial_protocol import link_register
from ernn_myhdl.numerics.formats import quantise
from ernn_myhdl.system.loadable import weight_image
from ernn_myhdl.system.rtl.uart_system import BUS_BITS
from ernn_myhdl.system.simulation.serial_board import (
    SIMULATED_LINK,
    Faults,
    SerialBoard,
    serial_model,
)
from ernn_myhdl.system.writer import system_description

#: Seconds in which a request must have been answered; the simulation is slower than a board.
TIMEOUT = 120.0
COUNTERS = ("LINK_DROPPED", "LINK_REPEATED", "LINK_BROKEN")


def small_network():
    """Nine scores, as the classifier, of a network that compiles in little time."""
    network = new_network(
        [GruCell(12, 8, reset="after", block=4), LinearCell(8, 9, block=1)], lanes=2
    )
    return replace(network, name="small")


def golden(design, sequences) -> list[np.ndarray]:
    """Raw y of each sequence, int64 (frames, outputs)."""
    system, model = system_description(design, BUS_BITS, SIMULATED_LINK), fixed_point_model(design)
    output, made = f"{design.layer_prefixes[-1]}output", []
    for sequence in sequences:
        model.reset(None)
        raw = raw_frames(sequence, system)
        made.append(
            np.array(
                [model.step(f)[output].reshape(-1)[: design.outputs] for f in raw], dtype=np.int64
            )
        )
    return made


def on_board(design):
    """What the board is made of: the design, or, where weights load, its structure with other weights."""
    if not design.layers[0].hardware.loadable:
        return design
    layers = [
        replace(layer, weights={n: -0.5 * np.asarray(a) for n, a in layer.weights.items()})
        for layer in design.layers
    ]
    return replace(design, layers=tuple(layers)) if len(layers) > 1 else layers[0]


def by_commands(design, sequences, folder: Path) -> list[np.ndarray]:
    """Raw y by `ernn host run`, at the port of `ernn host serve`."""
    program = [sys.executable, "-m", "ernn_myhdl"]
    ernn, board_design, load = [*program, "host"], on_board(design), []
    save_design(board_design, folder / "design")
    if board_design is not design:
        save_design(design, folder / "new")
        load = ["--weights", str(folder / "weights.bin")]
        place = ["--for", str(folder / "design"), "-o", load[1]]
        subprocess.run([*program, "weights", str(folder / "new"), *place], check=True)
    np.savez(folder / "x.npz", **{f"u{i:03}": s for i, s in enumerate(sequences)})
    port = folder / "port"
    common = ["--port", str(port), "--design", str(folder / "design")]
    board = subprocess.Popen([*ernn, "serve", *common], stdout=subprocess.PIPE, text=True)
    try:
        assert board.stdout is not None
        if not board.stdout.readline():
            raise RuntimeError("ernn host serve has ended")
        run = ["run", *common, "--input", str(folder / "x.npz"), "-o", str(folder / "y.npz")]
        subprocess.run([*ernn, *run, *load, "--timeout", str(TIMEOUT)], check=True)
    finally:
        board.terminate()
        board.wait()
    with np.load(folder / "y.npz") as made:
        return [quantise(made[f"u{i:03}"], design.output_format) for i in range(len(sequences))]


def by_faulty_cable(design, sequences, faults: Faults) -> tuple[list[np.ndarray], dict]:
    """Raw y through a cable with faults, and what was seen of them."""
    board_design = on_board(design)
    system = system_description(board_design, BUS_BITS, SIMULATED_LINK)
    with SerialBoard(serial_model(board_design), faults) as simulated:
        transport = SerialTransport(
            SerialPort(simulated.device, SIMULATED_LINK.baud), SIMULATED_LINK, TIMEOUT
        )
        with Board(transport, system, TIMEOUT) as board:
            if board_design is not design:
                board.load_weights(weight_image(design))
            made = board.run_raw(sequences)
            counts = {n.lower(): transport.read(link_register(n).address) for n in COUNTERS}
            status = board.status()
        found = {
            "seed": faults.seed, "to_board": simulated.to_board.done, "from_board": simulated.from_board.done,
            "requests_repeated": transport.repeated, "replies_damaged": transport.damaged, **counts,
            "frames_in": status.frames_in, "cycles": simulated.model.cycles,
        }  # fmt: skip
    return made, found


def banks_of(design) -> int:
    """Banks of the weights; 0 where they are fixed."""
    hardware = design.layers[0].hardware
    return hardware.weight_banks if hardware.loadable else 0


def wrong_words(made: list[np.ndarray], expected: list[np.ndarray]) -> int:
    """How many words differ."""
    return sum(
        int((a != b).sum()) if a.shape == b.shape else b.size
        for a, b in zip(made, expected, strict=True)
    )


def measured(design, sequences, seeds: int, rate: float) -> dict:
    """The result of both parts."""
    expected = golden(design, sequences)
    frames = sum(map(len, sequences))
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        made = by_commands(design, sequences, Path(folder))
    lengths = [len(s) for s in sequences]
    named = [classes(np.concatenate(y), lengths).tolist() for y in (made, expected)]
    result = {
        "environment": environment(), "design": design.name, "banks": banks_of(design), "utterances": len(sequences), "frames": frames,
        "wrong_words": wrong_words(made, expected), "classes": named[0], "classes_of_golden": named[1],
        "seconds": round(time.perf_counter() - start, 1), "rate": rate, "faulty_cables": [],
    }  # fmt: skip
    print({k: v for k, v in result.items() if k != "environment"}, file=sys.stderr, flush=True)
    for seed in range(1, seeds + 1):
        start = time.perf_counter()
        made, found = by_faulty_cable(design, sequences, Faults(rate, rate, rate, seed))
        found |= {
            "wrong_words": wrong_words(made, expected),
            "frames_too_many": found["frames_in"] - frames,
            "seconds": round(time.perf_counter() - start, 1),
        }
        result["faulty_cables"].append(found)
        print(found, file=sys.stderr, flush=True)
    return result


def failures(result: dict) -> list[str]:
    """What must not be."""
    found = []
    if result["wrong_words"] or result["classes"] != result["classes_of_golden"]:
        found.append(f"{result['wrong_words']} words differ from the golden model")
    for cable in result["faulty_cables"]:
        if cable["wrong_words"] or cable["frames_too_many"]:
            found.append(
                f"seed {cable['seed']}: {cable['wrong_words']} words differ, {cable['frames_too_many']} frames too many"
            )
        if not cable["link_dropped"] + cable["link_broken"] + cable["replies_damaged"]:
            found.append(f"seed {cable['seed']}: no fault was seen")
    return found


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--utterances", type=int, default=20, help="of the test part (20)")
    parser.add_argument("--seeds", type=int, default=3, help="faulty cables (3)")
    parser.add_argument(
        "--rate", type=float, default=0.001, help="probability of each fault, for a byte (0.001)"
    )
    parser.add_argument(
        "--small", action="store_true", help="a network of random weights, which compiles fast"
    )
    parser.add_argument(
        "--banks", type=int, default=0, choices=(0, 1, 2), help="of weights that load; 0: fixed"
    )
    parser.add_argument("-o", "--output", metavar="FILE", type=Path)
    args = parser.parse_args(arguments)
    if reason := missing_tool():
        print(f"uart_board: {reason}", file=sys.stderr)
        return 3
    data = load_japanese_vowels()
    sequences = network_inputs(data, "test")
    if not 1 <= args.utterances <= len(sequences):
        parser.error(f"--utterances: must be 1 to {len(sequences)}")
    design = small_network() if args.small else import_classifier(data).design
    if args.banks:
        design = design.with_weights("loadable", args.banks)
    result = measured(design, sequences[: args.utterances], args.seeds, args.rate)
    result["failures"] = failures(result)
    text = "\n".join(f"{key}: {value}" for key, value in result.items() if key != "environment")
    report(result, text, args.output)
    return 1 if result["failures"] else 0


if __name__ == "__main__":
    leave(lambda: main(sys.argv[1:]))
