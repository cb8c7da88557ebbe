"""Joins over time (`ernn_myhdl.design.time_joins`): the frames of a sequence as other frames of one stream.

    s0 -> control -> memory of a frame a stream, or none -> constant and rounding of a mean -> FIFO -> m

A beat enters only if the FIFO has room for it and for those on their way, as in the joins of several signals
(`ernn_myhdl.rtl.joins.join`). Frames come whole here: a layer, a join or `ernn_myhdl.rtl.joins.entry` is before.
"""

from __future__ import annotations

from ernn_myhdl.design.hardware import StreamShape
from ernn_myhdl.design.signals import Signals
from ernn_myhdl.design.time_joins import LastFrame, Maximum, Mean, Repeat, Sum, TimeJoin
from ernn_myhdl.hdl.netlist import Net, Netlist
from ernn_myhdl.hdl.types import Array, Bit, Word, bits_for
from ernn_myhdl.numerics.circulant import blocks_for
from ernn_myhdl.rtl import delay, fifo, rounding
from ernn_myhdl.rtl.joins import time_control, time_samples
from ernn_myhdl.rtl.joins.beats import SLOTS, STAGES, beat_fields, extended

#: Cycles of the constant and of the rounding of a mean.
MEAN_STAGES = 1 + rounding.LATENCY


def stages_of_join(join: TimeJoin) -> int:
    """Cycles from a beat that enters to the FIFO."""
    return STAGES + (MEAN_STAGES if isinstance(join, Mean) else 0)


