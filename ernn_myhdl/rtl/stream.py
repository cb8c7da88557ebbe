"""AXI4-Stream side of the core: FIFO, input framing, output framing.

`stream_fifo`: a FIFO of DEPTH words with valid/ready on both sides; ready depends on the fill level.
`input_frames`: cuts a stream of beats into blocks of k samples, one block a cycle at most.
`output_frames`: reads the output store beat by beat as its groups arrive.

A frame belongs to the stream that tid names; each stream has sequences of its own. A sequence starts
with tuser, or with the stream's first frame after a reset.

Framing errors. A frame that ends early is completed with zeros; what a frame has too much is dropped
up to its tlast. A beat with tuser or of another stream inside a frame starts a frame and ends the other
as if it were short. Each raises `error`, which stays until reset. A sequence that starts with tuser is
never affected by what came before it.
"""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block, instances

from ernn_myhdl.hdl.netlist import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.types import Array, Bit, Word, bits_for, unsigned
from ernn_myhdl.rtl.sequencer import flags

DEPTH = 4
FIFO_LATENCY = 1
#: Cycles from a beat at the head of the FIFO to its (last) block.
FRAMING_LATENCY = 1


@block
def stream_fifo(
    clk, rst, in_valid, in_ready, in_word, out_valid, out_ready, out_word, count, depth
):
    """First in, first out; the word at the head is visible with out_valid.

    count: words held now.
    """
    memory = [unsigned(len(in_word)) for _ in range(depth)]
    write = unsigned(bits_for(depth))
    read = unsigned(bits_for(depth))
    held = unsigned(bits_for(depth + 1))
    ready = Signal(bool(0))

    @always(clk.posedge)
    def store():
        if in_valid and ready:
            memory[write].next = in_word

    @always(clk.posedge)
    def pointers():
        if rst:
            write.next = 0
            read.next = 0
            held.next = 0
        else:
            if in_valid and ready:
                if write == depth - 1:
                    write.next = 0
                else:
                    write.next = write + 1
            if out_ready and held != 0:
                if read == depth - 1:
                    read.next = 0
                else:
                    read.next = read + 1
            if (in_valid and ready) and not (out_ready and held != 0):
                held.next = held + 1
            elif (out_ready and held != 0) and not (in_valid and ready):
                held.next = held - 1

    @always_comb
    def may_write():
        ready.next = (held != depth) and not rst

    @always_comb
    def outputs():
        in_ready.next = ready
        out_valid.next = held != 0
        out_word.next = memory[read]
        count.next = held

    return instances()


@block
def frame_may_begin(clk, begin, user, pages, opens, held, from_state, frame_loaded):
    """opens: a frame may begin. held, from_state, frame_loaded: of a core that loads initial states,
    otherwise None; see `input_leaf`."""

    @always_comb
    def room():
        opens.next = pages != 2

    @always_comb
    def room_and_state():
        opens.next = pages != 2 and not held

    @always(clk.posedge)
    def note():
        if begin:
            frame_loaded.next = user and from_state

    return room if held is None else (room_and_state, note)


