"""Speakers of the synthetic corpus: variants of espeak-ng's voices, with pitch, speed and size of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ernn_myhdl.corpus.espeak import Voice

#: Variants that are neither robots, whispers nor small children, without echo (their pauses are silent), and that speak the same
#: samples in every process: "victor" does not, its file sets the breath of two formants and leaves the others to chance.
VARIANTS = (
    "Alex", "Andrea", "Annie", "Denis", "Diogo", "Gene", "Henrique", "Lee", "Mario", "Michael",
    "Mike", "Nguyen", "Reed", "adam", "anika", "aunty", "belinda", "benjamin", "boris", "david",
    "ed", "edward", "edward2", "f1", "grandma", "grandpa", "ian", "iven3", "iven4", "kaukovalta",
    "klatt3", "klatt6", "linda", "m1", "m3", "m4", "m5", "m6", "m7", "m8", "marcelo", "max",
    "michel", "miguel", "mike2", "norbert", "quincy", "rob", "robert", "shelby", "steph", "travis",
    "gustave",
)  # fmt: skip


@dataclass(frozen=True)
class Speaker:
    """A voice, and how much higher and faster its samples are played (1: as they are)."""

    name: str
    voice: Voice
    stretch: float


def draw_speakers(prefix: str, variants: list[str], count: int, rng) -> list[Speaker]:
    """`count` speakers over the variants, in turn."""
    return [_draw(f"{prefix}{i:03d}", variants[i % len(variants)], rng) for i in range(count)]


def _draw(name: str, variant: str, rng: np.random.Generator) -> Speaker:
    voice = Voice(
        variant,
        pitch=int(rng.integers(25, 76)),
        pitch_range=int(rng.integers(25, 76)),
        rate=int(rng.integers(130, 231)),
    )
    return Speaker(f"{name}-{variant}", voice, round(float(rng.uniform(0.9, 1.1)), 3))


def share_variants(weights: dict[str, int], rng: np.random.Generator) -> dict[str, list[str]]:
    """Part -> its variants, in proportion to the weights; no variant is in two parts."""
    order = [VARIANTS[i] for i in rng.permutation(len(VARIANTS))]
    names, total = list(weights), sum(weights.values())
    shares = {}
    for place, name in enumerate(names):
        left = len(names) - place - 1
        wanted = max(1, round(len(VARIANTS) * weights[name] / total))
        count = len(order) if not left else min(wanted, len(order) - left)
        shares[name], order = order[:count], order[count:]
    return shares
