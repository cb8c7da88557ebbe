"""From the spectrum stores to the lanes: column selection and the registered broadcast tree.

`column_select` picks the spectrum of x, of the previous y (zero at the start of a sequence) or of m (or, in a
second phase that reads x, of its own column of x) and makes the sums a + b and b - a of every bin once for
all lanes. Columns are of a tile; blocks smaller than it come repeated to its size. A complex bin of the tile
that is two real words p, q of such a block becomes 0, -p, q, so that a lane's K2 and K3 are their products. Latency
SELECT_LATENCY. The choice comes a cycle before the columns and is registered in each
selection, which bounds its fan-out.
`broadcast` is a register that feeds a cluster of at most CLUSTER lanes, so that no net has a large
fan-out, and delays the tags to where a lane uses them. Latency 1 cycle, and for first, last and shift
the delays of `lane` on top. `address_register` is one more register of the address beside it.
Synthesis is told to keep both: other clusters and lanes have registers that hold the same.
`word_register` is behind a weight memory of block RAM, which gives its words late in a cycle.
"""

from __future__ import annotations

from myhdl import Signal, always, block, intbv

from ernn_myhdl.hdl.components import Leaf, ins, made_once, outs
from ernn_myhdl.hdl.types import Array, Bit, Word, array, unsigned
from ernn_myhdl.numerics.transform import spectral_products
from ernn_myhdl.program.weight_layout import real_pairs
from ernn_myhdl.rtl import stages

SELECT_LATENCY = stages.latency(stages.SELECT)
BROADCAST_LATENCY = stages.latency(stages.BROADCAST)


