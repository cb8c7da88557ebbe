"""The files that are damaged: one of every kind that the command reads, small and made by itself."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from ernn_myhdl import Traffic, new_design, save_design
from ernn_myhdl.calibration.generate import new_network
from ernn_myhdl.cli.main import main
from ernn_myhdl.corpus import Part, Utterance
from ernn_myhdl.corpus.corpus import PARTS, Description
from ernn_myhdl.corpus.storage import write_corpus
from ernn_myhdl.design.cells import LinearCell, LstmCell
from ernn_myhdl.host.serial_link import SerialLink
from ernn_myhdl.system.loadable import weight_image
from ernn_myhdl.system.writer import system_description

SEARCH = ["explore", "hardware", "d", "--device", "xc7z020", "--lanes", "1,2", "--streams", "1",
          "--jobs", "1"]  # fmt: skip
TRAINING = ["train", "corpus", "-o", "training", "--hidden", "4", "--block", "2", "--epochs", "1",
            "--admm-epochs", "1", "--retrain-epochs", "1", "--quantise-epochs", "1"]  # fmt: skip


def make_originals(folder: Path, short: bool) -> None:
    """Designs, inputs, runs, models, a corpus, a store and, unless short, a training into an empty folder."""
    rng = np.random.default_rng(0)
    lstm = new_design(4, 6, 4, 2, True, lanes=2)
    gru = new_design(4, 4, block=2, cell="gru", lanes=2, initial_states=True)
    cells = (LstmCell(4, 6, 4, 2, True), LinearCell(4, 3, block=1))
    network = new_network(cells, name="net", lanes=(2, 1))
    for name, design in (("d", lstm), ("g", gru), ("n", network)):
        save_design(design, folder / name)
    x = [rng.standard_normal((frames, 4)) for frames in (4, 2, 3)]
    np.save(folder / "x.npy", x[0])
    np.savez(folder / "xs.npz", *x)
    np.savez_compressed(folder / "labelled.npz", *x, labels=np.array([0, 2, 1]))
    _board(folder)
    state = {"layer_0.cell_state": rng.standard_normal(4)}
    save_file(state, folder / "states.safetensors")
    lstm.run(x, engine="golden").save(folder / "run_golden")
    lstm.run(x, engine="myhdl", traffic=Traffic(0.1, 0.1, 1)).save(folder / "run_myhdl")
    network.run(x[:1], engine="myhdl").save(folder / "run_network")
    gru.run(x[0], engine="integer", initial={"cell_state": np.full(4, 0.5)}).save(
        folder / "run_state"
    )
    _corpus(folder / "corpus", rng)
    with contextlib.chdir(folder) if hasattr(contextlib, "chdir") else _chdir(folder):
        for suffix in ("safetensors", "onnx"):
            _ernn("export", "d", "-o", f"model.{suffix}")
        _torch_model(folder / "model.pt")
        _ernn(*SEARCH, "--simulate", "1", "--store", "store.jsonl")
        if not short:
            _ernn(*TRAINING)


def _board(folder: Path) -> None:
    """A core with loadable weights (l), what its host must know of it, another model (m), and an image of weights."""
    old, new = (
        new_design(4, 4, block=2, cell="gru", lanes=2, seed=seed, weights="loadable")
        for seed in (1, 2)
    )
    save_design(old, folder / "l")
    save_design(new, folder / "m")
    (folder / "board").mkdir()
    system = system_description(old, 32, SerialLink(8_000_000, 8, 1_000_000))
    (folder / "board" / "system.json").write_text(json.dumps(system.record()))
    (folder / "image.bin").write_bytes(weight_image(old))


@contextlib.contextmanager
def _chdir(folder: Path):
    import os

    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _ernn(*arguments: str) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        code = main(list(arguments))
    if code:
        raise SystemExit(f"ernn {' '.join(arguments)} ended with {code}")


def _torch_model(file: Path) -> None:
    import torch

    torch.manual_seed(0)
    torch.save(torch.nn.GRU(4, 4).state_dict(), file)


def _corpus(folder: Path, rng: np.random.Generator) -> None:
    """Three utterances in each part."""
    folder.mkdir()

    def utterance(name: str, frames: int) -> Utterance:
        x = rng.normal(5.0, 3.0, (frames, 40)).astype(np.float32)
        labels = np.repeat([0, 2, 1], [frames - 4, 2, 2])
        return Utterance(name, name[:2], "a text", x, labels, np.array([0, 2, 1]))

    parts = {
        part: Part(tuple(utterance(f"{part[:1]}{i}-{part}", 9 + i) for i in range(3)))
        for part in PARTS
    }
    description = Description("own", 3, 4, "logmel40", ("aa", "b", "sil"), "test", {"numpy": "2"})
    write_corpus(description, parts, folder)
