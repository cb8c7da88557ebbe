"""State dicts that are damaged or not supported: exit code 2, one line that names what is wrong, no output."""

import numpy as np
import pytest
from foreign_models import lstm_tensors, refuse, zeros
from safetensors.numpy import save_file


def put(name, array):
    return lambda tensors: tensors | {name: array}


def drop(name):
    return lambda tensors: {n: a for n, a in tensors.items() if n != name}


def set_element(name, value):
    def change(tensors):
        tensors[name].flat[3] = value
        return tensors

    return change


TENSORS = {
    "nothing": (lambda t: {}, ["holds no tensors"]),
    "input weights missing": (drop("rnn.weight_ih_l0"), ["'rnn.weight_ih_l0' is missing"]),
    "recurrent weights missing": (drop("rnn.weight_hh_l0"), ["'rnn.weight_hh_l0' is missing"]),
    "one bias missing": (drop("rnn.bias_hh_l0"), ["'rnn.bias_hh_l0' is missing"]),
    "the other bias missing": (drop("rnn.bias_ih_l0"), ["'rnn.bias_ih_l0' is missing"]),
    "biases of one layer": (
        lambda t: t | {n.replace("l0", "l1"): a for n, a in lstm_tensors(inputs=6).items() if "weight" in n},
        ["'rnn.bias_ih_l1' is missing"],
    ),
    "projection of one layer": (
        lambda t: t | {"rnn.weight_hr_l0": zeros(6, 6)}
        | {n.replace("l0", "l1"): a for n, a in lstm_tensors(inputs=6).items()},
        ["'rnn.weight_hr_l1' is missing"],
    ),
    "not a number": (set_element("rnn.weight_ih_l0", np.nan), ["rnn.weight_ih_l0", "NaN"]),
    "infinity": (set_element("rnn.bias_hh_l0", np.inf), ["rnn.bias_hh_l0", "infinity"]),
    "beyond float32": (put("rnn.bias_ih_l0", np.full(24, 1e300)), ["rnn: bias", "float32"]),
    "integers": (put("rnn.weight_ih_l0", zeros(24, 4, dtype=np.int64)), ["rnn.weight_ih_l0", "I64"]),
    "bytes": (put("rnn.bias_ih_l0", zeros(24, dtype=np.uint8)), ["rnn.bias_ih_l0", "U8"]),
    "truth values": (put("rnn.bias_ih_l0", zeros(24, dtype=bool)), ["rnn.bias_ih_l0", "BOOL"]),
    "an RNN of unknown activation": (
        lambda t: lstm_tensors(gates=1), ["'rnn' is an RNN", "tanh or relu", "--activation"],
    ),
    "rows of two gates": (
        lambda t: lstm_tensors(gates=2), ["rnn.weight_ih_l0", "12 rows for 6 cells", "1 of an RNN"],
    ),
    "rows of no cell": (put("rnn.weight_ih_l0", zeros(23, 4)), ["rnn.weight_ih_l0", "23 rows"]),
    "recurrent rows": (put("rnn.weight_hh_l0", zeros(23, 6)), ["rnn.weight_hh_l0", "(24, 6)"]),
    "bias": (put("rnn.bias_ih_l0", zeros(23)), ["rnn.bias_ih_l0", "(23,)", "(24,)"]),
    "bias as a matrix": (put("rnn.bias_ih_l0", zeros(24, 1)), ["rnn.bias_ih_l0", "(24, 1)"]),
    "weights as a vector": (put("rnn.weight_ih_l0", zeros(96)), ["rnn.weight_ih_l0", "matrix"]),
    "three axes": (put("rnn.weight_hh_l0", zeros(24, 6, 1)), ["rnn.weight_hh_l0", "matrix"]),
    "no inputs": (put("rnn.weight_ih_l0", zeros(24, 0)), ["rnn.weight_ih_l0", "(24, 0)"]),
    "no cells": (put("rnn.weight_hh_l0", zeros(0, 0)), ["rnn.weight_hh_l0", "(0, 0)"]),
    "projection": (put("rnn.weight_hr_l0", zeros(3, 5)), ["rnn.weight_ih_l0", "24 rows for 5"]),
    "projection of a GRU": (
        lambda t: lstm_tensors(gates=3) | {"rnn.weight_hr_l0": zeros(3, 6)}, ["weight_hr_l0", "GRU"],
    ),
    "bidirectional": (
        lambda t: t | {n + "_reverse": a for n, a in t.items()},
        ["_l0_reverse'", "bidirectional", "--direction"],
    ),
    "layer left out": (
        lambda t: t | {n.replace("l0", "l2"): a for n, a in t.items()},
        ["'rnn.weight_ih_l1' is missing"],
    ),
    "layers that do not fit": (
        lambda t: t | {n.replace("l0", "l1"): a for n, a in t.items()},
        ["rnn.weight_ih_l1", "takes 4 inputs", "must be 6"],
    ),
    "head that does not fit": (
        put("head.weight", zeros(2, 7)), ["head (linear, 7 -> 2)", "rnn (lstm, 4 -> 6)", "fit"],
    ),
    "head without a matrix": (put("head.bias", zeros(2)), ["'head.weight' is missing"]),
    "norm": (put("norm.weight", zeros(6)), ["module 'norm'", "RMSNorm"]),
    "batch norm": (put("norm.running_mean", zeros(6)), ["module 'norm'", "BatchNorm", "fold"]),
    "convolution": (put("conv.weight", zeros(4, 4, 3)), ["module 'conv'", "convolution (Conv1d)"]),
    "attention": (put("attn.in_proj_weight", zeros(12, 4)), ["in_proj_weight", "MultiheadAttention"]),
    "embedding": (put("emb.weight", zeros(4, 3)), ["emb.weight", "embedding"]),
    "weight norm": (
        put("rnn.weight_ih_l0_raw", zeros(24, 4)), ["rnn.weight_ih_l0_raw", "no weight of an LSTM"],
    ),
    "linear among the gates": (put("rnn.weight", zeros(2, 6)), ["rnn.weight", "no known layer"]),
    "two that fit in two orders": (
        lambda t: lstm_tensors(inputs=6) | lstm_tensors(inputs=6, prefix="other."), ["several orders", "--order"],
    ),
    "too many modules": (
        lambda t: {n: a for i in range(9) for n, a in lstm_tensors(2, 2, prefix=f"m{i}.").items()},
        ["too many", "--order"],
    ),
    "too many cells": (
        lambda t: {"weight_ih_l0": zeros(65537 * 3, 1), "weight_hh_l0": zeros(65537 * 3, 1),
                   "weight_hr_l0": zeros(1, 65537)}, ["weight_hr_l0", "GRU"],
    ),
    "too many inputs": (put("rnn.weight_ih_l0", zeros(24, 65537)), ["inputs = 65537", "65536"]),
}  # fmt: skip


@pytest.mark.parametrize("case", TENSORS)
def test_state_dicts(tmp_path, capsys, case):
    change, parts = TENSORS[case]
    save_file(change(lstm_tensors()), tmp_path / "m.safetensors")
    command = ["import", str(tmp_path / "m.safetensors"), "-o", str(tmp_path / "out")]
    refuse(tmp_path, capsys, command, "m.safetensors" if "inputs" not in case else "", *parts)
