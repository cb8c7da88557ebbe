"""`ernn train`: a recogniser from a corpus or own data to a design."""

from __future__ import annotations

import sys

from ernn_myhdl.console import (
    FINE,
    add_command,
    add_force,
    add_json,
    number,
    print_json,
    say_step,
    whole,
)
from ernn_myhdl.design.cells import WITH_STATE
from ernn_myhdl.errors import DesignError, alternatives

EXAMPLES = """\
  ernn train build/corpus -o build/lstm --hidden 128 --block 8
  ernn train build/corpus -o build/gru --cell gru --block 8 --input-block 16 --seed 2
  ernn train japanese-vowels -o build/vowels --hidden 32 --block 8 --epochs 30
  ernn train words/table.tsv -o build/words --features logmel40 --cell gru --class-weights balanced
  ernn train sensors.npz -o build/sensors --hidden 32 --pooling last
  ernn train japanese-vowels -o build/skips --front 32 --front-activation relu --hidden 32 --layers 2 --residual --dense 16
  ernn train japanese-vowels -o build/convolved --front 16 --front-kernel 3 --front-activation relu --hidden 32
  ernn train letters.npz -o build/letters --embedding 16 --hidden 64
  ernn train words/table.tsv -o build/ways --methods admm,projection,direct --budget 30

DATA is your own: a table of recordings (.tsv or .csv, or a folder with table.tsv), or an .npz file; docs/own-data.md. Or a
folder of `ernn corpus`, or japanese-vowels (270 utterances that come with the package). The same
command goes on with a training that was interrupted. FOLDER/design is a design folder for every other command."""


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "train",
        "train a block-circulant recogniser on a corpus or own data",
        "Train recurrent layers with a linear read-out, make their matrices block-circulant, round their weights, "
        "and score the float model and the fixed-point design on the validation and test parts.",
        EXAMPLES,
    )
    add_data(parser)
    parser.add_argument(
        "-o", "--output", metavar="FOLDER", required=True, help="folder of the training"
    )
    add_recipe(parser)
    method = parser.add_argument_group("method")
    method.add_argument("--block", type=whole, metavar="K", help="size of the blocks (8)")
    method.add_argument(
        "--input-block", type=whole, metavar="K", help="that of the matrices of x (that of --block)"
    )
    method.add_argument("--method", metavar="M", help="admm (default), direct, projection or dense")
    method.add_argument(
        "--methods", metavar="M,M",
        help="several, side by side with as many epochs; the best on the validation part is the design",
    )  # fmt: skip
    method.add_argument(
        "--budget", type=whole, metavar="N",
        help="epochs in all, a third each in the place of --epochs, --admm-epochs and --retrain-epochs",
    )  # fmt: skip
    add_force(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def add_data(parser) -> None:
    """What is trained on."""
    parser.add_argument(
        "data", metavar="DATA", help="own table or .npz, corpus folder, or japanese-vowels"
    )
    parser.add_argument(
        "--features", metavar="F",
        help="of own sounds: mfcc39 (default), mfcc39-20ms, logmel40 or logmel153",
    )  # fmt: skip


def add_recipe(parser) -> None:
    """The options of a recipe that do not choose blocks; each is called as its field."""
    sizes = parser.add_argument_group("recogniser")
    first, *more = WITH_STATE
    sizes.add_argument("--cell", metavar="C", help=alternatives([f"{first} (default)", *more]))
    sizes.add_argument(
        "--embedding", type=whole, metavar="N",
        help="of sequences of whole numbers: elements of the row that stands for each (0: x are values)",
    )  # fmt: skip
    sizes.add_argument(
        "--front",
        type=whole,
        metavar="N",
        help="outputs of a dense linear layer in front (0: none)",
    )
    sizes.add_argument(
        "--front-activation", metavar="A", help="none (default), relu, tanh or sigmoid"
    )
    sizes.add_argument(
        "--front-kernel", type=whole, metavar="N",
        help="frames that it takes, the present one and those before it (1); more: a causal convolution",
    )  # fmt: skip
    sizes.add_argument(
        "--front-dilation", type=whole, metavar="N", help="frames from one of them to the next (1)"
    )
    sizes.add_argument("--hidden", type=whole, metavar="N", help="cells of a layer (128)")
    sizes.add_argument("--layers", type=whole, metavar="N", help="recurrent layers (1)")
    sizes.add_argument("--projection", type=whole, metavar="N", help="of an LSTM (0: none)")
    sizes.add_argument(
        "--peepholes", action="store_const", const=True, help="of an LSTM (default: none)"
    )
    sizes.add_argument(
        "--reset", metavar="R", help="of a GRU: after (default) or before the product"
    )
    sizes.add_argument(
        "--residual", action="store_const", const=True,
        help="what a recurrent layer takes is added to what it gives, where both have as many elements",
    )  # fmt: skip
    sizes.add_argument(
        "--dense", type=whole, metavar="N",
        help="outputs of a linear layer in front of the read-out (0: none)",
    )  # fmt: skip
    sizes.add_argument(
        "--dense-activation", metavar="A", help="relu (default), none, tanh or sigmoid"
    )
    sizes.add_argument("--head-block", type=whole, metavar="K", help="of the read-out (1: dense)")
    sizes.add_argument("--word", type=whole, metavar="B", help="bits of weights, x and y (12)")
    training = parser.add_argument_group("training")
    training.add_argument("--seed", type=whole, metavar="N", help="of all that is drawn (0)")
    for name, default, what in (
        ("epochs", 8, "of the dense model"),
        ("admm-epochs", 8, "of ADMM"),
        ("retrain-epochs", 8, "inside the structure, after ADMM"),
        ("quantise-epochs", 1, "with rounded weights"),
        ("batch", 8, "sequences in a batch"),
    ):
        training.add_argument(f"--{name}", type=whole, metavar="N", help=f"{what} ({default})")
    training.add_argument("--rate", type=number, metavar="R", help="largest learning rate (0.006)")
    training.add_argument("--dropout", type=number, metavar="P", help="behind the layers (0.3)")
    training.add_argument(
        "--pooling", metavar="P",
        help="of labels of sequences: mean of the frames (default), last or max",
    )  # fmt: skip
    training.add_argument(
        "--class-weights", metavar="W", help="none (default), or balanced: rare classes count alike"
    )
    training.add_argument(
        "--carry", type=whole, metavar="N",
        help="sequences over which the state is carried in training, for streams without end (0: every sequence from zero)",
    )  # fmt: skip
    training.add_argument(
        "--chunk", type=whole, metavar="F",
        help="with --carry and labels of frames: back-propagation ends after F frames (0: the sequence)",
    )  # fmt: skip


def recipe_of(args):
    """The recipe of the options that were given."""
    from ernn_myhdl.recogniser.recipe import RECIPE_FIELDS, Recipe

    given = {name: getattr(args, name, None) for name in RECIPE_FIELDS}
    if getattr(args, "budget", None) is not None:
        from ernn_myhdl.recogniser.methods import split_budget

        for name, value in split_budget(args.budget).items():
            if given[name] is not None:
                raise DesignError(
                    f"--budget, --{name.replace('_', '-')}: say the same twice; leave one of them out"
                )
            given[name] = value
    return Recipe(**{name: value for name, value in given.items() if value is not None})


def run(args) -> int:
    from ernn_myhdl.train import require_torch

    if args.methods is not None and args.method is not None:
        raise DesignError("--method, --methods: contradict each other; leave one of them out")
    recipe = recipe_of(args)
    if recipe.reset != "after" and recipe.cell != "gru":
        raise DesignError(f"--reset {recipe.reset}: is of a GRU; leave it out, or take --cell gru")
    require_torch()
    if args.methods is not None:
        return _methods(args, recipe)
    from ernn_myhdl.recogniser.task import load_task
    from ernn_myhdl.recogniser.training import DESIGN_NAME, train_recogniser

    task = load_task(args.data, args.features, say_step)
    trained = train_recogniser(task, recipe, args.output, force=args.force, say=say_step)
    warn(trained.result.get("warnings", []))
    if args.json:
        print_json(trained.result)
        return FINE
    print(f"{recipe.text}, {recipe.method}; {task.name}")
    result = trained.result
    print(f"{result['numbers']:,} of {result['dense_numbers']:,} numbers of the matrices")
    for line in score_lines(result["scores"], recipe.word):
        print(line)
    for text in result.get("warnings", []):  # results of earlier versions have none
        print(f"WARNING: {text}")
    print(f"wrote {trained.folder / DESIGN_NAME}")
    return FINE


def warn(texts: list[str]) -> None:
    """Warnings on standard error; on a terminal they were told with the steps."""
    if not sys.stderr.isatty():
        for text in texts:
            print(f"WARNING: {text}", file=sys.stderr)


def _methods(args, recipe) -> int:
    """Several methods side by side."""
    from ernn_myhdl.recogniser.methods import check_methods, train_methods
    from ernn_myhdl.recogniser.task import load_task
    from ernn_myhdl.recogniser.training import DESIGN_NAME

    methods = [name.strip() for name in args.methods.split(",")]
    check_methods(methods)
    task = load_task(args.data, args.features, say_step)
    made = train_methods(task, recipe, methods, args.output, args.force, say_step)
    warn(made.result["warnings"])
    if args.json:
        print_json(made.result)
        return FINE
    print(f"{recipe.text}; {task.name}")
    for line in method_lines(made.result):
        print(line)
    for text in made.result["warnings"]:
        print(f"WARNING: {text}")
    print(f"{made.result['chosen']}: the smallest validation error of the fixed-point designs")
    print(f"wrote {made.folder / DESIGN_NAME}")
    return FINE


def method_lines(result: dict) -> list[str]:
    """A table of the methods: epochs, stored numbers, residual of ADMM, and the scores of the fixed-point designs."""
    methods = result["methods"]
    first = next(iter(methods.values()))["scores"]["fixed_point"]
    measures = [m for m in first["test"] if m != "saturated"]
    heads = ["epochs", "numbers", "residual"]
    heads += [f"{part} {m.replace('_', ' ')}" for part in first for m in measures]
    heads += [f"float test {measures[0].replace('_', ' ')}"]
    lines = ["  ".join([f"{'method':12}", *heads])]
    for name, each in methods.items():
        scores, admm = each["scores"], each.get("admm")
        cells = [str(sum(each["epochs"].values())), f"{each['numbers']:,}"]
        cells += [f"{admm['residual']:.3f}" if admm else "-"]
        cells += [
            f"{100 * scores['fixed_point'][part][m]:.2f} %" for part in first for m in measures
        ]
        cells += [f"{100 * scores['float']['test'][measures[0]]:.2f} %"]
        padded = [cell.rjust(len(head)) for cell, head in zip(cells, heads, strict=True)]
        lines.append("  ".join([f"{name:12}", *padded]))
    return lines


def score_lines(scores: dict, word: int) -> list[str]:
    """A table of the scores of a training."""
    names = {
        "start": "dense model, float", "float": "trained, float",
        "fixed_point": f"design, {word} bits",
    }  # fmt: skip
    first = scores["float"]
    measures = list(first["test"])
    heads = [f"{part} {m.replace('_', ' ')}" for part in first for m in measures]
    lines = ["  ".join([f"{'':20}", *heads])]
    for name, parts in scores.items():
        values = [f"{100 * parts[part][m]:.2f} %" for part in first for m in measures]
        cells = [value.rjust(len(head)) for value, head in zip(values, heads, strict=True)]
        lines.append("  ".join([f"{names[name]:20}", *cells]))
    return lines
