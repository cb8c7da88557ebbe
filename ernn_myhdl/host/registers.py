"""The registers of the AXI system, once: the register file, the page of the map, the C header and the drivers are made of this.

A register has 32 bits at an address that is a multiple of 4. What its bits do is told by its access:

    constant    the same in every read: of the design, or of the wrapper
    read        what the hardware tells now; writes are refused
    write       keeps what was written, within the limits of its fields; a value beyond them is refused
    clear       a write clears the bits that are 1 in it, and the hardware sets them
    trigger     a write of 1 does something once; reads are 0
    push        a write hands its word on; reads are 0

A refused access is answered with SLVERR, changes nothing, and raises the error `refused`.
"""

from __future__ import annotations

from dataclasses import dataclass

#: What ID reads: "ERNN" in ASCII, the first letter in the highest bits.
IDENTITY = 0x45524E4E
#: Version of the registers and of what they do: what was possible stays so while the upper half is the same.
MAJOR, MINOR = 1, 2
VERSION = MAJOR << 16 | MINOR
#: Bytes of the window.
WINDOW_BITS = 12
WORD_BYTES = 4
DIGEST_WORDS = STRUCTURE_WORDS = 8
FRAME, SEQUENCE, FRAMES = 0, 1, 2
#: Values of PACKET.mode by their names.
MODES = {"frame": FRAME, "sequence": SEQUENCE, "frames": FRAMES}


@dataclass(frozen=True)
class Field:
    """Bits of a register.

    low, bits: its place. reset: after aresetn. least, most: legal values of one that is written; most 0:
    all that its bits can hold. streams: the largest legal value is the number of streams of the core. states: only 0 is legal in a
    core that loads no initial states.
    """

    name: str
    low: int
    bits: int
    text: str
    reset: int = 0
    least: int = 0
    most: int = 0
    streams: bool = False
    states: bool = False

    @property
    def mask(self) -> int:
        """The field's bits in its register."""
        return ((1 << self.bits) - 1) << self.low

    def of(self, word: int) -> int:
        """The field's value in the word of a register, unsigned."""
        return (word & self.mask) >> self.low

    def signed(self, word: int) -> int:
        """The field's value as a two's complement number."""
        value = self.of(word)
        return value - (1 << self.bits) if value >> (self.bits - 1) else value


@dataclass(frozen=True)
class Register:
    """One register: name, address in bytes, access, meaning, and its fields, the lowest first."""

    name: str
    address: int
    access: str
    text: str
    fields: tuple[Field, ...]

    def field(self, name: str) -> Field:
        """The field of that name; KeyError where there is none."""
        for each in self.fields:
            if each.name == name:
                return each
        raise KeyError(f"register {self.name} has no field {name}")

    @property
    def reset(self) -> int:
        """The word after aresetn."""
        return sum(f.reset << f.low for f in self.fields)


def _whole(name: str, address: int, access: str, text: str, field: str = "value") -> Register:
    return Register(name, address, access, text, (Field(field, 0, 32, text),))


#: Sticky errors, and what they mean; their bits in ERRORS.
ERROR_FIELDS = (
    Field("short", 0, 1, "a packet ended inside a frame; the rest of the frame was taken as zero"),
    Field("long", 1, 1, "a packet of one frame went on; what was too much was dropped up to tlast"),
    Field(
        "gap", 2, 1, "tkeep was not all ones before a packet's last beat; those bytes count as zero"
    ),
    Field("core", 3, 1, "the core's own frame_error, which stays until soft_reset"),
    Field("refused", 4, 1, "an access of a register was refused with SLVERR"),
    Field("weights", 5, 1, "an image of weights was refused; WEIGHTS tells why"),
    Field(
        "states", 6, 1, "a state for a stream or a layer that the core does not have was dropped"
    ),
)
#: Causes of an interrupt; their bits in IRQ_ENABLE and IRQ_STATUS.
IRQ_FIELDS = (
    Field("packet", 0, 1, "the last beat of a packet of y was taken"),
    Field("error", 1, 1, "a bit of ERRORS was set"),
    Field("idle", 2, 1, "the last y that was due has left the core"),
    Field("weights", 3, 1, "an image of weights has ended: it was accepted or refused"),
)
#: What the core tells of weights; bits of its output weights_status and of WEIGHTS. All but loading, pending and incomplete are of the last image, and are
#: cleared by the first word of the next one.
WEIGHT_FIELDS = (
    Field("loading", 0, 1, "an image has begun and not ended"),
    Field("loaded", 1, 1, "the last image was accepted"),
    Field("pending", 2, 1, "an accepted image waits for the start of a sequence (two banks)"),
    Field("not_idle", 3, 1, "refused: frames were in the core, or its frame_error was high (one bank)"),
    Field("other_structure", 4, 1, "refused: the image is for another structure"),
    Field("damaged", 5, 1, "refused: magic, version, length, a record, CRC or the place of tlast is wrong, or words are missing"),
    Field("bank_used", 6, 1, "refused: a sequence that runs still uses the other bank, or frame_error was high (two banks)"),
    Field("incomplete", 7, 1, "an image was written in part; the core takes no frames until one is accepted (one bank)"),
)  # fmt: skip
#: Those of them that tell why an image was refused.
REFUSALS = WEIGHT_FIELDS[3:7]

_FORMAT = (
    Field("word", 0, 8, "bits of a word"),
    Field("frac", 8, 8, "fraction bits, two's complement: the value is the word times 2^-frac"),
)

