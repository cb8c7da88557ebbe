"""The loader: from s_weights to the words that are written, and what it tells of an image."""

from __future__ import annotations

from ernn_myhdl.design.structure import CoreStructure
from ernn_myhdl.design.structure_digest import structure_digest
from ernn_myhdl.hdl.components import Contents, Rom
from ernn_myhdl.hdl.netlist import Net, Netlist
from ernn_myhdl.hdl.stream_port import WEIGHTS
from ernn_myhdl.hdl.types import Bit, Word, bits_for
from ernn_myhdl.hdl.writable_memory import LOAD, LOAD_ADDRESS, LOAD_DATA, LOAD_MEMORY
from ernn_myhdl.host.weight_image import (
    HEADER_WORDS,
    STRUCTURE_WORDS,
    WORD_BITS,
    head_words,
    image_parts,
)
from ernn_myhdl.rtl.weights import bank_blocks, image_blocks
from ernn_myhdl.rtl.weights.distribution import LoadBus, bus_of
from ernn_myhdl.rtl.weights.memories import memory_groups, total_words

STATUS = "weights_status"
#: Ports by which loader and banks talk, beside the bus.
ASKED, ANSWERED = ("claim", "accepted", "damaged"), ("granted", "denied", "pending", "incomplete")


def core_bus(core: CoreStructure) -> LoadBus:
    """The bus of all memories of a core."""
    banks = core.layers[0].hardware.weight_banks
    return bus_of([group.rom for group in memory_groups(core)], banks)


def head_memory(core: CoreStructure) -> Rom:
    """The words that an image for this core begins with."""
    # the last one, a length, is not compared
    words = Contents(1, HEADER_WORDS, lambda: [tuple(head_words(structure_digest(core), 0))])
    return Rom("weight_image_head", bits_for(HEADER_WORDS), Word(WORD_BITS), words)


def shape_memory(core: CoreStructure, memory: int, address: int, most: int) -> Rom:
    """Of each group of memories: number behind its last memory, words of a memory, limbs of a word."""
    groups = memory_groups(core)

    def words() -> list[tuple[int, ...]]:
        return [
            tuple(
                g.first + g.count
                | g.rom.depth << memory + 1
                | image_parts(g.rom.type.bits) << memory + address + 2
                for g in groups
            )
        ]

    width = memory + 1 + address + 1 + bits_for(most + 1)
    return Rom("weight_shapes", bits_for(len(groups)), Word(width), Contents(1, len(groups), words))


def loader(core: CoreStructure) -> Netlist:
    """The loader of a core.

    Ports: clk, rst, s_weights; claim: the memories are asked for, until granted or denied; accepted, damaged: what became of an
    image; pending, incomplete: what the banks tell; bank: to which is written; the bus; weights_status.
    """
    n = Netlist("weight_loader")
    groups, banks = memory_groups(core), core.layers[0].hardware.weight_banks
    bus = core_bus(core)
    address = bus.address - (banks > 1)
    most = image_parts(bus.data)
    clk, rst = n.input("clk", Bit()), n.input("rst", Bit())
    asked = {name: n.output(name, Bit()) for name in ASKED}
    answered = {name: n.input(name, Bit()) for name in ANSWERED}
    bank = n.input("bank", Bit())
    outputs = {name: n.output(name, kind) for name, kind in bus.types.items()}
    busy, reading = n.net("busy", Bit()), n.net("reading", Bit())
    words = n.add(
        "words", image_blocks.words_leaf(), clk=clk, rst=rst, busy=busy,
        tvalid=n.input(f"{WEIGHTS}_tvalid", Bit()), tready=n.output(f"{WEIGHTS}_tready", Bit()),
        tdata=n.input(f"{WEIGHTS}_tdata", Word(WORD_BITS)), tlast=n.input(f"{WEIGHTS}_tlast", Bit()),
    )  # fmt: skip
    place, clear = n.net("place", image_blocks.PLACE), n.net("clear", Bit())
    polynomial = n.constant("polynomial", Word(WORD_BITS), image_blocks.POLYNOMIAL)
    good = n.add(
        "check", image_blocks.check_leaf(), clk=clk, clear=clear, sums=words["sums"],
        octet=words["octet"], polynomial=polynomial,
    )["good"]  # fmt: skip
    wanted = n.add("head", head_memory(core), clk=clk, address=place)["q"]
    fits = n.add("match", image_blocks.match_leaf(), clk=clk, word=words["word"], wanted=wanted)[
        "fits"
    ]
    lengths = n.net("lengths", Bit())
    records = _records(n, core, words, lengths, reading, busy, (bus.memory, address, most))
    control = n.add(
        "control", image_blocks.control_leaf(HEADER_WORDS - STRUCTURE_WORDS - 1), clk=clk, rst=rst,
        valid=words["valid"], last=words["last"], fits=fits, good=good, whole=records["whole"],
        wrong=records["wrong"], ended=records["ended"], granted=answered["granted"],
        denied=answered["denied"], place=place, clear=clear, lengths=lengths, reading=reading, **asked,
    )  # fmt: skip
    n.add(
        "status", bank_blocks.status_leaf(banks), clk=clk, rst=rst, starts=control["starts"],
        accepted=asked["accepted"], damaged=asked["damaged"], other=control["other"],
        occupied=control["occupied"], loading=control["loading"], pending=answered["pending"],
        incomplete=answered["incomplete"], status=n.output(STATUS, Word(8)),
    )  # fmt: skip
    parts = [
        n.add(
            f"limb_{i}", image_blocks.limb_leaf(i, most), clk=clk, take=records["take"],
            limb=records["limb"], word=words["word"],
        )["q"]
        for i in range(most)
    ]  # fmt: skip
    n.wire(outputs[LOAD], records["write"])
    n.wire(outputs[LOAD_MEMORY], records["memory"])
    n.wire(outputs[LOAD_ADDRESS], *([bank] if banks > 1 else []), records["address"])
    *whole, top = parts
    n.wire(outputs[LOAD_DATA], *whole, (top, 0, bus.data - WORD_BITS * len(whole)))
    assert groups  # a core has weights
    return n


def _records(
    n: Netlist,
    core: CoreStructure,
    words: dict[str, Net],
    lengths: Net,
    reading: Net,
    busy: Net,
    sizes: tuple[int, int, int],
) -> dict[str, Net]:
    """The block that reads records, and the memory of the shapes that it looks at."""
    memory, address, most = sizes
    groups = memory_groups(core)
    leaf = image_blocks.records_leaf(memory, address, most, len(groups), total_words(core))
    shapes = shape_memory(core, memory, address, most)
    at = n.net("shape", leaf.ports["shape"].type)
    q = n.add("shapes", shapes, clk=n.nets["clk"], address=at)["q"]
    low, fields = 0, {}
    for name in ("group_end", "group_depth", "group_limbs"):
        kind = leaf.ports[name].type
        fields[name] = n.bundle(name, kind, (q, low, kind.bits))
        low += kind.bits
    return n.add(
        "records", leaf, clk=n.nets["clk"], lengths=lengths, reading=reading, valid=words["valid"],
        word=words["word"], shape=at, busy=busy, **fields,
    )  # fmt: skip
