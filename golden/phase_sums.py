"""From the products of a matrix phase to its sums, for the fxpmath and the integer model alike.

Only the order of the steps and the names of the tensors are here; each model does its own arithmetic.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

#: The arrays of a model.
Words = TypeVar("Words")

GATE, CANDIDATE = "gate", "candidate"


class PhaseArithmetic(Protocol[Words]):
    """What a model does with its arrays.

    added: exact sum of two accumulators. spectra: accumulators rounded to tensor `name`. inverse: signal
    `name` of spectra. total: sum of two signals, saturated to tensor `name`.
    """

    def added(self, x: Words, y: Words) -> Words: ...
    def spectra(self, name: str, accumulators: Words) -> Words: ...
    def inverse(self, name: str, x: Words) -> Words: ...
    def total(self, name: str, x: Words, y: Words) -> Words: ...


def add_sums(
    model: PhaseArithmetic[Words],
    split: bool,
    phase: str,
    t: dict[str, Words],
    x: Words,
    other: Words | None,
) -> None:
    """Add the tensors up to `{phase}_sums` to those of a frame, t.

    split: whether x has sums of its own (`Cell.split`). phase: GATE or CANDIDATE. x, other: products with x,
    and with the previous y or m; other is None in a cell without them.
    """
    prefix = "" if phase == GATE else f"{phase}_"
    if other is None or not split:
        accumulators = x if other is None else model.added(x, other)
        t[f"{phase}_sums"] = _signal(model, t, prefix, f"{phase}_spectra", "sums", accumulators)
        return
    first = _signal(model, t, f"{prefix}input_", f"{phase}_input_spectra", "sums", x)
    second = _signal(model, t, prefix, f"{phase}_spectra", "recurrent_sums", other)
    t[f"{phase}_input_sums"], t[f"{phase}_recurrent_sums"] = first, second
    t[f"{phase}_sums"] = model.total(f"{phase}_sums", first, second)


def _signal(
    model: PhaseArithmetic[Words],
    t: dict[str, Words],
    prefix: str,
    spectra: str,
    signal: str,
    accumulators: Words,
) -> Words:
    """Accumulators as a signal; they and their rounded spectra become tensors of t."""
    t[f"{prefix}accumulators"] = accumulators
    t[spectra] = model.spectra(spectra, accumulators)
    return model.inverse(f"{spectra.removesuffix('_spectra')}_{signal}", t[spectra])