@block
def column_select(
    clk, recurrent, second, fresh, x_column, y_column, m_column, column, points, products, width,
    x_pairs, y_pairs, m_pairs, second_x=None, second_column=None,
):  # fmt: skip
    """See the module. column: [DC, Nyquist, then a, a + b, b - a per bin].

    second_x, second_column: of a second phase that reads x. x_pairs, y_pairs, m_pairs: bit j says that
    bin j of the column is two real words.
    """
    bins = max(points // 2, 1)
    reals = min(points, 2)
    chosen = array(points, width)
    pairs = unsigned(bins)
    negative = intbv(0, min=-(1 << width), max=1 << width)
    take_m, take_y, take_zero, take_x = (Signal(bool(0)) for _ in range(4))

    @always(clk.posedge)
    def choice():
        take_m.next = second
        take_y.next = recurrent
        take_zero.next = fresh

    @always(clk.posedge)
    def choice_of_x():
        take_x.next = second_x

    @always(clk.posedge)
    def select_second():
        for i in range(points):
            if take_m:
                if take_x:
                    chosen[i].next = second_column[i]
                else:
                    chosen[i].next = m_column[i]
            elif take_y:
                if take_zero:
                    chosen[i].next = 0
                else:
                    chosen[i].next = y_column[i]
            else:
                chosen[i].next = x_column[i]

    @always(clk.posedge)
    def select():
        for i in range(points):
            if take_m:
                chosen[i].next = m_column[i]
            elif take_y:
                if take_zero:
                    chosen[i].next = 0
                else:
                    chosen[i].next = y_column[i]
            else:
                chosen[i].next = x_column[i]

    @always(clk.posedge)
    def sums():
        for i in range(reals):
            column[i].next = chosen[i]
        for j in range(1, bins):
            column[3 * j - 1].next = chosen[2 * j]
            column[3 * j].next = chosen[2 * j] + chosen[2 * j + 1]
            column[3 * j + 1].next = chosen[2 * j + 1] - chosen[2 * j]

    @always(clk.posedge)
    def select_pairs():
        if take_m:
            pairs.next = m_pairs
        elif take_y:
            pairs.next = y_pairs
        else:
            pairs.next = x_pairs

    @always(clk.posedge)
    def select_second_pairs():
        if take_m and not take_x:
            pairs.next = m_pairs
        elif take_y and not take_m:
            pairs.next = y_pairs
        else:
            pairs.next = x_pairs

    @always(clk.posedge)
    def mixed_sums():
        for i in range(reals):
            column[i].next = chosen[i]
        for j in range(1, bins):
            if pairs[j]:
                negative[:] = 0
                negative[:] = negative - chosen[2 * j]
                column[3 * j - 1].next = 0
                column[3 * j].next = negative
                column[3 * j + 1].next = chosen[2 * j + 1]
            else:
                column[3 * j - 1].next = chosen[2 * j]
                column[3 * j].next = chosen[2 * j] + chosen[2 * j + 1]
                column[3 * j + 1].next = chosen[2 * j + 1] - chosen[2 * j]

    processes = [choice, select] if second_x is None else [choice, choice_of_x, select_second]
    if not (x_pairs or y_pairs or m_pairs):
        return [*processes, sums]
    return [*processes, select_pairs if second_x is None else select_second_pairs, mixed_sums]


@block
def broadcast(
    clk, column, valid, first, last, shift, address,
    column_copy, valid_copy, first_copy, last_copy, shift_copy, address_copy, count,
):  # fmt: skip
    """A register for the operands, tags and weight address of one cluster of lanes."""
    first_1 = Signal(bool(0))
    last_1, last_2 = Signal(bool(0)), Signal(bool(0))
    shift_1, shift_2, shift_3 = (Signal(bool(0)) for _ in range(3))

    @always(clk.posedge)
    def copy():
        for i in range(count):
            column_copy[i].next = column[i]
        valid_copy.next = valid
        first_1.next = first
        first_copy.next = first_1
        last_1.next = last
        last_2.next = last_1
        last_copy.next = last_2
        shift_1.next = shift
        shift_2.next = shift_1
        shift_3.next = shift_2
        shift_copy.next = shift_3
        address_copy.next = address

    return copy


@block
def address_register(clk, address, address_q):
    """A register for the weight address of some lanes of a cluster."""

    @always(clk.posedge)
    def copy():
        address_q.next = address

    return copy


@block
def word_register(clk, word, word_q, count):
    """A register for the words of a weight memory."""

    @always(clk.posedge)
    def copy():
        for i in range(count):
            word_q[i].next = word[i]

    return copy


@made_once
def select_leaf(
    points: int,
    words: tuple[int, int, int],
    second_x: bool,
    blocks: tuple[int, int, int] | None = None,
) -> Leaf:
    """Column selection; spectra of x, y and m may have different words, and blocks smaller than the tile
    of `points`. second_x: the second phase reads x."""
    x_word, y_word, m_word = words
    pairs = [
        sum(1 << word // 2 for word in real_pairs(points, block))
        for block in blocks or (points, points, points)
    ]
    width = max(x_word, y_word, m_word)
    products = spectral_products(points)
    more = ins(second_x=Bit(), second_column=Array(points, x_word)) if second_x else {}
    return Leaf(
        "column_select",
        column_select,
        ins(
            clk=Bit(),
            recurrent=Bit(),
            second=Bit(),
            fresh=Bit(),
            x_column=Array(points, x_word),
            y_column=Array(points, y_word),
            m_column=Array(points, m_word),
        )
        | more
        | outs(column=Array(products, width + 1)),
        {"points": points, "products": products, "width": width}
        | dict(zip(("x_pairs", "y_pairs", "m_pairs"), pairs, strict=True)),
    )


@made_once
def broadcast_leaf(products: int, width: int, address_bits: int) -> Leaf:
    """The register of one cluster."""
    column, address = Array(products, width), Word(address_bits)
    return Leaf(
        "broadcast",
        broadcast,
        ins(
            clk=Bit(),
            column=column,
            valid=Bit(),
            first=Bit(),
            last=Bit(),
            shift=Bit(),
            address=address,
        )
        | outs(
            column_copy=column,
            valid_copy=Bit(),
            first_copy=Bit(),
            last_copy=Bit(),
            shift_copy=Bit(),
            address_copy=address,
        ),
        {"count": products},
        kept=True,
    )


@made_once
def address_leaf(bits: int) -> Leaf:
    """The address register of some lanes."""
    address = Word(bits)
    return Leaf(
        "lane_address", address_register, ins(clk=Bit(), address=address) | outs(address_q=address), kept=True,
    )  # fmt: skip


@made_once
def word_leaf(word: Array) -> Leaf:
    """The register behind a weight memory of such words."""
    return Leaf(
        "lane_word", word_register, ins(clk=Bit(), word=word) | outs(word_q=word), {"count": word.count},
    )  # fmt: skip
