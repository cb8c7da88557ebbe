"""`ernn weights`: an image of new weights for a core that loads them at run time."""

from __future__ import annotations

import argparse

from ernn_myhdl.cli.import_model import SOURCE_OPTIONS, add_source_options
from ernn_myhdl.console import FINE, add_command, add_force, add_json, note_line, print_json

EXAMPLES = """\
  ernn new --inputs 12 --hidden 64 --block 8 --weights loadable -o speech
  ernn weights retrained.safetensors --for speech -o weights.bin
  ernn weights retrained.keras --for speech --data x.npz --design retrained -o weights.bin
  ernn weights other --for speech -o weights.bin
  ernn host load --port sim --design speech --weights weights.bin

New: a design or network folder, or a model file as `ernn import` takes it, of the structure of the core: sizes, cells, activations, how the
signals go. Dense matrices become the nearest block-circulant ones where the core has such; what that costs is told."""


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "weights",
        "make an image of new weights for a core that loads them",
        "Quantise the weights of a model to the formats of a core whose hardware stays as it is, and write the image that the core loads at run "
        "time. What saturates and what the outputs lose is told; a model of another structure is refused.",
        EXAMPLES,
    )
    parser.add_argument("new", metavar="NEW", help="model file, or design or network folder")
    parser.add_argument(
        "--for", dest="old", metavar="DESIGN", required=True,
        help='design or network folder of the core, with weights = "loadable"',
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", metavar="FILE", required=True, help="new file, the image of weights"
    )
    parser.add_argument(
        "--design", dest="new_design", metavar="DIR",
        help="new folder too: the design with the new weights, for evaluate and simulate",
    )  # fmt: skip
    # an option that is not given is left to `new_weights`
    options = parser.add_argument_group("options", argument_default=argparse.SUPPRESS)
    options.add_argument(
        "--data", metavar="X",
        help=".npy or .npz of real inputs, a corpus, or a table of own data, on which the loss is seen (default: random frames)",
    )  # fmt: skip
    add_source_options(options)
    add_force(parser, "file and folder")
    add_json(parser)
    parser.set_defaults(run=run)


def run(args) -> int:
    from pathlib import Path

    from ernn_myhdl.design.storage import MARKS, load_design, save_design
    from ernn_myhdl.exchange.new_weights import new_weights
    from ernn_myhdl.files.output_folder import check_folder, new_file
    from ernn_myhdl.files.output_target import check_file
    from ernn_myhdl.system.loadable import weight_image

    target = check_file(args.output, force=args.force)
    folder = args.new_design and check_folder(args.new_design, args.force, MARKS)
    old = load_design(args.old)
    weight_image(old, args.old)  # which fixed weights refuse
    options = {n: v for n, v in vars(args).items() if n in (*SOURCE_OPTIONS, "data")}
    made = new_weights(args.new, old, **options)
    image = weight_image(made.design)
    if folder:
        save_design(made.design, folder, args.force)
    with new_file(target) as file:
        Path(file).write_bytes(image)
    if args.json:
        print_json(record(args, made, image))
        return FINE
    for line in lines(args, made, image):
        print(line)
    return FINE


def record(args, made, image: bytes) -> dict:
    """What was made, for JSON."""
    from dataclasses import asdict

    from ernn_myhdl.design.structure_digest import structure_digest

    return {
        "output": args.output,
        "bytes": len(image),
        "design": args.new_design,
        "structure": structure_digest(made.design),
        "digest": made.design.digest,
        "saturated": [[asdict(each) for each in layer] for layer in made.saturated],
        "errors": list(made.errors),
        "projection": None if made.projection is None else made.projection.as_dict(),
        "loss": made.loss.as_dict(),
        "data": made.data,
        "frames": made.frames,
        "notes": list(made.notes),
    }


def lines(args, made, image: bytes):
    """What was made, for people."""
    from ernn_myhdl.errors import WARNING

    yield f"weights of {args.new} in the formats and blocks of {args.old}"
    saturated = [(i, each) for i, layer in enumerate(made.saturated) for each in layer]
    for i, each in saturated:
        where = f"layer {i}" if i < len(made.layers) else "graph"
        yield f"{WARNING}{where}: {each}"
    if not saturated:
        yield "no number of a weight, bias or table saturates"
    yield f"outputs of the core against the float model, {made.frames} frames ({made.data}): {made.loss}"
    for note in made.notes:
        yield note_line(note)
    yield f"wrote {args.output}: {len(image)} bytes"
    if args.new_design:
        yield f"wrote {args.new_design}"
