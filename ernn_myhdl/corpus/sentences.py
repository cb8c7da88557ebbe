"""Sentences of the synthetic corpus: patterns and words of `words.toml`, drawn by a seeded generator."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import numpy as np
import tomlkit

WORDS_FILE = Path(__file__).with_name("words.toml")
_CLASS = re.compile(r"<(\w+)>")


@lru_cache
def word_lists() -> dict[str, tuple[str, ...]]:
    """Class -> its words; `patterns` -> the patterns of the sentences."""
    read = tomlkit.parse(WORDS_FILE.read_text(encoding="utf-8")).unwrap()
    return {name: tuple(words) for name, words in read.items()}


def distinct_sentences(count: int, rng: np.random.Generator) -> list[str]:
    """`count` sentences, no two alike."""
    lists = word_lists()
    found: dict[str, None] = {}
    while len(found) < count:
        pattern = _one(lists["patterns"], rng)
        found[_CLASS.sub(lambda match: _one(lists[match[1]], rng), pattern)] = None
    return list(found)


def _one(words: tuple[str, ...], rng: np.random.Generator) -> str:
    return words[int(rng.integers(len(words)))]
