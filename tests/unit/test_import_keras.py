"""Keras files: the models of tests/data/keras, which Keras wrote with what it gives itself, and damaged ones."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from foreign_models import onnx_module
from keras_files import DATA, FILES, layer_of, parts, written

from ernn_myhdl import DesignError, export_model, import_model, load_design, save_design
from ernn_myhdl.cli.main import main
from ernn_myhdl.design.host_steps import HostStep
from ernn_myhdl.exchange.reference import check_reference, load_reference
from ernn_myhdl.exchange.source import read_source

LAYERS = {
    "normalised": ["lstm", "gru", "linear"],
    "grus": ["gru", "gru"],
    "convolution": ["linear", "lstm", "linear"],
    "cells": ["gru", "lstm", "linear"],
    "heads": ["lstm", "linear"],
    "nested": ["lstm", "linear"],
    "adapted": ["gru"],
    "rnns": ["rnn", "rnn", "linear"],
    "windows": ["linear", "linear", "linear", "linear", "lstm"],
    "strided": ["linear", "linear", "linear"],
    "letters": ["gru", "linear"],
    "gates": ["gru", *["linear"] * 5],
    "functions": ["gru", "linear", "lstm", "linear"],
}
STEPS = {
    "normalised": (HostStep("softmax"),),
    "cells": (HostStep("log_softmax"),),
    "heads": (HostStep("softmax", (0, 3)),),
}


def reference(file: str) -> Path:
    return DATA / f"{file.partition('.')[0]}.npz"


@pytest.mark.parametrize("file", FILES)
def test_a_file_gives_what_keras_gives(file):
    """Dense and not rounded, to 1e-6."""
    name = file.partition(".")[0]
    source = read_source(DATA / file, config=DATA / f"{name}.json" if ".weights" in file else None)
    assert [layer.kind for layer in source.layers] == LAYERS[name]
    assert source.steps == STEPS.get(name, ())
    outputs = source.layers[-1].outputs
    told = load_reference(reference(file), source.inputs, outputs, source.graph)
    assert check_reference(source.layers, told, source.steps, source.graph).relative < 1e-6


@pytest.mark.parametrize("name", ["normalised", "heads"])
def test_a_design_of_16_bits_gives_what_keras_gives(name):
    imported = import_model(DATA / f"{name}.keras", word=16, reference=reference(name))
    assert imported.reference.relative < 1e-6
    with np.load(reference(name)) as told:
        x, y = told["x"], np.atleast_2d(told["y"])
    run = imported.design.run(x, "integer")
    assert np.abs(run.outputs[-len(y) :] - y).max() < 1e-3
    assert run.raw.dtype == np.int64
    assert any("softmax" in note for note in imported.notes)


def test_host_steps_survive_folders_and_exports(tmp_path):
    """design.toml, ONNX and state dict keep them; the words of the core know nothing of them."""
    imported = import_model(DATA / "heads.keras", reference=reference("heads"))
    save_design(imported.design, tmp_path / "design")
    loaded = load_design(tmp_path / "design")
    assert loaded == imported.design
    assert loaded.host_steps == STEPS["heads"]
    assert "output_steps" in (tmp_path / "design" / "layer_1" / "design.toml").read_text()
    for file in ("model.safetensors", "model.onnx"):
        if file.endswith("onnx"):
            onnx_module()
        export_model(imported.design, tmp_path / file)
        again = import_model(tmp_path / file, reference=reference("heads"))
        assert again.design.host_steps == STEPS["heads"]
        assert again.reference.relative < 1e-6


def test_exported_onnx_computes_the_host_steps(tmp_path):
    onnx = onnx_module()
    from onnx.reference import ReferenceEvaluator

    for name in ("cells", "heads"):  # the reference runs no GRU with a sigmoid for its candidate
        imported = import_model(DATA / f"{name}.keras")
        export_model(imported.design, tmp_path / f"{name}.onnx")
        with np.load(reference(name)) as told:
            x, y = told["x"], told["y"]
        model = ReferenceEvaluator(onnx.load(str(tmp_path / f"{name}.onnx")))
        (made,) = model.run(None, {"x": x[:, None]})
        assert np.abs(made[-1:, 0] - y if name == "cells" else made[:, 0] - y).max() < 1e-6


def test_a_run_folder_keeps_outputs_behind_the_host(tmp_path):
    from ernn_myhdl.runs.run import load_run

    imported = import_model(DATA / "normalised.keras", reference=reference("normalised"))
    with np.load(reference("normalised")) as told:
        run = imported.design.run(told["x"], "golden")
    run.save(tmp_path / "run")
    loaded = load_run(tmp_path / "run")
    assert np.array_equal(loaded.outputs, run.outputs)
    assert np.allclose(loaded.outputs.sum(axis=1), 1)
    exponentials = np.exp(run.core_outputs)
    assert np.allclose(run.outputs, exponentials / exponentials.sum(axis=1, keepdims=True))


def test_evaluate_scores_behind_the_host():
    """A source with softmax and the design have the same outputs, up to rounding."""
    from ernn_myhdl.corpus.inputs import DataSet
    from ernn_myhdl.runs.evaluate import evaluate
    from ernn_myhdl.runs.word_sweep import at_word

    imported = import_model(DATA / "normalised.keras", word=14)
    with np.load(reference("normalised")) as told:
        x, y = told["x"], told["y"]
    data = DataSet([x.astype(np.float64)], y.argmax(axis=1)[None].reshape(-1))
    found = evaluate(imported.design, data)
    assert found.accuracy == found.float_accuracy == 1.0
    assert found.source is not None
    assert found.error < 1e-3
    assert at_word(imported.design, [x], 8).host_steps == STEPS["normalised"]


CHANGES = {
    "backwards": ("LSTM", {"go_backwards": True}, ["'lstm", "go_backwards", "reversed"]),
    "gate": ("LSTM", {"recurrent_activation": "hard_sigmoid"}, ["recurrent_activation", "'sigmoid'"]),
    "candidate": ("LSTM", {"activation": "relu"}, ["activation = 'relu'", "'tanh'"]),
    "stateful": ("GRU", {"stateful": True}, ["stateful=False"]),
    "states": ("GRU", {"return_state": True}, ["return_state"]),
    "axis": ("BatchNormalization", {"axis": 1}, ["axis 1", "axis=-1"]),
    "gelu": ("Dense", {"activation": "gelu"}, ["(Dense)", "no layer computes this function"]),
    "own activation": (
        "Dense", {"activation": {"class_name": "function", "config": "f", "registered_name": "Custom>f"}},
        ["activation of its own"],
    ),
    "units": ("LSTM", {"units": 9}, ["kernel has shape (6, 32)", "(6, 36)"]),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_cell_does_not_have_is_refused_by_name(name, tmp_path):
    kind, change, words = CHANGES[name]
    config, weights = parts("normalised.keras")
    layer_of(config, kind)["config"].update(change)
    with pytest.raises(DesignError) as error:
        import_model(written(tmp_path / "m.keras", config, weights))
    assert all(word in str(error.value) for word in words), error.value


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("Lambda", ["not run"]), ("Masking", ["every frame", "--reference"]), ("RepeatVector", ["has frames"]),
        ("Bidirectional", ["bidirectional"]), ("LayerNormalization", ["BatchNormalization"]),
        ("AveragePooling1D", ["2 frames at a time", "GlobalAveragePooling1D"]), ("Embedding", ["numbers of the model's input"]),
        ("MultiHeadAttention", ["attention"]), ("Mystery", ["not supported"]), ("Flatten", ["between frames"]),
    ],
)  # fmt: skip
def test_a_layer_that_no_core_has_is_refused_by_name(kind, words, tmp_path):
    config, weights = parts("grus.keras")
    extra = {"module": "keras.layers", "class_name": kind, "config": {"name": "extra"}}
    config["config"]["layers"].insert(2, extra)
    with pytest.raises(DesignError) as error:
        import_model(written(tmp_path / "m.keras", config, weights))
    message = str(error.value)
    assert "\n" not in message
    assert all(word in message for word in [f"'extra' ({kind})", *words]), message


def test_a_layer_behind_one_that_no_core_has_is_not_what_is_refused(tmp_path):
    """A bidirectional LSTM of twice its units before a Dense layer: the Dense layer's kernel was called wrong."""
    model = tmp_path / "m.keras"
    config, weights = parts("rnns.keras")
    layers = config["config"]["layers"]
    assert [found["class_name"] for found in layers[2:]] == ["SimpleRNN", "Dense"]
    layers[2]["class_name"] = "Bidirectional"
    with pytest.raises(DesignError, match=r"\(Bidirectional\): is bidirectional"):
        import_model(written(model, config, weights))