REGISTERS: tuple[Register, ...] = (
    _whole("ID", 0x000, "constant", "0x45524E4E, the letters ERNN"),
    Register("VERSION", 0x004, "constant", "Version of these registers", (
        Field("minor", 0, 16, "grows with additions"),
        Field("major", 16, 16, "grows where what was possible changes"),
    )),
    _whole("INPUTS", 0x008, "constant", "Elements of a frame of x", "count"),
    _whole("OUTPUTS", 0x00C, "constant", "Elements of a frame of y", "count"),
    Register("INPUT_FORMAT", 0x010, "constant", "Format of x", _FORMAT),
    Register("OUTPUT_FORMAT", 0x014, "constant", "Format of y", _FORMAT),
    Register("SHAPE", 0x018, "constant", "Samples of a beat of the core", (
        Field("sample_bits", 0, 8, "bits of a sample, 8, 16 or 32"),
        Field("samples", 8, 8, "samples of a beat of the core"),
        Field("streams", 16, 8, "independent sequences that the core holds"),
        Field("layers", 24, 8, "layers of the core"),
    )),
    Register("BUS", 0x01C, "constant", "The two AXI4-Streams", (
        Field("bits", 0, 16, "bits of tdata"),
    )),
    *(
        _whole(f"DIGEST_{i}", 0x020 + 4 * i, "constant", f"Digits {8 * i} to {8 * i + 7} of the design's digest", "digits")
        for i in range(DIGEST_WORDS)
    ),
    Register("CONTROL", 0x040, "trigger", "What is done once", (
        Field("start", 0, 1, "the next frame that enters the core (FRAMES_IN) starts a sequence, stream 0 first"),
        Field("soft_reset", 1, 1, "the core and the streams forget all frames; registers stay as they are"),
        Field("clear_errors", 2, 1, "clears ERRORS"),
        Field("clear_counters", 3, 1, "clears the counters"),
        Field("finish", 4, 1, "the next frame that enters the core (FRAMES_IN), of each stream in use, is the last of its sequence"),
    )),
    Register("PACKET", 0x044, "write", "What a packet of x, and so of y, is", (
        Field("mode", 0, 2, "0: one frame; 1: a whole sequence, or one of each stream; 2: some frames of sequences "
              "that go on", most=FRAMES),
    )),
    Register("SEQUENCE", 0x048, "write", "Length of sequences", (
        Field("frames", 0, 24, "frames of a sequence, after which the next one starts; 0: no end but that of its packet "
              "(mode 1), or start"),
    )),
    Register("STREAMS", 0x04C, "write", "Streams in use", (
        Field("count", 0, 8, "frames take turns over this many streams", reset=1, least=1, streams=True),
    )),
    Register("STATUS", 0x050, "read", "What goes on", (
        Field("busy", 0, 1, "frames in the core have a y that has not left; where y stands for a sequence, from its last frame on"),
        Field("in_packet", 1, 1, "a packet of x has begun and not ended"),
        Field("irq", 2, 1, "the interrupt is high"),
        Field("inside", 16, 16, "how many"),
    )),
    Register("ERRORS", 0x054, "clear", "Sticky errors", ERROR_FIELDS),
    Register("IRQ_ENABLE", 0x058, "write", "Causes that raise the interrupt", IRQ_FIELDS),
    Register("IRQ_STATUS", 0x05C, "clear", "Causes that have occurred", IRQ_FIELDS),
    _whole("FRAMES_IN", 0x060, "read", "Frames of x that have entered the core, modulo 2^32", "count"),
    _whole("FRAMES_OUT", 0x064, "read", "Frames of y that have left the core, modulo 2^32", "count"),
    _whole("PACKETS_OUT", 0x068, "read", "Packets of y delivered, modulo 2^32", "count"),
    _whole("BUSY_CYCLES", 0x06C, "read", "Cycles in which STATUS.busy is 1, modulo 2^32", "cycles"),
    _whole("STALL_IN", 0x070, "read", "Cycles in which x was offered and not taken, modulo 2^32", "cycles"),
    _whole("STALL_OUT", 0x074, "read", "Cycles in which y was offered and not taken, modulo 2^32", "cycles"),
    *(
        _whole(f"STRUCTURE_{i}", 0x080 + 4 * i, "constant",
               f"Digits {8 * i} to {8 * i + 7} of the digest of the structure; 0 where weights are fixed", "digits")
        for i in range(STRUCTURE_WORDS)
    ),
    Register("WEIGHT_BANKS", 0x0A0, "constant", "Weights at run time", (
        Field("banks", 0, 8, "banks of the memories that load: 1 or 2; 0: weights are fixed"),
    )),
    Register("WEIGHTS", 0x0A4, "read", "What goes on with weights; 0 where they are fixed", WEIGHT_FIELDS),
    _whole("WEIGHT_DATA", 0x0A8, "push", "A word of an image of weights; refused where they are fixed", "word"),
    _whole("WEIGHT_LAST", 0x0AC, "push", "The last word of an image of weights; refused where they are fixed", "word"),
    Register("STATES", 0x0B0, "write", "Initial states", (
        Field("use", 0, 1, "0: sequences start from zero; 1: from the state that has come for their stream; 0 in a core without "
              "initial states", most=1, states=True),
    )),
    _whole("STATE_DATA", 0x0B4, "push", "A word of a state; refused in a core without initial states", "word"),
    _whole("STATE_LAST", 0x0B8, "push", "The last word of a state; refused in a core without initial states", "word"),
)  # fmt: skip

BY_NAME: dict[str, Register] = {r.name: r for r in REGISTERS}
#: What is refused at any other address.
ADDRESSES = tuple(r.address for r in REGISTERS)


def register(name: str) -> Register:
    """The register of that name; KeyError where there is none."""
    return BY_NAME[name]


def names_of(fields: tuple[Field, ...], word: int) -> list[str]:
    """Names of the bits that are 1."""
    return [f.name for f in fields if f.of(word)]