@block
def input_wide(
    clk, rst, beat_valid, beat_ready, samples, user, tlast, stream, page_free, sample_block,
    block_valid, frame_start, frame_fresh, frame_stream, error, points, parts, blocks, remainder,
    streams, held=None, from_state=None, frame_loaded=None,
):  # fmt: skip
    """Beats of at least one block: `parts` blocks a beat. Ports: see `input_leaf`."""
    index = unsigned(bits_for(blocks))
    part = unsigned(bits_for(parts))
    pages = unsigned(2)
    filling, discarding, restart = (Signal(bool(0)) for _ in range(3))
    warm = [Signal(bool(0)) for _ in range(1 << len(stream))]  # see `sequencer`: never one element
    current = unsigned(len(stream))
    wrong = Signal(bool(0))
    emit, pop, begin, cut, opens = (Signal(bool(0)) for _ in range(5))
    last_block, last_part = blocks - 1, parts - 1
    opening = frame_may_begin(clk, begin, user, pages, opens, held, from_state, frame_loaded)

    @always_comb
    def decide():
        emit.next = False
        pop.next = False
        cut.next = False
        if discarding:
            pop.next = beat_valid and not restart
        elif filling:
            emit.next = True
        elif beat_valid:
            if index != 0:
                if part == 0 and restart:
                    cut.next = True
                else:
                    emit.next = True
                    pop.next = (index == last_block) or (part == last_part)
            elif opens:
                emit.next = True
                pop.next = (index == last_block) or (part == last_part)

    @always_comb
    def starting():
        begin.next = emit and index == 0

    @always_comb
    def ready():
        beat_ready.next = pop
        frame_stream.next = current

    @always_comb
    def compare():
        restart.next = user or stream != current

    @always_comb
    def flag():
        error.next = wrong

    @always(clk.posedge)
    def control():
        if rst:
            index.next = 0
            part.next = 0
            pages.next = 0
            filling.next = False
            discarding.next = False
            for s in range(streams):
                warm[s].next = False
            wrong.next = False
            block_valid.next = False
            frame_start.next = False
            frame_fresh.next = False
        else:
            block_valid.next = emit
            frame_start.next = begin
            if begin:
                frame_fresh.next = user or not warm[stream]
                current.next = stream
                warm[stream].next = True
            if begin and not page_free:
                pages.next = pages + 1
            elif page_free and not begin:
                pages.next = pages - 1
            if cut:
                wrong.next = True
                filling.next = True
            if discarding and beat_valid:
                if restart or tlast:
                    discarding.next = False
            if emit:
                if index == last_block:
                    index.next = 0
                    part.next = 0
                    filling.next = False
                    if (not filling) and (not tlast):
                        wrong.next = True
                        discarding.next = True
                else:
                    index.next = index + 1
                    if not filling:
                        if part == last_part:
                            part.next = 0
                            if tlast:
                                wrong.next = True
                                filling.next = True
                        else:
                            part.next = part + 1

    @always(clk.posedge)
    def cut_one():
        for i in range(points):
            if filling or (index == last_block and i >= remainder):
                sample_block[i].next = 0
            else:
                sample_block[i].next = samples[i]

    @always(clk.posedge)
    def cut_many():
        for p in range(parts):
            if part == p:
                for i in range(points):
                    if filling or (index == last_block and i >= remainder):
                        sample_block[i].next = 0
                    else:
                        sample_block[i].next = samples[p * points + i]

    blocks_out = cut_many if parts > 1 else cut_one
    return decide, starting, ready, compare, flag, control, blocks_out, opening


@block
def input_narrow(
    clk, rst, beat_valid, beat_ready, samples, user, tlast, stream, page_free, sample_block,
    block_valid, frame_start, frame_fresh, frame_stream, error, points, parts, blocks, remainder,
    streams, width, last_beat_part, held=None, from_state=None, frame_loaded=None,
):  # fmt: skip
    """Beats of less than a block: `parts` beats of `width` samples make one. See `input_leaf`."""
    index = unsigned(bits_for(blocks))
    part = unsigned(bits_for(parts))
    pages = unsigned(2)
    filling, discarding, restart = (Signal(bool(0)) for _ in range(3))
    warm = [Signal(bool(0)) for _ in range(1 << len(stream))]  # see `sequencer`: never one element
    current = unsigned(len(stream))
    wrong = Signal(bool(0))
    take, emit, pop, begin, cut, final, opens = (Signal(bool(0)) for _ in range(7))
    last_block, last_part = blocks - 1, parts - 1
    opening = frame_may_begin(clk, begin, user, pages, opens, held, from_state, frame_loaded)

    @always_comb
    def decide():
        take.next = False
        pop.next = False
        cut.next = False
        if discarding:
            pop.next = beat_valid and not restart
        elif beat_valid and not filling:
            if index != 0 or part != 0:
                if restart:
                    cut.next = True
                else:
                    take.next = True
                    pop.next = True
            elif opens:
                take.next = True
                pop.next = True

    @always_comb
    def progress():
        final.next = take and index == last_block and part == last_beat_part

    @always_comb
    def complete():
        emit.next = filling or final or (take and part == last_part)
        begin.next = take and index == 0 and part == 0

    @always_comb
    def ready():
        beat_ready.next = pop
        frame_stream.next = current

    @always_comb
    def compare():
        restart.next = user or stream != current

    @always_comb
    def flag():
        error.next = wrong

    @always(clk.posedge)
    def control():
        if rst:
            index.next = 0
            part.next = 0
            pages.next = 0
            filling.next = False
            discarding.next = False
            for s in range(streams):
                warm[s].next = False
            wrong.next = False
            block_valid.next = False
            frame_start.next = False
            frame_fresh.next = False
        else:
            block_valid.next = emit
            frame_start.next = begin
            if begin:
                frame_fresh.next = user or not warm[stream]
                current.next = stream
                warm[stream].next = True
            if begin and not page_free:
                pages.next = pages + 1
            elif page_free and not begin:
                pages.next = pages - 1
            if cut:
                wrong.next = True
                filling.next = True
            if discarding and beat_valid:
                if restart or tlast:
                    discarding.next = False
            if final and not tlast:
                wrong.next = True
                discarding.next = True
            if take and tlast and not final:
                wrong.next = True
                if not (emit and index == last_block):
                    filling.next = True
            if emit:
                part.next = 0
                if index == last_block:
                    index.next = 0
                    filling.next = False
                else:
                    index.next = index + 1
            elif take:
                part.next = part + 1

    @always(clk.posedge)
    def assemble():
        if part == 0 and (filling or take):
            for i in range(points):
                sample_block[i].next = 0
        if take and not filling:
            for p in range(parts):
                if part == p:
                    for i in range(width):
                        if index != last_block or p * width + i < remainder:
                            sample_block[p * width + i].next = samples[i]
                        else:
                            sample_block[p * width + i].next = 0

    return decide, progress, complete, ready, compare, flag, control, assemble, opening


