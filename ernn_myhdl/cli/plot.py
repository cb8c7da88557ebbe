"""`ernn plot`: pictures of runs and schedules."""

from __future__ import annotations

from ernn_myhdl.console import FINE, add_command, add_force, whole
from ernn_myhdl.errors import DesignError

EXAMPLES = """\
  ernn plot waveform run -o waveform.png
  ernn plot waveform run --signals operation,gates_0,output --from 100 --to 180 -o part.svg
  ernn plot error run -o error.png
  ernn plot schedule speech --frames 3 -o schedule.svg"""


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "plot",
        "draw a waveform, the errors or the schedule",
        "Draw a picture, PNG or SVG by the file name.",
        EXAMPLES,
    )
    kinds = parser.add_subparsers(title="pictures", metavar="PICTURE", required=True)
    waveform = add_command(
        kinds,
        "waveform",
        "signals of a myhdl run over the cycles",
        "Draw signals of a run of engine myhdl or verilator over the cycles.",
        "  ernn plot waveform run --signals operation,output --from 100 --to 180 -o w.png",
    )
    waveform.add_argument("folder", metavar="RUN", help="run folder of `ernn simulate -o`")
    waveform.add_argument("-o", "--output", metavar="F", help="picture, .png or .svg")
    waveform.add_argument("--signals", metavar="A,B", help="names; `list` prints those of the run")
    waveform.add_argument("--from", dest="first", type=whole, metavar="C", help="first cycle")
    waveform.add_argument("--to", dest="last", type=whole, metavar="C", help="last cycle")
    add_force(waveform, "picture")
    waveform.set_defaults(run=run_waveform)
    error = add_command(
        kinds,
        "error",
        "float reference against fixed point",
        "Draw the float reference against the run: error over time, histogram, SQNR by stage.",
        "  ernn plot error run -o error.svg",
    )
    _run_argument(error)
    error.add_argument(
        "--output-element", type=whole, default=0, metavar="I", help="element of y drawn (0)"
    )
    error.set_defaults(run=run_error)
    schedule = add_command(
        kinds,
        "schedule",
        "Gantt chart of the units",
        "Draw what every unit of the core does in the first frames of a sequence.",
        "  ernn plot schedule speech -o schedule.png",
    )
    schedule.add_argument("design", metavar="DESIGN", help="design or network folder")
    _picture_argument(schedule)
    schedule.add_argument("--frames", type=whole, default=3, metavar="N", help="default 3")
    schedule.set_defaults(run=run_schedule)


def _run_argument(parser) -> None:
    parser.add_argument("folder", metavar="RUN", help="run folder of `ernn simulate -o`")
    _picture_argument(parser)


def _picture_argument(parser) -> None:
    parser.add_argument("-o", "--output", metavar="F", required=True, help="picture, .png or .svg")
    add_force(parser, "picture")


def run_waveform(args) -> int:
    from ernn_myhdl.plots.picture import check_picture
    from ernn_myhdl.plots.waveform import plot_waveform, signal_names
    from ernn_myhdl.runs.run import load_run

    if args.signals == "list":
        print("\n".join(signal_names(load_run(args.folder))))
        return FINE
    if args.output is None:
        raise DesignError("output: is missing; name a .png or .svg file with -o")
    args.output = check_picture(args.output, args.force)
    run = load_run(args.folder)
    signals = None
    if args.signals is not None:
        signals = [s.strip() for s in args.signals.split(",") if s.strip()]
    plot_waveform(run, args.output, signals, args.first, args.last)
    return _wrote(args)


def run_error(args) -> int:
    from ernn_myhdl.plots.error import plot_error
    from ernn_myhdl.plots.picture import check_picture
    from ernn_myhdl.runs.run import load_run

    args.output = check_picture(args.output, args.force)
    plot_error(load_run(args.folder), args.output, args.output_element)
    return _wrote(args)


def run_schedule(args) -> int:
    from ernn_myhdl.design.storage import load_design
    from ernn_myhdl.plots.picture import check_picture
    from ernn_myhdl.plots.schedule import plot_schedule

    args.output = check_picture(args.output, args.force)
    plot_schedule(load_design(args.design), args.output, args.frames)
    return _wrote(args)


def _wrote(args) -> int:
    print(f"wrote {args.output}")
    return FINE
