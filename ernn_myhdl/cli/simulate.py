"""`ernn simulate`: an input through a design, on one of the engines."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

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
    say_step,
    whole,
)
from ernn_myhdl.engines.registry import (
    AUTO,
    CYCLE_ENGINES,
    DEFAULT,
    DEFAULT_SOURCE,
    ENGINE_NAMES,
    ENGINES,
    REFERENCES,
    SOURCES,
)

EXAMPLES = """\
  ernn simulate speech --input x.npy --engine golden -o run
  ernn simulate speech --input x.npy --engine myhdl --frames 10 --vcd wave.vcd --check -o run
  ernn simulate speech --input utterances.npz --engine ghdl --stall 0.3 --check
  ernn simulate speech --input utterances.npz --engine verilator -o run
  ernn simulate speech --input utterances.npz --engine verilator --from vhdl --no-stages --check
  ernn simulate speech --input utterances.npz --engine auto
  ernn simulate continued --input x.npy --initial-states states.safetensors --engine myhdl --check

Input: an .npy file (frames, inputs), floating point; or an .npz file with one such array for each
sequence, sorted by name. The state is cleared at the start of each sequence. With several streams in
the design, sequences run side by side; a stream that has ended one takes the next.

Initial states: tensors layer_0.cell_state and, of an LSTM, layer_0.output, and so on for every layer; (size,)
for all sequences alike or (sequences, size). The design needs initial_states = true. Those of an imported
model are taken from its folder."""

#: Frames in which saturations are looked for with the integer model, where the engine counts none.
CHECKED_FRAMES = 4096


def add_parser(subparsers) -> None:
    described = ", ".join(f"{e.name} ({e.description})" for e in ENGINES.values())
    *_, fallback, fastest = sorted((e for e in ENGINES.values() if e.speed), key=lambda e: e.speed)
    compiled = " and ".join(e.name for e in ENGINES.values() if e.sources)
    waveform = " and ".join(e.name for e in ENGINES.values() if e.waveform)
    *some, last = CYCLE_ENGINES
    parser = add_command(
        subparsers,
        "simulate",
        "run an input through a design",
        f"Run an input through a design: {described}, or {AUTO}: {fastest.name} where it and g++ are "
        f"installed, otherwise {fallback.name}. All agree to the bit.",
        EXAMPLES,
    )
    parser.add_argument("design", metavar="DESIGN", help="design or network folder")
    parser.add_argument("--input", required=True, metavar="X", help=".npy or .npz file")
    parser.add_argument(
        "--engine", choices=ENGINE_NAMES, default=DEFAULT, help=f"default {DEFAULT}"
    )
    parser.add_argument(
        "--from", dest="source", choices=SOURCES, default=DEFAULT_SOURCE,
        help=f"what {compiled} compiles: MyHDL's Verilog (default), or GHDL's synthesis of the VHDL",
    )  # fmt: skip
    states = parser.add_mutually_exclusive_group()
    states.add_argument(
        "--initial-states", metavar="FILE",
        help=".safetensors or .npz file of states before the first frames (default: that of an imported model)",
    )  # fmt: skip
    states.add_argument(
        "--no-initial-states",
        action="store_true",
        help="start from zero, whatever the folder holds",
    )
    parser.add_argument("--frames", type=whole, metavar="N", help="only the first N frames")
    parser.add_argument("-o", "--output", metavar="RUN", help="new run folder")
    parser.add_argument("--vcd", metavar="F", help=f"waveform file (engine {waveform})")
    parser.add_argument(
        "--vcd-lanes", action="store_true", help="with the lanes' nets in a large core too"
    )
    parser.add_argument(
        "--check", action="store_true",
        help="compare with the golden model; on a difference name the first and exit with 1",
    )  # fmt: skip
    parser.add_argument(
        "--reference", choices=REFERENCES, default=DEFAULT,
        help=f"model for --check (default {DEFAULT}; {REFERENCES[-1]} is faster)",
    )  # fmt: skip
    streams = parser.add_argument_group(f"streams (engines {', '.join(some)} and {last})")
    streams.add_argument(
        "--idle", type=number, default=0.0, metavar="P", help="probability of a cycle without x"
    )
    streams.add_argument(
        "--stall", type=number, default=0.0, metavar="P",
        help="probability of back-pressure in a cycle",
    )  # fmt: skip
    streams.add_argument(
        "--shuffle", action="store_true",
        help="several streams: frames in random order (default: they take turns)",
    )  # fmt: skip
    streams.add_argument("--seed", type=whole, default=0, help="of idle, stall, shuffle (0)")
    parser.add_argument(
        "--no-stages", action="store_true", help="outputs only, no named tensors: less memory"
    )
    add_force(parser, "folder or waveform")
    add_json(parser)
    parser.set_defaults(run=run)


def run(args) -> int:
    from ernn_myhdl.calibration.input_scales import input_notes
    from ernn_myhdl.corpus.inputs import first_frames, load_input
    from ernn_myhdl.design.storage import load_design
    from ernn_myhdl.errors import DesignError
    from ernn_myhdl.files.output_folder import check_folder, new_folder
    from ernn_myhdl.processes.stopping import exit_code
    from ernn_myhdl.runs.model_saturations import model_saturations
    from ernn_myhdl.runs.run import RUN_NAME, run_design, write_run
    from ernn_myhdl.streams.traffic import Traffic

    design = load_design(args.design)
    given = load_input(args.input, design.inputs, design.takes_numbers)
    sequences = first_frames(given, args.frames)
    initial, notes = _initial_states(args, design, len(given))
    if args.seed < 0:
        raise DesignError(f"seed = {args.seed}: must be 0 or more")
    target = check_folder(args.output, args.force, RUN_NAME) if args.output else None
    vcd = _waveform(args)
    with ExitStack() as stack:
        folder = None
        if target:
            folder = stack.enter_context(new_folder(target))
            if vcd and _is_inside(args.vcd, args.output):
                vcd = folder / Path(args.vcd).absolute().relative_to(Path(args.output).absolute())
        frames = sum(len(s) for s in sequences)
        with frame_progress(args.engine, frames) as progress:
            result = run_design(
                design,
                sequences,
                args.engine,
                vcd=vcd,
                traffic=Traffic(args.idle, args.stall, args.seed, args.shuffle),
                stages=not args.no_stages,
                vcd_lanes=args.vcd_lanes,
                progress=progress,
                source=args.source,
                say=say_step,
                initial=initial and initial[: len(sequences)],
            )
        result.notes = notes + result.notes + input_notes(design, sequences)
        if result.saturations is None and result.frames:
            result.notes += model_saturations(result, CHECKED_FRAMES)
        mismatch = _check(result, args.reference) if args.check else None
        if folder:
            write_run(result, folder)
    _tell(result, args, mismatch)
    if mismatch:
        return FAILED
    return exit_code() if result.interrupted else FINE


def _initial_states(args, design, count: int) -> tuple[list | None, list[str]]:
    """The states before `count` sequences, None for zero, with notes: those that are asked for, or of the
    imported model."""
    from ernn_myhdl.streams.initial_states import check_initial_states
    from ernn_myhdl.streams.state_file import STATES_NAME, read_initial_states

    file = args.initial_states
    if file is None:
        folder = Path(args.design)
        file = (folder if folder.is_dir() else folder.parent) / STATES_NAME
        if args.no_initial_states and design.stream_shape.initial_states:
            return [None] * count, []
        if args.no_initial_states or not file.exists():
            return None, []
        if not design.stream_shape.initial_states:
            note = f"{file.name} of the folder is not used, since the design has initial_states = false"
            return None, [note]
        return None, [f"initial states from {file}"]
    states = read_initial_states(file, design, count)
    check_initial_states(design, states, count, False)
    return states, [f"initial states from {file}"]


def _is_inside(file: str, output: str | None) -> bool:
    return output is not None and Path(file).absolute().is_relative_to(Path(output).absolute())


def _waveform(args):
    """Where the waveform goes; one in the run folder is as new as that is."""
    from ernn_myhdl.files.output_folder import check_file

    if args.vcd is None or _is_inside(args.vcd, args.output):
        return args.vcd
    return check_file(args.vcd, force=args.force)


def _check(result, reference: str):
    from ernn_myhdl.runs.check import check_run

    with frame_progress(f"check against {reference}", result.frames) as progress:
        return check_run(result, reference=reference, progress=progress)


def _tell(result, args, mismatch) -> None:
    summary = result.summary()
    if args.output:
        summary["folder"] = args.output
    if args.vcd:
        summary["vcd"] = args.vcd
    if args.check:
        summary["check"] = {"reference": args.reference, "agrees": mismatch is None}
        if mismatch:
            summary["check"]["mismatch"] = vars(mismatch) | {"element": list(mismatch.element)}
    if args.json:
        print_json(summary)
    else:
        for line in _lines(summary):
            print(line)
    if mismatch:
        print(f"ernn: check failed against {args.reference}: {mismatch}", file=sys.stderr)


def _lines(s: dict):
    sequences = len(s["sequences"])
    plural = "s" if sequences > 1 else ""
    speed = f"{s['frames_per_second']:.3g} frames/s"
    if s["cycles"] is not None:
        speed += f", {s['cycles']} cycles, {s['cycles_per_second']:.3g} cycles/s"
    if s["preparation_seconds"] >= 0.1:
        speed += f" after a preparation of {s['preparation_seconds']:.1f} s"
    yield f"{s['engine']}: {s['frames']} frames in {sequences} sequence{plural}, {speed}"
    if s.get("latency_cycles") is not None:
        interval = s["interval_cycles"]
        between = "" if interval is None else f", {interval} cycles between frames"
        yield f"latency of the first frame {s['latency_cycles']} cycles{between}"
    if s["saturations"] is not None:
        counts = {n: c for n, c in s["saturations"].items() if c}
        text = ", ".join(f"{n} {c}" for n, c in counts.items()) or "none"
        yield f"saturated elements: {text}"
    yield from (note_line(note) for note in s["notes"])
    if s.get("check", {}).get("agrees"):
        yield f"check: agrees with {s['check']['reference']} to the bit"
    for key in ("folder", "vcd"):
        if key in s:
            yield f"wrote {s[key]}"
