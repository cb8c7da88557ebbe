"""`ernn evaluate`: accuracy and error of fixed point over a data set, and the word length it needs."""

from __future__ import annotations

import argparse
import re
import sys

from ernn_myhdl.cli.evaluation_tables import checked_tables, write_tables
from ernn_myhdl.cli.evaluation_text import (
    as_they_stand,
    comparisons,
    heading,
    lines,
    numbers,
    predictions_json,
    projection_notes,
    source_line,
    source_of_sweep,
    table,
)
from ernn_myhdl.console import (
    FAILED,
    FINE,
    add_command,
    add_force,
    add_json,
    frame_progress,
    note_line,
    number,
    print_json,
)

EXAMPLES = """\
  ernn evaluate vowels --data test.npz
  ernn evaluate vowels --data test.npz --max-loss 0.5
  ernn evaluate vowels --data test.npz --words 8..16 --max-loss 0.5 -o words.png
  ernn evaluate speech --data utterances.npz --words 8,12,16 --calibration train.npz --min-sqnr 40
  ernn evaluate lstm/design --data build/corpus --calibration build/corpus --words 8..16
  ernn evaluate words/design --data table.tsv --confusion confusion.png --predictions named.tsv
  ernn evaluate sensors/design --data sensors.npz --part test --pooling last

Data: an .npz file with one floating point array (frames, inputs) for each sequence, as `ernn simulate`
takes it, and optionally `labels`: integers, the class of each sequence (in the order of the sorted
names) or of each frame of all sequences. A class is the number of the largest output. Or a corpus folder: its test
part, with the phone error rate; as --calibration utterances of its training part. Or what `ernn train` was given, a table
of recordings, and with --part an .npz file too: split and normalised as in the training (docs/own-data.md)."""


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "evaluate",
        "accuracy and error over a data set, by word length",
        "Run a data set through the source model, the float model and the fixed-point model of a design or network: "
        "accuracy where there are labels, errors against each other, saturations. --words does so for several word "
        "lengths, with formats chosen anew for each, and names the smallest that, like all longer ones, is good "
        "enough.",
        EXAMPLES,
    )
    parser.add_argument("design", metavar="DESIGN", help="design or network folder")
    parser.add_argument(
        "--data", required=True, metavar="X", help=".npz file (or .npy), table, or corpus folder"
    )
    parser.add_argument(
        "--part", metavar="P",
        help="of a table, a corpus or own .npz: train, validation or test; beside the training all too",
    )  # fmt: skip
    parser.add_argument(
        "--features", metavar="F",
        help="of the sounds of a table (those of the training, else mfcc39)",
    )  # fmt: skip
    parser.add_argument(
        "--pooling", choices=("mean", "last", "max"),
        help="output that names a sequence's class: the mean of its frames, the last, or of each the largest (that of the training, else the mean)",
    )  # fmt: skip
    parser.add_argument(
        "--one-stream", action="store_true",
        help="carry the state from each sequence to the next one, without a reset, as a stream that does not end",
    )  # fmt: skip
    parser.add_argument(
        "--confusion", action="append", metavar="F",
        help="labels against the classes named: a picture, .png or .svg, or a table, .tsv; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--predictions", metavar="F", help="table, .tsv, of the class that each model names"
    )
    parser.add_argument(
        "--max-loss", type=number, metavar="P",
        help="fixed point may lose at most P points of the float model's accuracy, or of its label error rate, else exit code 1",
    )  # fmt: skip
    parser.add_argument(
        "--min-sqnr", type=number, metavar="D",
        help="fixed point must keep an SQNR of D dB against the float model, else exit code 1",
    )  # fmt: skip
    parser.add_argument(
        "--no-initial-states",
        action="store_true",
        help="start every sequence from zero, whatever the folder holds",
    )
    sweep = parser.add_argument_group("word lengths")
    sweep.add_argument(
        "--words", type=word_lengths, metavar="A..B",
        help="bits of x, y, gates and weights, like 8..16 or 8,12; state words have 4 more",
    )  # fmt: skip
    sweep.add_argument(
        "--calibration", metavar="X",
        help=".npz, .npy or corpus that the formats are chosen on (default: the data)",
    )  # fmt: skip
    sweep.add_argument("-o", "--output", metavar="F", help="picture, .png or .svg")
    add_force(sweep, "picture or table")
    add_json(parser)
    parser.set_defaults(run=run)


