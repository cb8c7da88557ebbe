"""`ernn host`: the driver of a core on a board, or of its simulation."""

from __future__ import annotations

from ernn_myhdl.console import (
    FAILED,
    FINE,
    add_command,
    add_force,
    add_json,
    note_line,
    number,
    print_json,
    whole,
)

EXAMPLES = """\
  ernn convert speech -o board --wrapper axi --hdl verilog
  ernn host selftest --port sim --design speech
  ernn host run --port sim --design speech --input x.npy -o y.npy
  ernn host selftest --port uio:/dev/uio0,/dev/uio1,/dev/udmabuf0 --design board
  ernn convert speech -o bare --wrapper uart --clock-mhz 25
  ernn host selftest --port /dev/ttyUSB0 --design bare
  ernn host serve --port ./simulated --design speech
  ernn host load --port ./simulated --design speech --weights weights.bin
  ernn host run --port sim --design speech --weights weights.bin --input x.npy -o y.npy
  ernn host run --port sim --design continued --initial-states states.safetensors --input x.npy -o y.npy

--port sim needs the design folder and Verilator; a port of a board needs the folder of ernn convert --wrapper axi (uio) or uart
(a serial device) and numpy only. uio:REGISTERS,DMA,BUFFER names the UIO devices of the core's registers and of its AXI DMA, and a
buffer of u-dma-buf. serve needs Verilator; the other actions find its board at the port that it makes."""

SIMULATION, UIO = "sim", "uio:"
LOADED = "the core has weights that were loaded, and the vectors are of the design's own: load those (ernn weights DESIGN --for DESIGN), or restart the board"


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "host",
        "drive a core on a board, or its simulation",
        "Send sequences through the AXI or UART system of a core, compare it with its test vectors, and load weights into a core that takes them. "
        "What is done: run, selftest, load; serve simulates the board of a UART system behind a serial port, until Ctrl-C.",
        EXAMPLES,
    )
    parser.add_argument(
        "action",
        metavar="ACTION",
        choices=("run", "selftest", "load", "serve"),
        help="run: an input; selftest: the design's test vectors; load: weights; serve: a simulated board",
    )
    parser.add_argument(
        "--port",
        metavar="PORT",
        required=True,
        help="sim, uio:REGISTERS,DMA,BUFFER, or a serial device with its path; serve: a new link to one",
    )
    parser.add_argument(
        "--design",
        metavar="DIR",
        required=True,
        help="design folder (sim, serve, and what serve makes), or folder of the converted system",
    )
    parser.add_argument(
        "--input", metavar="FILE", help="run: .npy of one sequence, or .npz of several, values of x"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="run: new .npy, or .npz, of values of y"
    )
    parser.add_argument(
        "--weights",
        metavar="FILE",
        help="load, run: an image of ernn weights, loaded before anything runs",
    )
    parser.add_argument(
        "--initial-states",
        metavar="FILE",
        help="run: .safetensors or .npz of the states before the sequences, of a core that takes them",
    )
    parser.add_argument(
        "--streams", type=whole, default=1, metavar="N", help="sequences in a packet at a time (1)"
    )
    parser.add_argument(
        "--bus",
        type=whole,
        metavar="BITS",
        help="sim: of the streams; default those of the core's beats",
    )
    parser.add_argument(
        "--timeout", type=number, default=10.0, metavar="S", help="seconds for an answer (10)"
    )
    add_force(parser, "output")
    add_json(parser)
    parser.set_defaults(run=run)


def run(args) -> int:
    from dataclasses import asdict

    from ernn_myhdl.host.selftest import selftest

    check_arguments(args)
    if args.action == "serve":
        return serve(args)
    board, vectors = opened(args)
    with board:
        if args.weights is not None:
            loaded = board.load_weights(args.weights)
        if args.action == "load":
            return told(args, loaded)
        if args.action == "run":
            return run_input(board, args)
        loaded = board.system.weights is not None and board.weights().loaded
        result = selftest(board, vectors())
        status = board.status()
    if args.json:
        print_json(
            asdict(result)
            | {"passed": result.passed, "status": asdict(status), "weights_loaded": loaded}
        )
    elif result.passed:
        print(
            f"passed: {result.words} words of {result.frames} frames equal the golden model's; {status}"
        )
    else:
        sequence, frame, element, got, expected = result.first or (0, 0, 0, 0, 0)
        print(
            f"failed: {result.wrong} of {result.words} words differ; the first is element {element} of frame {frame} of "
            f"sequence {sequence}: {got}, not {expected}" + (f"; {LOADED}" if loaded else "")
        )
    return FINE if result.passed else FAILED


def told(args, status) -> int:
    """What the core says of its new weights."""
    from dataclasses import asdict

    if args.json:
        print_json({"weights": args.weights, "status": asdict(status)})
    else:
        print(f"loaded {args.weights}: {status}")
    return FINE


