"""Imported PyTorch models in fixed point against PyTorch's float outputs.

    python -m benchmarks.imported_models [--seeds 20] [--json FILE]

Each model is a random nn.LSTM or nn.GRU, imported with dense matrices (block 1) and formats chosen on
standard normal inputs, state words of four more bits. Its outputs over 8 standard normal sequences of
20 frames are compared with those of torch in float32: the largest difference of a seed; median and
largest over the seeds. "float" is the same for our float reference. Exits with 1 where a median exceeds
its limit, and with 3 without PyTorch.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.command import leave
from benchmarks.environment import environment, markdown, report
from ernn_myhdl.errors import ToolError
from ernn_myhdl.exchange.importing import import_model
from ernn_myhdl.golden.network_models import float_model, integer_model

#: Sizes, words, and the largest median allowed, None where there is no limit.
CASES = [
    (inputs, hidden, layers, word, limit if (inputs, layers) == (12, 1) else None)
    for inputs, hidden, layers in ((12, 32, 1), (12, 32, 2), (160, 256, 1))
    for word, limit in ((12, 0.012), (16, 0.0015))
]
SEQUENCES, FRAMES = 8, 20


def largest_differences(kind: str, case: tuple, seed: int, folder: Path) -> tuple[float, float]:
    """Fixed point and float reference against torch, for one random model."""
    import torch

    inputs, hidden, layers, word, _ = case
    torch.manual_seed(seed)
    net = getattr(torch.nn, kind)(inputs, hidden, layers)
    torch.save(net.state_dict(), folder / "model.pt")
    design = import_model(folder / "model.pt", block=1, word=word).design
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((FRAMES, SEQUENCES, inputs)).astype(np.float32)
    with torch.no_grad():
        expected = net(torch.tensor(x))[0].numpy()
    sequences = [x[:, i].astype(np.float64) for i in range(SEQUENCES)]
    fixed = np.stack([run.outputs for run in integer_model(design).run(sequences)], axis=1)
    real = np.stack(float_model(design).run(sequences), axis=1)
    return float(np.abs(fixed - expected).max()), float(np.abs(real - expected).max())


def measure(kind: str, case: tuple, seeds: int) -> dict:
    """One row of the table."""
    with tempfile.TemporaryDirectory() as folder:
        found = [largest_differences(kind, case, seed, Path(folder)) for seed in range(seeds)]
    fixed, real = np.array(found).T
    inputs, hidden, layers, word, limit = case
    return {
        "model": f"nn.{kind}({inputs}, {hidden}{f', {layers}' if layers > 1 else ''})",
        "word": word,
        "state_word": word + 4,
        "median": float(np.median(fixed)),
        "largest": float(fixed.max()),
        "float": float(real.max()),
        "limit": limit,
        "passed": limit is None or float(np.median(fixed)) <= limit,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20, help="random models of each kind")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here")
    arguments = parser.parse_args()
    if arguments.seeds < 1:
        parser.error("--seeds: must be at least 1")
    try:
        import torch
    except ImportError:
        error = ToolError("PyTorch is missing; install it with `pip install 'ernn-myhdl[torch]'`")
        print(f"imported_models: {error}", file=sys.stderr)
        return 3
    rows = [measure(kind, case, arguments.seeds) for kind in ("LSTM", "GRU") for case in CASES]
    text = markdown(
        ("model", "word, state word", "median", "largest", "float", "limit", "result"),
        [
            (
                row["model"], f"{row['word']}, {row['state_word']}", f"{row['median']:.2g}",
                f"{row['largest']:.2g}", f"{row['float']:.1g}", row["limit"] or "-",
                "PASS" if row["passed"] else "FAIL",
            )
            for row in rows
        ],
    )  # fmt: skip
    text += f"\n\nlargest difference from torch over {arguments.seeds} models of each kind"
    result = {"environment": environment() | {"torch": torch.__version__}, "rows": rows}
    report(result, text, arguments.json)
    return 0 if all(row["passed"] for row in rows) else 1


if __name__ == "__main__":
    leave(main)
