"""Files that `ernn evaluate` writes of the classes that a design names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ernn_myhdl.files.output_target import Target
    from ernn_myhdl.runs.predictions import Predictions
    from ernn_myhdl.runs.sequence_predictions import SequencePredictions

PICTURES, TABLE = (".png", ".svg"), ".tsv"


def checked_tables(args) -> list[tuple[str, Target]]:
    """("confusion" or "predictions", checked file) of the options, before anything is computed."""
    from ernn_myhdl.errors import DesignError
    from ernn_myhdl.files.output_target import check_file

    tables: list[tuple[str, Target]] = []
    named = [
        Path(f).resolve()
        for f in [*(args.confusion or ()), *([args.predictions] * bool(args.predictions))]
    ]
    if len(set(named)) < len(named):
        raise DesignError("--confusion, --predictions: two of them are one file; give each its own")
    for file in args.confusion or ():
        tables.append(("confusion", check_file(file, (*PICTURES, TABLE), args.force)))
    if args.predictions is not None:
        tables.append(("predictions", check_file(args.predictions, (TABLE,), args.force)))
    return tables


def write_tables(
    tables: list[tuple[str, Target]], predictions: Predictions | SequencePredictions, name: str
) -> list[str]:
    """Write what `checked_tables` gave; returns the names of the files."""
    from ernn_myhdl.runs.sequence_predictions import SequencePredictions

    written = []
    for kind, target in tables:
        if kind == "predictions":
            predictions.write(target)
        elif Path(target).suffix.lower() == TABLE or isinstance(predictions, SequencePredictions):
            predictions.write_confusion(target)
        else:
            from ernn_myhdl.plots.confusion import plot_confusion

            plot_confusion(predictions, target, f"{name}: {len(predictions.labels)} labels")
        written.append(str(target))
    return written
