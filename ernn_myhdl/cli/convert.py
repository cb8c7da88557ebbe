"""`ernn convert`: the core as VHDL or Verilog, alone or in its AXI system."""

from __future__ import annotations

from ernn_myhdl.console import FINE, add_command, add_force, add_json, print_json, whole

EXAMPLES = """\
  ernn convert speech -o vhdl
  ernn convert speech -o verilog --hdl verilog
  ernn convert speech -o second --name second
  ernn convert speech -o board --hdl verilog --wrapper axi --bus 64"""


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "convert",
        "write a design as VHDL or Verilog",
        "Write the core as hierarchical VHDL-2008 (or SystemVerilog), with a self-checking test bench, its "
        "vectors and a file list in compile order. All entities, packages and files begin with its name. With --wrapper axi the "
        "core is inside a system of registers and packets for a DMA, with a driver and test vectors in place of the test bench.",
        EXAMPLES,
    )
    parser.add_argument("design", metavar="DESIGN", help="design or network folder")
    parser.add_argument("-o", "--output", metavar="DIR", required=True, help="new folder")
    parser.add_argument("--hdl", choices=("vhdl", "verilog"), default="vhdl", help="default vhdl")
    parser.add_argument("--name", help="of the core; default the design's: top NAME_core")
    parser.add_argument(
        "--wrapper", choices=("none", "axi"), default="none", help="around the core; default none"
    )
    parser.add_argument(
        "--bus",
        type=whole,
        metavar="BITS",
        help="axi: of tdata, 32 to 512; default that of the core, at least 32",
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
    design = load_design(args.design)
    if args.wrapper == "axi":
        from ernn_myhdl.system.writer import convert_system

        manifest = convert_system(design, args.output, args.hdl, args.force, args.name, args.bus)
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
