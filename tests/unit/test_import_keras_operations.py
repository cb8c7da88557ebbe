"""Operations of keras.ops, layers with slopes, pools and models for each frame in Keras files, by NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from keras_files import h5py, written

from ernn_myhdl import DesignError, import_model

RNG = np.random.default_rng(6)
KERNELS = [RNG.standard_normal(shape) / 2 for shape in ((4, 5), (5, 5), (5, 3))]
SLOPES = RNG.uniform(-0.5, 1.5, 5)
X = RNG.standard_normal((7, 4))


def tensor(name):
    return {"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}}


def layer(kind, name, given, module="keras.layers", **config):
    """given: names of layers and constants; a list of them for layers that take one."""

    def argument(value):
        if isinstance(value, list):
            return [argument(v) for v in value]
        return tensor(value) if isinstance(value, str) else value

    calls = [{"args": [argument(v) for v in given], "kwargs": {}}]
    return {"module": module, "class_name": kind, "name": name, "config": {"name": name} | config, "inbound_nodes": calls}  # fmt: skip


def dense(name, given, units):
    return layer("Dense", name, [given], units=units, use_bias=False, activation="linear")


def op(kind, given, module="numpy", **config):
    return layer(kind, "op", given, f"keras.src.ops.{module}", **config)


def model(tmp_path, *between, end="op", weights=(), ends=None):
    """x (7, 4), the dense layers "a" and "b" of 5 units on x and on a, layers between, and a dense layer of 3 units on `end`.
    ends: outputs of the model; None: the last layer."""
    shape = {"batch_shape": [None, 7, 4], "name": "x"}
    layers = [
        {"module": "keras.layers", "class_name": "InputLayer", "config": shape, "name": "x", "inbound_nodes": []},
        dense("a", "x", 5), dense("b", "a", 5), *between,
    ]  # fmt: skip
    last = [] if end is None else [dense("y", end, 3)]
    layers += last
    output = "y" if last else between[-1]["name"]
    config = {"class_name": "Functional", "config": {"name": "m", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": ends or [[output, 0, 0]]}}  # fmt: skip
    file = tmp_path / "weights.h5"
    with h5py.File(file, "w") as h5:
        paths = [f"layers/dense{n}/vars/0" for n in ("", "_1", "_2")]
        for path, kernel in [*zip(paths, KERNELS, strict=True), *weights]:
            h5[path] = kernel.astype(np.float32)
    return import_model(written(tmp_path / "m.keras", config, file.read_bytes()), word=16).design


def silu(x):
    return x / (1 + np.exp(-x))


A, B = X @ KERNELS[0], X @ KERNELS[0] @ KERNELS[1]
#: The layer, and what it makes of a.
EACH = {
    "relu": (op("Relu", ["a"], "nn"), np.maximum(A, 0)),
    "relu6": (op("Relu6", ["a"], "nn"), np.clip(A, 0, 6)),
    "tanh": (op("Tanh", ["a"]), np.tanh(A)),
    "sigmoid": (op("Sigmoid", ["a"], "nn"), 1 / (1 + np.exp(-A))),
    "silu": (op("Silu", ["a"], "nn"), silu(A)),
    "leaky_relu": (op("LeakyRelu", ["a"], "nn", negative_slope=0.3), np.where(A > 0, A, 0.3 * A)),
    "hard_sigmoid": (op("HardSigmoid", ["a"], "nn"), np.clip(A / 6 + 0.5, 0, 1)),
    "clip": (op("Clip", ["a"], x_min=-0.2, x_max=0.8), np.clip(A, -0.2, 0.8)),
    "absolute": (op("Absolute", ["a"]), np.abs(A)),
    "square": (op("Square", ["a"]), A**2),
    "power": (op("Power", ["a", 3]), A**3),
    "negative": (op("Negative", ["a"]), -A),
    "flip": (op("Flip", ["a"], axis=-1), A[:, ::-1]),
    "maximum of a number": (op("Maximum", ["a", 0.5]), np.maximum(A, 0.5)),
    "minimum of a number": (op("Minimum", [0.5, "a"]), np.minimum(A, 0.5)),
    "maximum of two": (op("Maximum", ["a", "b"]), np.maximum(A, B)),
    "a layer Minimum": (layer("Minimum", "op", [["a", "b"]]), np.minimum(A, B)),
    "ReLU with a slope and a limit": (layer("ReLU", "op", ["a"], max_value=1.0, negative_slope=0.1), np.minimum(np.where(A > 0, A, 0.1 * A), 1)),
    "LeakyReLU above 1": (layer("LeakyReLU", "op", ["a"], negative_slope=1.4), np.where(A > 0, A, 1.4 * A)),
    "mean": (op("Mean", ["a"], axis=1), A.mean(0)[None]),
    "max": (op("Max", ["a"], axis=1), A.max(0)[None]),
    "min": (op("Min", ["a"], axis=[1]), A.min(0)[None]),
    "sum": (op("Sum", ["a"], axis=-2, keepdims=True), A.sum(0)[None]),
    "AveragePooling1D of all": (layer("AveragePooling1D", "op", ["a"], pool_size=[7], padding="valid"), A.mean(0)[None]),
    "MaxPooling1D of all": (layer("MaxPooling1D", "op", ["a"], pool_size=7), A.max(0)[None]),
    "Flatten of a summary": ([layer("GlobalMaxPooling1D", "p", ["a"], keepdims=True), layer("Flatten", "op", ["p"])], A.max(0)[None]),
}  # fmt: skip


@pytest.mark.parametrize("name", EACH)
def test_an_operation_between_layers_is_what_numpy_computes(name, tmp_path):
    made, values = EACH[name]
    design = model(tmp_path, *(made if isinstance(made, list) else [made]))
    found, wanted = design.run(X, "integer").outputs, values @ KERNELS[2]
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() < 2e-3 * np.abs(wanted).max()


@pytest.mark.parametrize("name", ["Argmax", "LogSoftmax"])
def test_an_operation_over_the_elements_at_the_end_is_the_hosts(name, tmp_path):
    design = model(tmp_path, op(name, ["b"], axis=-1), end=None)
    assert [step.kind for step in design.host_steps] == [{"Argmax": "argmax"}.get(name, "log_softmax")]  # fmt: skip


@pytest.mark.parametrize(("shape", "slopes"), [((1, 5), SLOPES), ((1, 1), SLOPES[:1]), ((7, 5), SLOPES)])  # fmt: skip
def test_a_prelu_has_a_slope_for_each_element(shape, slopes, tmp_path):
    alpha = np.broadcast_to(slopes, shape)
    act = layer("PReLU", "op", ["a"], shared_axes=[1])
    design = model(tmp_path, act, weights=[("layers/p_re_lu/vars/0", alpha)])
    wanted = np.where(A > 0, A, A * slopes) @ KERNELS[2]
    assert np.abs(design.run(X, "integer").outputs - wanted).max() < 1e-3 * np.abs(wanted).max()


def test_a_prelu_with_a_slope_for_each_frame_is_refused(tmp_path):
    act = layer("PReLU", "op", ["a"])
    alpha = RNG.uniform(0, 1, (7, 5))
    with pytest.raises(DesignError, match=r"\(PReLU\): has slopes of their own for every frame.*shared_axes=\[1\]"):  # fmt: skip
        model(tmp_path, act, weights=[("layers/p_re_lu/vars/0", alpha)])


def of_each_frame(*layers):
    inner = {"class_name": "Sequential", "config": {"name": "s", "layers": list(layers)}}
    return layer("TimeDistributed", "op", ["a"], layer=inner)


def test_a_model_for_each_frame_is_its_layers(tmp_path):
    first, last = RNG.standard_normal((5, 6)), RNG.standard_normal((6, 5))
    inner = [
        {"class_name": "Dense", "config": {"name": "d", "units": 6, "use_bias": False, "activation": "relu"}},
        {"class_name": "Dropout", "config": {"name": "o"}},
        {"class_name": "Dense", "config": {"name": "e", "units": 5, "use_bias": False, "activation": "tanh"}},
    ]  # fmt: skip
    path = "layers/time_distributed/layer/layers"
    weights = [(f"{path}/dense/vars/0", first), (f"{path}/dense_1/vars/0", last)]
    design = model(tmp_path, of_each_frame(*inner), weights=weights)
    wanted = np.tanh(np.maximum(A @ first, 0) @ last) @ KERNELS[2]
    assert np.abs(design.run(X, "integer").outputs - wanted).max() < 2e-3


@pytest.mark.parametrize("kind", ["RepeatVector", "LSTM"])
def test_a_model_for_each_frame_that_makes_frames_is_refused(kind, tmp_path):
    inner = [{"class_name": kind, "config": {"name": "r", "n": 3, "units": 2}}]
    if kind == "RepeatVector":
        inner.append({"class_name": "GlobalMaxPooling1D", "config": {"name": "g"}})
    with pytest.raises(DesignError, match="makes frames of a frame|its input has no frames"):
        model(tmp_path, of_each_frame(*inner))


@pytest.mark.parametrize(("made", "message"), [
    (op("Gelu", ["a"], "nn"), r"\(Gelu\): computes keras.ops.gelu, which no core does; relu, .*cut the model"),
    (op("Mean", ["a"], axis=-1), "is over axis -1; a core takes the mean.*axis=1"),
    (op("Max", ["a"], axis=None), "is over all of a signal"),
    (op("Flip", ["a"], axis=1), "reverses the frames of a sequence"),
    (op("Argmax", ["a"], axis=1), "works along axis 1, not along the elements"),
    (op("Power", ["a", 0.5]), "takes the power 0.5, a core multiplies: must be 2, 3, 4"),
    (layer("Lambda", "op", ["a"]), r"\(Lambda\): holds code of its own, which is not run"),
    (layer("MaxPooling1D", "op", ["a"], pool_size=2), "takes 2 frames at a time of 7.*GlobalMaxPooling1D"),
    (layer("ReLU", "op", ["a"], threshold=0.5), "its threshold is 0.5, must be 0"),
    (layer("Flatten", "op", ["a"]), "moves numbers between frames"),
    (layer("Conv1D", "op", ["a"], filters=5, kernel_size=[1], groups=True), "groups = True, must divide 5"),
])  # fmt: skip
def test_what_stays_refused_tells_what_it_does_and_what_to_do(made, message, tmp_path):
    with pytest.raises(DesignError, match=message):
        model(tmp_path, made)


def test_a_mean_behind_an_unpadded_convolution_is_of_the_frames_that_this_leaves(tmp_path):
    kernel = RNG.standard_normal((3, 5, 5))
    conv = layer("Conv1D", "c", ["a"], filters=5, kernel_size=[3], use_bias=False, padding="valid", activation="linear")  # fmt: skip
    pool = layer("GlobalAveragePooling1D", "op", ["c"])
    design = model(tmp_path, conv, pool, weights=[("layers/conv1d/vars/0", kernel)])
    windows = np.stack([sum(A[i + j] @ kernel[j] for j in range(3)) for i in range(5)])
    wanted = windows.mean(0)[None] @ KERNELS[2]
    assert np.abs(design.run(X, "integer").outputs - wanted).max() < 1e-3 * np.abs(wanted).max()


def test_a_mean_over_time_holds_what_it_takes_where_no_real_frames_are_known(tmp_path):
    """Frames that are alike have a mean as large as they are, which independent ones have not."""
    design = model(tmp_path, layer("GlobalAveragePooling1D", "op", ["a"]))
    alike = np.repeat(X[:1], 7, axis=0)
    wanted = A[:1] @ KERNELS[2]
    assert np.abs(design.run(alike, "integer").outputs - wanted).max() < 1e-3 * np.abs(wanted).max()


def called(name, output=0, call=0):
    return {"class_name": "__keras_tensor__", "config": {"keras_history": [name, call, output]}}


def nested(*inputs, outputs=("i",)):
    """A model of the dense layers "i" and "j" of 5 units, j on i, which is called with each input."""
    start = {"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [None, 7, 5], "name": "z"}, "name": "z", "inbound_nodes": []}  # fmt: skip
    config = {
        "name": "inner",
        "layers": [start, dense("i", "z", 5), dense("j", "i", 5)],
        "input_layers": [["z", 0, 0]],
        "output_layers": [[name, 0, 0] for name in outputs],
    }
    calls = [{"args": [each], "kwargs": {}} for each in inputs]
    return {"module": "keras", "class_name": "Functional", "name": "inner", "config": config, "inbound_nodes": calls}  # fmt: skip


INNER = [RNG.standard_normal((5, 5)) / 2 for _ in range(2)]
INNER_FILE = [(f"layers/functional/layers/dense{n}/vars/0", w) for n, w in zip(("", "_1"), INNER, strict=True)]  # fmt: skip


@pytest.mark.parametrize("calls", [1, 2])
def test_a_model_that_is_an_output_is_counted_from_its_own_call(calls, tmp_path):
    """Keras counts the calls of a functional model from 1 in the outputs, from 0 in what other layers take."""
    inner = nested(*[tensor("a"), called("inner")][:calls], outputs=("j",))
    ends = [["inner", 1, 0], ["inner", 2, 0]][:calls]
    design = model(tmp_path, inner, end=None, weights=INNER_FILE, ends=ends)
    once = A @ INNER[0] @ INNER[1]
    wanted = [once, once @ INNER[0] @ INNER[1]][:calls]
    assert np.abs(design.run(X, "integer").outputs - np.concatenate(wanted, -1)).max() < 2e-3


def test_every_output_of_a_model_in_a_model_can_be_taken(tmp_path):
    inner = nested(tensor("a"), outputs=("i", "j"))
    second = op("Add", [[called("inner", 1), "a"]])
    design = model(tmp_path, inner, second, weights=INNER_FILE)
    wanted = (A @ INNER[0] @ INNER[1] + A) @ KERNELS[2]
    assert np.abs(design.run(X, "integer").outputs - wanted).max() < 2e-3


def test_calls_of_models_in_files_of_keras_2_are_counted_from_1_everywhere(tmp_path):
    inner = nested(tensor("a"), called("inner", call=1), outputs=("j",))
    inner["inbound_nodes"] = [[["a", 0, 0, {}]], [["inner", 1, 0, {}]]]
    design = model(tmp_path, inner, end=None, weights=INNER_FILE, ends=[["inner", 2, 0], ["inner", 1, 0]])  # fmt: skip
    once = A @ INNER[0] @ INNER[1]
    wanted = np.concatenate([once @ INNER[0] @ INNER[1], once], -1)
    assert np.abs(design.run(X, "integer").outputs - wanted).max() < 2e-3


def test_outputs_of_a_model_in_a_dictionary_are_counted_by_its_sorted_names(tmp_path):
    inner = nested(tensor("a"))
    inner["config"]["output_layers"] = {"second": ["i", 0, 0], "first": ["j", 0, 0]}
    design = model(tmp_path, inner, op("Add", [[called("inner"), "a"]]), weights=INNER_FILE)
    wanted = (A @ INNER[0] @ INNER[1] + A) @ KERNELS[2]
    assert np.abs(design.run(X, "integer").outputs - wanted).max() < 2e-3


def test_another_output_of_a_layer_than_its_first_is_refused_by_name(tmp_path):
    split = layer("Split", "split", ["a"], "keras.src.ops.numpy", indices_or_sections=2)
    with pytest.raises(DesignError, match="output 1 of layer 'split' is taken"):
        model(tmp_path, split, op("Add", [[called("split", 1), "a"]]))
