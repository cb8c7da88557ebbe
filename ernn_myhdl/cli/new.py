"""`ernn new`: a design with random weights."""

from __future__ import annotations

import argparse
import inspect

from ernn_myhdl.calibration.presets import PRESETS
from ernn_myhdl.console import (
    FINE,
    add_command,
    add_force,
    add_json,
    print_json,
    whole,
    whole_or_part,
)
from ernn_myhdl.design.cells import CELLS, RESETS, cell_fields, make_cell
from ernn_myhdl.design.cells.activations import LINEAR_ACTIVATIONS
from ernn_myhdl.design.cells.rnn import NONLINEARITIES
from ernn_myhdl.design.hardware import WEIGHTS

EXAMPLES = """\
  ernn new --inputs 12 --hidden 64 --projection 32 --block 8 --lanes 16 --peepholes -o speech
  ernn new --inputs 40 --hidden 128 --block 1 --lanes 64 --word 16 -o dense
  ernn new --cell gru --reset after --inputs 40 --hidden 128 --streams 4 -o gru
  ernn new --inputs 153 --hidden 256 --block 8 --input-block 16 --lanes 32 -o finer
  ernn new --cell gru --inputs 40 --hidden 128 --initial-states -o continued
  ernn new --cell linear --activation relu --limit 6 --inputs 40 --hidden 64 -o relu6
  ernn new --preset paper-lstm-k8 -o paper
  ernn new --preset paper-lstm-k16 --streams 8 --seed 2 -o paper16"""


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
    # an option that is not given is left to the preset or to `new_design`
    options = {"argument_default": argparse.SUPPRESS}
    parser.add_argument(
        "--preset", metavar="NAME", help=f"a design to begin with: {', '.join(PRESETS)}"
    )
    cell = parser.add_argument_group("cell", **options)
    cell.add_argument("--cell", choices=tuple(CELLS), help="kind of cell (default lstm)")
    cell.add_argument("--inputs", type=whole, metavar="N", help="elements of x")
    cell.add_argument("--hidden", type=whole, metavar="N", help="cells")
    cell.add_argument(
        "--projection", type=whole, metavar="N", help="elements of y; 0: no projection (default)"
    )
    cell.add_argument(
        "--block", type=whole, metavar="K",
        help="size of the circulant blocks, 1 (dense) to 32 (default 8)",
    )  # fmt: skip
    cell.add_argument(
        "--input-block", type=whole, metavar="K", help="of the matrices of x (default --block)"
    )
    cell.add_argument(
        "--projection-block", type=whole, metavar="K", help="of the projection (default --block)"
    )
    cell.add_argument(
        "--peepholes", action=argparse.BooleanOptionalAction, help="with peephole connections"
    )
    cell.add_argument(
        "--reset", choices=RESETS, help="place of a GRU's reset: before or after the product"
    )
    cell.add_argument("--g-activation", choices=("tanh", "sigmoid"), help="default tanh")
    cell.add_argument(
        "--activation", choices=tuple(dict.fromkeys((*NONLINEARITIES, *LINEAR_ACTIVATIONS))),
        help="of a vanilla RNN, tanh (default) or relu, or of a linear layer (default none)",
    )  # fmt: skip
    cell.add_argument(
        "--slope", type=float, metavar="S", help="of a leaky_relu or a hard_sigmoid, above 0 and below 1"
    )  # fmt: skip
    cell.add_argument(
        "--limit", type=float, metavar="M",
        help="largest y of a relu (default none), or |y| of a hard_tanh (default 1)",
    )  # fmt: skip
    hardware = parser.add_argument_group("hardware", **options)
    hardware.add_argument(
        "--lanes", type=whole, metavar="L",
        help="multiply-accumulate lanes (default 16, or fewer in a smaller layer)",
    )  # fmt: skip
    hardware.add_argument("--ifft-units", type=whole, metavar="U", help="rows drained in a cycle")
    hardware.add_argument(
        "--element-width", type=whole_or_part, metavar="E",
        help="blocks of cells in a cycle (default 1); 1/2, 1/4 .. 1/k: a part of one",
    )  # fmt: skip
    hardware.add_argument("--samples-per-beat", type=whole, metavar="S")
    hardware.add_argument("--sample-bits", type=whole, metavar="B", help="8, 16 or 32")
    hardware.add_argument(
        "--streams", type=whole, metavar="N", help="sequences held at a time (default 1)"
    )
    hardware.add_argument(
        "--initial-states", action=argparse.BooleanOptionalAction,
        help="sequences may start from states that a stream s_state brings (default: from zero)",
    )  # fmt: skip
    hardware.add_argument(
        "--weights",
        choices=WEIGHTS,
        help="loadable: s_weights brings others while the core runs (fixed)",
    )
    hardware.add_argument(
        "--weight-banks", type=whole, metavar="N",
        help="of loadable weights: 1, loaded while the core is idle (default), or 2, at any time",
    )  # fmt: skip
    numbers = parser.add_argument_group("numbers", **options)
    numbers.add_argument("--word", type=whole, help="bits of weights, x and y (12)")
    numbers.add_argument(
        "--state-word", type=whole, help="bits of cell state and pre-activations (16)"
    )
    numbers.add_argument("--seed", type=whole, help="of the random weights (1)")
    parser.add_argument("--name", default=argparse.SUPPRESS, help="of the top entity (ernn)")
    add_force(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def design_arguments(args) -> dict:
    """The arguments of `new_design` that the options and the preset give."""
    from ernn_myhdl.calibration.generate import new_design
    from ernn_myhdl.calibration.presets import preset_arguments
    from ernn_myhdl.errors import DesignError

    known = inspect.signature(new_design).parameters
    arguments = preset_arguments(args.preset) if args.preset else {}
    arguments |= {name: value for name, value in vars(args).items() if name in known}
    for name in ("inputs", "hidden"):
        if name not in arguments:
            raise DesignError(f"--{name} is missing; give it, or a --preset; see `ernn new --help`")
    if "lanes" not in arguments:
        kind = arguments.get("cell", "lstm")
        shape = {n: arguments[n] for n in cell_fields(CELLS[kind]) if n in arguments}
        cell = make_cell(kind, **shape)
        arguments["lanes"] = min(16, len(cell.rows) * cell.hidden_blocks)
    return arguments


def run(args) -> int:
    from ernn_myhdl.calibration.generate import new_design
    from ernn_myhdl.design.storage import MARKS, save_design
    from ernn_myhdl.files.output_folder import check_folder

    target = check_folder(args.output, args.force, MARKS)
    design = new_design(**design_arguments(args))
    folder = save_design(design, target)
    if args.json:
        print_json({"folder": str(folder), "digest": design.digest})
    else:
        lanes = design.hardware.lanes
        print(f"wrote {folder}: {design.cell.parameters} parameters, {lanes} lanes")
        if design.loads_states:
            ranges = {n: getattr(design.formats, n).range for n in design.cell.state_sizes}
            text = ", ".join(f"{n} {low:g} to {high:.4g}" for n, (low, high) in ranges.items())
            print(f"note: initial states beyond these saturate: {text}")
    return FINE
