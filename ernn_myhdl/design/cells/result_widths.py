"""Bits of exact sums and products: each is (word, fraction bits)."""

from __future__ import annotations

from ernn_myhdl.numerics.formats import Format


def aligned(word: int, frac: int, target: int) -> int:
    """Bits of a word after its shift to `target` fraction bits; unchanged if that is fewer."""
    return word + max(0, target - frac)


def exact_sum(first: tuple[int, int], second: tuple[int, int]) -> tuple[int, int]:
    """(word, frac) of the exact sum of two (word, frac)."""
    frac = max(first[1], second[1])
    return max(aligned(*first, frac), aligned(*second, frac)) + 1, frac


def product(a: Format, b: Format) -> tuple[int, int]:
    """(word, frac) of the exact product of two numbers of these formats."""
    return a.word + b.word, a.frac + b.frac
