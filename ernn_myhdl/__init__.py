"""Block-circulant LSTM and GRU cores for FPGAs: specification, models, simulation, conversion.

from ernn_myhdl import load_design
design = load_design("my_design")
run = design.run(x, engine="myhdl")
design.convert("my_vhdl", hdl="vhdl")
"""

import importlib

__version__ = "0.1.0"

_PUBLIC = {
    "Activations": "ernn_myhdl.design.design",
    "Design": "ernn_myhdl.design.design",
    "DesignError": "ernn_myhdl.errors",
    "Format": "ernn_myhdl.numerics.formats",
    "Formats": "ernn_myhdl.design.design",
    "Hardware": "ernn_myhdl.design.design",
    "GruCell": "ernn_myhdl.design.cells",
    "LinearCell": "ernn_myhdl.design.cells",
    "LstmCell": "ernn_myhdl.design.cells",
    "RnnCell": "ernn_myhdl.design.cells",
    "Mismatch": "ernn_myhdl.runs.check",
    "Network": "ernn_myhdl.design.network",
    "Run": "ernn_myhdl.runs.run",
    "ToolError": "ernn_myhdl.errors",
    "Traffic": "ernn_myhdl.streams.traffic",
    "build_design": "ernn_myhdl.calibration.build",
    "build_network": "ernn_myhdl.calibration.build",
    "check_run": "ernn_myhdl.runs.check",
    "export_model": "ernn_myhdl.exchange.exporting",
    "import_model": "ernn_myhdl.exchange.importing",
    "import_module": "ernn_myhdl.exchange.torch_module",
    "design_info": "ernn_myhdl.runs.report",
    "load_design": "ernn_myhdl.design.storage",
    "load_run": "ernn_myhdl.runs.run",
    "new_design": "ernn_myhdl.calibration.generate",
    "new_network": "ernn_myhdl.calibration.generate",
    "preset_design": "ernn_myhdl.calibration.presets",
    "run_design": "ernn_myhdl.runs.run",
    "save_design": "ernn_myhdl.design.storage",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str):
    """Public names are imported on first use, so that the command starts fast."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
