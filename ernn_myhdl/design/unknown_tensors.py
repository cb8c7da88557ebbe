"""Tensors of a state dict that are of no LSTM, GRU or linear layer: what they are, by their names and shapes.

To leave them out would make another model, so the message names the module and what to do about it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ernn_myhdl.errors import DesignError, short

Shapes = Mapping[str, tuple[int, ...]]

#: Names of the tensors of a layer, behind the name of its module.
PARAMETER = re.compile(
    r"(?:(?P<module>.*)\.)?"
    r"(?P<what>weight_ih|weight_hh|weight_hr|bias_ih|bias_hh|peephole|weight|bias)"
    r"(?:_l(?P<layer>\d{1,3}))?"
)

_FLOAT = (
    "give the float model that it was made from, and let --word round it, or round it in training with "
    "ernn_myhdl.train.Quantisation"
)
_ONNX = "export the model to ONNX, which tells what it does, or train one without it"
QUANTISED_FILE = f"is of a quantised model, whose weights are integers with scales; {_FLOAT}"
#: Part of a name -> what the whole file is.
_QUANTISED = (
    (
        re.compile(r"fake_quant|activation_post_process|observer_enabled"),
        f"is of a quantisation-aware training of PyTorch, which rounds weights and signals in formats of its own; {_FLOAT}",
    ),
    (
        re.compile(r"(_quant|_quant_proxy|tensor_quant)\.|(^|\.)\w+_gate_params\."),
        f"is of Brevitas, whose models round their weights only when they run, so a state dict does not hold them; {_FLOAT}",
    ),
    (
        re.compile(
            r"_packed_params|_all_weight_values|\.zero_point$|\.(SCB|quant_state|qweight|qzeros)$|(^|[._])weight_(scale|zero_point)s?$"
        ),
        QUANTISED_FILE,
    ),
)
_NORM = "no layer of the hardware normalises"
#: The last parts of names in a module -> what it is. The first that holds decides.
_MODULES = (
    (
        {"running_mean", "running_var", "num_batches_tracked"},
        f"is a BatchNorm, and {_NORM}; fold it into the layer that takes what it gives: with s = weight / "
        "sqrt(running_var + eps) and t = bias - running_mean s, W becomes W diag(s) and its bias b + W t; without it "
        "the file is another model",
    ),
    (
        {"in_proj_weight", "in_proj_bias", "q_proj_weight", "bias_k"},
        f"is an nn.MultiheadAttention, which the hardware has not; {_ONNX}",
    ),
)
_STATISTICS = re.compile(
    r"(^|_)(mean|std|var|avg|scale|shift|offset|min|max|median|norm|gamma|beta|mu|sigma)\w*$"
)
_STATES = re.compile(r"(^|_)(h_?0|c_?0|init\w*|hidden\w*|state\w*)$")


def check_names(shapes: Shapes) -> None:
    """DesignError for the first module with tensors that no layer has."""
    for what, message in _QUANTISED:
        for name in shapes:
            if what.search(name):
                raise DesignError(f"tensor {short(name)!r} {message}")
    groups: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, shape in shapes.items():
        module, _, own = name.rpartition(".")
        groups.setdefault(module, {})[own] = tuple(shape)
    for module, tensors in groups.items():
        if message := _strange(module, tensors):
            where = f"module {short(module)!r}" if module else "the model"
            raise DesignError(f"{where} (tensors {', '.join(sorted(tensors)[:4])}) {message}")
    for name in shapes:
        if not PARAMETER.fullmatch(name.removesuffix("_reverse")):
            raise DesignError(_alone(name))


def _strange(module: str, tensors: Mapping[str, tuple[int, ...]]) -> str:
    """What a module is that is no layer; empty where that cannot be told."""
    for names, message in _MODULES:
        if names & tensors.keys():
            return message
    if ".parametrizations." in f".{module}.":
        owner, _, parameter = f".{module}".partition(".parametrizations.")
        return (
            f"parametrises {parameter.partition('.')[0]}; remove it before the state dict is saved: torch.nn.utils."
            f"parametrize.remove_parametrizations(model.{owner.strip('.')}, {parameter.partition('.')[0]!r})"
        )
    for name in sorted(tensors):
        stem, _, ending = name.rpartition("_")
        if ending == "g" and f"{stem}_v" in tensors:
            return (
                f"makes {stem} of {name} and {stem}_v (weight_norm); make it permanent before the state dict is "
                "saved: torch.nn.utils.remove_weight_norm(module)"
            )
        if ending == "orig":
            remover = (
                f"torch.nn.utils.prune.remove(module, {stem!r})"
                if f"{stem}_mask" in tensors
                else "torch.nn.utils.remove_spectral_norm(module)"
            )
            return f"makes {stem} of {name}; make it permanent before the state dict is saved: {remover}"
    return _by_shape(tensors.get("weight"), "bias" in tensors)


def _by_shape(weight: tuple[int, ...] | None, bias: bool) -> str:
    """What a module is by the shape of its weight; empty for a matrix."""
    if weight is None or len(weight) == 2:
        return ""
    if len(weight) == 1:
        if bias:
            return (
                f"is a normalisation (LayerNorm, GroupNorm), and {_NORM}; it depends on the mean and deviation of "
                "every frame, so it can neither be folded nor left out: train a model without it"
            )
        return (
            "is a normalisation (RMSNorm) or a PReLU, which the hardware has not; it can neither be folded nor left "
            "out: train a model without it"
        )
    if len(weight) == 3:
        return (
            f"is a convolution (Conv1d), weight {weight}, of which a state dict does not tell padding, dilation and stride; import "
            "the module (import_module), an ONNX file, or what ernn_myhdl.train.save_model wrote, which tell them"
        )
    if 4 <= len(weight) <= 5:
        return (
            f"is a convolution (Conv{len(weight) - 2}d), weight {weight}, which the hardware has not; train the layers "
            "behind it on what it gives, which the host computes, and import these"
        )
    return ""


def _alone(name: str) -> str:
    """The message for a tensor whose module is not known."""
    own = name.rpartition(".")[2]
    what = f"tensor {short(name)!r} is no weight of an LSTM, a GRU or a linear layer"
    if _STATISTICS.search(own):
        return (
            f"{what}: it looks like a number of a normalisation, such as (x - mean) / std, without which the file is "
            "another model; let the host normalise the inputs and train without it, or fold it into the layer behind"
        )
    if _STATES.search(own):
        return (
            f"{what}: it looks like an initial state, which a state dict does not tell the use of; export the model "
            "to ONNX, which does"
        )
    return f"{what}, and a state dict does not tell what the model does with it; {_ONNX}"
