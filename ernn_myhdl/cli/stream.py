"""`ernn stream`: frames from standard input through a design, and its outputs as they come."""

from __future__ import annotations

import sys
from pathlib import Path

from ernn_myhdl.console import FINE, add_command, add_force, note_line, say_step, whole
from ernn_myhdl.engines.registry import STEP_ENGINES
from ernn_myhdl.processes import stopping

EXAMPLES = """\
  ernn stream speech < frames.txt
  features --of microphone | ernn stream speech --input-format float32 --output-format text
  ernn stream speech --streams 2 --engine verilator < frames.txt
  ernn stream speech --save-states states.safetensors < first.txt > y.txt
  ernn stream speech --initial-states states.safetensors < second.txt >> y.txt
  ernn simulate loading --input rest.npy --initial-states states.safetensors

text: a frame a line, numbers with spaces or commas between them; an empty line ends the sequences of all
streams, a line that begins with # is left out; y is written alike. float32, float64: values, one frame after
the other without anything between, little-endian. int16, int32: words of the formats of x and y as they are on
the AXI-Streams, in and out. With several streams a frame of each of them makes a turn, in their order."""

FORMATS = ("text", "float32", "float64", "int16", "int32")
#: Formats of words, in place of values.
WORDS = ("int16", "int32")


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "stream",
        "frames from standard input through a design, outputs as they come",
        "Feed frames from standard input to a design and write y of each to standard output at once. The state is "
        "kept from frame to frame; designs need no initial_states for it.",
        EXAMPLES,
    )
    parser.add_argument("design", metavar="DESIGN", help="design or network folder")
    parser.add_argument("--engine", choices=STEP_ENGINES, default="integer", help="default integer")
    parser.add_argument(
        "--streams", type=whole, default=1, metavar="N", help="independent streams (1)"
    )
    parser.add_argument("--input-format", choices=FORMATS, default="text", help="default text")
    parser.add_argument(
        "--output-format", choices=FORMATS, default=None, help="default that of the input"
    )
    parser.add_argument(
        "--initial-states", metavar="FILE", help="states before the first frames, one a stream"
    )
    parser.add_argument(
        "--save-states", metavar="FILE", help="write the states behind the last frames"
    )
    add_force(parser, "file of states")
    parser.set_defaults(run=run)


def run(args) -> int:
    import numpy as np

    from ernn_myhdl.cli.frames import checked_turns, frame_reader, frame_writer, with_ends
    from ernn_myhdl.design.storage import load_design
    from ernn_myhdl.errors import DesignError
    from ernn_myhdl.files.output_target import check_file
    from ernn_myhdl.runs.session import check_turn, open_session
    from ernn_myhdl.streams.state_file import STATES_NAME
    from ernn_myhdl.streams.tensor_file import STATE_SUFFIXES

    design = load_design(args.design)
    given, made = args.input_format, args.output_format or args.input_format
    if (given in WORDS) != (made in WORDS):
        raise DesignError(
            f"output-format = {made!r} with input-format {given!r}: words give words, and values (text too) give "
            f"values; choose one of {', '.join(WORDS)} for both or for none"
        )
    if made in WORDS and design.output_format.word > np.dtype(made).itemsize * 8:
        raise DesignError(
            f"output-format = {made!r}: the words of y have {design.output_format.word} bits; choose int32"
        )
    if args.save_states:
        check_file(args.save_states, STATE_SUFFIXES, args.force)
    if sys.stdin is None:
        raise DesignError("standard input: is closed; give frames, such as < frames.txt")
    with open_session(design, args.engine, args.streams, say_step) as session:
        if args.initial_states:
            session.restore(args.initial_states)
        step = session.step_raw if given in WORDS else session.step
        write = frame_writer(sys.stdout, made)
        read = frame_reader(sys.stdin, given, args.streams, design.inputs)
        words = given in WORDS
        turns = checked_turns(read, lambda turn, name: check_turn(design, turn, words, name))
        lost = "; the states were not saved" if args.save_states else ""
        try:
            if design.graph is not None and design.graph.over_time:
                for frames, last in with_ends(turns, close=not args.save_states):
                    made_now = step(frames, last=last)
                    for y in made_now if isinstance(made_now, list) else [made_now]:
                        write(y)
                turns = iter(())
            for turn in turns:
                if turn is None:
                    for stream in range(args.streams):
                        session.end(stream)
                else:
                    y = step(turn)
                    if y is not None and len(y):  # windows leave frames out
                        write(y)
        except DesignError as error:
            raise DesignError(f"{error}{lost}") from error
        except KeyboardInterrupt as error:
            print(
                f"ernn: error: interrupted behind the outputs that were written{lost}",
                file=sys.stderr,
            )
            return stopping.exit_code(error)
        if args.save_states:
            session.save(args.save_states, args.force)
        notes = session.notes
    folder = Path(args.design)
    own = (folder if folder.is_dir() else folder.parent) / STATES_NAME
    if own.exists() and not args.initial_states and not design.stream_shape.initial_states:
        notes.append(
            f"{own.name} of the folder is not used; give it with --initial-states (the design has initial_states = false)"
        )
    for note in notes:
        print(note_line(note), file=sys.stderr)
    return FINE
