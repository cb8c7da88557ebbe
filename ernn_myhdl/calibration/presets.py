"""Designs by name: the layers of the E-RNN paper on this core.

The layers are the paper's for speech (HPCA 2019, table III), 153 inputs, 1,024 cells, 12-bit words: an
LSTM with peepholes and a recurrent projection to 512, and a GRU with reset before the product. Lanes,
IFFT units and element width are chosen so that the multipliers fit an XC7VX690T with a wide margin;
streams so that the lanes never wait for a recurrence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ernn_myhdl.errors import DesignError

if TYPE_CHECKING:
    from ernn_myhdl.design.design import Design

_PAPER_LSTM = {
    "inputs": 153,
    "hidden": 1024,
    "projection": 512,
    "peepholes": True,
    "samples_per_beat": 32,
    "sample_bits": 16,
    "streams": 4,
}
_PAPER_GRU = {
    "cell": "gru",
    "reset": "before",
    "inputs": 153,
    "hidden": 1024,
    "samples_per_beat": 32,
    "sample_bits": 16,
    "streams": 4,
}
#: Name -> arguments of `new_design`.
PRESETS = {
    "paper-lstm-k8": _PAPER_LSTM
    | {"block": 8, "lanes": 256, "ifft_units": 16, "element_width": 4, "name": "paper_lstm_k8"},
    "paper-lstm-k16": _PAPER_LSTM
    | {"block": 16, "lanes": 128, "ifft_units": 8, "element_width": 2, "name": "paper_lstm_k16"},
    "paper-gru-k8": _PAPER_GRU
    | {"block": 8, "lanes": 256, "ifft_units": 16, "element_width": 8, "name": "paper_gru_k8"},
    "paper-gru-k16": _PAPER_GRU
    | {"block": 16, "lanes": 128, "ifft_units": 8, "element_width": 4, "name": "paper_gru_k16"},
}


def preset_arguments(name: str) -> dict:
    """Arguments of `new_design` for a preset; DesignError where there is none of this name."""
    if name not in PRESETS:
        raise DesignError(f"preset {name!r}: must be one of {', '.join(PRESETS)}")
    return dict(PRESETS[name])


def preset_design(name: str, **changes) -> Design:
    """The design of a preset with random weights.

    Parameters
    ----------
    name : str
        Of `PRESETS`.
    **changes
        Other arguments of `new_design`.

    Returns
    -------
    Design

    Raises
    ------
    DesignError
        Where there is no such preset, or a change is illegal.
    """
    from ernn_myhdl.calibration.generate import new_design

    return new_design(**(preset_arguments(name) | changes))
