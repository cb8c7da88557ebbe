"""The three ways to a block-circulant LSTM on the Japanese Vowels, and fine-tuning with short words.

    python -m benchmarks.training [--seeds 5] [--block 16] [--curves curves.png] [--json FILE]

An LSTM of 32 cells with a linear head names the speaker of an utterance by the mean of its scores. It is
trained dense; then its matrices (not the head's) become block-circulant by ADMM and retraining, by
projection and retraining, or are trained so from the beginning. Each row is the mean over the seeds, accuracies
with their standard deviation. The second table rounds the model of ADMM to words and
fine-tunes it. --curves draws the history of ADMM with the first seed. Exits with 3 without PyTorch.
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.command import leave
from benchmarks.environment import environment, markdown, report
from ernn_myhdl.corpus.japanese_vowels import load_japanese_vowels
from ernn_myhdl.demo.model import network_inputs
from ernn_myhdl.design.cells import BLOCK_SIZES
from ernn_myhdl.errors import DesignError, ToolError
from ernn_myhdl.plots.training import plot_history
from ernn_myhdl.train import require_torch

HIDDEN, BATCH = 32, 20
LEARNING_RATE, FINE_LEARNING_RATE = 5e-3, 1e-3
DENSE_EPOCHS = 30
#: Epochs inside the structure; ADMM has those of its schedule before.
EPOCHS = {"admm": 15, "projection": 40, "direct": 70}
WORDS, FINE_EPOCHS = (12, 8, 6, 5, 4), 10


class Vowels:
    """The recordings as batches, the network, its loss and its accuracy on the test utterances."""

    def __init__(self) -> None:
        from ernn_myhdl.train import SequenceBatches

        data = load_japanese_vowels()
        self.batches = SequenceBatches(network_inputs(data, "train"), data.train.labels, BATCH)
        test = network_inputs(data, "test")
        (self._test,) = SequenceBatches(test, data.test.labels, len(test), seed=None)(0)

    def model(self, seed: int):
        """The untrained network."""
        import torch
        from torch import nn

        class Speakers(nn.Module):
            """Mean over the frames of an utterance of the scores (n, 9)."""

            def __init__(self) -> None:
                super().__init__()
                self.lstm = nn.LSTM(12, HIDDEN, batch_first=True)
                self.head = nn.Linear(HIDDEN, 9)

            def forward(self, x, lengths):
                scores = self.head(self.lstm(x)[0])
                inside = torch.arange(x.shape[1]) < lengths[:, None]
                return (scores * inside[..., None]).sum(1) / lengths[:, None]

        torch.manual_seed(seed)
        return Speakers()

    @staticmethod
    def loss(model, batch):
        from torch.nn import functional

        return functional.cross_entropy(model(batch.x, batch.lengths), batch.targets)

    def accuracy(self, model) -> float:
        """Share of the test utterances that are named right."""
        import torch

        with torch.no_grad():
            scores = model.eval()(self._test.x, self._test.lengths)
        return (scores.argmax(1) == self._test.targets).double().mean().item()

    def settings(self, seed: int) -> dict:
        """Those of `compress` and `fit`."""
        import torch

        from ernn_myhdl.train.loop import PHASES

        def adam(rate: float):
            return lambda parameters: torch.optim.Adam(parameters, rate)

        rates = dict.fromkeys(PHASES, LEARNING_RATE) | {"quantise": FINE_LEARNING_RATE}
        return {
            "optimiser": {phase: adam(rate) for phase, rate in rates.items()},
            "seed": seed,
            "validate": self.accuracy,
        }


def train(vowels: Vowels, seed: int, block: int) -> dict:
    """The dense model and those of the three ways: name -> `Compressed`."""
    from ernn_myhdl.train import compress, fit

    settings = vowels.settings(seed)
    model = vowels.model(seed)
    made = {"dense": fit(model, vowels.loss, vowels.batches, DENSE_EPOCHS, **settings)}
    for method, epochs in EPOCHS.items():
        begin = vowels.model(seed) if method == "direct" else copy.deepcopy(model)
        arguments = ({"lstm.*": block}, vowels.loss, vowels.batches, method)
        made[method] = compress(begin, *arguments, epochs=epochs, **settings)
    return made


def fine_tune(vowels: Vowels, compressed, seed: int, block: int) -> dict[int, tuple[float, float]]:
    """Accuracy by word: rounded, and fine-tuned."""
    from ernn_myhdl.train import Quantisation, compress

    def accuracy(word: int, epochs: int) -> float:
        found = compress(
            copy.deepcopy(compressed.model),
            {"lstm.*": block},
            vowels.loss,
            vowels.batches,
            "projection",
            epochs=0,
            quantise=Quantisation(word, epochs),
            **vowels.settings(seed),
        )
        return vowels.accuracy(found.model)

    return {word: (accuracy(word, 0), accuracy(word, FINE_EPOCHS)) for word in WORDS}


def measure(seeds: int, block: int, curves: Path | None) -> dict:
    vowels = Vowels()
    ways: dict[str, list[dict]] = {}
    words: dict[int, list[tuple[float, float]]] = {}
    for seed in range(seeds):
        made = train(vowels, seed, block)
        for name, compressed in made.items():
            row = {
                "accuracy": vowels.accuracy(compressed.model),
                "loss": compressed.history["epochs"][-1]["loss"],
                "epochs": len(compressed.history["epochs"]),
                "numbers": compressed.report["numbers"],
                "seconds": compressed.report["seconds"],
            }
            ways.setdefault(name, []).append(row)
        if curves and seed == 0:
            plot_history(made["admm"].history, curves)
        for word, pair in fine_tune(vowels, made["admm"], seed, block).items():
            words.setdefault(word, []).append(pair)
    return {"ways": ways, "words": words}


def percent(values) -> str:
    """Mean and standard deviation."""
    spread = f" ± {np.std(values, ddof=1):.2%}" if len(values) > 1 else ""
    return f"{np.mean(values):.2%}{spread}"


def text_of(found: dict, block: int) -> str:
    names = {
        "dense": "dense", "admm": "ADMM, retraining", "projection": "projection, retraining",
        "direct": "direct",
    }  # fmt: skip
    rows = []
    for way, runs in found["ways"].items():
        mean = {key: np.mean([run[key] for run in runs]) for key in runs[0]}
        accuracy = percent([run["accuracy"] for run in runs])
        numbers = (f"{mean['epochs']:g}", f"{mean['numbers']:,.0f}", f"{mean['loss']:.3f}")
        rows.append((names[way], *numbers, accuracy, f"{mean['seconds']:.1f}"))
    header = ("way", "epochs", "numbers of the matrices", "training loss", "accuracy", "seconds")
    words = [
        (word, *(percent(column) for column in zip(*pairs, strict=True)))
        for word, pairs in found["words"].items()
    ]
    return (
        f"{len(found['ways']['dense'])} seeds, blocks of {block} in the LSTM\n\n"
        + markdown(header, rows)
        + "\n\nthe model of ADMM with words of so many bits\n\n"
        + markdown(("word", "rounded", f"fine-tuned, {FINE_EPOCHS} epochs"), words)
        + "\n"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="models of each kind")
    parser.add_argument("--block", type=int, default=16, help="size of the blocks")
    parser.add_argument("--curves", type=Path, metavar="FILE", help=".png or .svg to draw")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here")
    arguments = parser.parse_args()
    if arguments.seeds < 1:
        parser.error("--seeds: must be at least 1")
    if arguments.block not in BLOCK_SIZES[1:]:
        parser.error(f"--block {arguments.block}: must be one of {BLOCK_SIZES[1:]}")
    try:
        require_torch()
        import torch

        torch.set_num_threads(1)
        begun = time.perf_counter()
        found = measure(arguments.seeds, arguments.block, arguments.curves)
    except (DesignError, ToolError) as error:
        print(f"training: {error}", file=sys.stderr)
        return 3 if isinstance(error, ToolError) else 2
    text = text_of(found, arguments.block) + f"\n{time.perf_counter() - begun:.0f} s in all"
    result = {"environment": environment() | {"torch": torch.__version__}, **found}
    report(result, text, arguments.json)
    return 0


if __name__ == "__main__":
    leave(main)