def check_arguments(args) -> None:
    """DesignError for arguments that do not belong together."""
    from ernn_myhdl.errors import DesignError
    from ernn_myhdl.files.output_target import check_file

    named = args.port == SIMULATION or args.port.startswith(UIO)
    if args.action == "serve" and (named or "/" not in args.port):
        raise DesignError(f"port = {args.port!r}: serve takes a new path with a /, as ./simulated")
    if not named and "/" not in args.port:
        raise DesignError(
            f"port = {args.port!r}: must be sim, uio:REGISTERS,DMA,BUFFER, or the path of a serial device, such as "
            "/dev/ttyUSB0 or ./simulated"
        )
    if args.port.startswith(UIO) and len(args.port[len(UIO) :].split(",")) != 3:
        raise DesignError(
            f"port = {args.port!r}: must name three devices, uio:REGISTERS,DMA,BUFFER"
        )
    if not args.timeout > 0:
        raise DesignError(f"timeout = {args.timeout:g}: must be above 0 seconds")
    if args.bus is not None and args.port != SIMULATION:
        raise DesignError(
            f"bus = {args.bus}: is of the simulation; the folder of a converted system has its own; remove --bus"
        )
    for name, unused in (("initial states", None), ("streams", 1)):
        if getattr(args, name.replace(" ", "_")) != unused and args.action != "run":
            option = f"--{name.replace(' ', '-')}"
            raise DesignError(f"{args.action}: takes no {name}; remove {option}, which is of run")
    if args.action == "run":
        for name in ("input", "output"):
            if getattr(args, name) is None:
                raise DesignError(f"{name}: is missing; run needs --input FILE and -o FILE")
        check_file(args.output, (".npy", ".npz"), args.force)
    elif args.action == "load" and args.weights is None:
        raise DesignError("weights: is missing; load needs --weights FILE (of ernn weights)")
    elif args.action in ("selftest", "serve") and args.weights is not None:
        raise DesignError(
            f"{args.action}: takes no weights; its vectors are of the design's own; remove --weights, or run load before run"
        )
    elif args.input or args.output:
        raise DesignError(
            f"{args.action}: takes no input and makes no output; selftest has the design's own vectors; remove --input and -o"
        )


def opened(args):
    """The board behind the port, and a function that gives the test vectors of the design."""
    from ernn_myhdl.errors import DesignError
    from ernn_myhdl.host.board import Board

    if args.port == SIMULATION:
        from ernn_myhdl.system.simulation.transport import simulated_board

        design, system = simulated(args)
        check_files(args, system)
        transport = simulated_board(design, system.bus_bits)
        return Board(transport, system, args.timeout), lambda: design_vectors(design)
    serial = not args.port.startswith(UIO)
    system, vectors = described(args, serial)
    if serial != (system.serial is not None):
        kind, other, wrapper = (
            ("an AXI", "uio:REGISTERS,DMA,BUFFER", "uart")
            if serial
            else ("a UART", "a serial device", "axi")
        )
        raise DesignError(
            f"port = {args.port!r}: {args.design} is of {kind} system; give {other}, or a folder of ernn convert --wrapper {wrapper}"
        )
    check_files(args, system)
    return Board(transport_of(args, system), system, args.timeout), vectors


def check_files(args, system) -> None:
    """DesignError for an image of weights, an input and states that do not fit the core, before a port is opened."""
    if args.action == "run":
        from pathlib import Path

        from ernn_myhdl.errors import DesignError
        from ernn_myhdl.host.packets import raw_frames

        names, sequences = read_sequences(Path(args.input))
        wanted = ".npy" if names is None else ".npz"
        if Path(args.output).suffix.lower() != wanted:
            raise DesignError(
                f"output {args.output}: must end in {wanted}, as input {args.input} has {'one sequence' if names is None else 'an array for each sequence'}"
            )
        for number, sequence in enumerate(sequences):
            where = f"input {args.input}" + (f", array {names[number]}" if names else "")
            try:
                raw = raw_frames(sequence, system)
            except DesignError as error:
                raise DesignError(f"{where}: {error}") from error
            if len(raw):
                system.frames_out.check(len(raw), f"{where}: a sequence")
        initial_states(args, system, len(sequences))
    if args.weights is not None:
        from ernn_myhdl.host.weight_loading import checked_image

        checked_image(args.weights, system.weights)


def initial_states(args, system, count: int) -> tuple[list | None, list[str]]:
    """The states before the sequences, None without, and notes on them."""
    from ernn_myhdl.host.state_file import read_states

    return read_states(args.initial_states, system, count) if args.initial_states else (None, [])


