"""From y to m_axis: store, framing, FIFO; and the spectra of y and of m, back to the stores."""

from __future__ import annotations

from ernn_myhdl.hdl.netlist import Net
from ernn_myhdl.hdl.types import Array, Word
from ernn_myhdl.numerics.formats import Format
from ernn_myhdl.rtl import output_frames
from ernn_myhdl.rtl.core import stream_fifo
from ernn_myhdl.rtl.core.element_wise import Results
from ernn_myhdl.rtl.core.products import Columns
from ernn_myhdl.rtl.core.wiring import Wiring
from ernn_myhdl.rtl.memory import store
from ernn_myhdl.rtl.stream_user import user_type


def spectra(w: Wiring, made: Results, read: Columns) -> None:
    """Spectra of m and of y, and when they are written."""
    n, f, cell = w.n, w.formats, w.cell
    if made.m and read.m_data is not None and made.m_valid is not None:
        _transformed(
            w, "m", "cell_output", _m_blocks(w, made.m), f.cell_output_spectrum, read.m_data
        )
        w.written("m", made.m_valid, w.time.forward_m)
        n.probe("cell_output_spectrum", w.m_write, read.m_data)
    else:
        w.never_written("m")
    n.probe("output", made.y_valid, made.y)
    if read.y_data is None:
        w.never_written("y")
        n.wire(w.y_coming_tag, n.zero("y_never_tagged", w.tag))
        n.wire(w.y_written_tag, n.zero("y_never_tag_written", w.tag))
        return
    w.written("y", made.y_valid, w.time.forward_y)
    n.wire(w.y_coming_tag, w.delayed("y_tag_coming", made.y_tag, w.time.forward_y - 1))
    n.wire(w.y_written_tag, w.delayed("y_tag_written", w.y_coming_tag, 1))
    blocks = w.split("y_block", made.y, cell.y_block)
    _transformed(w, "y", "output", blocks, f.output_spectrum, read.y_data)
    n.probe("output_spectrum", w.y_write, read.y_data)


def _m_blocks(w: Wiring, tiles: list[Net]) -> list[Net]:
    """Tiles of m cut into its blocks."""
    k = w.cell.m_block
    if k == w.cell.tile:
        return tiles
    return [b for i, tile in enumerate(tiles) for b in w.split(f"m_block_{i}", tile, k)]


def _transformed(
    w: Wiring, label: str, name: str, blocks: list[Net], target: Format | None, data: Net
) -> None:
    transformed = [
        w.forward(f"fft_{label}_{i}", name, block, target) for i, block in enumerate(blocks)
    ]
    w.n.wire(data, *transformed)


def output_side(w: Wiring, made: Results) -> None:
    """Add the output side of a core."""
    n, program, cell, hw = w.n, w.program, w.cell, w.hw
    word, size = w.formats.output.word, hw.samples_per_beat
    group_samples = program.output_width * cell.tile
    beats, pages = -(-cell.outputs // size), hw.frames_in_flight
    framing = output_frames.output_frames(
        program.output_groups, group_samples, size, cell.outputs, pages, hw.streams,
        hw.initial_states, hw.sequence_ends, hw.weight_banks,
    )  # fmt: skip
    held = n.net("m_held", framing.ports["held"].type)
    tag = w.low_bits("y_tag_of_output", made.y_tag, framing.ports["write_tag"].type)
    pointer = n.add(
        "output_frames", framing, clk=w.clk, rst=w.rst, write=made.y_valid, write_tag=tag,
        held=held, page_free=w.output_release,
    )  # fmt: skip
    items = max(program.output_groups * group_samples, beats * size)
    memory = store("output_store", items, Array(1, word), group_samples, size, pages)
    places = {
        name: w.low_bits(f"output_{name}", pointer[name], memory.ports[name].type)
        for name in ("write_page", "write_index", "read_page", "read_index")
    }
    q = n.add(
        "output_store", memory, clk=w.clk, rst=w.rst, write=made.y_valid, data=made.y, **places
    )["q"]
    parts: list = []
    for i in range(size):
        parts.append((q, i * word, word))
        parts += [(q, i * word + word - 1, 1)] * (hw.sample_bits - word)
    samples = n.bundle("m_samples", Word(size * hw.sample_bits), *parts)
    user = pointer["beat_user"]
    kind = user_type(w.design.inner_shape if w.inside else w.design.stream_shape)
    if kind.bits > 1:
        names = ["beat_user", "beat_loaded", "beat_closes", *(["beat_bank"] if w.inside else [])]
        user = n.bundle("m_user", kind, *[pointer[name] for name in names if name in pointer])
    fields = {"tlast": pointer["beat_last"], "tuser": user}
    if hw.streams > 1:
        fields["tid"] = pointer["beat_stream"]
    stream_fifo.sent(w, pointer["beat_valid"], samples, fields, held)
