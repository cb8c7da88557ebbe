"""`ernn compare`: this core beside ESE, C-LSTM and E-RNN."""

from __future__ import annotations

from ernn_myhdl.console import (
    FINE,
    add_command,
    add_force,
    add_json,
    number,
    print_json,
    say_step,
)

EXAMPLES = """\
  ernn compare
  ernn compare --picture compare.png
  ernn compare --json"""
#: Title and value of every column.
_COLUMNS = (
    ("core", lambda r: r.core),
    ("cell", lambda r: r.cell),
    ("k", lambda r: str(r.block or "sparse")),
    ("device", lambda r: r.device),
    ("weights", lambda r: f"{r.parameters:,}"),
    ("fewer", lambda r: f"{r.compression:.1f}x"),
    ("bits", lambda r: str(r.bits)),
    ("DSP", lambda r: _known(r.dsp)),
    ("BRAM", lambda r: _known(r.bram36)),
    ("LUT", lambda r: _known(r.lut)),
    ("latency", lambda r: f"{r.latency_cycles:,.0f}"),
    ("us", lambda r: f"{r.latency_us:.2f}"),
    ("interval 1", lambda r: f"{r.interval_cycles_single:,.0f}"),
    ("interval n", lambda r: f"{r.interval_cycles_interleaved:,.0f}"),
    ("model", lambda r: _known(r.modelled_interval)),
    ("frames/s 1", lambda r: f"{r.frames_per_second_single:,.0f}"),
    ("frames/s n", lambda r: f"{r.frames_per_second_interleaved:,.0f}"),
    ("nJ, b=1", lambda r: f"{r.energy_nj[1]:,.0f}"),
    ("nJ, b=32", lambda r: f"{r.energy_nj[32]:,.0f}"),
)


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "compare",
        "this core beside ESE, C-LSTM and E-RNN",
        "One table for the layers of the E-RNN paper: weights, resources, cycles, frames/s with one "
        "sequence and interleaved, and an energy model. Published figures are recalled, unverified; ours "
        "are computed.",
        EXAMPLES,
    )
    parser.add_argument(
        "--clock-mhz", type=number, default=200.0, metavar="F", help="of this core (default 200)"
    )
    parser.add_argument("--picture", metavar="FILE", help="draw it, PNG or SVG")
    add_force(parser, "picture")
    add_json(parser)
    parser.set_defaults(run=run)


def run(args) -> int:
    from ernn_myhdl.compare.table import comparison, recalled_arithmetic
    from ernn_myhdl.plots.picture import check_picture
    from ernn_myhdl.runs.report import checked_clock

    checked_clock(args.clock_mhz)
    if args.picture:
        args.picture = check_picture(args.picture, args.force)
    say_step("computing our designs")
    rows = comparison(args.clock_mhz)
    boards = recalled_arithmetic()
    if args.picture:
        from ernn_myhdl.plots.compare import plot_comparison

        plot_comparison(rows, args.picture, args.clock_mhz)
    if args.json:
        print_json({"rows": [row.as_json() for row in rows], "board_watts_as_recalled": boards})
        return FINE
    print(_text(rows, boards))
    if args.picture:
        print(f"wrote {args.picture}")
    return FINE


def _known(value) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _text(rows, boards: dict) -> str:
    from ernn_myhdl.compare.energy import SOURCE
    from ernn_myhdl.compare.publications import LABEL

    lines = [[title for title, _ in _COLUMNS]]
    lines += [[value(row) for _, value in _COLUMNS] for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(_COLUMNS))]
    text = ["  ".join(c.rjust(w) for c, w in zip(line, widths, strict=True)) for line in lines]
    notes = dict.fromkeys(f"{r.core} {r.cell} k={r.block}, {r.device}: {r.note}" for r in rows)
    text += [
        "",
        f"ESE, C-LSTM, E-RNN: boards, {LABEL}. Ours: cycle model and resource model, assumed clock.",
        "interval, frames/s 1: one sequence; n: all that the core holds (ESE: 32 channels, 82.7 us). "
        "model: interval of a cycle model of the core without what its board loses.",
        f"nJ: energy model of a frame, batch 1 and 32; {SOURCE}. No watts of boards are in it.",
        *notes,
        "",
        f"By the watts of boards ({LABEL}) the best E-RNN does {boards['published_ratio']:.1f} times the "
        "frames a joule of ESE, which counts one of its 32 channels; with all of them "
        f"{boards['ratio_with_all_channels_of_ese']:.1f} times.",
    ]
    return "\n".join(text)
