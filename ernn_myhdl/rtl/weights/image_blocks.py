"""The blocks that read an image of weights: words, check sum, head, records.

    s_weights -> image_words -> image_control, image_records -> limbs -> distribution
                      |               |
                 image_check     status

A word is taken, its four bytes go through the check sum one a cycle, then the blocks behind see it for one cycle (`valid`).
They are done with it before the next one: image_words waits while the records look for their memory.
"""

from __future__ import annotations

from myhdl import Signal, always, always_comb, block, intbv

from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.types import Bit, Word, bits_for, unsigned
from ernn_myhdl.host.weight_image import HEADER_WORDS

#: What the register of the check sum holds behind an image with its own check sum, and its polynomial, lowest power in the highest bit.
RESIDUE, POLYNOMIAL = 0x2144DF1C, 0xEDB88320


@block
def image_words(clk, rst, tvalid, tready, tdata, tlast, busy, word, last, valid, octet, sums):
    """Takes a word, gives its bytes (`octet` with `sums`), the lowest first, then tells of it (`valid`)."""
    waiting, told, summing = (Signal(bool(0)) for _ in range(3))
    held, phase = unsigned(32), unsigned(2)
    whole = unsigned(32)

    @always_comb
    def tell():
        tready.next = waiting
        valid.next = told
        word.next = whole
        sums.next = summing
        octet.next = held[8:]

    @always(clk.posedge)
    def take():
        told.next = False
        if rst:
            waiting.next = False
            summing.next = False
        elif waiting:
            if tvalid:
                waiting.next = False
                summing.next = True
                held.next = tdata
                whole.next = tdata
                last.next = tlast
                phase.next = 0
        elif summing:
            held.next = held >> 8
            if phase == 3:
                summing.next = False
                told.next = True
            else:
                phase.next = phase + 1
        elif not (told or busy):
            waiting.next = True

    return tell, take


@block
def image_check(clk, clear, sums, octet, polynomial, good, residue):
    """CRC-32 of the bytes since `clear`, while which none comes; good: they end with their own check sum."""
    check = unsigned(32)

    @always_comb
    def look():
        good.next = check == residue

    @always(clk.posedge)
    def add():
        rest = intbv(0)[32:]
        if sums:
            rest[:] = octet
            rest[:] = rest ^ ~check
            for i in range(8):  # noqa: B007  a name that HDL can have
                if rest[0] == 1:
                    rest[:] = (rest >> 1) ^ polynomial
                else:
                    rest[:] = rest >> 1
            check.next = ~rest
        elif clear:
            check.next = 0

    return look, add


@block
def image_match(clk, word, wanted, fits):
    """Whether a word of the head is the one that this core takes, a cycle later: both are there while the bytes go through the check sum."""

    @always(clk.posedge)
    def compare():
        fits.next = word == wanted

    return compare


@block
def image_control(
    clk, rst, valid, last, fits, good, whole, wrong, ended, granted, denied,
    place, starts, clear, lengths, reading, claim, accepted, damaged, other, occupied, loading, version,
):  # fmt: skip
    """Where in an image the next word is, and what becomes of the image.

    place: of a word in the head; starts: this is the first word of an image; lengths: this word tells the length of the payload; claim: the memories are asked for,
    then they are granted or denied. reading: the words are the payload's, until it is ended or wrong. clear: no image is begun.
    accepted, damaged, other, occupied: what becomes of the image, for a cycle. version: words of the head before the digest.
    """
    head, asks, reads, checks, drains = (Signal(bool(0)) for _ in range(5))
    at = unsigned(len(place))
    length_place = HEADER_WORDS - 1

    @always_comb
    def tell():
        place.next = at
        lengths.next = valid and not (asks or reads or checks or drains) and at == length_place
        reading.next = reads
        loading.next = asks or reads or checks or drains or at != 0
        starts.next = valid and at == 0 and not (asks or reads or checks or drains)
        clear.next = at == 0 and not (asks or reads or checks or drains or valid)

    @always(clk.posedge)
    def step():
        claim.next = False
        accepted.next = False
        damaged.next = False
        other.next = False
        occupied.next = False
        if rst:
            at.next = 0
            asks.next = False
            reads.next = False
            checks.next = False
            drains.next = False
        elif valid:
            if drains:
                drains.next = not last
            elif checks:
                checks.next = False
                drains.next = not last
                accepted.next = last and good and whole
                damaged.next = not (last and good and whole)
            elif reads:
                if last:
                    reads.next = False
                    damaged.next = True
            elif last:
                at.next = 0
                damaged.next = True
            elif at == length_place:
                at.next = 0
                asks.next = True
                claim.next = True
            elif not fits:
                at.next = 0
                drains.next = True
                damaged.next = at < version
                other.next = at >= version
            else:
                at.next = at + 1
        elif asks:
            if granted:
                asks.next = False
                reads.next = True
            elif denied:
                asks.next = False
                drains.next = True
                occupied.next = True
        elif reads:
            if wrong:
                reads.next = False
                drains.next = True
                damaged.next = True
            elif ended:
                reads.next = False
                checks.next = True

    return tell, step


