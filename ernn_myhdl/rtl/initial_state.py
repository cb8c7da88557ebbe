"""Loading of initial states: frames of s_state, their pages, and the way of a state to its layer.

A frame of s_state is the state of one sequence in one layer before its first frame: y and then c of an
LSTM, h of a GRU, y of a vanilla RNN, each padded to whole blocks and whole beats. `state_frames` cuts it into blocks of k
words. Their spectra go to a store beside that of y, the words to one beside the state's; both have a page
for each stream. `state_pages` keeps the pages: a frame of s_state waits until its page is free, a
sequence that starts from a loaded state until its page is full. The page is free again when the cells
of that sequence's first frame have read it.

`state_route` sends the frames of a network to the layers that tdest names.

Errors. A frame that ends early is completed with zeros; what a frame has too much is dropped up to its
tlast; a beat of another stream inside a frame ends it as if it were short. Each raises `error`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from myhdl import Signal, always, always_comb, block, instances

from ernn_myhdl.design.structure import Structure
from ernn_myhdl.hdl.netlist import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.types import Array, Bit, Word, bits_for, unsigned
from ernn_myhdl.numerics.circulant import blocks_for

#: Cycles from the beat at the head of the FIFO to its (last) block.
FRAMING_LATENCY = 1
#: Cycles from a page being full, or free, until a frame may begin to use it.
PAGE_LATENCY = 1


@dataclass(frozen=True)
class StateFrame:
    """The parts of a frame of s_state, in blocks of `Cell.tile`: those of `Cell.state_sizes`.

    parts: y and the cell state, or the only one of them, which then is where the cell state else is.
    output_blocks, cell_blocks: that are used. cell_start: the first one of the last part. blocks: of the
    frame with its padding. beats: of the frame.
    """

    parts: tuple[str, ...]
    output_blocks: int
    cell_blocks: int
    cell_start: int
    blocks: int
    beats: int

    @property
    def has_output(self) -> bool:
        """Whether y is sent before the cell state."""
        return len(self.parts) > 1

    @property
    def rounds_output(self) -> bool:
        """Whether y is made of the cell state."""
        return "output" not in self.parts


def state_frame(design: Structure) -> StateFrame:
    """The frame of s_state of a layer with a state."""
    cell, size = design.cell, design.hardware.samples_per_beat
    unit = max(cell.tile, size)
    padded = [blocks_for(n, unit) * unit for n in cell.state_sizes.values()]
    *before, total = accumulate(padded)
    return StateFrame(
        tuple(cell.state_sizes),
        cell.output_blocks,
        cell.hidden_blocks,
        before[0] // cell.tile if before else 0,
        total // cell.tile,
        total // size,
    )


@block
def state_frames(
    clk, rst, beat_valid, beat_ready, samples, tlast, stream, free, other_error, begins, sample_block,
    write_output, write_cell, index, page, done, error,
    points, width, parts, wide, blocks, output_blocks, output_kept, cell_start, cell_blocks, cell_kept,
):  # fmt: skip
    """Beats of s_state cut into blocks; see `frames_leaf`.

    wide: a beat is `parts` blocks; otherwise `parts` beats of `width` samples are a block.
    """
    count = unsigned(bits_for(blocks))
    part = unsigned(bits_for(parts))
    filling, discarding, wrong = (Signal(bool(0)) for _ in range(3))
    current = unsigned(len(stream))
    take, emit, drop, cut, final = (Signal(bool(0)) for _ in range(5))
    other, started, parted, popped = (Signal(bool(0)) for _ in range(4))
    last_block, last_part = blocks - 1, parts - 1
    last_output, last_cell = output_blocks - 1, cell_start + cell_blocks - 1

    # parted: a beat of another stream, not the rest of one; emit: a block is complete; popped: a beat is
    @always_comb
    def progress_wide():
        parted.next = other and part == 0
        emit.next = take
        popped.next = take and part == last_part and not filling

    @always_comb
    def progress_narrow():
        parted.next = other
        emit.next = take and (part == last_part or filling)
        popped.next = take and not filling

    @always_comb
    def look():
        started.next = count != 0 or part != 0
        other.next = stream != current

    @always_comb
    def decide():
        take.next = False
        drop.next = False
        cut.next = False
        if filling:
            take.next = True
        elif discarding:
            drop.next = beat_valid and not other
        elif beat_valid:
            if started:
                if parted:
                    cut.next = True
                else:
                    take.next = True
            elif free:
                take.next = True

    @always_comb
    def ends():
        final.next = emit and count == last_block

    @always_comb
    def tell():
        beat_ready.next = drop or popped
        begins.next = take and not started
        page.next = current
        error.next = wrong or other_error

    @always(clk.posedge)
    def control():
        if rst:
            count.next = 0
            part.next = 0
            filling.next = False
            discarding.next = False
            wrong.next = False
            done.next = False
            write_output.next = False
            write_cell.next = False
        else:
            done.next = final
            # no comparison with a number of more bits than count: GHDL's synthesis cuts it off
            write_output.next = emit and count <= last_output
            write_cell.next = emit and count >= cell_start and count <= last_cell
            if begins:
                current.next = stream
            if cut:
                wrong.next = True
                filling.next = True
            if discarding and beat_valid:
                if other or tlast:
                    discarding.next = False
            if take:
                if filling or part == last_part:
                    part.next = 0
                else:
                    part.next = part + 1
            if emit:
                if final:
                    count.next = 0
                    filling.next = False
                else:
                    count.next = count + 1
            if popped:
                if final:
                    if not tlast:
                        wrong.next = True
                        discarding.next = True
                elif tlast:
                    wrong.next = True
                    filling.next = True

    @always(clk.posedge)
    def number():
        index.next = count
        if count >= cell_start:
            index.next = count - cell_start

    @always(clk.posedge)
    def cut_wide():
        for p in range(parts):
            if part == p:
                for i in range(points):
                    if (
                        filling
                        or (count == last_output and i >= output_kept)
                        or (count == last_cell and i >= cell_kept)
                    ):
                        sample_block[i].next = 0
                    else:
                        sample_block[i].next = samples[p * points + i]

    @always(clk.posedge)
    def cut_narrow():
        if take and part == 0:
            for i in range(points):
                sample_block[i].next = 0
        if take and not filling:
            for p in range(parts):
                if part == p:
                    for i in range(width):
                        if (count == last_output and p * width + i >= output_kept) or (
                            count == last_cell and p * width + i >= cell_kept
                        ):
                            sample_block[p * width + i].next = 0
                        else:
                            sample_block[p * width + i].next = samples[i]

    common = [look, decide, ends, tell, control, number]
    return [*common, progress_wide, cut_wide] if wide else [*common, progress_narrow, cut_narrow]


@block
def state_pages(
    clk, rst, head_stream, begins, free, done, done_stream, user, from_state, stream, held,
    frame_start, frame_loaded, frame_stream, cells_valid, cells_loaded, cells_index, cells_stream,
    last_group, streams,
):  # fmt: skip
    """A page for each stream: taken, then full, then in use; see `pages_leaf`."""
    places = 1 << len(stream)  # see `sequencer`: never one element
    taken, full = ([Signal(bool(0)) for _ in range(places)] for _ in range(2))
    wanted, claim, release = (Signal(bool(0)) for _ in range(3))

    @always_comb
    def look():
        free.next = not taken[head_stream]

    @always_comb
    def want():
        wanted.next = full[stream]

    @always_comb
    def hold():
        held.next = user and from_state and ((not wanted) or (claim and frame_stream == stream))

    @always_comb
    def events():
        claim.next = frame_start and frame_loaded
        release.next = cells_valid and cells_loaded and cells_index == last_group

    @always(clk.posedge)
    def keep():
        if rst:
            for s in range(streams):
                taken[s].next = False
                full[s].next = False
        else:
            for s in range(streams):
                if begins and head_stream == s:
                    taken[s].next = True
                elif release and cells_stream == s:
                    taken[s].next = False
                if done and done_stream == s:
                    full[s].next = True
                elif claim and frame_stream == s:
                    full[s].next = False

    return instances()


@block
def not_loaded(first, loaded, fresh):
    """fresh = first of a sequence, and not from a loaded state."""

    @always_comb
    def clear():
        fresh.next = first and not loaded

    return clear


@block
def state_route(clk, rst, valid, layer, readies, valids, ready, error, layers, known):
    """Beats of s_state to the layer that tdest names; those to a layer without a state are dropped."""
    wrong = Signal(bool(0))
    lost = Signal(bool(0))

    @always_comb
    def choose():
        valids.next = 0
        ready.next = not rst
        lost.next = valid and not rst
        for i in range(layers):
            if layer == i and (known // 2**i) % 2 == 1:
                valids.next[i] = valid
                ready.next = readies[i]
                lost.next = False

    @always(clk.posedge)
    def note():
        if rst:
            wrong.next = False
        elif lost:
            wrong.next = True

    @always_comb
    def tell():
        error.next = wrong

    return instances()


def frames_leaf(design: Structure, word: int) -> Leaf:
    """Framing of s_state.

    Ports: beat_valid, beat_ready, samples, tlast, stream: a beat at the FIFO's head; free: its page
    is; begins: a frame begins to be taken; sample_block: a block, of y with write_output, of the cell
    state with write_cell, of the page `page`, its number there is `index`; done: it was the last of its
    frame; other_error, error: any.
    """
    cell, hw, frame = design.cell, design.hardware, state_frame(design)
    k, size = cell.tile, hw.samples_per_beat
    tid = Word(bits_for(hw.streams))
    ports = ins(
        clk=Bit(), rst=Bit(), beat_valid=Bit(), samples=Array(size, word), tlast=Bit(), stream=tid,
        free=Bit(), other_error=Bit(),
    ) | outs(
        beat_ready=Bit(), begins=Bit(), sample_block=Array(k, word), write_output=Bit(),
        write_cell=Bit(), index=Word(bits_for(frame.blocks)), page=tid, done=Bit(), error=Bit(),
    )  # fmt: skip
    return Leaf(
        "state_frames",
        state_frames,
        ports,
        {
            "points": k,
            "width": size,
            "parts": max(size, k) // min(size, k),
            "wide": size >= k,
            "blocks": frame.blocks,
            "output_blocks": frame.output_blocks,
            "output_kept": cell.outputs - (frame.output_blocks - 1) * k,
            "cell_start": frame.cell_start,
            "cell_blocks": frame.cell_blocks,
            "cell_kept": cell.hidden - (frame.cell_blocks - 1) * k,
        },
    )


@made_once
def pages_leaf(streams: int, groups: int) -> Leaf:
    """The pages of loaded states.

    Ports: head_stream with free: the next frame of s_state may begin; begins: it does; done,
    done_stream: its last word is stored; user, from_state, stream with held: the beat at the head of
    s_axis would start a sequence whose state is not there; frame_start, frame_loaded, frame_stream: such
    a sequence has started; cells_valid, cells_loaded, cells_index, cells_stream: a group of cells is read.
    """
    tid = Word(bits_for(streams))
    return Leaf(
        "state_pages",
        state_pages,
        ins(
            clk=Bit(), rst=Bit(), head_stream=tid, begins=Bit(), done=Bit(), done_stream=tid,
            user=Bit(), from_state=Bit(), stream=tid, frame_start=Bit(), frame_loaded=Bit(),
            frame_stream=tid, cells_valid=Bit(), cells_loaded=Bit(),
            cells_index=Word(bits_for(groups)), cells_stream=tid,
        )
        | outs(free=Bit(), held=Bit()),
        {"last_group": groups - 1, "streams": streams},
    )  # fmt: skip


@made_once
def not_loaded_leaf() -> Leaf:
    """Whether a frame starts from zero."""
    return Leaf("not_loaded", not_loaded, ins(first=Bit(), loaded=Bit()) | outs(fresh=Bit()))


def route_leaf(layers: list[bool]) -> Leaf:
    """The way to the layers, of which those that are True have a state."""
    count = len(layers)
    return Leaf(
        "state_route",
        state_route,
        ins(clk=Bit(), rst=Bit(), valid=Bit(), layer=Word(bits_for(count)), readies=Word(count))
        | outs(valids=Word(count), ready=Bit(), error=Bit()),
        {"layers": count, "known": sum(has << i for i, has in enumerate(layers))},
    )
