"""`ernn explore`: which model and which hardware a layer should have."""

from __future__ import annotations

import argparse
import os

from ernn_myhdl.cli import explore_model
from ernn_myhdl.cli.evaluate import word_lengths
from ernn_myhdl.console import (
    FAILED,
    FINE,
    OneLineParser,
    add_command,
    add_force,
    add_json,
    number,
    print_json,
    step_progress,
    whole,
    whole_or_part,
)
from ernn_myhdl.errors import DesignError

FIRST_EXAMPLE = "  ernn explore model build/corpus --device xc7z020 --max-error 30 -o build/search"
EXAMPLES = """\
  ernn explore hardware paper --device xc7vx690t
  ernn explore hardware paper --device xc7vx690t --max-latency-us 2 -o small
  ernn explore hardware paper --device xc7vx690t --min-fps 500000 --streams 1,2,4,8 --words 8,10,12
  ernn explore hardware paper --device xcku060 --table table.json --picture front.png
  ernn explore hardware gru --device lfe5u-85f-8 --placed placed"""
#: Rows of the front that are printed.
MOST_ROWS = 20


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "explore",
        "search for the best model or hardware",
        "Search for the design that keeps the limits that are given.",
        f"{FIRST_EXAMPLE}\n{EXAMPLES}",
    )
    kinds = parser.add_subparsers(
        title="searches", metavar="SEARCH", required=True, parser_class=OneLineParser
    )
    explore_model.add_search(kinds)
    _add_hardware(kinds)


def _list(text: str) -> list[int]:
    """Argument type: whole numbers with commas between."""
    values = [whole(part) for part in text.split(",")]
    if min(values) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: every number must be 1 or more")
    return list(dict.fromkeys(values))


def _width_list(text: str) -> list[int | float]:
    """Argument type: numbers with commas between, some of them perhaps parts like 1/4."""
    values = [whole_or_part(part) for part in text.split(",")]
    if min(values) <= 0:
        raise argparse.ArgumentTypeError(f"{text!r}: every number must be above 0")
    return list(dict.fromkeys(values))


def _add_hardware(kinds) -> None:
    parser = add_command(
        kinds,
        "hardware",
        "lanes, units, streams and words for a device",
        "Compute cycles and resources of every legal combination of lanes, IFFT units, element width, "
        "streams and word lengths, leave out what the device cannot hold, and choose. Nothing is "
        "synthesised: multipliers and block RAMs follow from rules, LUTs and flip-flops from a model fitted to "
        "Yosys. Of a network, a graph too, the best hardware of its layers is combined. Exit code 1 where nothing keeps the "
        "limits.",
        EXAMPLES,
    )
    parser.add_argument("design", metavar="DESIGN", help="folder of a design or network")
    parser.add_argument(
        "--device", required=True, help="xc7z020, xc7vx690t, xcku060 or lfe5u-85f, ..."
    )
    parser.add_argument("--max-latency-us", type=number, metavar="T", help="limit of the latency")
    parser.add_argument(
        "--min-fps", type=number, metavar="F", help="limit of the frames/s of all streams together"
    )
    parser.add_argument(
        "--goal", choices=("smallest", "latency", "fps"),
        help="what to choose within the limits (default smallest with a limit, else latency)",
    )  # fmt: skip
    parser.add_argument("--clock-mhz", type=number, default=200.0, metavar="F", help="default 200")
    parser.add_argument(
        "--placed", metavar="DIR",
        help="for the design's own hardware take the clock that it reached there, in a folder of synth --tool nextpnr",
    )  # fmt: skip
    for name, what in (
        ("lanes", "L to combine (default: 1, 3, 5 and 7 times powers of two)"),
        ("ifft-units", "U to combine (default: powers of two)"),
        ("element-width", "E to combine, like 1/4,1,2 (default: powers of two from 1 to 16)"),
        ("streams", "streams to combine (default 1,2,4)"),
    ):
        kind = _width_list if name == "element-width" else _list
        parser.add_argument(f"--{name}", type=kind, metavar="LIST", help=what)
    parser.add_argument(
        "--words", type=word_lengths, metavar="A..B",
        help="bits of weights, x and y, like 8..16 or 8,12 (default: those of the design)",
    )  # fmt: skip
    parser.add_argument(
        "--calibration", metavar="X",
        help=".npy or .npz on which the formats of --words are chosen (default: standard normal)",
    )  # fmt: skip
    parser.add_argument("-o", "--output", metavar="DIR", help="new folder of the chosen design")
    parser.add_argument("--table", metavar="FILE", help="write all that fit, as JSON")
    parser.add_argument("--picture", metavar="FILE", help="draw the Pareto front, PNG or SVG")
    parser.add_argument(
        "--simulate", type=whole, default=0, metavar="N",
        help="simulate N designs of the front and compare their cycles (default 0)",
    )  # fmt: skip
    parser.add_argument(
        "--jobs", type=whole, default=os.cpu_count() or 1, metavar="N",
        help="processes (default: the cores of this machine)",
    )  # fmt: skip
    parser.add_argument("--dask", metavar="ADDRESS", help="run on this Dask cluster instead")
    parser.add_argument("--store", metavar="FILE", help="keep the results of --simulate here")
    add_force(parser, "folder, table or picture")
    add_json(parser)
    parser.set_defaults(run=run)


