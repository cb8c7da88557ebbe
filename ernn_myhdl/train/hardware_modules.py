"""The modules of a model of which the hardware has a layer; the others are refused by name."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from ernn_myhdl.errors import DesignError
from ernn_myhdl.train.forward_calls import LAYERS

_NORM = "no layer of the hardware normalises"
#: Class of PyTorch -> why it is not in the hardware.
REASONS = {
    nn.modules.batchnorm._NormBase: f"{_NORM}; fold it into the layer behind it after a training with `fit`, and "
    "compress that model",
    nn.LayerNorm: _NORM,
    nn.GroupNorm: _NORM,
    nn.Embedding: "its numbers are x itself, so that such a model is followed as a whole",
    nn.modules.conv._ConvNd: "only convolutions over frames (Conv1d) are windows of the hardware",
    nn.MultiheadAttention: "the hardware has no attention",
}


def check_modules(model: nn.Module, names: Sequence[str] | None) -> None:
    """DesignError where a module with numbers of its own has no layer in the hardware.

    names: of the modules of the design; the others are left to the host. None: all.
    """
    known = dict(model.named_modules())
    if isinstance(names, str) or (names is not None and not all(isinstance(n, str) for n in names)):
        raise DesignError(f"modules = {names!r}: must be a list of names, such as ['lstm', 'head']")
    if names is not None and not names:
        raise DesignError("modules: is empty; name at least one module of the design")
    if twice := [n for i, n in enumerate(names or ()) if n in (names or ())[:i]]:
        raise DesignError(f"modules: {twice[0]!r} is named twice; name each module once")
    for name in names if names is not None else known:
        if name not in known:
            layers = [n for n, m in known.items() if isinstance(m, LAYERS)]
            raise DesignError(
                f"modules: {name!r} is no module of the model; it has {', '.join(layers)}"
            )
        _check(name, known[name], names is not None)


def _check(name: str, module: nn.Module, named: bool) -> None:
    own = [n for n, _ in module.named_parameters(recurse=False)]
    own += [n for n, _ in module.named_buffers(recurse=False)]
    kind = type(module).__name__
    where = f"module {name!r} ({kind})" if name else f"model {kind}"
    if type(module) is nn.Embedding and not named:
        _check_embedding(where, module, own)
        return
    if isinstance(module, LAYERS):
        if getattr(module, "bidirectional", False):
            raise DesignError(
                f"{where}: is bidirectional, which no core computes: its second half needs the end of a sequence "
                "first; train it with bidirectional=False"
            )
        if strange := _reparametrised(module, own):
            raise DesignError(f"{where}: {strange}")
        if isinstance(module, nn.Conv1d):
            _check_convolution(where, module)
        return
    if not own and not named:
        return
    if not own:
        raise DesignError(
            f"modules: {name!r} is a {kind}, must be an LSTM, a GRU, an RNN, a linear layer or a Conv1d"
        )
    reason = next((r for c, r in REASONS.items() if isinstance(module, c)), None)
    reason = (
        reason
        or "the hardware has LSTM, GRU, RNN and linear layers and convolutions over frames only"
    )
    cure = "leave it out, or name the modules of the design with modules=[...], which leaves the others to the host"
    if isinstance(module, nn.Embedding):
        cure = "give no modules; or name those behind it, and let the host look the vectors up"
    numbers = ", ".join(own[:3])
    raise DesignError(f"{where}: holds {numbers}, and {reason}; {cure}")


def _check_embedding(where: str, module: nn.Embedding, own: Sequence[str]) -> None:
    if module.max_norm is not None:
        raise DesignError(
            f"{where}: max_norm = {module.max_norm:g}: its rows would change whenever they are looked up; train it without"
        )
    if module.sparse:
        raise DesignError(
            f"{where}: sparse gradients, which are neither clipped nor taken by Adam here; train it with sparse=False"
        )
    if strange := _reparametrised(module, own):
        raise DesignError(f"{where}: {strange}")


def _check_convolution(where: str, module: nn.Conv1d) -> None:
    if module.padding_mode != "zeros":
        raise DesignError(
            f"{where}: padding_mode = {module.padding_mode!r}: must be 'zeros', which stand before a sequence"
        )


def _reparametrised(module: nn.Module, own: Sequence[str]) -> str:
    """How a layer makes its weights of other tensors; empty where it does not."""
    found = getattr(module, "parametrizations", None)
    if isinstance(found, nn.ModuleDict):
        names = ", ".join(found)
        return (
            f"{names} is parametrised; remove it with torch.nn.utils.parametrize.remove_parametrizations before "
            "it is trained here"
        )
    stems = {n.rpartition("_")[0] for n in own if n.endswith(("_orig", "_mask"))}
    for stem in sorted(stems):
        remover = (
            "torch.nn.utils.prune.remove"
            if f"{stem}_mask" in own
            else "torch.nn.utils.remove_spectral_norm"
        )
        return f"{stem} is made of {stem}_orig; make it permanent with {remover}"
    for n in own:
        if n.endswith("_g") and n[:-2] + "_v" in own:
            return f"{n[:-2]} is made of {n} and {n[:-2]}_v; make it permanent with torch.nn.utils.remove_weight_norm"
    if quantisers := [n for n, _ in module.named_children()]:
        return f"holds {quantisers[0]}, a module of its own; take the plain layer of PyTorch"
    return ""
