"""What a host must know of a core that gives other frames than it takes, and of one whose sequences start from states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ernn_myhdl.design.joins import Cadence
from ernn_myhdl.errors import DesignError
from ernn_myhdl.host.arguments import array_of
from ernn_myhdl.numerics.formats import Format, quantise
from ernn_myhdl.whole_numbers import is_whole, whole


@dataclass(frozen=True)
class FramesOut:
    """per_sequence: frames of y of a sequence; 0: those of `first` and every `step`-th frame of x behind it. least, most: frames that a sequence may
    have; most 0: any number."""

    per_sequence: int = 0
    first: int = 0
    step: int = 1
    least: int = 1
    most: int = 0

    @property
    def ends(self) -> bool:
        """Whether the core has to know where sequences end."""
        return self.per_sequence > 0

    def frames(self, given: int) -> int:
        """Frames of y of a sequence of so many of x; DesignError where that is no whole number."""
        whole("frames", given, 0)
        return self.per_sequence or Cadence(self.first, self.step).frames(given)

    def check(self, given: int, where: str) -> None:
        """DesignError where a sequence may not have so many frames."""
        if given < self.least or (self.most and given > self.most):
            most = f" to {self.most}" if self.most else " or more"
            raise DesignError(
                f"{where}: has {given} frames, must have {self.least}{most}, which the windows and joins over time of the design take"
            )

    def record(self) -> dict[str, int]:
        """As `system.json` holds it."""
        return asdict(self)


def frames_out_of(record: object, where: str) -> FramesOut:
    """The entry `frames_out` of a `system.json`, which has none where each frame has one of y."""
    if record is None:
        return FramesOut()
    names = set(FramesOut().record())
    if not isinstance(record, Mapping) or set(record) != names or not all(
        is_whole(value) and value >= 0 for value in record.values()
    ) or record["step"] < 1:  # fmt: skip
        raise DesignError(
            f"{where}: frames_out = {record!r}: must have whole numbers {', '.join(sorted(names))}; convert the design again"
        )
    return FramesOut(**record)


@dataclass(frozen=True)
class StatePart:
    """name: of the part of a state, size: its words, samples: with what fills it up, format: of the words. initial: those
    that sequences start from where no others are given; none for zero."""

    name: str
    size: int
    samples: int
    format: Format
    initial: tuple[int, ...] = ()


@dataclass(frozen=True)
class LayerState:
    """The state of a layer: its number, and its parts in the order in which they are sent."""

    layer: int
    parts: tuple[StatePart, ...]

    def record(self) -> dict[str, Any]:
        """As `system.json` holds it."""
        parts = [
            {"name": p.name, "size": p.size, "samples": p.samples, "word": p.format.word, "frac": p.format.frac}
            | ({"initial": list(p.initial)} if p.initial else {})
            for p in self.parts
        ]  # fmt: skip
        return {"layer": self.layer, "parts": parts}


def layer_states_of(record: object, where: str) -> tuple[LayerState, ...]:
    """The entry `states` of a `system.json`, which has none where sequences start from zero."""
    if record is None:
        return ()
    try:
        made = tuple(
            LayerState(
                int(each["layer"]),
                tuple(
                    StatePart(
                        str(p["name"]), int(p["size"]), int(p["samples"]), Format(p["word"], p["frac"]),
                        tuple(map(int, p.get("initial", ()))),
                    )
                    for p in each["parts"]
                ),
            )
            for each in record  # type: ignore[attr-defined]  # what is no list is an error below
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise DesignError(
            f"{where}: states: is no list of layers with their parts ({error}); convert the design again"
        ) from error
    for part in (p for each in made for p in each.parts):
        if not 0 < part.size <= part.samples:
            raise DesignError(
                f"{where}: states: {part.name} of {part.size} words in {part.samples}; convert the design again"
            )
        if part.initial and len(part.initial) != part.size:
            raise DesignError(
                f"{where}: states: {part.name} starts from {len(part.initial)} words, must have {part.size}; convert the design again"
            )
    return made


def own_state(shapes: Sequence[LayerState], layers: int) -> Any:
    """The state that sequences start from where none is given, as `state_words` takes it; None: zero."""
    found: list[Any] = [None] * layers
    for shape in shapes:
        if any(part.initial for part in shape.parts):
            found[shape.layer] = {
                p.name: np.array(p.initial or [0] * p.size, dtype=np.int64) for p in shape.parts
            }
    if all(state is None for state in found):
        return None
    return found[0] if layers == 1 else found


def state_words(
    shapes: Sequence[LayerState], layers: int, state: Any, stream: int, sample_bits: int, beat: int
) -> list[list[int]]:
    """The words of STATE_DATA and STATE_LAST, a list for each layer that has a state.

    state: of a core of one layer name -> array (size,), values or raw words, of several layers a list of one a layer, where None is zero; None: zero.
    sample_bits, beat: of a sample, samples of a beat. Raises DesignError for another form, and for words that a format does not have.
    """
    given = [state] if layers == 1 else state
    if given is None:
        given = [None] * layers
    if not isinstance(given, Sequence) or len(given) != layers:
        raise DesignError(f"initial state: must be a list of one for each of {layers} layers")
    known = {shape.layer for shape in shapes}
    for number, own in enumerate(given):
        if number not in known and own:
            raise DesignError(f"initial state: layer {number} has none; give None")
    made = []
    for shape in shapes:
        samples: list[int] = []
        for part in shape.parts:
            samples += _raw(given[shape.layer], shape, part) + [0] * (part.samples - part.size)
        made.append([shape.layer | stream << 16, *_words(samples, sample_bits, beat)])
    return made


def _raw(own: Any, shape: LayerState, part: StatePart) -> list[int]:
    """Raw words of a part."""
    if own is None:
        return [0] * part.size
    names = {p.name for p in shape.parts}
    if not isinstance(own, Mapping) or set(own) != names:
        raise DesignError(
            f"initial state: of layer {shape.layer} must be a dictionary of {', '.join(sorted(names))}"
        )
    where = f"initial state {part.name} of layer {shape.layer}"
    values = array_of(own[part.name], where)
    if values.shape != (part.size,) or values.dtype.kind not in "fiu":
        raise DesignError(
            f"{where}: {values.dtype} of shape {values.shape}, must be numbers of shape ({part.size},)"
        )
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise DesignError(f"{where}: holds NaN or infinity")
        return [int(word) for word in quantise(values, part.format)]
    if values.min() < part.format.minimum or values.max() > part.format.maximum:
        raise DesignError(
            f"{where}: raw words from {values.min()} to {values.max()}, must be {part.format.minimum} to {part.format.maximum}"
        )
    return [int(word) for word in values]


def _words(samples: Sequence[int], sample_bits: int, beat: int) -> list[int]:
    """Samples as words of 32 bits, beat by beat."""
    words = []
    for at in range(0, len(samples), beat):
        data = 0
        for i, sample in enumerate(samples[at : at + beat]):
            data |= (sample & ((1 << sample_bits) - 1)) << i * sample_bits
        words += [data >> low & 0xFFFFFFFF for low in range(0, beat * sample_bits, 32)]
    return words


def packet_groups(lengths: Sequence[int], streams: int) -> Iterator[list[int]]:
    """Numbers of sequences that share a packet: of one length, at most `streams`; empty ones in none."""
    waiting: dict[int, list[int]] = {}
    for number, length in enumerate(lengths):
        if length:
            waiting.setdefault(length, []).append(number)
    for numbers in waiting.values():
        for at in range(0, len(numbers), streams):
            yield numbers[at : at + streams]
