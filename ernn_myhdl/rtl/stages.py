"""The stages of the pipeline: which registers lie between which operations.

Each tuple is a piece of the pipeline. Its entries are stages in the order in which data pass them, named after what is
done in front of the register at their end; so its latency is the number of its entries. The blocks of the hardware, the delays
beside them and the cycle model (`ernn_myhdl.rtl.core.latencies`) take all their cycles from here: a stage is added, or
joined with its neighbour, in its block and in this table, and nowhere else.
"""

from __future__ import annotations

# streams
#: A FIFO: from a beat that enters an empty one to the beat at its head.
FIFO = ("word at the head",)
#: Framing: from a beat at the head of the FIFO to its (last) block.
FRAMING = ("block of samples",)

# memories
#: A memory whose word is read.
READ = ("word",)
#: Program words read ahead: from the first address to the word whose operation may be issued.
READ_AHEAD = ("word", "next operation", "operation")
#: Whether that word's operands are there; of the words behind it, found while they are read ahead.
OPERANDS = ("operands there",)

# transforms
#: A level of sums of a transform.
SUMS = ("sums",)
#: A level of rotations.
ROTATION = ("parts of the products", "sums of parts", "rounded sums")
#: Rounding and saturation.
ROUNDING = ("rounded and saturated",)

# products of the matrices
#: Decision of the sequencer.
ISSUE = ("operation",)
#: Which of the columns is multiplied, and the sums of its words.
SELECT = ("column", "sums of words")
#: Tree of copies of the column, and the read of the weights beside it.
BROADCAST = ("copies",)
#: A lane.
LANE = ("operands", "products", "accumulators")
#: Accumulators of a finished row: from them to the head of the drain chain.
DRAIN = ("drain",)
#: Parts of a complex product, behind the drain.
COMBINE = ("spectrum",)
#: A level of the sums of column groups.
JOIN = ("sums of groups",)

# element-wise units
#: Rows collected until those of a group are there.
GATHER = ("rows of a group",)
#: Blocks of cells cut into parts, for a unit of fewer cells.
PARTS = ("part",)
#: Bias added to a row.
BIAS = ("sums",)
#: Mask.
MASK = ("masked",)
#: A piecewise linear function.
FUNCTION = ("limited", "segment", "halves of the product", "sum")
#: A product added to a pre-activation: peepholes, and the reset gate of a GRU.
ADDED_PRODUCT = ("operands", "product", "sum")
#: LSTM: f c + i g, before its rounding; o tanh(c), before its rounding.
STATE, OUTPUT = ("operands", "products", "sum"), ("operands", "product")
#: GRU: r h, before its rounding; n + z (h - n), before its rounding.
RESET, BLEND = ("operands", "product"), ("difference", "operands", "product", "sum")
#: Limits of an activation without a table; its product with a slope.
CLIP, SLOPE = ("limited",), ("halves of the product", "sum")

# loaded states
#: From a page that is full, or free, to the frame that may use it.
PAGE = ("page",)


def latency(*pieces: tuple[str, ...]) -> int:
    """Cycles of pieces one behind the other."""
    return sum(len(piece) for piece in pieces)
