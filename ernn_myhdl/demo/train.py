"""Command line: train the demonstration model, or the classifier, and write its safetensors files."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ernn_myhdl.corpus.japanese_vowels import JapaneseVowels, load_japanese_vowels, normalise
from ernn_myhdl.errors import DesignError
from ernn_myhdl.files.output_folder import check_file, new_file
from ernn_myhdl.files.output_target import Target

if TYPE_CHECKING:
    from ernn_myhdl.demo.fit import FitRecipe, Network

NETWORKS = ("lstm", "classifier")
FILES = {
    "lstm": ("weights.safetensors", "readout.safetensors"), "classifier": ("classifier.safetensors",)
}  # fmt: skip
FOLDS = 3
LSTM_TENSORS = ("input_weight", "recurrent_weight", "projection_weight", "bias", "peephole")

EXAMPLES = """\
examples:
  python -m ernn_myhdl.demo.train                      # write to build/demo
  python -m ernn_myhdl.demo.train -o /tmp/model --seed 2
  python -m ernn_myhdl.demo.train --network classifier  # GRU, LSTM and head, as a PyTorch state dict
  python -m ernn_myhdl.demo.train --epochs 5           # a quick look
  python -m ernn_myhdl.demo.train --validate           # cross-validate on the training part

Exit codes: 0 done, 2 wrong arguments, 3 PyTorch or tqdm is missing.
"""


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m ernn_myhdl.demo.train",
        description="Train a block-circulant network on the Japanese Vowels recordings.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--network",
        choices=NETWORKS,
        default="lstm",
        help="the LSTM of docs/demo-model.md or the stacked network of docs/classifier.md "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="DIR",
        default=Path("build/demo"),
        help="folder for weights.safetensors and readout.safetensors, or classifier.safetensors "
        "(default: %(default)s)",
    )
    parser.add_argument("--force", action="store_true", help="replace files that exist")
    parser.add_argument("--seed", type=int, default=1, help="random seed (default: %(default)s)")
    parser.add_argument(
        "--epochs", type=int, metavar="N", help="passes over the training part (default: 300)"
    )
    parser.add_argument(
        "--validate",
        action="store_true",
        help=f"{FOLDS}-fold cross-validation within the training part; writes nothing",
    )
    options = parser.parse_args(arguments)
    if options.epochs is not None and options.epochs < 1:
        parser.error(f"--epochs must be at least 1, not {options.epochs}")
    if options.seed < 0:
        parser.error(f"--seed must be at least 0, not {options.seed}")
    if not options.validate:
        try:
            options.output.mkdir(parents=True, exist_ok=True)  # fail before the training
            options.targets = {
                name: check_file(options.output / name, (".safetensors",), options.force)
                for name in FILES[options.network]
            }
        except (OSError, DesignError) as error:
            parser.error(f"--output: {error}")
    return options


def train(
    sequences: list[np.ndarray], labels: np.ndarray, recipe: FitRecipe, seed: int, network: str
) -> Network:
    """Fit a model of NETWORKS with a progress bar (none where standard error is no terminal)."""
    from tqdm import tqdm

    from ernn_myhdl.demo.fit import fit
    from ernn_myhdl.demo.torch_classifier import CirculantClassifier
    from ernn_myhdl.demo.torch_model import CirculantLstm

    kinds: dict[str, Callable[[], Network]] = {
        "lstm": CirculantLstm, "classifier": CirculantClassifier
    }  # fmt: skip
    with tqdm(total=recipe.epochs, unit="epoch", disable=not sys.stderr.isatty()) as bar:

        def advance(loss: float) -> None:
            bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
            bar.update()

        return fit(sequences, labels, recipe, seed, advance, kinds[network])


def validate(data: JapaneseVowels, recipe: FitRecipe, seed: int, network: str) -> None:
    """Hold out each third of every speaker's training utterances in turn (in file order).

    The statistics for the normalisation come from the whole training part.
    """
    from ernn_myhdl.demo.fit import evaluate

    sequences = normalise(data.train.sequences, data.mean, data.std)
    labels = data.train.labels
    rank = np.array([np.sum(labels[:i] == label) for i, label in enumerate(labels)])
    fold_of = rank * FOLDS // np.bincount(labels)[labels]
    results = []
    for fold in range(FOLDS):
        kept, held = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        model = train([sequences[i] for i in kept], labels[kept], recipe, seed, network)
        results.append(evaluate(model, [sequences[i] for i in held], labels[held]))
        print(f"fold {fold + 1}: {results[-1]}")
    accuracy = np.mean([result.accuracy for result in results])
    loss = np.mean([result.loss for result in results])
    print(f"validation: accuracy {accuracy:.2%}, cross entropy {loss:.4f}")


def save(model: Network, data: JapaneseVowels, targets: Mapping[str, Target]) -> None:
    """Write the LSTM's tensors, and the read-out with the input statistics, as float32.

    Of the classifier the state dict of its layers in PyTorch. targets: where each of FILES goes.
    """
    from safetensors.numpy import save_file

    from ernn_myhdl.demo.torch_classifier import CirculantClassifier, dense_state

    if isinstance(model, CirculantClassifier):
        tensors = {name: tensor.numpy() for name, tensor in dense_state(model).items()}
        contents = {"classifier.safetensors": tensors}
    else:
        contents = _lstm_files(model, data)
    for name, arrays in contents.items():
        with new_file(targets[name]) as partial:
            save_file(arrays, partial)
        print(f"wrote {targets[name]}")


def _lstm_files(model: Network, data: JapaneseVowels) -> dict[str, dict[str, np.ndarray]]:
    state = {name: tensor.detach().numpy() for name, tensor in model.named_parameters()}
    readout = {
        "readout_weight": state["readout.weight"],
        "readout_bias": state["readout.bias"],
        "input_mean": data.mean.astype(np.float32),
        "input_std": data.std.astype(np.float32),
    }
    weights = {name: state[name] for name in LSTM_TENSORS}
    return {"weights.safetensors": weights, "readout.safetensors": readout}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = parse(arguments)
    try:
        import torch  # noqa: F401
        import tqdm  # noqa: F401
    except ImportError as error:
        print(
            f"error: training needs PyTorch and tqdm ({error}): pip install 'ernn-myhdl[torch]'",
            file=sys.stderr,
        )
        return 3
    from ernn_myhdl.demo.fit import FitRecipe, evaluate

    recipe = FitRecipe(epochs=options.epochs) if options.epochs else FitRecipe()
    data = load_japanese_vowels()
    start = time.perf_counter()
    if options.validate:
        validate(data, recipe, options.seed, options.network)
    else:
        sequences = normalise(data.train.sequences, data.mean, data.std)
        model = train(sequences, data.train.labels, recipe, options.seed, options.network)
        print(f"train: {evaluate(model, sequences, data.train.labels)}")
        held = normalise(data.test.sequences, data.mean, data.std)
        print(f"test: {evaluate(model, held, data.test.labels)}")
        save(model, data, options.targets)
    print(f"seed {options.seed}, {recipe.epochs} epochs, {time.perf_counter() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
