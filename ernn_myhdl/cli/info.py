"""`ernn info`: what a design costs and how fast it is, from its schedule."""

from __future__ import annotations

from ernn_myhdl.console import FINE, add_command, add_json, number, print_json

EXAMPLES = """\
  ernn info speech
  ernn info speech --clock-mhz 150 --json
  ernn info speech --placed placed
  ernn info speech --ranges --calibration x.npy"""


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "info",
        "sizes, formats, multipliers, cycles and speed of a design",
        "Print sizes, formats, parameters, weight memory, multipliers, scheduled cycles and speed.",
        EXAMPLES,
    )
    parser.add_argument("design", metavar="DESIGN", help="design or network folder")
    clocks = parser.add_mutually_exclusive_group()
    clocks.add_argument("--clock-mhz", type=number, default=200.0, metavar="F", help="default 200")
    clocks.add_argument(
        "--placed", metavar="DIR",
        help="take the clock that this design reached there, in a folder of synth --tool nextpnr",
    )  # fmt: skip
    parser.add_argument(
        "--ranges", action="store_true",
        help="also run calibration data: range, format and saturations of every tensor",
    )  # fmt: skip
    parser.add_argument(
        "--calibration", metavar="X", help=".npy or .npz for --ranges (default: standard normal)"
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(args) -> int:
    from ernn_myhdl.design.storage import load_design
    from ernn_myhdl.runs.report import design_info
    from ernn_myhdl.runs.report_text import info_text

    design = load_design(args.design)
    clock, origin = args.clock_mhz, "assumed"
    if args.placed is not None:
        from ernn_myhdl.synthesis.place_and_route.measured_clock import measured_clock

        clock, origin = measured_clock(args.placed, design)
    information = design_info(design, clock, origin)
    rows = (
        _ranges(design, args.design, args.calibration) if args.ranges or args.calibration else None
    )
    if args.json:
        if rows is not None:
            information["ranges"] = [_row(r) for r in rows]
        print_json(information)
        return FINE
    print(info_text(information))
    if rows is not None:
        from ernn_myhdl.calibration.range_table import format_table

        print()
        print(format_table(rows))
    return FINE


def _ranges(design, folder: str, calibration: str | None):
    import numpy as np

    from ernn_myhdl.calibration.generate import CALIBRATION, random_frames
    from ernn_myhdl.calibration.range_table import core_range_table
    from ernn_myhdl.corpus.inputs import load_input
    from ernn_myhdl.streams.state_file import folder_states

    if calibration:
        sequences = load_input(calibration, design.inputs, design.takes_numbers)
    else:
        count, frames = CALIBRATION
        rng = np.random.default_rng(0)
        sequences = [random_frames(rng, frames, design.inputs, design.graph) for _ in range(count)]
    states = folder_states(folder, design) if design.stream_shape.initial_states else None
    return core_range_table(design, sequences, states)


def _row(row) -> dict:
    return {
        "tensor": row.tensor,
        "minimum": row.minimum,
        "maximum": row.maximum,
        "format": {"word": row.format.word, "frac": row.format.frac},
        "elements": row.elements,
        "saturations": row.saturations,
    }
