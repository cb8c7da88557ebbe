"""Random Keras models through the import: right, refused or wrong beside Keras itself.

    pip install keras torch; KERAS_BACKEND=torch python -m benchmarks.random_keras --count 60 --seed 0

Models of one to four recurrent and dense layers with what Keras puts between them, Sequential or functional, saved as .keras, as .h5, or
as .weights.h5 with their configuration. The import's dense layers, in float64, and the steps of its host are run beside
`model.predict`. "right": the outputs differ by at most 1e-4 of their span. Exits with 1 if one is wrong.
"""

from __future__ import annotations

import argparse
import collections
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.command import leave
from benchmarks.environment import environment, markdown, report
from ernn_myhdl.design.host_steps import stepped
from ernn_myhdl.design.input_scaling import scaled
from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.reference import dense_outputs
from ernn_myhdl.exchange.source import read_source

OUTCOMES = ("right", "refused", "wrong")
FORMS = (".keras", ".h5", ".weights.h5")
INPUTS, FRAMES = 5, 7
#: Largest difference of a right import, over the span of the outputs.
LIMIT = 1e-4


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.random_keras",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--count", type=int, default=60, help="models (default: 60)")
    parser.add_argument("--seed", type=int, default=0, help="of the first model (default: 0)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every outcome here")
    arguments = parser.parse_args(argv)
    if arguments.count < 1 or arguments.seed < 0:
        parser.error("--count must be 1 or more, --seed 0 or more")
    os.environ.setdefault("KERAS_BACKEND", "torch")
    try:
        import keras
    except ImportError:
        print("keras is missing; pip install keras torch", file=sys.stderr)
        return 3
    start, found = time.perf_counter(), []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(arguments.seed, arguments.seed + arguments.count):
            form = FORMS[seed % len(FORMS)]
            result, why = outcome(keras, seed, form, Path(folder))
            found.append({"seed": seed, "form": form, "outcome": result, "why": why})
            if result == "wrong":
                print(f"wrong: {form}, seed {seed}: {why}", file=sys.stderr, flush=True)
    counts = collections.Counter((each["form"], each["outcome"]) for each in found)
    rows = [(form, *(counts[form, each] for each in OUTCOMES)) for form in FORMS]
    rows.append(("all", *(sum(counts[form, each] for form in FORMS) for each in OUTCOMES)))
    seconds = round(time.perf_counter() - start)
    versions = environment("keras", "torch", "h5py")
    report({"environment": versions, "seconds": seconds, "models": found}, markdown(("models", *OUTCOMES), rows), arguments.json)  # fmt: skip
    print(f"{seconds} s")
    return 1 if rows[-1][1 + OUTCOMES.index("wrong")] else 0