def run(args) -> int:
    from ernn_myhdl.design.storage import MARKS, load_design
    from ernn_myhdl.explore.goal import Goal
    from ernn_myhdl.explore.hardware import STREAMS, Choices, explore
    from ernn_myhdl.files.output_folder import check_file, check_folder
    from ernn_myhdl.plots.picture import check_picture
    from ernn_myhdl.synthesis.devices import device_named

    if args.output:
        args.output = check_folder(args.output, args.force, MARKS)
    if args.picture:
        args.picture = check_picture(args.picture, args.force)
    if args.table:
        args.table = check_file(args.table, (".json",), args.force)
    if args.simulate < 0:
        raise DesignError(f"--simulate = {args.simulate}: must be 0 or more")
    device, design = device_named(args.device), load_design(args.design)
    limited = args.max_latency_us is not None or args.min_fps is not None
    choose = args.goal or ("smallest" if limited else "latency")
    placed = _placed(args.placed, design, device) if args.placed else None
    goal = Goal(choose, args.max_latency_us, args.min_fps, args.clock_mhz, placed)
    what = Choices(args.lanes, args.ifft_units, args.element_width, args.streams or STREAMS)
    words = _words(design, args.words, args.calibration) if args.words else None
    with step_progress("explore", "part") as progress:
        result = explore(design, device, goal, what, words, args.jobs, args.dask, progress)
    summary = _summary(result)
    if args.simulate:
        summary["simulated"] = _simulated(result, args)
    if args.table:
        _write_table(result, summary, args.table)
    if args.picture:
        from ernn_myhdl.plots.pareto import plot_exploration

        plot_exploration(result, args.picture)
    if args.output and result.chosen:
        _save(result.design(result.chosen), args.output)
    if args.json:
        print_json(summary)
    else:
        print(_text(result, summary))
        for file in (args.output if result.chosen else None, args.table, args.picture):
            if file:
                print(f"wrote {file}")
    wrong = any(not row["equal"] for row in summary.get("simulated", ()))
    return FAILED if result.chosen is None or wrong else FINE


def _placed(folder: str, design, device):
    """The hardware of the design with the clock that it reached on the device."""
    from ernn_myhdl.explore.goal import Placed
    from ernn_myhdl.synthesis.place_and_route.measured_clock import measured_clock

    clock_mhz, origin = measured_clock(folder, design, device.title)
    word = max(layer.formats.weight_word for layer in design.layers)
    return Placed(word, tuple(layer.hardware for layer in design.layers), clock_mhz, origin)


def _save(design, target) -> None:
    """The folder of the chosen design, with the initial states of the model that it was made of."""
    from ernn_myhdl.design.storage import write_design
    from ernn_myhdl.files.output_folder import new_folder

    with new_folder(target) as partial:
        write_design(design, partial)


def _words(design, words: list[int], calibration: str | None) -> dict:
    """The design in other word lengths, with formats chosen on the calibration data."""
    from ernn_myhdl.corpus.inputs import load_input
    from ernn_myhdl.explore.words import in_word

    sequences = load_input(calibration, design.inputs) if calibration else None
    states = [layer.initial for layer in design.layers]
    made = {word: in_word(design, word, sequences, states) for word in words}
    return {w: d.with_initial(states) for w, d in made.items()}


def _summary(result) -> dict:
    best = result.chosen or result.nearest
    layers = [
        {
            "considered": search.considered,
            "fitting": len(search.fitting),
            "kept": len(search.kept),
            "pruned": dict(search.pruned.most_common()),
        }
        for search in result.layers
    ]
    return {
        **({"layers": layers} if len(layers) > 1 else {}),
        "device": result.device.title,
        "clock_mhz": result.goal.clock_mhz,
        "clock_origin": "assumed",  # what is considered has not been placed, but for `placed`
        **({"placed": _placed_row(result)} if result.goal.placed else {}),
        "goal": result.goal.choose,
        "max_latency_us": result.goal.max_latency_us,
        "min_fps": result.goal.min_fps,
        "considered": result.considered,
        "fitting": len(result.candidates),
        "pruned": dict(result.pruned.most_common()),
        "reached": result.chosen is not None,
        "chosen" if result.chosen else "nearest": result.row(best) if best else None,
        "missed": result.goal.missed(best) if best and not result.chosen else [],
        "binding": result.binding,
        "front": [result.row(result.candidates[i]) for i in result.front],
    }


