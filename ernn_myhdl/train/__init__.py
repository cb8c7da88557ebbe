"""Training of block-circulant models in PyTorch: ADMM, direct, projection; docs/training.md.

from ernn_myhdl.train import compress, fit, supervised
fit(model, step, batches)
compressed = compress(model, {"lstm.*": 8}, step, batches, method="admm")
design = compressed.design(calibration)
"""

import importlib
import importlib.util

from ernn_myhdl.errors import ToolError

_PUBLIC = {
    "Batch": "ernn_myhdl.train.batches",
    "AdmmSchedule": "ernn_myhdl.train.admm",
    "Compressed": "ernn_myhdl.train.compressed_model",
    "ChunkBatches": "ernn_myhdl.train.carried_state",
    "CarriedBatch": "ernn_myhdl.train.carried_state",
    "Gru": "ernn_myhdl.train.recurrent",
    "History": "ernn_myhdl.train.history",
    "Lstm": "ernn_myhdl.train.recurrent",
    "Rnn": "ernn_myhdl.train.recurrent",
    "Matrix": "ernn_myhdl.train.matrices",
    "Quantisation": "ernn_myhdl.train.quantisation",
    "SequenceBatches": "ernn_myhdl.train.batches",
    "Settings": "ernn_myhdl.train.loop",
    "compress": "ernn_myhdl.train.compressing",
    "ctc_loss": "ernn_myhdl.train.losses",
    "find_matrices": "ernn_myhdl.train.matrices",
    "fit": "ernn_myhdl.train.compressing",
    "plot_history": "ernn_myhdl.plots.training",
    "run_from": "ernn_myhdl.train.carried_state",
    "save_model": "ernn_myhdl.train.design",
    "supervised": "ernn_myhdl.train.makers",
}

__all__ = sorted(_PUBLIC)


def require_torch() -> None:
    """ToolError where PyTorch is missing."""
    if importlib.util.find_spec("torch") is None:
        raise ToolError(
            "PyTorch is missing, which training needs; install it with `pip install 'ernn-myhdl[train]'`"
        )


def __getattr__(name: str):
    """Public names are imported on first use."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    require_torch()
    value = getattr(importlib.import_module(_PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "require_torch"]
