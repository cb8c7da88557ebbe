"""`ernn corpus`: make, import and describe speech corpora."""

from __future__ import annotations

from ernn_myhdl.console import (
    FINE,
    add_command,
    add_force,
    add_json,
    print_json,
    step_progress,
    whole,
)

EXAMPLES = """\
  ernn corpus make build/corpus
  ernn corpus timit TIMIT -o build/timit
  ernn corpus info build/corpus"""
EXAMPLES_MAKE = """\
  ernn corpus make build/corpus
  ernn corpus make build/tiny --name espeak-tiny --seed 3 --jobs 2
  ernn corpus make build/own --train-sentences 300 --test-sentences 60 --features logmel40"""
EXAMPLES_TIMIT = """\
  ernn corpus timit TIMIT -o build/timit
  ernn corpus timit data/part --incomplete -o build/part"""
EXAMPLES_INFO = """\
  ernn corpus info build/corpus
  ernn corpus info build/corpus --json"""


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "corpus",
        "make or import a speech corpus with labelled frames",
        "Make a synthetic speech corpus, import a copy of TIMIT, or print what a corpus folder holds.",
        EXAMPLES,
    )
    kinds = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_make(kinds)
    _add_timit(kinds)
    info = add_command(
        kinds, "info", "what a corpus folder holds", "Check a corpus folder and print what it holds.",
        EXAMPLES_INFO,
    )  # fmt: skip
    info.add_argument("folder", metavar="CORPUS", help="corpus folder")
    add_json(info)
    info.set_defaults(run=run_info)


def _add_make(kinds) -> None:
    make = add_command(
        kinds,
        "make",
        "synthetic speech by espeak-ng",
        "Speak generated sentences by espeak-ng in many voices, with noise and reverberation. The same "
        "options make the same features.",
        EXAMPLES_MAKE,
    )
    make.add_argument("output", metavar="FOLDER", help="new corpus folder")
    make.add_argument(
        "--name", default="espeak-small", help="espeak-tiny, espeak-small (default) or espeak-full"
    )
    make.add_argument("--seed", type=whole, default=1, metavar="N", help="of all that is drawn (1)")
    for part in ("train", "test"):
        make.add_argument(
            f"--{part}-sentences", type=whole, metavar="N", help=f"in the {part} part, as NAME has"
        )
    _add_features(make)
    make.add_argument("--jobs", type=whole, metavar="N", help="processes (one for each core)")
    add_force(make)
    add_json(make)
    make.set_defaults(run=run_make)


def _add_timit(kinds) -> None:
    timit = add_command(
        kinds,
        "timit",
        "import a copy of TIMIT",
        "Read the recordings and phones of a TIMIT folder (TRAIN and TEST): 39 phones, without SA sentences, "
        "core test set.",
        EXAMPLES_TIMIT,
    )
    timit.add_argument("timit", metavar="TIMIT", help="folder that holds TRAIN and TEST")
    timit.add_argument("-o", "--output", metavar="FOLDER", required=True, help="new corpus folder")
    _add_features(timit)
    timit.add_argument(
        "--incomplete", action="store_true", help="take what there is of an incomplete copy"
    )
    add_force(timit)
    add_json(timit)
    timit.set_defaults(run=run_timit)


def _add_features(parser) -> None:
    parser.add_argument(
        "--features",
        default="mfcc39",
        metavar="F",
        help="mfcc39 (default), mfcc39-20ms, logmel40 or logmel153",
    )


def run_make(args) -> int:
    from ernn_myhdl.corpus.synthetic import make_corpus, recipe_with

    recipe = recipe_with(args.name, args.train_sentences, args.test_sentences)
    with step_progress("speech", "utterance") as progress:
        make_corpus(
            args.output, recipe, args.seed, args.features, args.jobs, args.force, progress
        )  # fmt: skip
    return _wrote(args.output, args.json)


def run_timit(args) -> int:
    from ernn_myhdl.corpus.timit import import_timit

    with step_progress("TIMIT", "utterance") as progress:
        import_timit(
            args.timit, args.output, args.features, args.incomplete, args.force, progress
        )  # fmt: skip
    return _wrote(args.output, args.json)


def run_info(args) -> int:
    from ernn_myhdl.corpus.storage import load_corpus, load_description

    load_corpus(args.folder)
    return _show(load_description(args.folder), args.json)


def _wrote(folder: str, json: bool) -> int:
    from ernn_myhdl.corpus.storage import load_description

    _show(load_description(folder), json)
    if not json:
        print(f"wrote {folder}")
    return FINE


def _show(table: dict, json: bool) -> int:
    if json:
        print_json(table)
        return FINE
    seed = f", seed {table['seed']}" if table["seed"] >= 0 else ""
    print(f"{table['name']} version {table['version']}{seed}: {table['source']}")
    print(
        f"features {table['features']}, {len(table['phone_set'])} phones, SHA-256 {table['sha256']}"
    )
    print("made with " + ", ".join(f"{name} {v}" for name, v in table["made_with"].items()))
    print(f"{'part':10} {'utterances':>10} {'speakers':>8} {'frames':>8} {'hours':>7}")
    for name, counts in table["parts"].items():
        print(
            f"{name:10} {counts['utterances']:10} {counts['speakers']:8} {counts['frames']:8} "
            f"{counts['hours']:7.3f}"
        )
    return FINE
