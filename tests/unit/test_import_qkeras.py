"""Models of QKeras: their rounded weights, and what is refused."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from keras_files import DATA, h5py, layer_of, parts, written

from ernn_myhdl import DesignError
from ernn_myhdl.exchange.keras_quantisation import QuantizedBits
from ernn_myhdl.exchange.source import read_source


def quantised(config: dict, quantiser: dict) -> dict:
    """The layers of a model as QKeras has them."""
    for one in config["config"]["layers"]:
        if one["class_name"] in ("LSTM", "GRU", "Dense"):
            one["class_name"], one["module"] = f"Q{one['class_name']}", "qkeras.qlayers"
            names = (
                ("kernel", "recurrent", "bias") if "Dense" not in one["class_name"] else ("kernel",)
            )
            one["config"] |= {f"{n}_quantizer": quantiser for n in names}
    return config


BITS = {"bits": 6, "integer": 1, "symmetric": 1, "keep_negative": True, "alpha": 1.0, "qnoise_factor": 1.0}  # fmt: skip


def test_weights_of_qkeras_are_those_that_it_computes_with():
    """By its formula, number by number; half to even."""
    given = np.array([0.0, 0.03, 0.03125, 0.09375, -0.09375, 1.99, -5.0, 0.6])
    rounded = QuantizedBits(6, 1, True, True, 1.0).apply(given)
    assert rounded.tolist() == [0.0, 0.0, 0.0, 0.125, -0.125, 1.9375, -1.9375, 0.625]
    assert QuantizedBits(4, 0, False, False, 0.5).apply(np.array([-1.0, 0.5, 2.0])).tolist() == [0.0, 0.25, 0.46875]  # fmt: skip


def test_a_model_of_qkeras_is_imported_with_rounded_weights(tmp_path):
    config, weights = parts("grus.keras")
    before = read_source(DATA / "grus.keras").layers
    quantiser = {"class_name": "quantized_bits", "module": "qkeras.quantizers", "config": BITS}
    text = json.dumps(quantised(config, quantiser))
    source = read_source(renamed(tmp_path / "m.keras", text, weights))
    expected = QuantizedBits(6, 1, True, True, 1.0)
    for layer, plain in zip(source.layers, before, strict=True):
        for name in ("input_weight", "recurrent_weight"):
            assert np.array_equal(layer.weights[name], expected.apply(plain.weights[name]))
    assert any(
        "(QGRU): rounded as QKeras" in note and "6 bits with 4" in note for note in source.notes
    )


def renamed(path: Path, config: str, weights: bytes) -> Path:
    """A file whose weights lie where Keras puts those of classes of QKeras."""
    stream = io.BytesIO(weights)
    with h5py.File(stream, "r+") as made:
        for name in list(made["layers"]):
            made.move(f"layers/{name}", f"layers/q{name}")
    return written(path, config, stream.getvalue())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"alpha": "auto_po2"}, "computes when it runs"), ({"use_stochastic_rounding": True}, "by chance"),
        ({"bits": 1}, "bits = 1"), ({"qnoise_factor": 0.5}, "in part"),
    ],
)  # fmt: skip
def test_quantisers_that_a_file_does_not_tell_are_refused(change, words, tmp_path):
    config, weights = parts("grus.keras")
    text = json.dumps(quantised(config, {"class_name": "quantized_bits", "config": BITS | change}))
    with pytest.raises(DesignError, match=rf"'gru_1' \(QGRU\).*{words}"):
        read_source(renamed(tmp_path / "m.keras", text, weights))


def test_signals_that_qkeras_rounds_are_refused(tmp_path):
    config, weights = parts("grus.keras")
    quantised(config, {"class_name": "quantized_bits", "config": BITS})
    first = layer_of(config, "QGRU")["config"]
    for change, words in (
        ({"state_quantizer": {"class_name": "quantized_bits", "config": BITS}}, "state_quantizer"),
        ({"activation": "quantized_tanh(8)"}, "quantized_tanh"),
    ):
        before = dict(first)
        first |= change
        with pytest.raises(DesignError, match=words):
            read_source(renamed(tmp_path / "m.keras", json.dumps(config), weights))
        first.clear()
        first |= before
    extra = {"module": "qkeras.qlayers", "class_name": "QActivation", "config": {"name": "extra"}}
    config["config"]["layers"].insert(2, extra)
    with pytest.raises(DesignError, match=r"'extra' \(QActivation\): rounds signals"):
        read_source(renamed(tmp_path / "m.keras", json.dumps(config), weights))