def test_an_embedding_that_skips_frames_is_refused(tmp_path):
    config, weights = parts("letters.keras")
    layer_of(config, "Embedding")["config"]["mask_zero"] = True
    with pytest.raises(DesignError, match=r"'embedding.* mask_zero skips the frames of number 0"):
        import_model(written(tmp_path / "m.keras", config, weights))


def test_a_masking_layer_is_left_out_where_the_reference_shows_that_it_does_nothing(tmp_path):
    config, weights = parts("grus.keras")
    extra = {"module": "keras.layers", "class_name": "Masking", "config": {"name": "mask"}}
    config["config"]["layers"].insert(1, extra)
    file = written(tmp_path / "m.keras", config, weights)
    imported = import_model(file, reference=reference("grus"))
    assert any("Masking" in note for note in imported.notes)


def test_sigmoid_at_the_end_is_the_hosts_only_if_asked(tmp_path):
    config, weights = parts("normalised.keras")
    layer_of(config, "Dense")["config"]["activation"] = "sigmoid"
    file = written(tmp_path / "m.keras", config, weights)
    own = import_model(file).design
    assert own.host_steps == () and own.layers[-1].cell.activation == "sigmoid"
    asked = import_model(file, host_functions=True).design
    assert asked.host_steps == (HostStep("sigmoid"),)
    assert asked.layers[-1].cell.activation == "none"


