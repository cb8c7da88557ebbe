"""`ernn import`: a model of PyTorch, ONNX or Keras as a design."""

from __future__ import annotations

import argparse

from ernn_myhdl.console import (
    FINE,
    add_command,
    add_force,
    add_json,
    note_line,
    print_json,
    whole,
)

EXAMPLES = """\
  ernn import model.safetensors -o design
  ernn import model.onnx --block 8 --calibration x.npz --word 12 --lanes 16 -o design
  ernn import model.pt --reference xy.npz --calibration x.npz -o design
  ernn import model.onnx --block 8 --input-block 16 -o finer
  ernn import model.keras --calibration x.npz -o design
  ernn import checkpoint.pt --block 1 --word 16 --order gru,lstm,head -o design

Model: a state dict with nn.LSTM (proj_size too), nn.GRU, nn.RNN and nn.Linear, in .safetensors or written by
torch.save(model.state_dict(), file) in .pt; an .onnx file with LSTM, GRU, RNN, MatMul + Add and Gemm; or a Keras
model in .keras or .h5 with LSTM, GRU, SimpleRNN, Dense, BatchNormalization, Conv1D of kernel_size 1, ...
One layer becomes a design folder, several become a network folder."""

#: Of `add_source_options`.
SOURCE_OPTIONS = (
    "order", "direction", "activation", "config", "host_functions", "all_frames", "max_frames"
)  # fmt: skip


def _numbers(text: str) -> list[int]:
    return [whole(part) for part in text.split(",")]


def add_source_options(options) -> None:
    """Options of what a model file does not tell, and of what is made of it; `SOURCE_OPTIONS` has their names."""
    options.add_argument(
        "--order", type=lambda text: text.split(","), metavar="NAMES",
        help="modules of a state dict one after the other, with commas",
    )  # fmt: skip
    options.add_argument(
        "--direction", choices=("forward", "backward"),
        help="the half of a bidirectional state dict to import; backward takes the last frame first",
    )  # fmt: skip
    options.add_argument(
        "--activation", choices=("tanh", "relu"),
        help="of the nn.RNN of a state dict, which does not tell it",
    )  # fmt: skip
    options.add_argument(
        "--config", metavar="JSON",
        help="of a .weights.h5 file of Keras: what model.to_json() gives, in a file",
    )  # fmt: skip
    options.add_argument(
        "--host-functions", action=argparse.BooleanOptionalAction,
        help="leave sigmoid, tanh and relu at the model's end to the host, as softmax always is; else the last linear layer computes them",
    )  # fmt: skip
    options.add_argument(
        "--all-frames", action=argparse.BooleanOptionalAction,
        help="where the model's outputs are of the last frame, the core gives every frame and the host takes the last one",
    )  # fmt: skip
    options.add_argument(
        "--max-frames", type=whole, metavar="N",
        help="most frames of a sequence, for a mean at the model's end over sequences of any length: the core sums, the host divides",
    )  # fmt: skip


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "import",
        "make a design of a PyTorch, ONNX or Keras model",
        "Make a design of a trained model. Its matrices stay as they are unless --block makes them the nearest "
        "block-circulant ones; the formats are chosen on calibration data.",
        EXAMPLES,
    )
    parser.add_argument(
        "model", metavar="MODEL", help=".safetensors, .pt, .pth, .onnx, .keras or .h5 file"
    )
    parser.add_argument(
        "-o", "--output", metavar="DESIGN", required=True, help="new design or network folder"
    )
    # an option that is not given is left to `import_model`
    options = parser.add_argument_group("options", argument_default=argparse.SUPPRESS)
    options.add_argument(
        "--block", type=_numbers, metavar="K",
        help="size of the circulant blocks, 1 (dense) to 32; or one for each layer, with commas "
        "(default: that of an exported design, or that the matrices have already, else 1)",
    )  # fmt: skip
    for name, matrices in (("input", "the matrices of x"), ("projection", "projections")):
        options.add_argument(
            f"--{name}-block", type=_numbers, metavar="K", help=f"of {matrices} (default --block)"
        )
    options.add_argument(
        "--calibration", metavar="X", help=".npy or .npz of real inputs (default: standard normal)"
    )
    options.add_argument(
        "--reference", metavar="XY",
        help=".npz of inputs and outputs of the model, arrays x and y or x0 and y0, x1 and y1, ...: the import is refused "
        "where the layers give others (default: unchecked)",
    )  # fmt: skip
    options.add_argument("--word", type=whole, help="bits of weights, x and y (12)")
    options.add_argument(
        "--state-word", type=whole, help="bits of cell state and pre-activations (word + 4)"
    )
    options.add_argument(
        "--lanes", type=_numbers, metavar="L",
        help="multiply-accumulate lanes, for all layers or one number for each, with commas "
        "(default 16, or fewer in a smaller layer)",
    )  # fmt: skip
    options.add_argument(
        "--streams", type=whole, metavar="N", help="sequences held at a time (default 1)"
    )
    options.add_argument(
        "--initial-states", action=argparse.BooleanOptionalAction,
        help="a core that loads initial states (default: where the model has some other than zero)",
    )  # fmt: skip
    options.add_argument(
        "--input-scales", action=argparse.BooleanOptionalAction,
        help="a scaling of x that the host does, where calibration data show a need, or of an exported design",
    )  # fmt: skip
    options.add_argument(
        "--hardware-argmax", action=argparse.BooleanOptionalAction,
        help="compute an argmax at the model's end in the core, whose y is the number of a class then",
    )  # fmt: skip
    add_source_options(options)
    options.add_argument("--name", help="of the top entity (ernn)")
    add_force(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args) -> int:
    from ernn_myhdl.design.storage import MARKS
    from ernn_myhdl.exchange.importing import import_model, save_imported
    from ernn_myhdl.files.output_folder import check_folder

    target = check_folder(args.output, args.force, MARKS)
    names = (
        "block", "input_block", "projection_block", "calibration", "word", "state_word", "lanes",
        "streams", "name", "initial_states", "input_scales", "reference", "hardware_argmax", *SOURCE_OPTIONS,
    )  # fmt: skip
    options = {name: value for name, value in vars(args).items() if name in names}
    imported = import_model(args.model, **options)
    save_imported(imported, target)
    layers = list(zip(imported.layers, imported.design.layers, imported.errors, strict=True))
    if args.json:
        rows = [_row(*layer) for layer in layers]
        print_json(
            {
                "folder": args.output,
                "digest": imported.design.digest,
                "checked": imported.checked,
                "reference": None if imported.reference is None else imported.reference.as_dict(),
                "layers": rows,
                "loss": None if imported.loss is None else imported.loss.as_dict(),
                "notes": list(imported.notes),
            }
        )
        return FINE
    print(imported.notes[0])
    for layer, design, errors in layers:
        print(
            f"{layer}: blocks of {design.cell.block_text}, {design.hardware.lanes} lanes; relative error"
        )
        for name, error in errors.items():
            print(f"  {name:<18} {error:.3g}")
    for note in imported.notes[1:]:
        print(note_line(note))
    print(f"wrote {args.output}")
    return FINE


def _row(layer, design, errors: dict[str, float]) -> dict:
    cell = design.cell
    return {
        "name": layer.name,
        "kind": layer.kind,
        "inputs": layer.inputs,
        "hidden": layer.hidden,
        "outputs": layer.outputs,
        **cell.block_sizes,
        "lanes": design.hardware.lanes,
        "parameters": cell.parameters,
        "errors": errors,
    }
