"""`ernn demo`: the whole main job on the embedded speech model."""

from __future__ import annotations

from ernn_myhdl.console import add_command, add_force

EXAMPLES = """\
  ernn demo
  ernn demo -o somewhere/else --force"""


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "demo",
        "the whole job on real speech: accuracy, simulation, plots, VHDL, synthesis folder",
        "Run the embedded model on the Japanese Vowels recordings: float, golden and MyHDL, VHDL in "
        "GHDL, plots, a Vivado folder and a summary.",
        EXAMPLES,
    )
    parser.add_argument(
        "-o", "--output", metavar="DIR", default="build/demo", help="folder (build/demo)"
    )
    add_force(parser)
    parser.set_defaults(run=run)


def run(args) -> int:
    from ernn_myhdl.demo.main_job import run_demo

    return run_demo(args.output, force=args.force)