@block
def output_frames(
    clk, rst, write, write_tag, held, read_index, read_page, write_index, write_page, beat_valid,
    beat_last, beat_user, beat_stream, page_free,
    groups, beats, numerator, denominator, slots, pages, tag_flags, beat_loaded=None,
):  # fmt: skip
    """Write and read pointers of the output store.

    write: a group is written to write_index in write_page. A beat is read as soon as the groups it
    needs are there and the FIFO behind (with `held` words) has room; it is valid a cycle later.
    numerator groups make denominator beats. page_free: the last beat of a page is read.
    """
    written = [unsigned(bits_for(groups + 1)) for _ in range(pages)]
    tags = [unsigned(len(write_tag)) for _ in range(pages)]
    tag = unsigned(len(write_tag))
    group = unsigned(bits_for(groups))
    beat = unsigned(bits_for(beats))
    page_in, page_out = unsigned(len(write_page)), unsigned(len(write_page))
    issue = Signal(bool(0))
    waiting = Signal(bool(0))
    needed = unsigned(bits_for((beats + 1) * numerator + groups + 1))
    have = unsigned(bits_for(groups + 1))
    last_group, last_beat, last_page = groups - 1, beats - 1, pages - 1
    steps = denominator.bit_length() - 1

    @always_comb
    def need_many():
        needed.next = beat * numerator + numerator
        if beat == last_beat:
            needed.next = groups

    @always_comb
    def need_part():
        needed.next = (beat >> steps) + 1

    @always_comb
    def available():
        have.next = written[page_out]
        tag.next = tags[page_out]

    @always_comb
    def decide():
        issue.next = (needed <= have) and (held <= slots - 2)

    @always_comb
    def addresses():
        write_index.next = group
        write_page.next = page_in
        read_index.next = beat
        read_page.next = page_out
        beat_valid.next = waiting

    @always(clk.posedge)
    def control():
        if rst:
            for p in range(pages):
                written[p].next = 0
            group.next = 0
            beat.next = 0
            page_in.next = 0
            page_out.next = 0
            waiting.next = False
            beat_last.next = False
            beat_user.next = False
            page_free.next = False
        else:
            waiting.next = issue
            page_free.next = False
            if write:
                written[page_in].next = written[page_in] + 1
                tags[page_in].next = write_tag
                if group == last_group:
                    group.next = 0
                    if page_in == last_page:
                        page_in.next = 0
                    else:
                        page_in.next = page_in + 1
                else:
                    group.next = group + 1
            if issue:
                beat_last.next = beat == last_beat
                beat_user.next = tag[0] and beat == 0
                beat_stream.next = tag >> tag_flags
                if beat == last_beat:
                    beat.next = 0
                    page_free.next = True
                    written[page_out].next = 0
                    if page_out == last_page:
                        page_out.next = 0
                    else:
                        page_out.next = page_out + 1
                else:
                    beat.next = beat + 1

    @always(clk.posedge)
    def from_state():
        if issue:
            beat_loaded.next = tag[1] and beat == 0

    need = need_part if denominator > 1 else need_many
    processes = [need, available, decide, addresses, control]
    return processes if beat_loaded is None else [*processes, from_state]


