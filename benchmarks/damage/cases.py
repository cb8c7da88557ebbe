"""Damaged inputs by kind: what is damaged, and the commands that read it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from benchmarks.damage.mutations import ODD, damage_file, damage_place, damaged_image
from benchmarks.damage.originals import SEARCH, TRAINING

RUNS = ("run_golden", "run_myhdl", "run_network", "run_state")


@dataclass
class Case:
    """A command in a folder. outputs, appended: as in `benchmarks.damage.forked.run_command`."""

    argv: list[str]
    outputs: tuple[str, ...] = (
        "out",
        "out.png",
        "out.svg",
        "out.onnx",
        "out.safetensors",
        "out.json",
        "out.bin",
    )
    appended: tuple[str, ...] = ()
    how: str = ""
    prepare: Callable[[], None] = field(default=lambda: None)
    silent: bool = False


def _words(text: str) -> list[str]:
    return text.split()


#: Commands that read a design folder `d`; the quick ones several times.
DESIGN = (
    *["info d --json"] * 4, "info d --ranges", *["simulate d --input x.npy -o out"] * 3,
    "simulate d --input xs.npz --engine integer --json", "evaluate d --data labelled.npz --json",
    "evaluate d --data labelled.npz --words 6,9", "plot schedule d -o out.png", *["export d -o out.safetensors"] * 2,
    "export d -o out.onnx", "convert d -o out", "synth d -o out --device xc7z020",
    "explore hardware d --device xc7z020 --lanes 1,2 --jobs 1 --json",
)  # fmt: skip
NETWORK = tuple(
    command.replace(" d ", " n ").replace(" d", " n", 1) if command.endswith(" d") else command.replace(" d ", " n ")
    for command in DESIGN if "explore" not in command
)  # fmt: skip
INPUTS = {
    "x.npy": (
        "simulate d --input x.npy -o out", "simulate n --input x.npy --engine integer --json",
        "info d --ranges --calibration x.npy --json", "evaluate d --data x.npy --json",
        "evaluate d --data xs.npz --words 8 --calibration x.npy",
        "import model.safetensors -o out --calibration x.npy",
    ),
    "xs.npz": (
        "simulate d --input xs.npz -o out", "info d --ranges --calibration xs.npz",
        "evaluate d --data xs.npz --json", "import model.safetensors -o out --calibration xs.npz --json",
    ),
    "labelled.npz": (
        "evaluate d --data labelled.npz --json", "evaluate n --data labelled.npz --pooling last --max-loss 1",
        "evaluate d --data labelled.npz --words 8,9 -o out.png", "simulate d --input labelled.npz",
    ),
}  # fmt: skip
CORPUS = ("corpus info corpus", "corpus info corpus --json", "evaluate d --data corpus")
BASES = (*DESIGN, *(c for commands in INPUTS.values() for c in commands), *CORPUS,
         "new --inputs 4 --hidden 6 -o out", "new --cell gru --inputs 3 --hidden 4 --block 2 -o out --json",
         "import model.safetensors -o out", "import model.onnx --block 2 -o out",
         "simulate g --input x.npy --initial-states states.safetensors", "compare --json",
         "simulate d --input x.npy --engine myhdl --frames 1 --vcd out.vcd",
         *(f"plot {kind} {run} -o out.svg" for kind in ("waveform", "error") for run in RUNS))  # fmt: skip


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file())


def _damaged(rng: Random, folder: Path, name: str, command: str) -> Case:
    """The command, after damage to a file in the folder, sometimes to two places."""
    file = folder / name
    others = [f for f in _files(folder) if f != file and f.suffix != ".jsonl"]
    how = [damage_file(rng, file, others)]
    if (
        rng.random() < 0.1
        and file.is_file()
        and not file.is_symlink()
        and file.stat().st_size < 1 << 28
    ):
        how.append(damage_file(rng, file, others))
    return Case(_words(command), how=f"{name}: {', '.join(how)}")


def design(rng: Random, folder: Path) -> Case:
    return _damaged(rng, folder, "d/design.toml", rng.choice(DESIGN))


def weights(rng: Random, folder: Path) -> Case:
    return _damaged(rng, folder, "d/weights.safetensors", rng.choice(DESIGN))


def network(rng: Random, folder: Path) -> Case:
    names = ("network.toml", "network.toml", "layer_0/design.toml", "layer_1/weights.safetensors")
    if rng.random() < 0.05:
        layers = ", ".join(f'"layer_{i}"' for i in range(rng.choice((65, 300, 20_000))))
        text = f'format_version = 1\nname = "net"\nlayers = [{layers}]\n'
        (folder / "n/network.toml").write_text(text)
        return Case(_words(rng.choice(NETWORK)), how="many layers")
    return _damaged(rng, folder, f"n/{rng.choice(names)}", rng.choice(NETWORK))


def images(rng: Random, folder: Path) -> Case:
    """Images of weights and what the host knows of a board; whole ones go as far as the port, which is none."""
    load = "host load --port ./none --design board --weights image.bin --timeout 1"
    kind = rng.random()
    if kind < 0.2:
        return _damaged(rng, folder, "board/system.json", rng.choice((load, "host selftest --port ./none --design board")))  # fmt: skip
    if kind < 0.35:
        name = rng.choice(("m/design.toml", "m/weights.safetensors", "l/design.toml"))
        return _damaged(rng, folder, name, "weights m --for l -o out.bin")
    if kind < 0.6:
        return _damaged(rng, folder, "image.bin", load)
    how = damaged_image(rng, folder / "image.bin")
    return Case(_words(load), how=f"image.bin: {how}")


def inputs(rng: Random, folder: Path) -> Case:
    name = rng.choice(list(INPUTS))
    return _damaged(rng, folder, name, rng.choice(INPUTS[name]))


def states(rng: Random, folder: Path) -> Case:
    command = "simulate g --input x.npy --initial-states states.safetensors"
    return _damaged(
        rng, folder, "states.safetensors", f"{command}{rng.choice((' -o out', ' --json'))}"
    )


def models(rng: Random, folder: Path) -> Case:
    name = f"model.{rng.choice(('safetensors', 'pt', 'onnx', 'onnx'))}"
    options = rng.choice(("", " --block 1", " --json", " --block 2 --word 8"))
    return _damaged(rng, folder, name, f"import {name} -o out{options}")


def runs(rng: Random, folder: Path) -> Case:
    run = rng.choice(RUNS)
    names = [str(f.relative_to(folder)) for f in _files(folder / run)]
    names += [f"{run}/run.json"] * 5
    commands = (f"plot waveform {run} -o out.png", f"plot waveform {run} -o out.svg --from 2 --to 20",
                f"plot waveform {run} --signals list", f"plot error {run} -o out.png")  # fmt: skip
    return _damaged(rng, folder, rng.choice(names), rng.choice(commands))


def stores(rng: Random, folder: Path) -> Case:
    case = _damaged(rng, folder, "store.jsonl", "")
    if rng.random() < 0.3 and (folder / "store.jsonl").is_file():
        line = rng.choice(
            ("[]", "1", '{"name": [], "digest": {}, "result": 1}', "[" * 100_000, "\ufeff{}")
        )
        (folder / "store.jsonl").write_text(line + "\n")
    case.argv = [
        *SEARCH,
        "--simulate",
        "1",
        "--store",
        "store.jsonl",
        *rng.choice(([], ["--json"])),
    ]
    case.appended = ("store.jsonl", "nowhere")
    return case


def trainings(rng: Random, folder: Path) -> Case:
    names = [str(f.relative_to(folder)) for f in _files(folder / "training")]
    case = _damaged(rng, folder, rng.choice(names), "")
    case.argv, case.outputs = [*TRAINING, *rng.choice(([], ["--json"]))], ("training",)
    return case


def corpora(rng: Random, folder: Path) -> Case:
    names = [str(f.relative_to(folder)) for f in _files(folder / "corpus")]
    return _damaged(rng, folder, rng.choice(names), rng.choice(CORPUS))


def arguments(rng: Random, folder: Path) -> Case:
    """A command with another value, one more, or one fewer, some of them odd."""
    argv = _words(rng.choice(BASES))
    for _ in range(rng.choice((1, 1, 2))):
        at, kind = rng.randrange(len(argv)), rng.randrange(5)
        value = str(rng.choice(ODD)).replace("\0", "?").replace("\ud800", "\udcff")
        if kind == 0:
            argv[at] = value
        elif kind == 1:
            argv.insert(at, value)
        elif kind == 2:
            option = rng.choice(OPTIONS)
            argv += [f"{option}={value}"] if rng.random() < 0.5 else [option, value]
        elif kind == 3:
            del argv[at]
        else:
            argv.append(rng.choice(OPTIONS))
        if not argv:
            break
    case = Case(argv, how="arguments")
    # what -o and --picture name is an output, whatever it is called
    for option in ("-o", "--output", "--picture", "--table", "--vcd"):
        case.outputs += tuple(v for o, v in zip(argv, argv[1:], strict=False) if o == option)
        case.outputs += tuple(v.split("=", 1)[1] for v in argv if v.startswith(option + "="))
    case.appended = tuple(v for o, v in zip(argv, argv[1:], strict=False) if o == "--store")
    return case


OPTIONS = (
    "--json", "--force", "--block", "--word", "--state-word", "--lanes", "--frames", "--seed", "--engine", "--idle",
    "--stall", "--clock-mhz", "--name", "--words", "--max-loss", "--min-sqnr", "--signals", "--from", "--to",
    "--output-element", "--order", "--direction", "--hdl", "--device", "--tool", "--goal", "--streams", "--preset",
    "--sample-bits", "--samples-per-beat", "--input-block", "--calibration", "--picture", "--pooling", "--reset",
    "--projection", "--initial-states", "--no-initial-states", "--shuffle", "--check", "--reference", "--version",
    "--help", "--max-latency-us", "--min-fps", "--element-width", "--ifft-units", "--colour", "-x", "--",
)  # fmt: skip

#: Commands with -o OUT, and what they read.
WRITERS = (
    "new --inputs 4 --hidden 6 -o OUT", "import model.safetensors -o OUT", "simulate d --input x.npy -o OUT",
    "export d -o OUT.onnx", "export d -o OUT.safetensors", "plot schedule d -o OUT.png",
    "evaluate d --data xs.npz --words 8 -o OUT.svg", "plot error run_golden -o OUT.png", "convert d -o OUT",
)  # fmt: skip


def outputs(rng: Random, folder: Path) -> Case:
    """What must stay lies where the output should go."""
    command = rng.choice(WRITERS)
    name = rng.choice(
        ("out", "sub/out", "d", "run_golden", "x", "n/layer_0", "model", ".", "..", "/dev/null")
    )
    command = command.replace("OUT", name)
    out = next(v for o, v in zip(_words(command), _words(command)[1:], strict=False) if o == "-o")
    place = folder / out
    force = rng.random() < 0.5
    how = "nothing there"
    if rng.random() < 0.8 and name in ("out", "sub/out", "x", "model"):
        place.parent.mkdir(exist_ok=True)
        if not (place.exists() or place.is_symlink()):
            place.write_text("mine")
        how = damage_place(rng, place, [folder / "x.npy", folder / "d/design.toml"])
        if place.is_dir() and not place.is_symlink() and rng.random() < 0.7:
            (
                place / rng.choice(("mine.txt", "design.toml", "run.json", "manifest.json"))
            ).write_text("mine")
            how += " with a file"
    argv = _words(command) + (["--force"] if force else [])
    # without --force only what is not there may be made; pictures and files of export replace files
    new = not (place.exists() or place.is_symlink())
    replaced = (
        place.is_file()
        and not place.is_symlink()
        and (force or command.startswith(("plot", "evaluate")))
    )
    ours = force and any(
        (place / m).is_file() for m in ("design.toml", "network.toml", "run.json", "manifest.json")
    )
    allowed = (out,) if new or replaced or ours or (force and place.is_dir()) else ()
    return Case(argv, outputs=allowed, how=f"{out}: {how}")


def streams(rng: Random, folder: Path) -> Case:
    """Closed standard streams, streams of which nothing can be written, terminals of ASCII."""
    argv = _words(
        rng.choice((*BASES[:14], "info nothing", "plot schedule d -o out.png", "compare --json"))
    )
    kind = rng.choice(("closed", "full", "no reader", "ASCII"))
    number = rng.choice((1, 2))
    if kind == "ASCII":
        argv = [rng.choice(("info", "convert", "simulate")), "é中\u202e", "-o", "ü"]
        if rng.random() < 0.5:
            shutil.copytree(folder / "d", folder / "dé中")
            argv = ["export", "dé中", "-o", "out.safetensors", "--json"]

    def prepare() -> None:
        name = "stdout" if number == 1 else "stderr"
        if kind == "closed":
            os.close(number)
            setattr(sys, name, None)
        elif kind == "full":
            os.dup2(os.open("/dev/full", os.O_WRONLY), number)
        elif kind == "no reader":
            reader, writer = os.pipe()
            os.close(reader)
            os.dup2(writer, number)
        else:
            for stream in (sys.stdout, sys.stderr):
                stream.reconfigure(encoding="ascii", errors="strict")

    return Case(argv, how=f"{kind} {number}", prepare=prepare, silent=kind != "ASCII")


Maker = Callable[[Random, Path], Case]
#: Kind -> its maker and its share of all cases.
KINDS: dict[str, tuple[Maker, int]] = {
    "design.toml": (design, 4),
    "weights": (weights, 3),
    "network.toml": (network, 3),
    "weight images": (images, 3),
    "inputs": (inputs, 5),
    "initial states": (states, 2),
    "models": (models, 5),
    "run folders": (runs, 6),
    "stores": (stores, 1),
    "trainings": (trainings, 1),
    "corpora": (corpora, 3),
    "command lines": (arguments, 5),
    "outputs": (outputs, 3),
    "streams": (streams, 1),
}
SLOW: Sequence[str] = ("trainings",)