def word_lengths(text: str) -> list[int]:
    """Argument type: lengths with commas or ranges, like 8..16."""
    words: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,3})(?:\.\.(\d{1,3}))?\s*", part)
        if not match:
            raise argparse.ArgumentTypeError(f"{text!r} is not like 8..16 or 8,12,16")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise argparse.ArgumentTypeError(f"{text!r}: the first length is above the last")
        words += range(first, last + 1)
    return words


def run(args) -> int:
    from ernn_myhdl.corpus.inputs import load_calibration, load_data
    from ernn_myhdl.corpus.trained_data import trained_data
    from ernn_myhdl.design.storage import load_design
    from ernn_myhdl.errors import DesignError
    from ernn_myhdl.runs.evaluation_checks import check_limits
    from ernn_myhdl.runs.word_sweep import check_words

    if args.words is None:
        for name in ("calibration", "output"):
            if getattr(args, name) is not None:
                raise DesignError(f"--{name}: is for a sweep of word lengths; give --words too")
    else:
        if args.one_stream:
            raise DesignError("--one-stream: is of one design; leave --words out")
        for name in ("confusion", "predictions"):
            if getattr(args, name) is not None:
                raise DesignError(f"--{name}: is of one design; leave --words out")
        check_words(args.words)
    if args.output is not None:
        from ernn_myhdl.plots.picture import check_picture

        args.output = check_picture(args.output, args.force)
    core = load_design(args.design)
    args.tables = checked_tables(args)
    trained = trained_data(args.design, core.inputs, core.outputs)
    kinds = (args.features, core.takes_numbers, trained)
    data = load_data(args.data, core.inputs, args.part, *kinds)
    args.pooling = args.pooling or (trained and trained.pooling) or "mean"
    if args.tables and data.labels is None and data.label_sequences is None:
        raise DesignError("--confusion, --predictions: the data have no labels")
    if args.confusion and data.label_sequences is not None:
        raise DesignError(
            "--confusion: labels of sequences without times are not matched one to one; take --predictions"
        )
    check_limits(data, args.max_loss, args.min_sqnr)
    calibration = (
        None
        if args.calibration is None
        else load_calibration(args.calibration, core.inputs, *kinds, args.part is not None)
    )
    from ernn_myhdl.calibration.input_scales import input_notes

    args.initial, notes = _initial_states(args, core)
    if trained is not None and data.classes is None and not core.takes_numbers:
        notes = [*notes, *as_they_stand(trained, data)]
    result = {
        "design": core.name,
        "digest": core.digest,
        "sequences": len(data.sequences),
        "frames": data.frames,
        "source": _source(core),
        "notes": [*notes, *input_notes(core, data.sequences)],
    }
    if args.one_stream:
        result["one_stream"] = True
    if data.label_sequences is not None:
        result["labels"] = "label sequences"
    if data.labels is not None:
        result["labels"] = "frames" if data.labels_per_frame else "sequences"
        if not data.labels_per_frame:
            result["pooling"] = args.pooling
    if args.words is None:
        return _one(args, core, data, result)
    return _sweep(args, core, data, calibration, result)


def _initial_states(args, core) -> tuple[list | None, list[str]]:
    """The state of each layer before every sequence, of an imported model, with notes."""
    from ernn_myhdl.streams.state_file import STATES_NAME, folder_states

    if args.no_initial_states:
        return [None] * len(core.layers), []
    states = folder_states(args.design, core)
    if states is None:
        return None, []
    if core.stream_shape.initial_states:
        return states, [f"every sequence starts from the states of {STATES_NAME}"]
    note = (
        f"the source starts every sequence from the states of {STATES_NAME}, the design from zero, since it has "
        "initial_states = false"
    )
    return states, [note]