def transport_of(args, system):
    """The way to a board."""
    from pathlib import Path

    if args.port.startswith(UIO):
        from ernn_myhdl.host.memory_map import buffer_of, uio_transport

        registers, dma, buffer = args.port[len(UIO) :].split(",")
        physical, size = buffer_of(Path(buffer))
        return uio_transport(registers, dma, buffer, physical, size)
    from ernn_myhdl.host.serial_port import SerialPort, SerialTransport

    line = SerialPort(args.port, system.serial.baud)
    try:
        return SerialTransport(line, system.serial, args.timeout)
    except BaseException:
        line.close()
        raise


def simulated(args):
    """The design, and what the host must know of its simulated AXI system."""
    from ernn_myhdl.design.storage import load_design
    from ernn_myhdl.system.rtl.axi_system import check_bus, default_bus
    from ernn_myhdl.system.writer import system_description

    design = load_design(args.design)
    bits = default_bus(design) if args.bus is None else args.bus
    check_bus(bits)
    return design, system_description(design, bits)


def design_vectors(design):
    """The test vectors of a design."""
    from ernn_myhdl.host.description import cut_vectors
    from ernn_myhdl.system.sequences import frames_out
    from ernn_myhdl.system.writer import vectors

    arrays = vectors(design)
    return cut_vectors(arrays["x"], arrays["y"], arrays["lengths"], frames_out(design))


def described(args, serial: bool):
    """What the host must know of the system on a board, and a function that gives its test vectors.

    The simulated board of a serial port may be named by its design folder too.
    """
    from pathlib import Path

    from ernn_myhdl.host.description import SYSTEM_NAME, load_description, load_vectors

    folder = Path(args.design)
    designs = any((folder / name).is_file() for name in ("design.toml", "network.toml"))
    if not serial or (folder / SYSTEM_NAME).is_file() or not designs:
        system = load_description(folder)
        return system, lambda: load_vectors(folder, system)
    from ernn_myhdl.design.storage import load_design
    from ernn_myhdl.system.rtl.uart_system import BUS_BITS
    from ernn_myhdl.system.simulation.serial_board import SIMULATED_LINK
    from ernn_myhdl.system.writer import system_description

    design = load_design(folder)
    return system_description(design, BUS_BITS, SIMULATED_LINK), lambda: design_vectors(design)


def serve(args) -> int:
    """The simulated board of a UART system, until it is stopped."""
    from os.path import lexists
    from pathlib import Path

    from ernn_myhdl.design.storage import load_design
    from ernn_myhdl.errors import DesignError
    from ernn_myhdl.system.simulation.serial_board import SerialBoard, serial_model

    place = Path(args.port)
    if lexists(place):
        raise DesignError(
            f"port = {args.port!r}: exists; serve makes a new link, give another path"
        )
    board = SerialBoard(serial_model(load_design(args.design)))
    try:
        try:
            place.symlink_to(board.device)
        except OSError as error:
            raise DesignError(f"port = {args.port!r}: cannot be made ({error.strerror})") from error
        try:
            print(f"{args.port} -> {board.device}; Ctrl-C ends it", flush=True)
            board.serve()
        finally:
            place.unlink(missing_ok=True)
    finally:
        board.close()
    return FINE


def run_input(board, args) -> int:
    """The input through the board, into the output."""
    from pathlib import Path

    import numpy as np

    from ernn_myhdl.files.output_folder import new_file
    from ernn_myhdl.files.output_target import check_file

    target = check_file(args.output, force=args.force)
    names, sequences = read_sequences(Path(args.input))
    states, notes = initial_states(args, board.system, len(sequences))
    made = board.run(sequences, args.streams, states)
    status = board.status()
    with new_file(target) as file, open(file, "wb") as output:
        if names is None:
            np.save(output, made[0])
        else:
            np.savez(output, **dict(zip(names, made, strict=True)))
    frames = sum(map(len, made))
    if args.json:
        print_json(
            {
                "output": str(args.output),
                "sequences": len(made),
                "frames": frames,
                "status": str(status),
                "notes": notes,
            }
        )
    else:
        for note in notes:
            print(note_line(note))
        print(f"wrote {args.output}: {len(made)} sequences, {frames} frames; {status}")
    return FINE


def read_sequences(file):
    """Names, or None for one of .npy, and sequences of values."""
    import numpy as np

    from ernn_myhdl.errors import DesignError
    from ernn_myhdl.files.array_file import NoArrayFile, read_arrays

    try:
        loaded = read_arrays(file)
    except (OSError, NoArrayFile) as error:
        raise DesignError(f"input {file}: is no .npy or .npz of numbers ({error})") from error
    if isinstance(loaded, np.ndarray):
        return None, [loaded]
    if not loaded:
        raise DesignError(f"input {file}: holds no arrays; must hold one for each sequence")
    return list(loaded), list(loaded.values())
