"""Phone error rate by cell, method and block size: float and fixed point, on the test part of a corpus.

    python -m benchmarks.phone_error_rate CORPUS --work build/per [--seeds 1,2,3] [--cells lstm,gru]
        [--methods dense,admm,projection,direct] [--blocks 2,4,8,16] [--front 128] [--input-block 0]
        [--jobs 2 | --dask ADDRESS] [--json FILE] [--picture FILE] [--print]

A recurrent layer of 256 cells with a dense linear layer of 128 in front and a dense read-out (`ernn train`). Every
method trains for the same number of epochs: ADMM and the projection begin from a dense model, which dense training
goes on with, and direct training begins from random weights. Then the weights are rounded to 12 bits and fine-tuned,
and the design is run by the integer model. Each training writes a folder of its own under --work and goes on where it was interrupted; a
training that is done is read. Seconds are those of a training without the dense model that it begins from.
--print prints the table of what is done, and trains nothing. Exits with 3 without PyTorch or the packages of the
extra speech.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

from benchmarks.command import leave
from benchmarks.environment import environment, markdown, report
from ernn_myhdl.errors import DesignError, ToolError
from ernn_myhdl.plots.picture import BLUE, GREY, ORANGE, VERMILION, check_picture, picture
from ernn_myhdl.recogniser.recipe import DENSE, METHODS, Recipe
from ernn_myhdl.recogniser.trainings import result_file, train_recognisers
from ernn_myhdl.train import require_torch

KINDS = ("lstm", "gru")
BLOCKS = (2, 4, 8, 16)
#: Of every recogniser of the table.
SIZES = {"front": 128, "hidden": 256, "epochs": 6}
NAMES = {
    DENSE: "dense, as long as the others", "admm": "ADMM, retraining", "projection": "projection, retraining",
    "direct": "direct",
}  # fmt: skip
#: The model that ADMM and the projection begin from.
START = "dense"


def recipes(cells, methods, blocks, seeds, **changes) -> list[Recipe]:
    """Of the table, in the order in which they are trained: all of a seed first. changes: fields other than SIZES."""
    made, sizes = [], SIZES | changes
    for seed in seeds:
        for cell in cells:
            if DENSE in methods:
                made.append(
                    Recipe(cell=cell, method=DENSE, seed=seed, **sizes | {"input_block": 0})
                )
            made += [
                Recipe(cell=cell, method=method, block=block, seed=seed, **sizes)
                for block in blocks
                for method in methods
                if method != DENSE
            ]
    return made


def results(corpus: str, work: Path, wanted: list[Recipe]) -> list[dict]:
    """Of the trainings that are done; DesignError where one is of another corpus or recipe."""
    from ernn_myhdl.corpus.storage import load_description

    sha256 = load_description(corpus)["sha256"]
    found = []
    for recipe in wanted:
        file = result_file(work, recipe)
        if not file.is_file():
            continue
        result = json.loads(file.read_text(encoding="utf-8"))
        if result["recipe"] != recipe.as_dict() or result["task"]["sha256"] != sha256:
            raise DesignError(f"{file}: is of another recipe or corpus; give another --work")
        found.append(result)
    return found


def percent(values: list[float]) -> str:
    """Mean and standard deviation, in percent; empty without values."""
    if not values:
        return ""
    spread = f" ± {100 * np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
    return f"{100 * np.mean(values):.2f}{spread}"


def dense_errors(found: list[dict]) -> dict[tuple, float]:
    """(cell, seed) -> phone error rate of the dense model; the better one, on the validation part, of that which the others
    begin from and that which trained as long as they."""
    errors = {}
    for result in found:
        recipe, scores = result["recipe"], result["scores"]
        if recipe["method"] == DENSE:
            models = [scores["start"], scores["float"]]
            best = min(models, key=lambda m: m["validation"]["phone_error_rate"])
            errors[recipe["cell"], recipe["seed"]] = best["test"]["phone_error_rate"]
    return errors


def rows_of(found: list[dict]) -> list[tuple]:
    """A row for each cell, method and block size, and one for the dense models that others begin from."""
    dense = dense_errors(found)
    groups: dict[tuple, list[dict]] = {}
    for result in found:
        recipe = result["recipe"]
        block = 1 if recipe["method"] == DENSE else recipe["block"]
        groups.setdefault((recipe["cell"], block, NAMES[recipe["method"]]), []).append(result)
        if recipe["method"] == DENSE:
            start = result | {"scores": {"float": result["scores"]["start"]}}
            groups.setdefault((recipe["cell"], block, START), []).append(start)
    order = [START, *NAMES.values()]
    ordered = sorted(groups, key=lambda g: (KINDS.index(g[0]), g[1], order.index(g[2])))
    return [_row(*group, groups[group], dense) for group in ordered]


def _row(cell: str, block: int, name: str, runs: list[dict], dense: dict[tuple, float]) -> tuple:
    def test(model: str, measure: str) -> list[float]:
        return [run["scores"][model]["test"][measure] for run in runs if model in run["scores"]]

    keys = [(run["recipe"]["cell"], run["recipe"]["seed"]) for run in runs]
    errors = test("float", "phone_error_rate")
    lost = [e - dense[k] for e, k in zip(errors, keys, strict=True) if k in dense and block > 1]
    return (
        cell.upper(),
        block,
        name,
        f"{np.mean([run['numbers'] for run in runs]):,.0f}",
        percent(errors),
        percent(lost),
        percent(test("fixed_point", "phone_error_rate")),
        percent(test("float", "frame_accuracy")),
        percent(test("fixed_point", "frame_accuracy")),
        ", ".join(str(seed) for _, seed in keys),
        "" if name == START else f"{np.mean([run['seconds'] for run in runs]):.0f}",
    )


def text_of(found: list[dict], wanted: int) -> str:
    header = (
        "cell", "k", "method", "numbers", "phone error rate, float (%)", "more than dense (points)",
        "12 bits (%)", "frame accuracy, float (%)", "12 bits (%)", "seeds", "seconds",
    )  # fmt: skip
    interrupted = sum(run["resumed"] for run in found)
    return (
        f"{len(found)} of {wanted} trainings are done; {interrupted} of them were interrupted, and "
        "their seconds are those since\n\n" + markdown(header, rows_of(found)) + "\n"
    )


def _tell(done: int, count: int, name: str) -> None:
    print(f"{done} of {count}: {name}", file=sys.stderr, flush=True)


def plot(found: list[dict], file: Path) -> None:
    """Phone error rate of the fixed-point designs over k, a line for each method; .png or .svg."""
    colours = {"admm": BLUE, "projection": ORANGE, "direct": VERMILION}
    cells = [cell for cell in KINDS if any(run["recipe"]["cell"] == cell for run in found)]
    with picture(file, 4.6 * len(cells), 3.8) as figure:
        panels = figure.subplots(1, len(cells), sharey=True, squeeze=False)[0]
        for axes, cell in zip(panels, cells, strict=True):
            own = [run for run in found if run["recipe"]["cell"] == cell]
            dense = list(dense_errors(own).values())
            if dense:
                middle, spread = 100 * np.mean(dense), 100 * np.std(dense, ddof=len(dense) > 1)
                axes.axhline(middle, color=GREY, linestyle="--", label="dense, float")
                axes.axhspan(middle - spread, middle + spread, color=GREY, alpha=0.15, linewidth=0)
            for method, colour in colours.items():
                points = {}
                for run in own:
                    if run["recipe"]["method"] == method:
                        error = run["scores"]["fixed_point"]["test"]["phone_error_rate"]
                        points.setdefault(run["recipe"]["block"], []).append(100 * error)
                sizes = sorted(points)
                axes.errorbar(
                    sizes, [np.mean(points[k]) for k in sizes],
                    [np.std(points[k], ddof=len(points[k]) > 1) for k in sizes],
                    color=colour, marker="o", capsize=3, label=NAMES[method],
                )  # fmt: skip
            axes.set_xscale("log", base=2)
            axes.set_xticks(BLOCKS, [str(k) for k in BLOCKS])
            axes.set_xlabel("block size k")
            axes.set_title(cell.upper())
        panels[0].set_ylabel("phone error rate, 12 bits (%)")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)


def _list(legal, kind=str):
    """Argument type: some of the legal values, with commas between; any whole numbers for None."""

    def parse(text: str) -> list:
        try:
            values = [kind(part) for part in text.split(",")]
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r}: must be whole numbers") from None
        wrong = [v for v in values if legal is not None and v not in legal]
        if wrong:
            raise argparse.ArgumentTypeError(f"{wrong[0]!r}: must be one of {legal}")
        return list(dict.fromkeys(values))

    return parse


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", help="corpus folder")
    parser.add_argument("--work", type=Path, required=True, help="folder of the trainings")
    parser.add_argument("--seeds", type=_list(None, int), default=[1, 2, 3], help="1,2,3")
    parser.add_argument("--cells", type=_list(KINDS), default=list(KINDS), help="lstm,gru")
    parser.add_argument("--methods", type=_list(METHODS), default=list(NAMES), help="all four")
    parser.add_argument("--blocks", type=_list(BLOCKS, int), default=list(BLOCKS), help="2,4,8,16")
    parser.add_argument(
        "--front", type=int, default=SIZES["front"], help="outputs of the layer in front"
    )
    parser.add_argument(
        "--input-block", type=int, default=0, help="of the matrices of x; 0: as --blocks"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (cores)")
    parser.add_argument("--dask", metavar="ADDRESS", help="a Dask scheduler in place of --jobs")
    parser.add_argument("--print", action="store_true", help="train nothing")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw them, .png or .svg")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results here")
    arguments = parser.parse_args()
    if arguments.jobs < 1:
        parser.error("--jobs: must be at least 1")
    changes = {"front": arguments.front, "input_block": arguments.input_block}
    try:
        if arguments.picture:
            check_picture(arguments.picture)
        wanted = recipes(
            arguments.cells, arguments.methods, arguments.blocks, arguments.seeds, **changes
        )
        require_torch()
        if not arguments.print:
            places = (arguments.corpus, arguments.work)
            train_recognisers(*places, wanted, arguments.jobs, arguments.dask, _tell)
        found = results(arguments.corpus, arguments.work, wanted)
    except (DesignError, ToolError) as error:
        print(f"phone_error_rate: {error}", file=sys.stderr)
        return 3 if isinstance(error, ToolError) else 2
    if arguments.picture and found:
        plot(found, arguments.picture)
    result = {"environment": environment() | {"torch": version("torch")}, "trainings": found}
    report(result, text_of(found, len(wanted)), arguments.json)
    return 0


if __name__ == "__main__":
    leave(main)