def outcome(keras, seed: int, form: str, folder: Path) -> tuple[str, str]:
    """What the import makes of the model of a seed."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng([17, seed])
    model = random_model(keras, rng)
    for variable in model.weights:
        positive = any(part in variable.path for part in ("gamma", "variance"))
        variable.assign(
            rng.uniform(0.5, 1.5, variable.shape)
            if positive
            else rng.normal(0, 0.4, variable.shape)
        )
    file = folder / f"model{form}"
    config = None
    if form == ".weights.h5":
        model.save_weights(file)
        config = folder / "model.json"
        config.write_text(model.to_json(), encoding="utf-8")
    else:
        model.save(file)
    x = rng.normal(0, 1, (1, FRAMES, INPUTS)).astype("f4")
    wanted = model.predict(x, verbose=0)
    parts = wanted if isinstance(wanted, list) else [wanted]
    try:
        source = read_source(file, config=config, host_functions=bool(seed % 2))
    except DesignError as error:
        return "refused", str(error)
    given = scaled(source.scaling, [x[0].astype(np.float64)])
    (y,) = dense_outputs(source.layers, source.graph, given, [[None]] * len(source.layers))
    own = stepped(source.steps, y)
    worst, first = 0.0, 0
    for part in parts:
        part = part[0] if part.ndim == 3 else part
        size = part.shape[-1]
        if first + size > own.shape[-1] or len(part) not in (1, len(own)):
            return "wrong", f"outputs {own.shape}, must hold {part.shape}"
        off = np.abs(own[len(own) - len(part) :, first : first + size] - part).max()
        worst, first = max(worst, float(off) / (float(np.ptp(part)) or 1.0)), first + size
    if first != own.shape[-1]:
        return "wrong", f"{own.shape[-1]} outputs, must have {first}"
    return ("right" if worst <= LIMIT else "wrong"), f"error {worst:.2g} of the span"


def random_model(keras, rng: np.random.Generator):
    """A model of x (frames, INPUTS)."""
    layers = keras.layers
    (own,) = rng.spawn(
        1
    )  # so that the rest of a model is what it was before there were activations
    given = keras.Input((None, INPUTS))
    signal, frames = given, True
    for number in range(int(rng.integers(1, 5))):
        if rng.random() < 0.5:
            signal = between(layers, rng, signal)
        size = int(rng.integers(1, 8))
        whole = bool(rng.random() < (0.85 if number else 0.95))
        if frames and rng.random() < 0.65:
            signal, frames = recurrent(layers, rng, size, whole)(signal), whole
        elif frames and rng.random() < 0.3:
            signal = layers.Conv1D(size, 1, use_bias=bool(rng.random() < 0.8), activation=activation(layers, own))(signal)  # fmt: skip
            signal = activated(layers, own, signal)
        else:
            dense = layers.Dense(size, use_bias=bool(rng.random() < 0.8), activation=activation(layers, own))  # fmt: skip
            signal = layers.TimeDistributed(dense)(signal) if frames and rng.random() < 0.3 else dense(signal)  # fmt: skip
            signal = activated(layers, own, signal)
    if rng.random() < 0.3:
        signal = between(layers, rng, signal)
    end = rng.random()
    if end < 0.2:
        heads = [layers.Dense(3, activation="softmax")(signal), layers.Dense(2)(signal) * 2.0]
        return keras.Model(given, heads)
    if end < 0.5:
        kind = str(rng.choice(["softmax", "log_softmax", "sigmoid", "tanh", "relu"]))
        signal = layers.Dense(4, activation=kind)(signal)
    return keras.Model(given, signal)


def activation(layers, rng: np.random.Generator):
    """The activation of a layer, as Keras takes it; None for none."""
    if rng.random() < 0.6:
        return None
    names = [
        "relu",
        "relu6",
        "leaky_relu",
        "tanh",
        "sigmoid",
        "hard_sigmoid",
        "hard_tanh",
        "softplus",
    ]
    made = [*names, layers.LeakyReLU(negative_slope=0.3), layers.ReLU(max_value=2.0)]
    return made[int(rng.integers(len(made)))]


def activated(layers, rng: np.random.Generator, signal):
    """A signal behind a layer of its own that is an activation, now and then."""
    if rng.random() < 0.8:
        return signal
    made = [
        layers.Activation("relu"), layers.Activation("hard_sigmoid"), layers.ReLU(6.0), layers.LeakyReLU(),
        layers.ReLU(negative_slope=0.25), layers.Activation("tanh"),
    ]  # fmt: skip
    return made[int(rng.integers(len(made)))](signal)


def recurrent(layers, rng: np.random.Generator, size: int, whole: bool):
    """A recurrent layer with random options."""
    kind = str(rng.choice(["LSTM", "GRU", "SimpleRNN"]))
    options = {"return_sequences": whole, "use_bias": bool(rng.random() < 0.85)}
    if kind == "GRU":
        options["reset_after"] = bool(rng.integers(2))
        options["activation"] = str(rng.choice(["tanh", "tanh", "sigmoid"]))
    if kind == "SimpleRNN":
        options["activation"] = str(rng.choice(["tanh", "relu"]))
    if rng.random() < 0.04:
        options["go_backwards"] = True
    if rng.random() < 0.15:
        own = {n: options[n] for n in options if n != "return_sequences" and n != "go_backwards"}
        return layers.RNN(getattr(layers, f"{kind}Cell")(size, **own), return_sequences=whole)
    return getattr(layers, kind)(size, **options)


def between(layers, rng: np.random.Generator, signal):
    """What may stand between two layers."""
    kind = str(rng.choice(["norm", "norm", "dropout", "scale", "rescaling", "residual", "relu"], p=[0.3, 0.1, 0.15, 0.2, 0.15, 0.05, 0.05]))  # fmt: skip
    if kind == "norm":
        return layers.BatchNormalization(scale=bool(rng.integers(2)), center=bool(rng.integers(2)))(signal)  # fmt: skip
    if kind == "dropout":
        return layers.Dropout(0.3)(signal)
    if kind == "scale":
        return (signal - 0.25) * float(rng.uniform(0.5, 2)) if rng.random() < 0.5 else 1.0 - signal
    if kind == "rescaling":
        return layers.Rescaling(float(rng.uniform(0.5, 2)), float(rng.normal()))(signal)
    if kind == "residual":
        return layers.Add()([signal, signal])
    return layers.ReLU()(signal)


if __name__ == "__main__":
    leave(main)