def _source(core) -> dict | None:
    """What is known of the source, for JSON."""
    from ernn_myhdl.runs.references import known_source

    source = known_source(core)
    return None if source is None else source.as_dict()


def _one(args, core, data, result: dict) -> int:
    from ernn_myhdl.calibration.saturation import saturation_notes
    from ernn_myhdl.runs.evaluate import evaluate

    with frame_progress("evaluate", 2 * data.frames) as progress:
        evaluation = evaluate(core, data, args.pooling, progress, args.initial, args.one_stream)
    result["notes"] += saturation_notes(core, evaluation.saturations, evaluation.frames)
    result["notes"] += projection_notes(evaluation)
    result["comparisons"] = comparisons(evaluation)
    result |= predictions_json(evaluation)
    if evaluation.predictions is not None:
        result["tables"] = write_tables(args.tables, evaluation.predictions, core.name)
    kept = evaluation.keeps(args.max_loss, args.min_sqnr)
    result |= numbers(evaluation) | {
        "output_sqnr": evaluation.output_sqnr.tolist(),
        "output_error": evaluation.output_error.tolist(),
        "kept": kept,
    }
    if args.json:
        print_json(result)
    else:
        for line in (heading(result), *lines(evaluation, result)):
            print(line)
        for file in result.get("tables", ()):
            print(f"wrote {file}")
    return FINE if kept else _failed(args, f"has {_figures(evaluation)}")


def _sweep(args, core, data, calibration, result: dict) -> int:
    from ernn_myhdl.runs.word_sweep import smallest_word, sweep_words

    frames = (1 + len(args.words)) * data.frames
    with frame_progress("evaluate", frames) as progress:
        made = sweep_words(
            core, data, args.words, calibration, args.pooling, progress, args.initial
        )
    limited = args.max_loss is not None or args.min_sqnr is not None
    chosen = smallest_word(made, args.max_loss, args.min_sqnr) if limited else None
    first = next(iter(made.values()))
    result["notes"] += projection_notes(first)
    result["comparisons"] = [c for c in comparisons(first) if c["model"] == "float"]
    result["words"] = [{"word": word} | numbers(e) for word, e in made.items()]
    if limited:
        result["chosen"] = chosen
    if args.output is not None:
        from ernn_myhdl.plots.words import plot_words

        title = f"{core.name}: {result['sequences']} sequences, {data.frames} frames"
        plot_words(made, args.output, title, chosen)
        result["picture"] = str(args.output)
    if args.json:
        print_json(result)
    else:
        report = (heading(result), source_line(core), *source_of_sweep(made), *table(made))
        for line in (*report, *map(note_line, result["notes"])):
            print(line)
        if chosen is not None:
            print(
                f"chosen: {chosen} bits, the smallest that, like all longer ones, keeps {_limits(args)}"
            )
        if args.output is not None:
            print(f"wrote {args.output}")
    if limited and chosen is None:
        longest = max(made)
        return _failed(args, f"{longest} bits have {_figures(made[longest])}")
    return FINE


def _figures(evaluation) -> str:
    text = f"an SQNR of {evaluation.sqnr:.1f} dB"
    if evaluation.loss is None:
        return text
    return f"a loss of {evaluation.loss:.2f} points and {text}"


def _limits(args) -> str:
    limits = []
    if args.max_loss is not None:
        limits.append(f"a loss of at most {args.max_loss:g} points")
    if args.min_sqnr is not None:
        limits.append(f"an SQNR of at least {args.min_sqnr:g} dB")
    return " and ".join(limits)


def _failed(args, what: str) -> int:
    print(f"ernn: check failed: {what}; wanted {_limits(args)}", file=sys.stderr)
    return FAILED
