"""`ernn convert`: the core as VHDL or Verilog."""

from __future__ import annotations

from ernn_myhdl.console import FINE, add_command, add_force, add_json, print_json

EXAMPLES = """\
  ernn convert speech -o vhdl
  ernn convert speech -o verilog --hdl verilog
  ernn convert speech -o second --name second"""


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "convert",
        "write a design as VHDL or Verilog",
        "Write the core as hierarchical VHDL-2008 (or SystemVerilog), with a self-checking test bench, its "
        "vectors and a file list in compile order. All entities, packages and files begin with its name.",
        EXAMPLES,
    )
    parser.add_argument("design", metavar="DESIGN", help="design or network folder")
    parser.add_argument("-o", "--output", metavar="DIR", required=True, help="new folder")
    parser.add_argument("--hdl", choices=("vhdl", "verilog"), default="vhdl", help="default vhdl")
    parser.add_argument("--name", help="of the core; default the design's: top NAME_core")
    add_force(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args) -> int:
    from ernn_myhdl.design.storage import load_design

    design = load_design(args.design)
    manifest = design.convert(args.output, hdl=args.hdl, force=args.force, name=args.name)
    if args.json:
        print_json(
            {
                "folder": args.output,
                "hdl": args.hdl,
                "name": manifest["name"],
                "top": manifest["top"],
                "digest": design.digest,
            }
        )
    else:
        print(f"wrote {args.output}")
    return FINE
