"""`ernn export`: the weights of a design as a model of PyTorch or ONNX."""

from __future__ import annotations

from ernn_myhdl.console import FINE, add_command, add_force, add_json, print_json
from ernn_myhdl.errors import WARNING

EXAMPLES = """\
  ernn export speech -o speech.safetensors
  ernn export speech -o speech.onnx"""


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "export",
        "write a design's weights as a PyTorch or ONNX model",
        "Write the float weights of a design as dense matrices: .safetensors with PyTorch's names, for "
        "load_state_dict, or .onnx, which runs anywhere. `ernn import` reads both again.",
        EXAMPLES,
    )
    parser.add_argument("design", metavar="DESIGN", help="design or network folder")
    parser.add_argument(
        "-o", "--output", metavar="FILE", required=True, help=".safetensors or .onnx file"
    )
    add_force(parser, "file")
    add_json(parser)
    parser.set_defaults(run=run)


def run(args) -> int:
    from ernn_myhdl.design.storage import load_design
    from ernn_myhdl.exchange.exporting import check_export, export_model

    file = check_export(args.output, args.force)
    design = load_design(args.design)
    notes = export_model(design, file)
    if args.json:
        print_json({"file": args.output, "digest": design.digest, "notes": notes})
    else:
        print(f"wrote {args.output}")
        for note in notes:
            print(note if note.startswith(WARNING) else f"note: {note}")
    return FINE