def _placed_row(result) -> dict | None:
    """The hardware that was placed; None where it is not among what fits."""
    goal = result.goal
    found = (c for c in result.candidates if goal.clock_of(c)[1] != "assumed")
    return next((result.row(c) for c in found), None)


def _write_table(result, summary: dict, file) -> None:
    from ernn_myhdl.files.json_text import json_text
    from ernn_myhdl.files.output_folder import new_file

    table = summary | {"candidates": [result.row(c) for c in result.candidates]}
    with new_file(file) as partial:
        partial.write_text(json_text(table, 1) + "\n", encoding="utf-8")


def _simulated(result, args) -> list[dict]:
    from ernn_myhdl.explore.simulate import simulate_front

    with step_progress("simulate", "design") as progress:
        return simulate_front(result, args.simulate, args.jobs, args.dask, args.store, progress)


_COLUMNS = (
    ("word", "word"), ("lanes", "lanes"), ("U", "ifft_units"), ("E", "element_width"),
    ("streams", "streams"), ("latency", "latency_cycles"), ("us", "latency_us"),
    ("interval", "interval_cycles_interleaved"), ("frames/s", "frames_per_second"),
    ("DSP", "dsp"), ("mult", "multiplier"), ("BRAM", "bram36"), ("EBR", "block_ram"), ("LUT", "lut"), ("FF", "ff"),
)  # fmt: skip


def _cell(value) -> str:
    if isinstance(value, list):
        return "/".join(str(each) for each in value)
    if isinstance(value, float):
        return f"{value:,.6g}" if value >= 1 else f"{value:.3f}"
    return f"{value:,}"


def _table(rows: list[dict]) -> list[str]:
    if not rows:
        return []
    columns = [(title, key) for title, key in _COLUMNS if key in rows[0]]
    lines = [[title for title, _ in columns]]
    lines += [[_cell(row[key]) for _, key in columns] for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    return ["  ".join(c.rjust(w) for c, w in zip(line, widths, strict=True)) for line in lines]


def _counts(label: str, counts: dict, where: str) -> list[str]:
    text = f"{label}{counts['considered']:,} combinations, {counts['fitting']:,} fit {where}"
    return [text, *(f"  {count:>8,}  {reason}" for reason, count in counts["pruned"].items())]


def _placed_text(result, row: dict | None) -> list[str]:
    placed = result.goal.placed
    if row is None:
        return ["what was placed is not among the combinations that fit"]
    return [f"placed, at {placed.clock_mhz:g} MHz ({placed.origin}):", *_table([row])]


def _text(result, summary: dict) -> str:
    lines = []
    for i, layer in enumerate(summary.get("layers", ())):
        lines += _counts(f"layer {i}: ", layer, f"{summary['device']}, {layer['kept']:,} kept")
    lines += _counts("together: " if lines else "", summary, summary["device"])
    shown = sorted(summary["front"], key=lambda row: row["latency_cycles"])[:MOST_ROWS]
    lines += ["", f"Pareto front: {len(summary['front'])} of them; the first {len(shown)}"]
    lines += _table(shown)
    lines += [f"times and frames/s at {summary['clock_mhz']:g} MHz ({summary['clock_origin']})", ""]
    if "placed" in summary:
        lines += [*_placed_text(result, summary["placed"]), ""]
    best = summary.get("chosen") or summary.get("nearest")
    if best is None:
        lines.append("nothing fits")
    elif result.chosen:
        lines += [f"chosen ({summary['goal']}):", *_table([best])]
    else:
        missed = " and ".join(summary["missed"])
        lines += [f"no combination reaches the limit of {missed}; nearest:", *_table([best])]
    if best:
        lines.append(", ".join(f"{n} {v:.1f} %" for n, v in best["percent"].items()))
    lines.append(f"binding: {summary['binding']}")
    for row in summary.get("simulated", ()):
        lines.append(
            f"simulated {row['name']}: latency {row['latency']} cycles, scheduled "
            f"{row['scheduled_latency']}; {'equal' if row['equal'] else 'DIFFERENT'}"
        )
    return "\n".join(lines)
