"""Writes the C driver of a system: NAME.h and NAME.c."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from ernn_myhdl.host.description import SystemDescription
from ernn_myhdl.host.registers import DIGEST_WORDS, IDENTITY, MAJOR, MODES, REFUSALS, REGISTERS
from ernn_myhdl.host.weight_image import HEADER_WORDS, IMAGE_VERSION, MAGIC
from ernn_myhdl.host.weight_loading import BUSY_LOOKS


def write_driver(system: SystemDescription, folder: Path) -> list[str]:
    """Write header and source into `folder`; returns their names."""
    made = {
        f"{system.name}.h": header(system),
        f"{system.name}.c": _template("driver.c", system.name),
    }
    for name, text in made.items():
        (folder / name).write_text(text)
    return list(made)


def header(system: SystemDescription) -> str:
    """The text of the header."""
    text = _template("driver.h", system.name)
    macro = system.name.upper()
    parts = {"DESIGN": _design(system), "REGISTERS": _registers(), "MODES": _modes()}
    for place, lines in parts.items():
        text = text.replace(f"@{place}@", "\n".join(f"#define {macro}_{line}" for line in lines))
    return text


def _template(file: str, name: str) -> str:
    text = (files("ernn_myhdl.system.driver") / file).read_text(encoding="utf-8")
    return (
        text.replace("CORE_MACRO", name.upper())
        .replace("CORE_NAME", name)
        .replace("CORE_", f"{name}_")
    )


def _design(system: SystemDescription) -> Iterator[str]:
    yield f"INPUTS {system.inputs}"
    yield f"OUTPUTS {system.outputs}"
    yield f"STREAM_COUNT {system.streams}"
    yield f"SAMPLE_BITS {system.sample_bits}"
    yield f"BUSY_LOOKS {BUSY_LOOKS}"
    yield f"INPUT_BYTES {system.input_bytes}"
    yield f"OUTPUT_BYTES {system.output_bytes}"
    yield f"BUS_BITS {system.bus_bits}"
    # no hexadecimal numbers with a fraction: C++ has them since C++17 only
    yield f"INPUT_FACTOR {2.0**system.input_format.frac!r}"
    yield f"OUTPUT_LSB {2.0**-system.output_format.frac!r}"
    yield f"INPUT_LEAST ({float(system.input_format.minimum)})"
    yield f"INPUT_MOST {float(system.input_format.maximum)}"
    words = [f"0x{system.digest[8 * i : 8 * i + 8]}u" for i in range(DIGEST_WORDS)]
    yield f"DIGEST_WORDS {DIGEST_WORDS}"
    yield f"DIGEST {{{', '.join(words)}}}"
    yield f"IDENTITY 0x{IDENTITY:08X}u"
    yield f"VERSION_MAJOR {MAJOR}u"
    yield f"BEAT_BITS {system.samples_per_beat * system.sample_bits}"
    yield f"FRAMES_PER_SEQUENCE {system.frames_out.per_sequence}u"
    yield f"FIRST_FRAME {system.frames_out.first}u"
    yield f"FRAME_STEP {system.frames_out.step}u"
    yield f"STATE_LAYERS {len(system.states)}"
    if system.states:
        parts = [
            (s.layer, p.size, p.samples, p.format.word) for s in system.states for p in s.parts
        ]
        yield f"STATE_PARTS {len(parts)}"
        yield f"STATE_SHAPES {{{', '.join('{' + ', '.join(f'{n}u' for n in p) + '}' for p in parts)}}}"
    own = [word for s in system.states for p in s.parts for word in p.initial or (0,) * p.size]
    yield f"OWN_STATES {int(any(own))}"
    if any(own):
        yield f"OWN_STATE_WORDS {{{', '.join(map(str, own))}}}"
    yield f"WEIGHT_BANKS {system.weights.banks if system.weights else 0}"
    if system.weights is not None:
        structure = system.weights.structure
        words = [f"0x{structure[8 * i : 8 * i + 8]}u" for i in range(DIGEST_WORDS)]
        yield f"STRUCTURE {{{', '.join(words)}}}"
    yield f"IMAGE_MAGIC 0x{MAGIC:08X}u"
    yield f"IMAGE_VERSION {IMAGE_VERSION}u"
    yield f"IMAGE_HEADER {HEADER_WORDS}"
    yield f"WEIGHTS_REFUSALS 0x{sum(f.mask for f in REFUSALS):08X}u"
    scaling = system.input_scaling
    yield f"SCALED {int(scaling is not None)}"
    if scaling is not None:
        offsets = scaling.offsets or (0.0,) * system.inputs
        yield f"SCALES {{{', '.join(repr(float(each)) for each in scaling.factors)}}}"
        yield f"OFFSETS {{{', '.join(repr(float(each)) for each in offsets)}}}"


def _registers() -> Iterator[str]:
    for register in REGISTERS:
        yield f"REG_{register.name} 0x{register.address:03X}u"
        if register.access in ("constant", "push"):
            continue
        for field in register.fields:
            if field.bits < 32:
                yield f"{register.name}_{field.name.upper()} 0x{field.mask:08X}u"


def _modes() -> Iterator[str]:
    for name, value in MODES.items():
        yield f"MODE_{name.upper()} {value}u"
