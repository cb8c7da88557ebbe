"""Single-block tests of streams and control: drivers that keep the protocols, and models of the blocks.

Same form as `block_cases`: the driver makes the inputs cycle by cycle, the model tells from them what
the outputs must be. The inputs of the simulation are replayed in the converted block.
"""

from __future__ import annotations

from collections import deque
from functools import cache

from block_bench import Values
from block_case import BlockCase
from framing_cases import INPUT_CASES, fifo_case, output_case
from sequencer_model import SequencerModel

from ernn_myhdl import new_design
from ernn_myhdl.design.design import Design
from ernn_myhdl.hdl.netlist import Netlist
from ernn_myhdl.hdl.types import Bit
from ernn_myhdl.program.program import program_for
from ernn_myhdl.rtl.sequencer import sequencer

#: Outputs of the sequencer that only some cores have.
SOME_OUTPUTS = ("op_second_x", "second_x_page", "op_part")
OUTPUTS = (
    "gate_fetch", "second_fetch", "op_valid", "op_recurrent", "op_second", "op_index", "op_first",
    "op_last", "op_tag", "op_address", "x_page", "y_page", "m_page", "x_write_page", "m_write_page",
    "x_write_index", "y_write_index", "m_write_index", "x_release", "shifting", *SOME_OUTPUTS,
)  # fmt: skip


def sequencer_alone(design: Design) -> Netlist:
    """The blocks of the sequencer with ports for all that goes in and comes out."""
    n = Netlist("sequencer_alone")
    given = {name: n.input(name, Bit()) for name in ("clk", "rst")}
    for name, kind in sequencer.inputs(design).items():
        given[name] = n.input(name, kind)
    nets = sequencer.add(n, design, given)
    for name in OUTPUTS:
        if name in nets or name not in SOME_OUTPUTS:
            n.wire(n.output(name, nets[name].type), nets[name])
    return n


def sequencer_case(name: str, streams: int = 1, **sizes) -> BlockCase:
    """The program of a small design; spectra are written late and results released late."""

    @cache
    def made_design():
        return new_design(**sizes).with_hardware(streams=streams)

    @cache
    def component():
        return sequencer_alone(made_design())

    quiet_inputs = {
        "frame_start": 0, "frame_fresh": 0, "frame_stream": 0, "x_coming": 0, "y_coming": 0,
        "y_coming_stream": 0, "m_coming": 0, "output_release": 0,
    }  # fmt: skip

    def vectors(rng):
        design = made_design()
        program = program_for(design)
        words = program.words()
        x_groups, m_groups, y_groups = (
            design.cell.input_blocks, program.cell_groups, program.output_groups,
        )  # fmt: skip
        operations = program.operations
        second_phase = bool(design.cell.second_phase)

        def drive():
            """Frames enter when a page is free; m, y and releases follow the operations."""
            outputs = yield {"rst": 1} | quiet_inputs | {"gate_read": 0, "second_read": 0}
            x_pages, x_left, m_left, releases = 2, 0, 0, 0
            y_left: deque[int] = deque()  # streams of the groups to come
            for t in range(2000):
                if outputs["op_valid"]:
                    done = operations[outputs["op_address"]]
                    frame_ends = outputs["op_address"] == program.length - 1
                    if done.y_done and second_phase:
                        m_left += m_groups
                    if frame_ends and not design.cell.recurrent:
                        releases += 1
                    elif frame_ends:
                        y_left += [(outputs["op_tag"] >> 2) % streams] * y_groups
                x_pages += outputs["x_release"]
                values = {"rst": int(t == 0)} | quiet_inputs
                for part in ("gate", "second"):
                    values[f"{part}_read"] = words[outputs[f"{part}_fetch"]]
                slow = 0.15 if t // 200 % 2 else 0.8
                if t and not x_left and x_pages and rng.random() < slow:
                    x_pages, x_left = x_pages - 1, x_groups
                    values |= {
                        "frame_start": 1,
                        "frame_fresh": int(rng.random() < 0.3),
                        "frame_stream": int(rng.integers(streams)),
                    }
                elif x_left and rng.random() < slow:
                    x_left -= 1
                    values["x_coming"] = 1
                if m_left and rng.random() < slow:
                    m_left -= 1
                    values["m_coming"] = 1
                if releases and rng.random() < slow / 3:
                    releases -= 1
                    values["output_release"] = 1
                if y_left and rng.random() < slow:
                    values |= {"y_coming": 1, "y_coming_stream": y_left.popleft()}
                    releases += len(y_left) % y_groups == 0
                outputs = yield values

        return drive

    def expected(inputs):
        design = made_design()
        machine = SequencerModel(design)
        made: Values = {}
        results = []
        for v in inputs:
            issued = machine.decide()
            now = machine.fetches() | {"shifting": int(machine.busy > 0)}
            results.append(made | now if made else {})
            made = machine.outputs(issued)
            machine.advance(issued, v)
            if v["rst"]:
                machine = SequencerModel(design)
                made = machine.outputs("")
        return results

    return BlockCase(f"sequencer, {name}", component, vectors, expected)


CASES = [
    fifo_case(1),
    fifo_case(34),
    fifo_case(3, 1),
    fifo_case(3, 2),
    *INPUT_CASES.values(),
    output_case(3, 4, 4, 11),
    output_case(2, 8, 2, 13, 4, 4),
    output_case(5, 2, 8, 10, 8, 8),
    output_case(1, 4, 16, 3),
    output_case(4, 1, 1, 4),
    sequencer_case("projection", inputs=6, hidden=10, projection=5, block=2, lanes=4, ifft_units=2),
    sequencer_case("no projection", inputs=9, hidden=7, block=4, lanes=3),
    sequencer_case("one column", inputs=1, hidden=2, block=2, lanes=4, ifft_units=4),
    sequencer_case(
        "projection, four streams", 4, inputs=6, hidden=10, projection=5, block=2, lanes=4,
        ifft_units=2,
    ),
    sequencer_case("no projection, two streams", 2, inputs=9, hidden=7, block=4, lanes=3),
    sequencer_case(
        "candidate", 4, cell="gru", inputs=6, hidden=10, block=2, lanes=4, ifft_units=2
    ),
    sequencer_case("candidate, one stream", cell="gru", inputs=3, hidden=6, block=4, lanes=2),
    sequencer_case("reset after", 2, cell="gru", reset="after", inputs=6, hidden=9, block=4, lanes=3),
    sequencer_case(
        "split, projection", 2, inputs=6, hidden=10, projection=5, block=2, input_block=4, lanes=4,
        ifft_units=2,
    ),
    sequencer_case("split, one stream", inputs=6, hidden=7, block=1, input_block=2, lanes=3),
    sequencer_case("split candidate", 4, cell="gru", inputs=6, hidden=9, block=4, input_block=2, lanes=3),
    # the tag of a frame of one operation was that of the frame before
    sequencer_case("linear, one operation", 2, cell="linear", inputs=4, hidden=4, block=4, lanes=1),
    sequencer_case(
        "passes of one operation", 8, inputs=2, hidden=4, projection=4, block=4, lanes=4,
        ifft_units=1,
    ),
]  # fmt: skip
