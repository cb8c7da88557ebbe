"""Conv over frames and the padding around it: windows of frames before a linear layer (`ernn_myhdl.exchange.graph.Windows`).

A window holds the present frame and frames before it, so a convolution must be causal: padded with zeros on the left by
(kernel - 1) x dilation frames, or not at all. The padding is an own node (Pad), the Conv's own, or that of both sides of which
what comes behind is cut off again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.design.joins import Cadence
from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange.convolutions import CAUSAL, kernel_matrix
from ernn_myhdl.exchange.graph import Node, Windows
from ernn_myhdl.exchange.onnx_features import taking_features
from ernn_myhdl.exchange.onnx_values import Axis, Labels, Padded, Signal

#: Operators that may stand between a padding and what takes it away: they move axes, or compute element by element.
_PASS = {"Cast", "Conv", "Dropout", "Identity", "Pad", "Relu", "Slice", "Squeeze", "Transpose", "Unsqueeze"}  # fmt: skip


@dataclass(frozen=True)
class _Geometry:
    """Of a Conv over one axis. left, right: frames of zeros on both sides, together with a padding before it."""

    kernel: int
    dilation: int
    stride: int
    left: int
    right: int

    @property
    def reach(self) -> int:
        return (self.kernel - 1) * self.dilation


def check_padded(where: str, kind: str, given: list) -> None:
    """DesignError where a padded signal goes to anything but a convolution."""
    for signal in given:
        if isinstance(signal, Signal) and signal.padded and kind not in _PASS:
            raise DesignError(f"{where}: {_left_over(signal.padded)}")


def check_result(name: str, signal: Signal) -> None:
    """DesignError where an output is padded still."""
    if signal.padded:
        raise DesignError(f"output {name!r}: {_left_over(signal.padded)}")


def _left_over(padded: Padded) -> str:
    if padded.behind:
        return (
            f"has {padded.behind} frames behind the last one, as a convolution padded on both sides gives them (not causal, 'same'); "
            f"cut them off (y[..., :-{padded.behind}]), or {CAUSAL}"
        )
    return (
        "takes a signal that is padded along its frames, which only a convolution may take; pad the sequences on the host, "
        "before they are given to the core"
    )


def pad(where: str, attributes: dict, given: list, labels: Labels) -> Signal:
    """A signal with frames of zeros before or behind it."""
    signal = given[0]
    amounts = given[1] if len(given) > 1 else attributes.get("pads")
    value = given[2] if len(given) > 2 and given[2] is not None else attributes.get("value", 0.0)
    mode = attributes.get("mode", b"constant")
    if mode not in (b"constant", "constant") or not isinstance(value, np.ndarray | float | int):
        raise DesignError(f"{where}: pads in another way than with zeros, which no core does; {CAUSAL}")  # fmt: skip
    if np.any(value):
        raise DesignError(f"{where}: pads with other numbers than 0, which no core does; {CAUSAL}")
    if not isinstance(amounts, np.ndarray | list | tuple):
        raise DesignError(f"{where}: its pads must be constant")
    numbers = [int(n) for n in np.asarray(amounts).reshape(-1)]
    chosen = list(range(len(signal.axes)))
    if len(given) > 3 and isinstance(given[3], np.ndarray):
        chosen = [int(n) % len(signal.axes) for n in given[3].reshape(-1)]
    if len(numbers) != 2 * len(chosen):
        raise DesignError(f"{where}: has {len(numbers)} pads, must have two for each axis")
    count = len(chosen)
    wide = [i for i in range(count) if numbers[i] or numbers[count + i]]
    if not wide:
        return signal
    if len(wide) > 1 or numbers[wide[0]] < 0:
        raise DesignError(f"{where}: pads or cuts more than the ends of sequences; {CAUSAL}")
    return _padded(where, signal, chosen[wide[0]], numbers[wide[0]], numbers[count + wide[0]], labels)  # fmt: skip


def _padded(
    where: str, signal: Signal, place: int, before: int, behind: int, labels: Labels
) -> Signal:
    axis, own = signal.axes[place], signal.padded
    if own and axis != own.now:
        raise DesignError(f"{where}: pads a second axis; {CAUSAL}")
    if not own and (signal.feature in axis or len(labels.core(axis)) > 1):
        raise DesignError(
            f"{where}: pads {labels.meaning(axis, signal)}, not the frames of a sequence"
        )
    if not own and signal.frame not in (None, *axis, *labels.core(axis)):
        raise DesignError(
            f"{where}: pads another axis than the one along which the layer before it takes the frames"
        )
    axis = own.axis if own else axis
    before, behind = before + (own.before if own else 0), behind + (own.behind if own else 0)
    if behind < 0:
        raise DesignError(
            f"{where}: cuts frames of x off, which the core needs one after the other"
        )
    size = labels.size(axis)
    now = axis
    if before or behind:
        now = labels.new(None if size is None else size + before + behind)
    axes = (*signal.axes[:place], now, *signal.axes[place + 1 :])
    made = Padded(axis, now, before, behind) if before or behind else None
    frame = signal.frame if signal.frame is None else now[0]
    return replace(signal.moved(axes), padded=made, frame=frame)


def cut(where: str, signal: Signal, place: int, end: int, labels: Labels) -> Signal | None:
    """A padded signal without its last frames, as a Slice cuts them off; None where it cuts something else."""
    own = signal.padded
    if own is None or signal.axes[place] != own.now:
        return None
    size = labels.size(own.now)
    less = -end if end < 0 else None if size is None else size - end
    if less is None or not 0 < less <= own.behind:
        return None
    return _padded(where, signal, place, 0, -less, labels)


def convolution(where: str, name: str, attributes: dict, given: list, labels: Labels) -> Signal:
    """The signal behind a Conv over one axis of frames: windows, and a linear layer on them."""
    signal, kernel, *rest = given
    bias = rest[0] if rest else None
    assert isinstance(signal, Signal) and isinstance(kernel, np.ndarray)
    outputs, each, _ = kernel.shape
    groups = attributes.get("group", 1)
    if not isinstance(groups, int) or groups < 1 or outputs % groups:
        raise DesignError(f"{where}: group = {groups}, must divide {outputs}")
    own = signal.padded
    if len(signal.axes) != 3 or signal.last:
        raise DesignError(f"{where}: X has {len(signal.axes)} axes, must be sequences, elements and frames")  # fmt: skip
    if own and signal.axes[2] != own.now:
        raise DesignError(f"{where}: runs over another axis than the one that is padded")
    here = _geometry(where, attributes, kernel.shape[2], own)
    axis = own.axis if own else signal.axes[2]
    frame = _frame(where, signal, axis, labels)
    plain = replace(signal, padded=None, frame=frame, factors=None)
    turned = taking_features(where, plain.moved((signal.axes[0], axis, signal.axes[1])), labels)
    size = labels.size(turned.axes[-1])
    if size not in (None, groups * each):
        raise DesignError(f"{where}: takes {groups * each} elements, but X has {size}")
    node = turned.node
    windows = Windows(here.kernel, here.dilation, here.stride, bool(here.left) or not here.reach)
    if here.kernel > 1 or here.stride > 1:
        node = Node(windows, (node,), where)
    matrix = kernel_matrix(kernel.transpose(2, 1, 0), groups)
    constant = np.zeros(outputs) if bias is None else np.asarray(bias, dtype=np.float64)
    if constant.shape != (outputs,):
        raise DesignError(f"{where}: B has shape {constant.shape}, must be ({outputs},)")
    weights = {"input_weight": matrix[None], "bias": constant[None]}
    taps = here.kernel if groups > 1 else 1
    layer = DenseLayer(name.strip("/") or "conv", "linear", weights, groups=groups, taps=taps)
    node = Node(layer, (node,), where)
    feature = labels.new(outputs)
    frames, known = axis, labels.size(axis)
    if here.stride > 1 or not windows.padding:
        left = None if known is None else (known - 1 - (0 if windows.padding else here.reach)) // here.stride + 1  # fmt: skip
        some = Cadence(0 if windows.padding else here.reach, here.stride)
        frames = labels.some_frames(frame, some, left)
    made = replace(turned, axes=(signal.axes[0], feature, frames), node=node, feature=feature[0])
    made = replace(made, frame=frames[0] if frames != axis else frame)
    return _padded(where, made, 2, 0, here.right, labels) if here.right else made


def _frame(where: str, signal: Signal, axis: Axis, labels: Labels) -> str:
    """The label of the frames that a Conv runs over."""
    core = labels.core(axis)
    if len(core) > 1:
        raise DesignError(f"{where}: runs over {labels.meaning(axis, signal)} as one axis")
    label = core[0] if core else axis[0]
    known = signal.frame if not signal.padded else label
    if known is not None and known not in (label, *axis):
        raise DesignError(
            f"{where}: runs over another axis than the layer before it, which takes the frames along it"
        )
    return label


def _geometry(where: str, attributes: dict, kernel: int, own: Padded | None) -> _Geometry:
    def one(name: str, default: int) -> int:
        given = attributes.get(name) or [default]
        return int(given[0])

    pads = [int(n) for n in attributes.get("pads") or (0, 0)]
    auto = attributes.get("auto_pad", b"NOTSET")
    if auto not in (b"NOTSET", b"VALID", "NOTSET", "VALID"):
        raise DesignError(f"{where}: is padded on both sides ({auto!r}, not causal): it needs frames that come later; {CAUSAL}")  # fmt: skip
    if len(pads) != 2 or min(pads) < 0:
        raise DesignError(f"{where}: pads {pads}, must be two numbers")
    left, right = pads[0] + (own.before if own else 0), pads[1] + (own.behind if own else 0)
    here = _Geometry(kernel, one("dilations", 1), one("strides", 1), left, right)
    if left not in (0, here.reach):
        raise DesignError(
            f"{where}: is padded by {left} frames on the left and {right} on the right, its kernel reaches {here.reach} frames: it is not "
            f"causal ('same') or only partly padded; {CAUSAL}"
        )
    if right and here.stride > 1:
        raise DesignError(f"{where}: is padded on the right and has a stride of {here.stride}: it needs frames that come later; {CAUSAL}")  # fmt: skip
    return here