@block
def image_records(
    clk, lengths, reading, valid, word, group_end, group_depth, group_limbs,
    shape, busy, take, limb, write, memory, address, wrong, ended, whole, groups, words,
):  # fmt: skip
    """The records of the payload: memory, first address, count, then the words of the memory, a limb of 32 bits each.

    shape: of memories of one shape, looked for one after the other until the memory's number is below group_end; busy: meanwhile.
    take: the word is the limb number `limb`; write: a word is complete, for `address` of `memory`. ended: the payload is
    read, whole: with `words` words of memories; wrong: it is not as it must be.
    """
    left = unsigned(len(word))
    number, target = unsigned(len(memory)), unsigned(len(address) + 1)
    count = unsigned(len(group_depth))
    written = unsigned(bits_for(words + 2))
    field, which = unsigned(2), unsigned(len(shape))
    part = unsigned(len(limb))
    looks, settled, fails, writes, takes = (Signal(bool(0)) for _ in range(5))
    last_limb = Signal(bool(0))
    number_bits, address_bits, count_bits = len(memory), len(address), len(group_depth)
    last_group = groups - 1
    reach, extent = unsigned(len(group_depth) + 2), intbv(0)[len(group_depth) + 2 :]

    @always_comb
    def tell():
        takes.next = valid and reading and field == 3
        last_limb.next = part + 1 == group_limbs
        memory.next = number
        address.next = target[address_bits:]
        shape.next = which
        busy.next = looks
        limb.next = part
        write.next = writes

    @always_comb
    def judge():
        take.next = takes
        ended.next = left == 0 and field == 0 and not looks
        wrong.next = fails or (left == 0 and field != 0 and not looks and not writes)
        whole.next = written == words

    # there when `settled`, which is a cycle behind the count
    @always(clk.posedge)
    def add():
        extent[:] = 0
        extent[:] = target
        extent[:] = extent + count
        reach.next = extent

    @always(clk.posedge)
    def read():
        writes.next = False
        if writes:
            target.next = target + 1
        if lengths:
            left.next = word
            field.next = 0
            looks.next = False
            fails.next = False
            written.next = 0
        elif reading and valid:
            left.next = left - 1
            if field == 0:
                number.next = word[number_bits:]
                fails.next = word[32:number_bits] != 0
                field.next = 1
            if field == 1:
                target.next = word[address_bits:]
                fails.next = word[32:address_bits] != 0
                field.next = 2
            if field == 2:
                count.next = word[count_bits:]
                fails.next = word[32:count_bits] != 0
                looks.next = True
                settled.next = False
                which.next = 0
            if field == 3:
                part.next = part + 1
                if last_limb:
                    part.next = 0
                    writes.next = True
                    count.next = count - 1
                    if written <= words:
                        written.next = written + 1
                    if count == 1:
                        field.next = 0
        elif looks:
            part.next = 0
            settled.next = not settled
            if settled:
                if number < group_end:
                    looks.next = False
                    field.next = 3
                    fails.next = count == 0 or reach > group_depth
                elif which == last_group:
                    looks.next = False
                    fails.next = True
                else:
                    which.next = which + 1

    return tell, judge, add, read


@block
def image_limb(clk, take, limb, word, q, place):
    """The limb number `place` of a memory's word."""

    @always(clk.posedge)
    def keep():
        if take and limb == place:
            q.next = word

    return keep


@made_once
def words_leaf() -> Leaf:
    """Ports: s_weights; busy: the word is still looked at; word, last, valid: it; octet, sums: for the check sum."""
    return Leaf(
        "image_words",
        image_words,
        ins(clk=Bit(), rst=Bit(), tvalid=Bit(), tdata=Word(32), tlast=Bit(), busy=Bit())
        | outs(tready=Bit(), word=Word(32), last=Bit(), valid=Bit(), octet=Word(8), sums=Bit()),
    )


@made_once
def check_leaf() -> Leaf:
    """The check sum."""
    return Leaf(
        "image_check",
        image_check,
        ins(clk=Bit(), clear=Bit(), sums=Bit(), octet=Word(8), polynomial=Word(32))
        | outs(good=Bit()),
        {"residue": RESIDUE},
    )


PLACE = Word(bits_for(HEADER_WORDS))


@made_once
def match_leaf() -> Leaf:
    """The comparison of words of the head."""
    given = ins(clk=Bit(), word=Word(32), wanted=Word(32))
    return Leaf("image_match", image_match, given | outs(fits=Bit()))


@made_once
def control_leaf(version: int) -> Leaf:
    """Ports: see `image_control`."""
    given = ("clk", "rst", "valid", "last", "fits", "good", "whole", "wrong", "ended")
    made = (
        "starts",
        "clear",
        "lengths",
        "reading",
        "claim",
        "accepted",
        "damaged",
        "other",
        "occupied",
    )
    return Leaf(
        "image_control",
        image_control,
        ins(**dict.fromkeys((*given, "granted", "denied"), Bit()))
        | outs(place=PLACE, **dict.fromkeys((*made, "loading"), Bit())),
        {"version": version},
    )


@made_once
def records_leaf(memory: int, address: int, limbs: int, groups: int, words: int) -> Leaf:
    """Ports: see `image_records`. memory, address: bits; limbs: most of a word; groups: of memories; words: of all memories."""
    flags = ("clk", "lengths", "reading", "valid")
    return Leaf(
        "image_records",
        image_records,
        ins(**dict.fromkeys(flags, Bit()), word=Word(32), group_end=Word(memory + 1))
        | ins(group_depth=Word(address + 1), group_limbs=Word(bits_for(limbs + 1)))
        | outs(shape=Word(bits_for(groups)), busy=Bit(), take=Bit(), limb=Word(bits_for(limbs + 1)))
        | outs(write=Bit(), memory=Word(memory), address=Word(address))
        | outs(wrong=Bit(), ended=Bit(), whole=Bit()),
        {"groups": groups, "words": words},
    )


@made_once
def limb_leaf(place: int, limbs: int) -> Leaf:
    """A limb of a word."""
    return Leaf(
        f"image_limb_{place}_of_{limbs}",
        image_limb,
        ins(clk=Bit(), take=Bit(), limb=Word(bits_for(limbs + 1)), word=Word(32))
        | outs(q=Word(32)),
        {"place": place},
    )
