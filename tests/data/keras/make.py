"""Writes the Keras files of this folder, with what Keras itself gives for one sequence of each model.

    pip install keras torch; KERAS_BACKEND=torch python tests/data/keras/make.py [NAME ...]

Made with Keras 3.15.1 on its torch backend, 2026-11-28. The tests read them without Keras.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
from keras import layers

FOLDER = Path(__file__).parent
INPUTS, FRAMES, LETTERS = 6, 12, 11


def models(rng: np.random.Generator) -> dict[str, keras.Model]:
    """The models by the names of their files."""
    sequence = {"return_sequences": True}

    def x():
        return keras.Input((None, INPUTS))

    made = {
        "normalised": keras.Sequential(
            [
                x(),
                layers.BatchNormalization(),
                layers.LSTM(8, **sequence),
                layers.BatchNormalization(),
                layers.Dropout(0.2),
                layers.GRU(5, activation="sigmoid", **sequence),
                layers.BatchNormalization(),
                layers.Dense(4, activation="softmax"),
            ]
        ),
        "grus": keras.Sequential(
            [x(), layers.GRU(8, **sequence), layers.GRU(5, reset_after=False)]
        ),
        "convolution": keras.Sequential(
            [
                x(),
                layers.Conv1D(8, 1, groups=2),
                layers.LSTM(8, use_bias=False, **sequence),
                layers.TimeDistributed(layers.Dense(4)),
                layers.Rescaling(3.0, -1.0),
            ]
        ),
        "cells": keras.Sequential(
            [
                x(),
                layers.RNN(layers.GRUCell(7), **sequence),
                layers.RNN(layers.LSTMCell(4)),
                layers.Dense(2, activation="log_softmax"),
            ]
        ),
    }
    made["rnns"] = keras.Sequential(
        [
            x(),
            layers.SimpleRNN(7, **sequence),
            layers.SimpleRNN(5, activation="relu", **sequence),
            layers.Dense(3),
        ]
    )
    made["windows"] = keras.Sequential(
        [
            x(),
            layers.Conv1D(5, 3, padding="causal", dilation_rate=2),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.ZeroPadding1D((1, 0)),
            layers.Conv1D(4, 2),
            layers.ZeroPadding1D((1, 0)),
            layers.SeparableConv1D(6, 2, depth_multiplier=2),
            layers.LSTM(4, **sequence),
        ]
    )
    made["strided"] = keras.Sequential(
        [
            x(),
            layers.Conv1D(4, 3, strides=2, activation="tanh"),
            layers.DepthwiseConv1D(2, depth_multiplier=2),
            layers.Dense(3),
        ]
    )
    made["letters"] = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            layers.Embedding(LETTERS, 8),
            layers.GRU(6, **sequence),
            layers.Dense(LETTERS),
        ]
    )
    given = x()
    shared = layers.LSTM(8, **sequence)(given * 2.0 + 1.0)
    heads = [layers.Dense(3, activation="softmax")(shared), layers.Dense(2)(shared) * 3.0]
    made["heads"] = keras.Model(given, heads)
    given = x()
    inner = keras.Sequential([x(), layers.LSTM(8, **sequence), layers.BatchNormalization()])
    made["nested"] = keras.Model(given, layers.Dense(3)(inner(given)))
    given = x()  # a function behind a sum and one behind a concatenation, groups
    lively = layers.LeakyReLU(negative_slope=0.2)(
        layers.Add()([layers.GRU(INPUTS, **sequence)(given), given])
    )
    grouped = layers.Conv1D(2 * INPUTS, 2, padding="causal", groups=INPUTS, activation="relu")(
        lively
    )
    both = layers.Concatenate()([layers.LSTM(4, **sequence)(grouped), lively])
    made["functions"] = keras.Model(given, layers.Dense(3)(layers.Activation("tanh")(both)))
    given = x()  # a norm before a residual, a gate, a difference, parts of two signals
    cells = layers.GRU(INPUTS, **sequence)(given)
    skipped = layers.Add()([layers.BatchNormalization()(cells), given])
    gated = layers.Multiply()([skipped, layers.Dense(INPUTS, activation="sigmoid")(given)])
    less = layers.Subtract()([gated, layers.Dense(INPUTS, activation="silu")(cells)])
    mean = layers.Average()([less, given])
    chosen = layers.Concatenate()([mean[:, :, 1:4], given[..., 4:]])
    made["gates"] = keras.Model(given, layers.Dense(3)(chosen))
    adapted = layers.Normalization()
    adapted.adapt(rng.normal(3, 2, (50, INPUTS)).astype("f4"))
    made["adapted"] = keras.Sequential([x(), adapted, layers.GRU(8, **sequence)])
    return made


def main() -> None:
    """Of the models that are named, of all if none are."""
    rng = np.random.default_rng(0)
    keras.utils.set_random_seed(1)
    for name, model in models(rng).items():
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        for variable in model.weights:
            if "variance" in variable.path or "gamma" in variable.path:
                variable.assign(rng.uniform(0.5, 1.5, variable.shape))
            elif any(part in variable.path for part in ("mean", "bias", "beta")):
                variable.assign(rng.normal(0, 0.3, variable.shape))
        model.save(FOLDER / f"{name}.keras")
        if name != "nested":
            model.save(FOLDER / f"{name}.h5")
        x = rng.normal(0, 1, (1, FRAMES, INPUTS)).astype("f4")
        if name == "letters":
            x = rng.integers(0, LETTERS, (1, FRAMES, 1))
        y = model.predict(x[..., 0] if name == "letters" else x, verbose=0)
        y = np.concatenate(y, axis=-1) if isinstance(y, list) else y
        np.savez(FOLDER / f"{name}.npz", x=x[0], y=y[0])
        if name == "normalised":
            model.save_weights(FOLDER / f"{name}.weights.h5")
            (FOLDER / f"{name}.json").write_text(model.to_json())


if __name__ == "__main__":
    main()
