"""From the products of a matrix phase to its sums, for the fxpmath and the integer model alike.

Only the order of the steps and the names of the tensors are here; each model does its own arithmetic.
"""

from __future__ import annotations

from typing import Any, Protocol

GATE, CANDIDATE = "gate", "candidate"


class Arithmetic(Protocol):
    """What a model does with its arrays.

    added: exact sum of two accumulators. spectra: accumulators rounded to tensor `name`. inverse: signal
    `name` of spectra. total: sum of two signals, saturated to tensor `name`.
    """

    def added(self, x: Any, y: Any) -> Any: ...
    def spectra(self, name: str, accumulators: Any) -> Any: ...
    def inverse(self, name: str, spectra: Any) -> Any: ...
    def total(self, name: str, x: Any, y: Any) -> Any: ...


def add_sums(
    model: Arithmetic, split: bool, phase: str, t: dict[str, Any], x: Any, other: Any
) -> None:
    """Add the tensors up to `{phase}_sums` to those of a frame, t.

    split: whether x has sums of its own (`Cell.split`). phase: GATE or CANDIDATE. x, other: products with x,
    and with the previous y or m; other is None in a cell without them.
    """
    prefix = "" if phase == GATE else f"{phase}_"
    if not split:
        accumulators = x if other is None else model.added(x, other)
        t[f"{phase}_sums"] = _signal(model, t, prefix, f"{phase}_spectra", "sums", accumulators)
        return
    first = _signal(model, t, f"{prefix}input_", f"{phase}_input_spectra", "sums", x)
    second = _signal(model, t, prefix, f"{phase}_spectra", "recurrent_sums", other)
    t[f"{phase}_input_sums"], t[f"{phase}_recurrent_sums"] = first, second
    t[f"{phase}_sums"] = model.total(f"{phase}_sums", first, second)


def _signal(model, t: dict, prefix: str, spectra: str, signal: str, accumulators):
    """Accumulators as a signal; they and their rounded spectra become tensors of t."""
    t[f"{prefix}accumulators"] = accumulators
    t[spectra] = model.spectra(spectra, accumulators)
    return model.inverse(f"{spectra.removesuffix('_spectra')}_{signal}", t[spectra])
