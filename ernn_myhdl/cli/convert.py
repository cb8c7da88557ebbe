"""`ernn convert`: the core as VHDL or Verilog, alone or in its AXI or UART system."""

from __future__ import annotations

from ernn_myhdl.console import FINE, add_command, add_force, add_json, number, print_json, whole

EXAMPLES = """\
  ernn convert speech -o vhdl
  ernn convert speech -o verilog --hdl verilog
  ernn convert speech -o second --name second
  ernn convert speech -o board --hdl verilog --wrapper axi --bus 64
  ernn convert speech -o bare --wrapper uart --clock-mhz 25"""


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "convert",
        "write a design as VHDL or Verilog",
        "Write the core as hierarchical VHDL-2008 (or SystemVerilog), with a self-checking test bench, its "
        "vectors and a file list in compile order. All entities, packages and files begin with its name. With --wrapper axi the "
        "core is inside a system of registers and packets for a DMA, with a driver and test vectors in place of the test bench; with --wrapper uart "
        "that system is behind a serial line, a whole for an FPGA without a processor.",
        EXAMPLES,
    )
    parser.add_argument("design", metavar="DESIGN", help="design or network folder")
    parser.add_argument("-o", "--output", metavar="DIR", required=True, help="new folder")
    parser.add_argument("--hdl", choices=("vhdl", "verilog"), default="vhdl", help="default vhdl")
    parser.add_argument("--name", help="of the core; default the design's: top NAME_core")
    parser.add_argument(
        "--wrapper",
        choices=("none", "axi", "uart"),
        default="none",
        help="around the core; default none",
    )
    parser.add_argument(
        "--bus",
        type=whole,
        metavar="BITS",
        help="axi: of tdata, 32 to 512; default that of the core, at least 32",
    )
    parser.add_argument(
        "--clock-mhz", type=number, metavar="F", help="uart: the board's oscillator, 1 to 1000"
    )
    parser.add_argument(
        "--baud", type=whole, metavar="N", help="uart: bits a second on the line; default 1000000"
    )
    add_force(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args) -> int:
    from ernn_myhdl.design.storage import load_design
    from ernn_myhdl.errors import DesignError

    if args.bus is not None and args.wrapper != "axi":
        raise DesignError(
            f"bus = {args.bus}: is of the AXI system; add --wrapper axi, or remove --bus"
        )
    for name, text in (("clock_mhz", "--clock-mhz"), ("baud", "--baud")):
        value = getattr(args, name)
        if value is not None and args.wrapper != "uart":
            raise DesignError(
                f"{name} = {value:g}: is of the UART system; add --wrapper uart, or remove {text}"
            )
    link = None
    if args.wrapper == "uart":
        from ernn_myhdl.host.serial_link import serial_link

        if args.clock_mhz is None:
            raise DesignError(
                "clock_mhz: is missing; --wrapper uart needs --clock-mhz F, the oscillator of the board"
            )
        link = serial_link(args.clock_mhz, args.baud)
    design = load_design(args.design)
    if args.wrapper != "none":
        from ernn_myhdl.system.writer import convert_system

        manifest = convert_system(
            design, args.output, args.hdl, args.force, args.name, args.bus, link
        )
    else:
        manifest = design.convert(args.output, hdl=args.hdl, force=args.force, name=args.name)
    if args.json:
        print_json(
            {
                "folder": args.output,
                "hdl": args.hdl,
                "name": manifest["name"],
                "top": manifest["top"],
                "wrapper": args.wrapper,
                "digest": design.digest,
            }
        )
    else:
        print(f"wrote {args.output}")
    return FINE
