"""Keras files: the models of tests/data/keras, which Keras wrote with what it gives itself, and damaged ones."""

import copy
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from foreign_models import onnx_module
from tools import require_module

from ernn_myhdl import DesignError, export_model, import_model, load_design, save_design
from ernn_myhdl.cli.main import main
from ernn_myhdl.design.host_steps import HostStep
from ernn_myhdl.exchange.keras_quantised import QuantizedBits
from ernn_myhdl.exchange.reference import check_reference, load_reference
from ernn_myhdl.exchange.source import read_source

h5py = require_module("h5py", "pip install 'ernn-myhdl[keras]'")

DATA = Path(__file__).parents[1] / "data" / "keras"
FILES = sorted(f.name for f in DATA.glob("*") if f.suffix in (".keras", ".h5"))
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
    from ernn_myhdl.runs.evaluate import at_word, evaluate

    imported = import_model(DATA / "normalised.keras", word=14)
    with np.load(reference("normalised")) as told:
        x, y = told["x"], told["y"]
    data = DataSet([x.astype(np.float64)], y.argmax(axis=1)[None].reshape(-1))
    found = evaluate(imported.design, data)
    assert found.accuracy == found.float_accuracy == 1.0
    assert found.source is not None
    assert found.error < 1e-3
    assert at_word(imported.design, [x], 8).host_steps == STEPS["normalised"]


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
    first = layer(config, "QGRU")["config"]
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


# -- what is refused ---------------------------------------------------------------------------------------------------


def parts(file: str) -> tuple[dict, bytes]:
    with zipfile.ZipFile(DATA / file) as archive:
        return json.loads(archive.read("config.json")), archive.read("model.weights.h5")