def test_a_function_between_layers_is_not_the_hosts(tmp_path):
    config, weights = parts("convolution.keras")
    layer_of(config, "Conv1D")["config"]["activation"] = "sigmoid"
    file = written(tmp_path / "m.keras", config, weights)
    design = import_model(file, host_functions=True).design
    assert "sigmoid" in [getattr(d.cell, "activation", None) for d in design.layers]
    layer_of(config, "Conv1D")["config"]["activation"] = "gelu"
    with pytest.raises(DesignError, match=r"\(Conv1D\).*it lies|\(Conv1D\).*cut"):
        import_model(written(tmp_path / "n.keras", config, weights), host_functions=True)


@pytest.mark.parametrize(
    ("told", "options"),
    [
        ("relu", ("relu", 0.0, 0.0)), ("relu6", ("relu", 0.0, 6.0)), ("tanh", ("tanh", 0.0, 0.0)),
        ("leaky_relu", ("leaky_relu", 0.2, 0.0)), ("hard_tanh", ("hard_tanh", 0.0, 1.0)),
        ({"module": "keras.layers", "class_name": "LeakyReLU", "config": {"negative_slope": 0.3}, "registered_name": None},
         ("leaky_relu", 0.3, 0.0)),
        ({"module": "keras.layers", "class_name": "ReLU", "config": {"max_value": 2.0, "negative_slope": 0.0, "threshold": 0.0}},
         ("relu", 0.0, 2.0)),
    ],
)  # fmt: skip
def test_activations_of_dense_layers(told, options, tmp_path):
    config, weights = parts("normalised.keras")
    layer_of(config, "Dense")["config"]["activation"] = told
    cell = import_model(written(tmp_path / "m.keras", config, weights)).design.layers[-1].cell
    assert (cell.activation, cell.slope, cell.limit) == options