class _TimeJoin:
    """The netlist of a join over time in the making."""

    def __init__(self, name: str, join: TimeJoin, signals: Signals, shape: StreamShape) -> None:
        self.name, self.join, self.signals, self.shape = name, join, signals, shape
        self.source = signals.formats[join.inputs[0]]
        self.beats = blocks_for(signals.sizes[name], shape.samples_per_beat)
        self.stream = Word(bits_for(shape.streams))
        n = self.n = Netlist(f"{name}_core")
        self.clk, self.rst = n.input("clk", Bit()), n.input("rst", Bit())
        self.fields = beat_fields(shape)
        self.given = {field: n.input(f"s0_{field}", kind) for field, kind in self.fields.items()}
        self.held = n.net("held", Word(bits_for(SLOTS + 1)))

    def user(self, name: str, bit: int) -> Net:
        return self.n.bundle(name, Bit(), (self.given["tuser"], bit, 1))

    def control(self) -> dict[str, Net]:
        """What enters; nets of `TOLD` with fresh, place, of_stream, and loaded where states are."""
        n, join, shape = self.n, self.join, self.shape
        stream = self.given.get("tid") or n.zero("stream", self.stream)
        first = self.user("first", 0)
        shared = {
            "clk": self.clk, "rst": self.rst, "valid": n.input("s0_tvalid", Bit()), "stream": stream,
            "held": self.held, "ready": n.output("s0_tready", Bit()),
        }  # fmt: skip
        if isinstance(join, Repeat):
            leaf = time_control.repeat_leaf(
                shape.streams, self.beats, join.frames, stages_of_join(join)
            )
            made = n.add("control", leaf, **shared)
            n.wire(n.output("error", Bit()), n.zero("no_error", Bit()))
        else:
            leaf = time_control.sequence_leaf(shape.streams, self.beats, stages_of_join(join))
            legal, over = n.net("legal", Bit()), n.net("over", Bit())
            made = n.add(
                "control", leaf, **shared, tlast=self.given["tlast"], first=first,
                closing=self.user("closing", shape.user_bits - 1), legal=legal, over=over,
                error=n.output("error", Bit()),
            )  # fmt: skip
            self._count(made, stream, legal, over)
        if shape.initial_states:
            made["loaded"] = n.add(
                "loaded_sequences", time_control.loaded_leaf(shape.streams), clk=self.clk, first=first,
                from_state=self.user("from_state", 1), stream=stream,
                **{net: made[net] for net in ("begins", "anew", "take", "opens")},
            )["loaded"]  # fmt: skip
        return made

    def _count(self, made: dict[str, Net], stream: Net, legal: Net, over: Net) -> None:
        """Whether the number of frames may be; of last and maximum any may."""
        n, join = self.n, self.join
        if not isinstance(join, Sum):
            n.wire(legal, n.constant("any_length", Bit(), 1))
            n.wire(over, n.zero("none_too_many", Bit()))
            return
        least = join.frames if isinstance(join, Mean) else 1
        n.add(
            "count", time_control.count_leaf(self.shape.streams, least, join.frames), clk=self.clk,
            rst=self.rst, begins=made["begins"], anew=made["anew"], stream=stream, legal=legal, over=over,
        )  # fmt: skip

    def samples(self, made: dict[str, Net]) -> Net:
        """The samples of the beats that leave, in the join's format."""
        n, join, size, source = self.n, self.join, self.shape.samples_per_beat, self.source
        bits = self.shape.sample_bits
        given = n.bundle(
            "samples", Array(size, source.word),
            *[(self.given["tdata"], i * bits, source.word) for i in range(size)],
        )  # fmt: skip
        if isinstance(join, LastFrame):
            return delay.delayed(n, "late_samples", given, STAGES)
        late = delay.delayed(n, "late_samples", given, 1)
        kind = join.kind if isinstance(join, Repeat | Maximum) else "sum"
        word = join.total(self.name, source).word if isinstance(join, Sum) else source.word
        place = made["place"].type
        # one stream: the bit of its number is 0
        depth = (1 << place.width) // (
            1 if isinstance(join, Repeat) or self.shape.streams > 1 else 2
        )
        leaf = time_samples.sample_leaf(
            kind, f"{self.name}_{kind}_sample", source.word, word, place, depth
        )
        parts = []
        for i in range(size):
            one = n.bundle(
                f"sample_{i}", Array(1, source.word), (late, i * source.word, source.word)
            )
            parts.append(
                n.add(
                    f"{kind}_{i}", leaf, clk=self.clk, take=made["take"], fresh=made["fresh"],
                    place=made["place"], sample=one,
                )["result"]
            )  # fmt: skip
        kept = n.bundle("kept", Array(size, word), *parts)
        return self._mean(join, kept, word) if isinstance(join, Mean) else kept

    def _mean(self, join: Mean, total: Net, word: int) -> Net:
        n, size, fmt = self.n, self.shape.samples_per_beat, self.signals.formats[self.name]
        product = join.product(self.name, self.source)
        leaf = time_samples.multiply_leaf(
            f"{self.name}_multiply", size, word, product.word, join.constant[0]
        )
        products = n.add("multiply", leaf, clk=self.clk, source=total)["target"]
        return n.add(
            "round", rounding.leaf(size, product.word, fmt.word, product.frac - fmt.frac),
            clk=self.clk, source=products,
        )["target"]  # fmt: skip

    def build(self) -> Netlist:
        """The whole netlist."""
        n, shape = self.n, self.shape
        made = self.control()
        samples = self.samples(made)
        later = stages_of_join(self.join) - 1

        def late(name: str) -> Net:
            return delay.delayed(n, f"late_{name}", made[name], later)

        valid = late("leaves")
        n.probe(f"{self.name}.output", valid, samples)
        flags = [late(name) for name in ("opens", "loaded", "closes") if name in made]
        fields = [late("ends"), n.bundle("m_user", self.fields["tuser"], *flags)]
        if "tid" in self.fields:
            fields.append(late("of_stream"))
        word = self.signals.formats[self.name].word
        beat = n.bundle(
            "beat", Word(sum(f.bits for f in self.fields.values())),
            *extended(samples, shape.samples_per_beat, word, shape.sample_bits), *fields,
        )  # fmt: skip
        head = n.add(
            "fifo", fifo.fifo_leaf(beat.type.bits, SLOTS), clk=self.clk, rst=self.rst,
            in_valid=valid, in_word=beat, out_valid=n.output("m_tvalid", Bit()),
            out_ready=n.input("m_tready", Bit()), count=self.held,
        )["out_word"]  # fmt: skip
        low = 0
        for field, kind in self.fields.items():
            n.wire(n.output(f"m_{field}", kind), (head, low, kind.bits))
            low += kind.bits
        return n


def time_join_netlist(name: str, join: TimeJoin, signals: Signals, shape: StreamShape) -> Netlist:
    """A join over time as a netlist. Ports: s0_ and m_ with tvalid, tready and the fields of a beat; error."""
    return _TimeJoin(name, join, signals, shape).build()
