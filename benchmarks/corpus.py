"""How hard a corpus is: a dense recurrent layer of PyTorch, trained shortly, and its phone error rate.

    python -m benchmarks.corpus CORPUS [--cell gru] [--hidden 64] [--epochs 5] [--seed 1] [--json FILE]

One unidirectional layer and a linear read-out on the frame labels; the validation part is scored after each
epoch, the test part once, after the last, both with the decoder and from the likeliest phones of the frames
without it. Right labels are scored beside them. It is no recipe for a good recogniser.
"""

from __future__ import annotations

import argparse
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

from benchmarks.command import leave
from benchmarks.environment import environment, markdown, report
from ernn_myhdl.corpus import (
    Corpus,
    Decoder,
    Part,
    Score,
    load_corpus,
    score,
    score_outputs,
    train_decoder,
)
from ernn_myhdl.corpus.storage import load_description
from ernn_myhdl.errors import DesignError

BATCH = 16
RATE = 2e-3
MINIMA = (1, 2, 3)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", help="corpus folder")
    parser.add_argument("--cell", choices=("gru", "lstm"), default="gru", help="default gru")
    parser.add_argument("--hidden", type=int, default=64, help="cells (64)")
    parser.add_argument("--epochs", type=int, default=5, help="passes over the training part (5)")
    parser.add_argument("--seed", type=int, default=1, help="of the model and the order (1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here")
    arguments = parser.parse_args()
    try:
        corpus = load_corpus(arguments.corpus)
        fingerprint = load_description(arguments.corpus)["sha256"]
    except DesignError as error:
        print(f"corpus: {error}", file=sys.stderr)
        return 2
    start = time.perf_counter()
    decoder = train_decoder(corpus.train, corpus.outputs)
    size = (arguments.cell, arguments.hidden)
    net, epochs = trained(corpus, decoder, *size, arguments.epochs, arguments.seed)
    result = {
        "environment": environment() | {"torch": version("torch")},
        "corpus": {"name": corpus.description.name, "seed": corpus.description.seed}
        | {"features": corpus.description.features, "sha256": fingerprint},
        "model": {"cell": arguments.cell, "hidden": arguments.hidden, "seed": arguments.seed},
        "seconds": time.perf_counter() - start,
        "epochs": epochs,
        "scores": scores(net, corpus, decoder),
    }
    report(result, text_of(result), arguments.json)
    return 0


def build(cell: str, inputs: int, hidden: int, outputs: int):
    """The layer with its read-out; torch is imported here, as it is optional."""
    import torch

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            kind = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[cell]
            self.layer = kind(inputs, hidden, batch_first=True)
            self.head = torch.nn.Linear(hidden, outputs)

        def forward(self, x):
            return self.head(self.layer(x)[0])

    return Net()


def trained(corpus: Corpus, decoder: Decoder, cell: str, hidden: int, epochs: int, seed: int):
    """The trained net, and a row for each epoch."""
    import torch

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    net = build(cell, corpus.inputs, hidden, corpus.outputs)
    batches = np.array_split(
        np.argsort([len(y) for y in corpus.train.labels]), len(corpus.train) // BATCH or 1
    )
    optimiser = torch.optim.Adam(net.parameters(), lr=RATE)
    plan = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, RATE * 3, total_steps=epochs * len(batches)
    )
    rng, rows = np.random.default_rng(seed), []
    for epoch in range(epochs):
        losses = []
        for i in rng.permutation(len(batches)):
            x, y = padded([corpus.train.utterances[j] for j in batches[i]])
            optimiser.zero_grad()
            loss = torch.nn.functional.cross_entropy(net(x).flatten(0, 1), y.flatten())
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            plan.step()
            losses.append(loss.item())
        result = score_outputs(corpus.validation, outputs(net, corpus.validation), decoder)
        rows.append({"epoch": epoch + 1, "loss": float(np.mean(losses))} | percent(result))
        print(rows[-1], file=sys.stderr, flush=True)
    return net, rows


def padded(utterances):
    """Features and labels of a batch as tensors; frames behind the end are labelled -100, not counted."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    x = pad_sequence([torch.from_numpy(u.features) for u in utterances], batch_first=True)
    y = [torch.from_numpy(u.labels) for u in utterances]
    return x, pad_sequence(y, batch_first=True, padding_value=-100)


def outputs(net, part: Part) -> list[np.ndarray]:
    """What the net puts out for every utterance, ``(frames, phones)``."""
    import torch

    with torch.no_grad():
        return [net(torch.from_numpy(x)[None])[0].numpy() for x in part.features]


def percent(result: Score) -> dict[str, float]:
    """The score in percent."""
    return {
        "phone_error_rate": 100 * result.phone_error_rate,
        "frame_accuracy": 100 * result.frame_accuracy,
    }


def scores(net, corpus: Corpus, decoder: Decoder) -> list[dict]:
    """Validation and test part: decoded, undecoded with each minimum, and the right labels."""
    rows = []
    for name in ("validation", "test"):
        part = corpus.parts[name]
        found = outputs(net, part)
        likeliest = [y.argmax(axis=1) for y in found]
        results = {"decoded": score_outputs(part, found, decoder)}
        for minimum in MINIMA:
            results[f"undecoded, at least {minimum}"] = score(part, likeliest, minimum)
            results[f"right labels, at least {minimum}"] = score(part, part.labels, minimum)
        rows += [{"part": name, "phones": phones} | percent(r) for phones, r in results.items()]
    return rows


def text_of(result: dict) -> str:
    """The table."""
    corpus, model = result["corpus"], result["model"]
    table = markdown(
        ("part", "phones", "phone error rate", "frame accuracy"),
        [
            (r["part"], r["phones"], f"{r['phone_error_rate']:.2f} %", f"{r['frame_accuracy']:.2f} %")
            for r in result["scores"]
        ],
    )  # fmt: skip
    return (
        f"{corpus['name']}, seed {corpus['seed']}, {corpus['features']}, SHA-256 {corpus['sha256'][:16]}...\n"
        f"{model['cell']} of {model['hidden']} cells, {len(result['epochs'])} epochs, seed {model['seed']}, "
        f"{result['seconds']:.0f} s\n\n{table}\n"
    )


if __name__ == "__main__":
    leave(main)
