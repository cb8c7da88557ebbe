"""Images of weights into a core, and what it says of them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from ernn_myhdl.errors import DesignError
from ernn_myhdl.host.loadable_weights import LoadableWeights
from ernn_myhdl.host.registers import (
    ERROR_FIELDS,
    IRQ_FIELDS,
    REFUSALS,
    STRUCTURE_WORDS,
    WEIGHT_FIELDS,
    names_of,
    register,
)
from ernn_myhdl.host.transport import BoardError, BoardTimeout, Transport
from ernn_myhdl.host.weight_image import WeightImage, image_contents, read_image

#: Seconds between two looks at the status, and looks without a pause before the first.
PAUSE, BUSY_LOOKS = 0.001, 20


@dataclass(frozen=True)
class WeightStatus:
    """loading: an image has begun and not ended. loaded: the last one was accepted. pending: it waits for a sequence's start. refused:
    names of the reasons for which the last one was refused; none where it was not. incomplete: one bank was written in part."""

    loading: bool
    loaded: bool
    pending: bool
    refused: tuple[str, ...]
    incomplete: bool = False

    def __str__(self) -> str:
        texts = {f.name: f.text for f in WEIGHT_FIELDS}
        told = [n for n in ("loading", "loaded", "pending", "incomplete") if getattr(self, n)]
        told[:0] = self.refused
        return "; ".join(texts[name] for name in told) or "no image was loaded"


def weight_status(word: int) -> WeightStatus:
    """What the register WEIGHTS tells."""
    names = names_of(WEIGHT_FIELDS, word)
    refused = tuple(names_of(REFUSALS, word))
    return WeightStatus(
        "loading" in names, "loaded" in names, "pending" in names, refused, "incomplete" in names
    )


def load_image(
    transport: Transport,
    source: bytes | str | Path,
    weights: LoadableWeights | None,
    timeout: float,
) -> WeightStatus:
    """Send an image and wait for what the core says; see `Board.load_weights`."""
    image = checked_image(source, weights)
    assert weights is not None  # checked
    _check_core(transport, weights)
    if _left_open(transport):  # of a host that was stopped: a wrong last word ends its image
        transport.load([0], timeout)
        _settled(transport, timeout)
    _forget(transport)
    transport.load(image.words.tolist(), timeout)
    status = _settled(transport, timeout)
    if not status.loaded:
        _forget(transport)
        raise BoardError(f"board: the core did not take the weights: {status}; {_advice(status)}")
    return status


def _left_open(transport: Transport) -> bool:
    """Whether an image has begun that does not end by itself; the last words of one that does may wait in front of the core still."""
    looks = (transport.read(register("WEIGHTS").address) for _ in range(BUSY_LOOKS))
    return all(weight_status(word).loading for word in looks)


def checked_image(source: bytes | str | Path, weights: LoadableWeights | None) -> WeightImage:
    """An image that is whole and for these memories; DesignError where it is not, or where the weights are fixed (None)."""
    if weights is None:
        raise DesignError(
            'board: the weights of this core are fixed; make the design with [hardware] weights = "loadable" and convert it again'
        )
    where = "weight image" if isinstance(source, bytes) else f"weight image {source}"
    image = read_image(source, where)
    image_contents(image, weights.structure, weights.memories, where)
    return image


def _check_core(transport: Transport, weights: LoadableWeights) -> None:
    """BoardError unless the registers tell of these memories."""
    found = "".join(
        f"{transport.read(register(f'STRUCTURE_{i}').address):08x}" for i in range(STRUCTURE_WORDS)
    )
    banks = register("WEIGHT_BANKS").field("banks").of(transport.read(register("WEIGHT_BANKS").address))  # fmt: skip
    if (found, banks) != (weights.structure, weights.banks):
        told = (
            "whose weights are fixed"
            if not banks
            else f"of the structure {found[:16]}..., banks {banks}"
        )
        raise BoardError(
            f"board: holds a core {told}; the folder is of {weights.structure[:16]}..., banks {weights.banks}: load the bitstream of this folder"
        )


def _settled(transport: Transport, timeout: float) -> WeightStatus:
    """The status when an image has ended."""
    deadline, looks = time.monotonic() + timeout, 0
    while True:
        status = weight_status(transport.read(register("WEIGHTS").address))
        if not status.loading and (status.loaded or status.refused):
            return status
        if looks > BUSY_LOOKS:
            if time.monotonic() > deadline:
                raise BoardTimeout(f"board: the load of weights has not ended in {timeout:g} s; the core says: {status}")  # fmt: skip
            time.sleep(PAUSE)
        looks += 1


def _forget(transport: Transport) -> None:
    """Clear what is sticky of weights."""
    for name, fields in (("ERRORS", ERROR_FIELDS), ("IRQ_STATUS", IRQ_FIELDS)):
        (mask,) = (f.mask for f in fields if f.name == "weights")
        transport.write(register(name).address, mask)


def _advice(status: WeightStatus) -> str:
    for reason, text in (
        (
            "not_idle",
            "take all frames of y first, end the sequences of a core with joins over time, or make a core with two banks",
        ),
        (
            "bank_used",
            "start a sequence on each stream, or call reset(), which keeps the weights in use",
        ),
        ("other_structure", "make the image with ernn weights --for the design of this core"),
    ):
        if reason in status.refused:
            return text
    return "load it again"
