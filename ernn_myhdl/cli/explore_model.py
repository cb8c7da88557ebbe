"""`ernn explore model`: cell and block sizes that keep an accuracy, with at most five trainings."""

from __future__ import annotations

from ernn_myhdl.cli.train import add_data, add_recipe, recipe_of
from ernn_myhdl.console import (
    FAILED,
    FINE,
    add_command,
    add_force,
    add_json,
    number,
    print_json,
    say_step,
)
from ernn_myhdl.errors import DesignError

EXAMPLES = """\
  ernn explore model build/corpus --device xc7z020 --max-error 30 -o build/search
  ernn explore model build/corpus --device xc7vx690t --max-error 28 --hidden 256 -o build/large
  ernn explore model japanese-vowels --device xc7z020 --max-error 8 --hidden 32 -o build/vowels
  ernn explore model build/corpus --device xc7z020 --max-error 30 --min-fps 500000 -o build/fast
  ernn explore model words/table.tsv --device xc7z020 --max-error 10 --hidden 64 -o build/words

The folder holds log.md (every decision), saving.png, the trainings, and design (the chosen one). The same command
goes on with a search that was interrupted."""


def add_search(kinds) -> None:
    """Add the sub-command to `ernn explore`."""
    parser = add_command(
        kinds,
        "model",
        "cell and block sizes that keep an accuracy",
        "Phase I of E-RNN: bounds of the block size from the device's memory and from the saving, a training at the "
        "lower bound, growth, larger blocks for x, a GRU in the place of the LSTM; at most five "
        "trainings. Of those that keep the accuracy the one is chosen whose smallest hardware within the limits (as "
        "`ernn explore hardware` finds it) takes the least of what the device runs out of. Exit code 1 where network and device do not go together.",
        EXAMPLES,
    )
    add_data(parser)
    parser.add_argument(
        "--device",
        help="xc7z020, xc7vx690t or xcku060, ... (without: the fewest operations are chosen)",
    )
    parser.add_argument(
        "--max-error", type=number, required=True, metavar="P",
        help="the fixed-point design may have an error of P %% on the validation part: phone error rate of a "
        "corpus, wrong labels of other data",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", metavar="FOLDER", required=True, help="folder of the search"
    )
    parser.add_argument(
        "--max-latency-us", type=number, metavar="T", help="limit of the hardware's latency"
    )
    parser.add_argument(
        "--min-fps", type=number, metavar="F", help="limit of the hardware's frames/s of one stream"
    )
    parser.add_argument("--clock-mhz", type=number, metavar="F", help="for these limits (200)")
    add_recipe(parser)
    parser.add_argument("--method", metavar="M", help="admm (default), direct or projection")
    add_force(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args) -> int:
    from ernn_myhdl.explore.goal import Goal
    from ernn_myhdl.recogniser.task import load_task
    from ernn_myhdl.synthesis.devices import device_named
    from ernn_myhdl.train import require_torch

    if not 0 < args.max_error < 100:
        raise DesignError(f"--max-error = {args.max_error}: must be above 0, below 100 percent")
    if args.method == "dense":
        raise DesignError(
            "--method dense: has no blocks to search; take admm, direct or projection"
        )
    recipe = recipe_of(args)
    device = device_named(args.device) if args.device else None
    for name in ("max_latency_us", "min_fps", "clock_mhz"):
        if device is None and getattr(args, name) is not None:
            raise DesignError(
                f"--{name.replace('_', '-')} = {getattr(args, name):g}: is a limit of hardware; give --device as well"
            )
    clock = 200.0 if args.clock_mhz is None else args.clock_mhz
    goal = Goal("smallest", args.max_latency_us, args.min_fps, clock)
    require_torch()
    from ernn_myhdl.recogniser.search import explore_recogniser

    task = load_task(args.data, args.features, say_step)
    result = explore_recogniser(
        task, recipe, args.max_error / 100, device, args.output, args.force, say_step, goal
    )
    if args.json:
        print_json(summary(result))
    else:
        print((result.folder / "log.md").read_text(encoding="utf-8"), end="")
        if result.chosen is not None:
            print(f"\nwrote {result.folder / 'design'}")
    return FAILED if result.chosen is None else FINE


def summary(result) -> dict:
    """Of an exploration, ready for JSON."""
    return {
        "feasible": result.chosen is not None,
        "reason": result.reason,
        "lower": result.bounds.lower,
        "upper": result.bounds.upper,
        "bounds": [
            {"block": c.block, "weight_bits": c.weight_bits, "operations": c.operations,
             "saving": c.saving, "fits": c.fits}
            for c in result.bounds.costs
        ],
        "measure": result.measure,
        "trainings": [_trial(t) for t in result.trials],
        "chosen": None if result.chosen is None else _trial(result.chosen),
    }  # fmt: skip


def _trial(trial) -> dict:
    return trial.choice.as_dict() | {
        "step": trial.why,
        "accuracy": trial.accuracy,
        "kept": trial.met,
        "operations": trial.operations,
        "weight_bits": trial.weight_bits,
        "hardware": trial.hardware.as_dict() if trial.hardware else None,
    }
