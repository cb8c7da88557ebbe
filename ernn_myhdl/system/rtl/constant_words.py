"""What the constant registers of an AXI system read."""

from __future__ import annotations

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.host.registers import (
    DIGEST_WORDS,
    IDENTITY,
    STRUCTURE_WORDS,
    VERSION,
    register,
)
from ernn_myhdl.system.loadable import loadable_weights


def constant_words(design: CoreSpecification, bus_bits: int) -> dict[str, int]:
    """What the registers of the access `constant` read, by name."""
    shape = design.stream_shape

    def joined(name: str, **values: int) -> int:
        fields = {f.name: f for f in register(name).fields}
        return sum(
            (value & ((1 << fields[f].bits) - 1)) << fields[f].low for f, value in values.items()
        )

    formats = {"INPUT_FORMAT": design.input_format, "OUTPUT_FORMAT": design.output_format}
    words = {"ID": IDENTITY, "VERSION": VERSION, "INPUTS": design.inputs, "OUTPUTS": design.outputs}
    words |= {name: joined(name, word=f.word, frac=f.frac) for name, f in formats.items()}
    words["SHAPE"] = joined(
        "SHAPE", sample_bits=shape.sample_bits, samples=shape.samples_per_beat, streams=shape.streams,
        layers=len(design.layers),
    )  # fmt: skip
    words["BUS"] = joined("BUS", bits=bus_bits)
    weights = loadable_weights(design)
    words["WEIGHT_BANKS"] = joined("WEIGHT_BANKS", banks=weights.banks if weights else 0)
    words |= _digits("DIGEST", design.digest, DIGEST_WORDS)
    return words | _digits("STRUCTURE", weights.structure if weights else "0" * 64, STRUCTURE_WORDS)


def _digits(name: str, digits: str, count: int) -> dict[str, int]:
    """The registers of a digest."""
    return {f"{name}_{i}": int(digits[8 * i : 8 * i + 8], 16) for i in range(count)}