@pytest.mark.parametrize(
    ("version", "slope"), [("3.8.0", 1 / 6), ("2.15.0", 0.2), ("2.2.4-tf", 0.2), (None, None), ("4.0", None)]
)  # fmt: skip
def test_hard_sigmoid_is_that_of_the_files_version(version, slope, tmp_path):
    """0.2 x + 1/2 in Keras 2, x / 6 + 1/2 in Keras 3: a file without a version is refused, not guessed."""
    config, weights = parts("normalised.keras")
    layer_of(config, "Dense")["config"]["activation"] = "hard_sigmoid"
    file = written(tmp_path / "m.keras", config, weights)
    if version is not None:
        with zipfile.ZipFile(file, "a") as archive:
            archive.writestr("metadata.json", json.dumps({"keras_version": version}))
    if slope is None:
        with pytest.raises(DesignError, match=r"hard_sigmoid.*Keras 3.*version of Keras"):
            import_model(file)
    else:
        found = import_model(file).design.layers[-1].cell
        assert (found.activation, found.slope) == ("hard_sigmoid", pytest.approx(slope, rel=1e-7))


def test_the_command_imports_keras_and_names_the_host_steps(tmp_path, capsys):
    folder = tmp_path / "design"
    assert main(["import", str(DATA / "normalised.keras"), "-o", str(folder)]) == 0
    assert "softmax" in capsys.readouterr().out
    assert main(["info", str(folder)]) == 0
    assert "softmax" in capsys.readouterr().out
    assert main(["info", str(folder), "--json"]) == 0
    host = json.loads(capsys.readouterr().out)["layers"][-1]["host"]
    assert host == {"output_steps": [{"kind": "softmax"}]}


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"kind": "soft"}, "must be"), ({}, "kind"), ({"kind": "softmax", "x": 1}, "unknown key"),
        ({"kind": "softmax", "elements": [0, 9]}, "only"), ({"kind": "affine"}, "scale"),
        ({"kind": "affine", "scale": ["a"], "offset": [1.0]}, "numbers"),
        ({"kind": "affine", "scale": [1.0, 2.0, 3.0], "offset": [1.0]}, "one for each"),
        ({"kind": "softmax", "elements": [2]}, "first element"), (3, "table"),
    ],
)  # fmt: skip
def test_damaged_host_steps_are_refused_by_name(record, words, tmp_path):
    import tomlkit

    imported = import_model(DATA / "normalised.keras")
    save_design(imported.design, tmp_path / "design")
    file = tmp_path / "design" / "layer_2" / "design.toml"
    document = tomlkit.parse(file.read_text()).unwrap()
    document["host"] = {"output_steps": [record]}
    file.write_text(tomlkit.dumps(document))
    with pytest.raises(DesignError, match=words):
        load_design(tmp_path / "design")


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        ("Conv1D", {"padding": "same"}, ["frames that come later", "causal"]),
        ("ZeroPadding1D", {"padding": [1, 1]}, ["not causal"]),
        ("ZeroPadding1D", {"padding": [2, 0]}, ["padded by 2 frames", "reaches 1"]),
        ("Conv1D", {"data_format": "channels_first"}, ["channels_last"]),
    ],
)
def test_a_convolution_that_is_not_causal_is_refused_by_name(kind, change, words, tmp_path):
    config, weights = parts("windows.keras")
    layer_of(config, kind)["config"].update(change)
    with pytest.raises(DesignError) as error:
        import_model(written(tmp_path / "m.keras", config, weights))
    message = str(error.value)
    assert "\n" not in message and all(word in message for word in words), message


def test_a_padding_that_no_convolution_takes_is_refused(tmp_path):
    config, weights = parts("windows.keras")
    layers = config["config"]["layers"]
    last = max(i for i, each in enumerate(layers) if each["class_name"] == "ZeroPadding1D")
    layers.append(layers.pop(last))
    with pytest.raises(DesignError, match="padded along its frames"):
        import_model(written(tmp_path / "m.keras", config, weights))