@made_once
def fifo_leaf(name: str, width: int) -> Leaf:
    """A FIFO of DEPTH words of `width` bits."""
    return Leaf(
        name,
        stream_fifo,
        ins(clk=Bit(), rst=Bit(), in_valid=Bit(), in_word=Word(width), out_ready=Bit())
        | outs(
            in_ready=Bit(), out_valid=Bit(), out_word=Word(width), count=Word(bits_for(DEPTH + 1))
        ),
        {"depth": DEPTH},
    )


@made_once
def input_leaf(
    points: int,
    word: int,
    samples_per_beat: int,
    inputs: int,
    streams: int = 1,
    initial_states: bool = False,
) -> Leaf:
    """Framing of x.

    Ports: beat_valid, beat_ready, samples, user, tlast, stream: a beat at the FIFO's head; page_free:
    the sequencer has read all of a frame; sample_block with block_valid; frame_start with
    frame_fresh, frame_stream: a frame begins, the first of a sequence, of this stream; error. At
    most two frames are held.
    With initial states: from_state: the beat with user starts a sequence from a loaded state; held: it
    may not yet; frame_loaded: the frame that begins is the first of such a sequence.
    """
    tid = Word(bits_for(streams))
    ports = ins(
        clk=Bit(), rst=Bit(), beat_valid=Bit(), samples=Array(samples_per_beat, word), user=Bit()
    ) | ins(tlast=Bit(), stream=tid, page_free=Bit())
    ports |= outs(
        beat_ready=Bit(),
        sample_block=Array(points, word),
        block_valid=Bit(),
        frame_start=Bit(),
        frame_fresh=Bit(),
        frame_stream=tid,
        error=Bit(),
    )
    if initial_states:
        ports |= ins(held=Bit(), from_state=Bit()) | outs(frame_loaded=Bit())
    blocks = -(-inputs // points)
    common = {
        "points": points,
        "blocks": blocks,
        "remainder": inputs - (blocks - 1) * points,
        "streams": streams,
    }
    if samples_per_beat >= points:
        parts = samples_per_beat // points
        return Leaf("input_frames", input_wide, ports, common | {"parts": parts})
    parts = points // samples_per_beat
    beats = -(-inputs // samples_per_beat)
    return Leaf(
        "input_frames",
        input_narrow,
        ports,
        common | {"parts": parts, "width": samples_per_beat, "last_beat_part": (beats - 1) % parts},
    )


@made_once
def output_leaf(
    groups: int,
    group_samples: int,
    samples_per_beat: int,
    outputs: int,
    pages: int = 2,
    streams: int = 1,
    initial_states: bool = False,
) -> Leaf:
    """Pointers of the output store for frames of `groups` groups and as many beats as y needs.

    Ports: write with write_tag (of the frame; see `ernn_myhdl.rtl.sequencer`): a group of y; held:
    words in the FIFO behind; write_index, write_page, read_index, read_page: of the store;
    beat_valid with beat_last, beat_user, beat_stream: what is read; page_free: a frame has left.
    With initial states beat_loaded: first of a sequence that started from a loaded state.
    """
    tag_flags = flags(initial_states)
    beats = -(-outputs // samples_per_beat)
    small = min(group_samples, samples_per_beat)
    page, stream_bits = Word(bits_for(pages)), bits_for(streams)
    loaded = outs(beat_loaded=Bit()) if initial_states else {}
    return Leaf(
        "output_frames",
        output_frames,
        ins(clk=Bit(), rst=Bit(), write=Bit(), write_tag=Word(tag_flags + stream_bits))
        | ins(held=Word(bits_for(DEPTH + 1)))
        | outs(
            write_index=Word(bits_for(groups)),
            write_page=page,
            read_index=Word(bits_for(beats)),
            read_page=page,
            beat_valid=Bit(),
            beat_last=Bit(),
            beat_user=Bit(),
            beat_stream=Word(stream_bits),
            page_free=Bit(),
        )
        | loaded,
        {
            "groups": groups,
            "beats": beats,
            "numerator": samples_per_beat // small,
            "denominator": group_samples // small,
            "slots": DEPTH,
            "pages": pages,
            "tag_flags": tag_flags,
        },
    )
