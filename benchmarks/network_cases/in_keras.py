"""The networks that Keras has layers for, as Keras models with random weights. x is (sequences, frames, inputs)."""

from __future__ import annotations


def tagger(keras, kind: str, inputs: int, hidden: int, dense: tuple[int, ...], classes: int):
    """As `benchmarks.network_cases.pytorch.Tagger`."""
    layers = keras.layers
    y = x = keras.Input((None, inputs))
    y = getattr(layers, kind)(hidden)(y)
    for size in dense:
        y = layers.Dense(size, activation="relu")(y)
    return keras.Model(
        x, layers.Dense(classes, activation="sigmoid" if classes == 1 else "softmax")(y)
    )


def rnnoise(keras):
    """As `Rnnoise`."""
    layers = keras.layers
    x = keras.Input((None, 42))
    y = layers.Conv1D(48, 3, padding="causal", activation="tanh")(x)
    y = layers.Conv1D(48, 3, padding="causal", activation="tanh")(y)
    voice = layers.GRU(24, return_sequences=True)(y)
    noise = layers.GRU(48, return_sequences=True)(layers.Concatenate()([y, voice]))
    denoise = layers.GRU(96, return_sequences=True)(layers.Concatenate()([voice, noise, y]))
    gains = layers.Dense(22, activation="sigmoid")(layers.Concatenate()([voice, noise, denoise]))
    return keras.Model(x, [gains, layers.Dense(1, activation="sigmoid")(voice)])


def rnnoise_dense(keras):
    """As `RnnoiseDense`."""
    layers = keras.layers
    x = keras.Input((None, 42))
    y = layers.Dense(24, activation="tanh")(x)
    voice = layers.GRU(24, return_sequences=True)(y)
    noise = layers.GRU(48, return_sequences=True)(layers.Concatenate()([y, voice, x]))
    denoise = layers.GRU(96, return_sequences=True)(layers.Concatenate()([voice, noise, x]))
    gains = layers.Dense(22, activation="sigmoid")(denoise)
    return keras.Model(x, [gains, layers.Dense(1, activation="sigmoid")(voice)])


def activity(keras):
    """As `Activity`."""
    layers = keras.layers
    x = keras.Input((None, 9))
    y = layers.TimeDistributed(layers.Dense(32, activation="relu"))(x)
    y = layers.LSTM(32)(layers.LSTM(32, return_sequences=True)(y))
    return keras.Model(x, layers.Dense(6, activation="softmax")(y))


def autoencoder(keras):
    """As `Autoencoder`."""
    layers = keras.layers
    return keras.Sequential([
        keras.Input((8, 1)), layers.LSTM(32, return_sequences=True), layers.LSTM(8), layers.RepeatVector(8),
        layers.LSTM(8, return_sequences=True), layers.LSTM(32, return_sequences=True),
        layers.TimeDistributed(layers.Dense(1)),
    ])  # fmt: skip


def amplifier(keras):
    """As `Amplifier`."""
    x = keras.Input((None, 1))
    y = keras.layers.Dense(1)(keras.layers.LSTM(40, return_sequences=True)(x))
    return keras.Model(x, keras.layers.Add()([y, x]))


def heart(keras):
    """As `Heart`."""
    layers = keras.layers
    return keras.Sequential([
        keras.Input((None, 2)), layers.LSTM(64, return_sequences=True), layers.BatchNormalization(),
        layers.LSTM(32), layers.Dense(5, activation="softmax"),
    ])  # fmt: skip


def letters(keras):
    """As `Letters`."""
    layers = keras.layers
    return keras.Sequential([
        keras.Input((None,), dtype="int32"), layers.Embedding(65, 32), layers.LSTM(96, return_sequences=True),
        layers.Dense(65),
    ])  # fmt: skip


def pooled(
    keras, kind: str, inputs: int, hidden: int, pool: str, classes: int, activation: str | None
):
    """A recurrent layer, a pool over frames, a dense layer."""
    layers = keras.layers
    return keras.Sequential([
        keras.Input((8, inputs)), getattr(layers, kind)(hidden, return_sequences=True), getattr(layers, pool)(),
        layers.Dense(classes, activation=activation),
    ])  # fmt: skip


#: Name of a case -> function of keras that makes its model.
KERAS_CASES = {
    "RNNoise, dense in front": rnnoise_dense,
    "RNNoise, convolutions": rnnoise,
    "top tagging, LSTM 20": lambda keras: tagger(keras, "LSTM", 6, 20, (64,), 1),
    "top tagging, GRU 20": lambda keras: tagger(keras, "GRU", 6, 20, (64,), 1),
    "flavour tagging, LSTM 120": lambda keras: tagger(keras, "LSTM", 6, 120, (50, 10), 3),
    "QuickDraw, LSTM 128": lambda keras: tagger(keras, "LSTM", 3, 128, (256, 128), 5),
    "human activity": activity,
    "gravitational waves, autoencoder": autoencoder,
    "guitar amplifier": amplifier,
    "ECG with BatchNorm": heart,
    "language model of letters": letters,
    "MNIST by rows, LSTM 32": lambda keras: tagger(keras, "LSTM", 28, 32, (), 10),
    "spoken digits, mean over frames": lambda keras: pooled(
        keras, "GRU", 32, 64, "GlobalAveragePooling1D", 10, None
    ),
    "detection, maximum over frames": lambda keras: pooled(
        keras, "LSTM", 6, 24, "GlobalMaxPooling1D", 1, "sigmoid"
    ),
}


def keras_model(name: str, seed: int = 0):
    """The Keras model of a case."""
    import keras
    import numpy as np

    keras.utils.set_random_seed(seed)
    model = KERAS_CASES[name](keras)
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        if "moving_variance" in variable.path:
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
        elif "moving_mean" in variable.path:
            variable.assign(rng.normal(0, 0.2, variable.shape))
    return model
