"""The demonstration with its read-out as a second layer, and the recordings as data files.

    python -m ernn_myhdl.demo.network -o build/vowels

writes a new folder with the network, `train.npz` and `test.npz` for `ernn evaluate`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ernn_myhdl.calibration.build import build_network
from ernn_myhdl.corpus.japanese_vowels import JapaneseVowels, load_japanese_vowels
from ernn_myhdl.corpus.own_data import LABELS
from ernn_myhdl.demo.model import CELL, STATE_WORD, WORD, network_inputs
from ernn_myhdl.demo.readout import demo_weights, load_readout
from ernn_myhdl.design.cells import LinearCell
from ernn_myhdl.design.network import Network
from ernn_myhdl.design.storage import write_design
from ernn_myhdl.files.array_file import save_arrays
from ernn_myhdl.files.output_folder import new_folder

NETWORK = "network"
TEST = "test.npz"


def vowels_network(data: JapaneseVowels | None = None) -> Network:
    """The embedded LSTM and its read-out, calibrated on the training utterances.

    y of a frame are the scores of the nine speakers: since the read-out is linear, their mean is the
    score of the mean that `ernn_myhdl.demo.readout` takes.
    """
    data, readout = data or load_japanese_vowels(), load_readout()
    speakers, features = readout.weight.shape
    cells = CELL, LinearCell(features, speakers, block=1)
    scores = {"input_weight": readout.weight[None, :, :, None], "bias": readout.bias[None]}
    return build_network(
        cells,
        [demo_weights(), scores],
        network_inputs(data, "train"),
        WORD,
        STATE_WORD,
        lanes=(8, 3),
        name="vowels",
    )


def write_data(data: JapaneseVowels, part: str, file: Path) -> None:
    """The normalised utterances of "train" or "test" and their speakers as an .npz file."""
    named = {f"x{i}": x for i, x in enumerate(network_inputs(data, part))}
    save_arrays(file, named | {LABELS: getattr(data, part).labels})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="new folder")
    parser.add_argument("--force", action="store_true", help="replace an existing folder")
    arguments = parser.parse_args()
    data = load_japanese_vowels()
    with new_folder(arguments.output, arguments.force, TEST) as folder:
        (folder / NETWORK).mkdir()
        write_design(vowels_network(data), folder / NETWORK)
        for part in ("train", "test"):
            write_data(data, part, folder / f"{part}.npz")
    print(f"wrote {arguments.output}")


if __name__ == "__main__":
    main()
