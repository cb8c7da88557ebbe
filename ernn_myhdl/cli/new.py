"""`ernn new`: a design with random weights."""

from __future__ import annotations

from ernn_myhdl.cli.console import FINE, add_command, add_force, add_json, print_json, whole

EXAMPLES = """\
  ernn new --inputs 12 --hidden 64 --projection 32 --block 8 --lanes 16 --peepholes -o speech
  ernn new --inputs 40 --hidden 128 --block 1 --lanes 64 --word 16 -o dense"""


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "new",
        "make a design folder with random weights",
        "Make a design folder: design.toml (everything but the weights, to read and to edit) and "
        "weights.safetensors, random weights of sensible scale.",
        EXAMPLES,
    )
    parser.add_argument("-o", "--output", metavar="DIR", required=True, help="new design folder")
    cell = parser.add_argument_group("cell")
    cell.add_argument("--cell", choices=("lstm",), default="lstm", help="kind of cell")
    cell.add_argument("--inputs", type=whole, required=True, metavar="N", help="elements of x")
    cell.add_argument("--hidden", type=whole, required=True, metavar="N", help="cells")
    cell.add_argument(
        "--projection", type=whole, default=0, metavar="N", help="elements of y; 0: no projection"
    )
    cell.add_argument(
        "--block", type=whole, default=8, metavar="K",
        help="size of the circulant blocks, 1 (dense) to 32 (default 8)",
    )  # fmt: skip
    cell.add_argument("--peepholes", action="store_true", help="with peephole connections")
    cell.add_argument("--g-activation", choices=("tanh", "sigmoid"), default="tanh")
    hardware = parser.add_argument_group("hardware")
    hardware.add_argument(
        "--lanes", type=whole, metavar="L",
        help="multiply-accumulate lanes (default 16, or fewer in a smaller layer)",
    )  # fmt: skip
    hardware.add_argument("--ifft-units", type=whole, metavar="U", help="rows drained in a cycle")
    hardware.add_argument(
        "--element-width", type=whole, metavar="E", help="blocks of cells in a cycle (default 1)"
    )
    hardware.add_argument("--samples-per-beat", type=whole, metavar="S")
    hardware.add_argument("--sample-bits", type=whole, metavar="B", help="8, 16 or 32")
    numbers = parser.add_argument_group("numbers")
    numbers.add_argument("--word", type=whole, default=12, help="bits of weights, x and y (12)")
    numbers.add_argument(
        "--state-word", type=whole, default=16, help="bits of cell state and pre-activations (16)"
    )
    numbers.add_argument("--seed", type=whole, default=1, help="of the random weights (1)")
    parser.add_argument("--name", default="ernn", help="of the top entity (ernn)")
    add_force(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args) -> int:
    from ernn_myhdl.design import LstmCell
    from ernn_myhdl.generate import new_design
    from ernn_myhdl.output_folder import check_folder
    from ernn_myhdl.storage import TOML_NAME, save_design

    check_folder(args.output, args.force, TOML_NAME)
    cell = LstmCell(args.inputs, args.hidden, args.projection, args.block)
    lanes = min(16, 4 * cell.hidden_blocks) if args.lanes is None else args.lanes
    design = new_design(
        args.inputs,
        args.hidden,
        args.projection,
        args.block,
        args.peepholes,
        args.g_activation,
        lanes,
        args.ifft_units,
        args.element_width,
        args.samples_per_beat,
        args.sample_bits,
        args.word,
        args.state_word,
        args.seed,
        args.name,
    )
    folder = save_design(design, args.output, args.force)
    if args.json:
        print_json({"folder": str(folder), "digest": design.digest})
    else:
        print(f"wrote {folder}: {design.cell.parameters} parameters, {lanes} lanes")
    return FINE