def written(path: Path, config, weights: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", config if isinstance(config, str) else json.dumps(config))
        archive.writestr("model.weights.h5", weights)
    return path


def layer(config: dict, kind: str) -> dict:
    return next(one for one in config["config"]["layers"] if one["class_name"] == kind)


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
    layer(config, kind)["config"].update(change)
    with pytest.raises(DesignError) as error:
        import_model(written(tmp_path / "m.keras", config, weights))
    assert all(word in str(error.value) for word in words), error.value


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("Lambda", ["not run"]), ("Masking", ["every frame", "--reference"]), ("RepeatVector", ["has frames"]),
        ("Bidirectional", ["bidirectional"]), ("LayerNormalization", ["BatchNormalization"]),
        ("AveragePooling1D", ["a few frames", "GlobalAveragePooling1D"]), ("Embedding", ["numbers of the model's input"]),
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
    layer(config, "Embedding")["config"]["mask_zero"] = True
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
    layer(config, "Dense")["config"]["activation"] = "sigmoid"
    file = written(tmp_path / "m.keras", config, weights)
    own = import_model(file).design
    assert own.host_steps == () and own.layers[-1].cell.activation == "sigmoid"
    asked = import_model(file, host_functions=True).design
    assert asked.host_steps == (HostStep("sigmoid"),)
    assert asked.layers[-1].cell.activation == "none"


def test_a_function_between_layers_is_not_the_hosts(tmp_path):
    config, weights = parts("convolution.keras")
    layer(config, "Conv1D")["config"]["activation"] = "sigmoid"
    file = written(tmp_path / "m.keras", config, weights)
    design = import_model(file, host_functions=True).design
    assert "sigmoid" in [getattr(d.cell, "activation", None) for d in design.layers]
    layer(config, "Conv1D")["config"]["activation"] = "silu"
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
    layer(config, "Dense")["config"]["activation"] = told
    cell = import_model(written(tmp_path / "m.keras", config, weights)).design.layers[-1].cell
    assert (cell.activation, cell.slope, cell.limit) == options


@pytest.mark.parametrize(
    ("version", "slope"), [("3.8.0", 1 / 6), ("2.15.0", 0.2), ("2.2.4-tf", 0.2), (None, None), ("4.0", None)]
)  # fmt: skip
def test_hard_sigmoid_is_that_of_the_files_version(version, slope, tmp_path):
    """0.2 x + 1/2 in Keras 2, x / 6 + 1/2 in Keras 3: a file without a version is refused, not guessed."""
    config, weights = parts("normalised.keras")
    layer(config, "Dense")["config"]["activation"] = "hard_sigmoid"
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


def test_a_product_of_signals_is_refused_by_name(tmp_path):
    config, weights = parts("heads.keras")
    first, second = config["config"]["output_layers"]
    extra = {"module": "keras.layers", "class_name": "Multiply", "name": "both", "config": {"name": "both"}}  # fmt: skip
    tensors = [
        {"class_name": "__keras_tensor__", "config": {"keras_history": list(end)}} for end in (first, second)
    ]  # fmt: skip
    extra["inbound_nodes"] = [{"args": [tensors], "kwargs": {}}]
    config["config"]["layers"].append(extra)
    config["config"]["output_layers"] = [["both", 0, 0]]
    with pytest.raises(DesignError, match=r"'both' \(Multiply\)"):
        import_model(written(tmp_path / "m.keras", config, weights))


def test_weights_without_a_configuration_name_the_ways(tmp_path):
    with pytest.raises(DesignError, match=r"model\.save.*--config"):
        import_model(DATA / "normalised.weights.h5")
    with pytest.raises(DesignError, match="leave --config out"):
        import_model(DATA / "normalised.keras", config=DATA / "normalised.json")
    with pytest.raises(DesignError, match="--config is for"):
        import_model(tmp_path_file(tmp_path), config=DATA / "normalised.json")


def tmp_path_file(folder: Path) -> Path:
    (folder / "m.onnx").write_bytes(b"x")
    return folder / "m.onnx"


def test_weights_of_another_layer_are_refused(tmp_path):
    """Two GRUs of equal classes in another order than their weights."""
    config, weights = parts("grus.keras")
    layers = config["config"]["layers"]
    layers[1]["config"]["name"], layers[2]["config"]["name"] = "gru_b", "gru_a"
    with pytest.raises(DesignError, match="contradicts itself"):
        import_model(written(tmp_path / "m.keras", config, weights))


def test_damaged_files_raise_one_line(tmp_path):
    whole = (DATA / "grus.keras").read_bytes()
    config, weights = parts("grus.keras")
    old = (DATA / "grus.h5").read_bytes()
    cases = {
        "cut.keras": whole[: len(whole) // 2],
        "text.keras": b"no zip file at all",
        "cut.h5": old[: len(old) // 2],
        "text.h5": b"no HDF5 file at all",
    }
    for name, data in cases.items():
        (tmp_path / name).write_bytes(data)
    written(tmp_path / "json.keras", "{", weights)
    written(tmp_path / "list.keras", "[1]", weights)
    written(tmp_path / "deep.keras", "[" * 100_000, weights)
    written(tmp_path / "none.keras", {"class_name": "Sequential", "config": {}}, weights)
    written(tmp_path / "own.keras", {"class_name": "Mine", "config": {}}, weights)
    strange = copy.deepcopy(config)
    strange["config"]["layers"][1]["config"]["units"] = "eight"
    written(tmp_path / "units.keras", strange, weights)
    with zipfile.ZipFile(tmp_path / "half.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    for file in sorted(tmp_path.iterdir()):
        with pytest.raises(DesignError) as error:
            import_model(file)
        assert file.name in str(error.value) and "\n" not in str(error.value)
        assert len(str(error.value)) < 600


def test_every_byte_changed_of_a_configuration_ends_in_a_message(tmp_path):
    """Values of other types in every place of the configuration: refused, or imported."""
    config, weights = parts("heads.keras")

    def places(value, path=()):
        yield path
        items = (
            value.items()
            if isinstance(value, dict)
            else enumerate(value)
            if isinstance(value, list)
            else ()
        )
        for key, inner in items:
            yield from places(inner, (*path, key))

    kept = [
        p
        for p in places(config)
        if p and not {"kernel_initializer", "dtype", "build_config"} & set(p)
    ]
    for i, path in enumerate(kept[:: max(1, len(kept) // 60)]):
        changed = copy.deepcopy(config)
        target = changed
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = [None, -1, "x", [], {}, [[1]], 1e300][i % 7]
        file = written(tmp_path / "m.keras", changed, weights)
        try:
            read_source(file)
        except DesignError as error:
            assert "\n" not in str(error)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    config, _ = parts("grus.keras")
    file = tmp_path / "bomb.keras"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", " " * (1 << 25))
        archive.writestr("model.weights.h5", b"")
    with pytest.raises(DesignError, match=r"config\.json has more than"):
        import_model(file)
    stream = io.BytesIO()
    with h5py.File(stream, "w") as made:
        group = made.create_group("layers/gru/cell/vars")
        group.create_dataset("0", (1 << 20, 1 << 20), "f4", chunks=(1024, 1024), compression="gzip")
    with pytest.raises(DesignError, match="numbers"):
        import_model(written(tmp_path / "large.keras", config, stream.getvalue()))


@pytest.mark.parametrize("link", ["soft", "external", "raw"])
def test_links_out_of_a_file_are_not_followed(link, tmp_path):
    config, weights = parts("grus.keras")
    stream = io.BytesIO(weights)
    with h5py.File(stream, "r+") as made:
        del made["layers/gru/cell/vars/0"]
        if link == "soft":
            made["layers/gru/cell/vars/0"] = h5py.SoftLink("/layers/gru/cell/vars/1")
        elif link == "external":
            made["layers/gru/cell/vars/0"] = h5py.ExternalLink("/etc/passwd", "/x")
        else:
            made.create_dataset(
                "layers/gru/cell/vars/0", (6, 24), "f4", external=[("/etc/passwd", 0, 576)]
            )
    with pytest.raises(DesignError, match="link|another file"):
        import_model(written(tmp_path / "m.keras", config, stream.getvalue()))


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
    layer(config, kind)["config"].update(change)
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
