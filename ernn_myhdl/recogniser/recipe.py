"""How a recogniser is made: cells, sizes, blocks, method, epochs and learning rates."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields

from ernn_myhdl.design.cells import CELLS, WITH_STATE, Cell, LinearCell, cell_fields, make_cell
from ernn_myhdl.design.joins import Window
from ernn_myhdl.errors import DesignError
from ernn_myhdl.runs.predictions import POOLINGS
from ernn_myhdl.whole_numbers import is_number, whole

#: Fields that are parameters of some cells only.
CELL_FIELDS = ("projection", "peepholes", "reset")
DENSE = "dense"
METHODS = (DENSE, "admm", "direct", "projection")
CLASS_WEIGHTS = ("none", "balanced")
#: Fields that recipes of earlier versions did not have, and how they trained.
LATER = {
    "pooling": "mean", "class_weights": "none", "carry": 0, "chunk": 0,
    "front_activation": "none", "residual": False, "dense": 0, "dense_activation": "relu",
    "front_kernel": 1, "front_dilation": 1, "embedding": 0,
}  # fmt: skip
#: Of the linear layers in front and behind.
LAYER_ACTIVATIONS = ("none", "relu", "tanh", "sigmoid")
#: The file of a training's folder that is written last: a folder that has it is complete.
RESULT_NAME = "result.json"

#: Fields on which the dense model depends that ADMM and the projection begin from.
START_FIELDS = (
    "cell", "front", "hidden", "layers", "projection", "peepholes", "reset", "dropout", "epochs", "batch",
    "rate", "seed",
)  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """A recogniser: recurrent layers, each the input of the next, and a linear read-out; around and between them, where
    asked, linear layers with an activation, and signals that pass a layer by.

    embedding: elements of the rows of an embedding, which x are the numbers of; 0 where x are values.
    front: outputs of a dense linear layer before them, 0 for none. A block of k cells sees the elements of x through
    one vector, shifted; a few dense sums of x in its place give every block other ones. front_activation: of that layer,
    one of LAYER_ACTIVATIONS. front_kernel: frames of x that it takes, the present one and those before it, each
    front_dilation frames after the one before; more than 1: a causal convolution. residual: what each recurrent layer takes is added to what it gives, where both have as many
    elements. dense: outputs of a linear layer between the recurrent ones and the read-out, 0 for none, and its
    dense_activation.
    cell: "lstm", "gru" or "rnn". hidden: cells of a layer. projection: of an LSTM, 0 for none. reset: of a GRU,
    "after" or "before" the product. block: size of the blocks; input_block: that of the matrices of x, head_block:
    that of the read-out; 0: block. dropout: share of the outputs of the layers left out in training.

    method: `ernn_myhdl.train.compress`, or "dense" for no blocks. epochs: of the dense model that it begins
    from. admm_epochs, retrain_epochs: of the method; every method has the same sum of all of them
    ("direct" has those of the dense model as well, projection and dense retrain for both).
    quantise_epochs: with rounded weights, at the end; word: their bits.
    rate: largest learning rate of a training from random weights; half of it later. batch: sequences.

    pooling: which scores name the class of a sequence with one label: the "mean" of its frames, the "last" ones, or of each
    output the largest ("max"). class_weights: "balanced" gives the errors of rare classes as much weight as those of
    frequent ones. carry: sequences over which the state is carried in training, for streams that do not end; 0: every sequence from
    zero. chunk: of labels of frames, frames after which back-propagation ends then; 0: the sequence.
    """

    cell: str = "lstm"
    front: int = 0
    hidden: int = 128
    layers: int = 1
    projection: int = 0
    peepholes: bool = False
    reset: str = "after"
    block: int = 8
    input_block: int = 0
    head_block: int = 1
    dropout: float = 0.3
    method: str = "admm"
    epochs: int = 8
    admm_epochs: int = 8
    retrain_epochs: int = 8
    quantise_epochs: int = 1
    batch: int = 8
    rate: float = 6e-3
    seed: int = 0
    word: int = 12
    pooling: str = "mean"
    class_weights: str = "none"
    carry: int = 0
    chunk: int = 0
    front_activation: str = "none"
    residual: bool = False
    dense: int = 0
    dense_activation: str = "relu"
    front_kernel: int = 1
    front_dilation: int = 1
    embedding: int = 0

    def __post_init__(self) -> None:
        for name, legal in (
            ("cell", WITH_STATE), ("method", METHODS), ("pooling", POOLINGS),
            ("class_weights", CLASS_WEIGHTS), ("front_activation", LAYER_ACTIVATIONS),
            ("dense_activation", LAYER_ACTIVATIONS),
        ):  # fmt: skip
            if getattr(self, name) not in legal:
                raise DesignError(
                    f"{name} = {getattr(self, name)!r}: must be one of {', '.join(legal)}"
                )
        least = {"front": 0, "front_kernel": 1, "front_dilation": 1, "dense": 0, "layers": 1, "epochs": 1, "admm_epochs": 1, "retrain_epochs": 0,
                 "quantise_epochs": 0, "batch": 1, "seed": 0, "carry": 0, "chunk": 0, "embedding": 0}  # fmt: skip
        for name, low in least.items():
            whole(name, getattr(self, name), low)
        for name, high in (("dropout", 1.0), ("rate", 1.0)):
            value = getattr(self, name)
            real = is_number(value)
            low = name == "rate"
            if not real or not math.isfinite(value) or not 0 <= value < high or (low and not value):
                raise DesignError(
                    f"{name} = {value!r}: must be {'above 0' if low else 'from 0 on'}, below {high:g}"
                )
        self._check_cells()

    def _check_cells(self) -> None:
        article = "an" if self.cell[0] in "aefhilmnorsx" else "a"  # as the letter is spoken
        for what in ("projection", "peepholes"):
            if getattr(self, what) and what not in cell_fields(CELLS[self.cell]):
                raise DesignError(
                    f"{what}: {article} {self.cell} has none; leave it out, or take cell lstm"
                )
        if self.chunk and not self.carry:
            raise DesignError(
                f"chunk = {self.chunk}: cuts sequences whose state is carried on; give carry as well"
            )
        if self.front_activation != "none" and not self.front:
            raise DesignError(
                f"front_activation = {self.front_activation!r}: there is no layer in front; give front as well"
            )
        if self.dense_activation != "relu" and not self.dense:
            raise DesignError(
                f"dense_activation = {self.dense_activation!r}: there is no layer behind; give dense as well"
            )
        if self.front_kernel > 1:
            self._check_convolution()
        elif self.front_dilation > 1:
            raise DesignError(
                f"front_dilation = {self.front_dilation}: of a layer that takes one frame; give front_kernel as well"
            )
        width = self.projection or self.hidden
        if self.residual and self.layers == 1 and (self.front or self.embedding) != width:
            raise DesignError(
                f"residual: no recurrent layer takes as many elements as its {width} outputs; give front = {width}, or "
                "2 layers and more"
            )
        if self.residual and self.carry:
            raise DesignError(
                f"residual with carry = {self.carry}: the state of layers that are passed by is not carried; leave one out"
            )
        self.cells(1, 1)
        compressed = any(k > 1 for k in self.sizes.values())
        if self.method != DENSE and not compressed:
            raise DesignError(
                f"block = {self.block} with method {self.method!r}: nothing would be compressed; give "
                f"larger blocks, or take method {DENSE!r}"
            )

    def _check_convolution(self) -> None:
        if not self.front:
            raise DesignError(
                f"front_kernel = {self.front_kernel}: there is no layer in front; give front as well"
            )
        if self.carry:
            raise DesignError(
                f"front_kernel = {self.front_kernel} with carry = {self.carry}: the frames before a sequence are not carried; "
                "leave one out"
            )
        Window(inputs=("x",), kernel=self.front_kernel, dilation=self.front_dilation)

    @property
    def sizes(self) -> dict[str, int]:
        """Block size by the role of a matrix, and of the linear layer in front; all 1 for "dense"."""
        if self.method == DENSE:
            return dict.fromkeys(("input", "recurrent", "projection", "linear"), 1)
        front = {"front.*": 1} if self.front else {}
        dense = {"dense.*": self.block} if self.dense else {}
        return (
            front
            | dense
            | {
                "input": self.input_block or self.block,
                "recurrent": self.block,
                "projection": self.block,
                "linear": self.head_block or self.block,
            }
        )

    @property
    def cell_options(self) -> dict[str, object]:
        """Parameters of the recurrent cell, and arguments of our module of it, beside sizes and blocks."""
        known = cell_fields(CELLS[self.cell])
        return {name: getattr(self, name) for name in CELL_FIELDS if name in known}

    def cells(self, inputs: int, outputs: int) -> list[Cell]:
        """The cells of the design for data of these sizes."""
        sizes = self.sizes
        inputs = self.embedding or inputs
        own = sizes["input"] if sizes["input"] != sizes["recurrent"] else 0
        made: list[Cell] = []
        if self.front:
            taken = inputs * self.front_kernel
            made.append(LinearCell(taken, self.front, 1, self.front_activation))
            inputs = self.front
        blocks = {"block": sizes["recurrent"], "input_block": own}
        for _ in range(self.layers):
            made.append(
                make_cell(
                    self.cell, inputs=inputs, hidden=self.hidden, **blocks, **self.cell_options
                )
            )
            inputs = made[-1].outputs
        if self.dense:
            own = sizes.get("dense.*", 1)
            made.append(LinearCell(inputs, self.dense, own, self.dense_activation))
            inputs = self.dense
        return [*made, LinearCell(inputs, outputs, sizes["linear"])]

    @property
    def start(self) -> dict[str, object]:
        """What the dense model depends on."""
        return {name: getattr(self, name) for name in START_FIELDS} | self._later()

    def as_dict(self) -> dict[str, object]:
        """Ready for JSON; without what recipes of earlier versions did not have, where it is as it was."""
        return {n: v for n, v in asdict(self).items() if n not in LATER} | self._later()

    def _later(self) -> dict[str, object]:
        return {n: getattr(self, n) for n, old in LATER.items() if getattr(self, n) != old}

    @property
    def text(self) -> str:
        """Cell, sizes and blocks in a short line."""
        layers = f"{self.layers} x " if self.layers > 1 else ""
        projection = f"/{self.projection}" if self.projection else ""
        if self.method == DENSE:
            blocks = "dense"
        else:
            own = self.input_block and self.input_block != self.block
            blocks = f"k = {self.block}" + (f", input {self.input_block}" if own else "")
        embedding = f"embedding {self.embedding}, " if self.embedding else ""
        front = _linear(self.front, self.front_activation) + ", " if self.front else ""
        if self.front_kernel > 1:
            dilation = f" dilation {self.front_dilation}" if self.front_dilation > 1 else ""
            front = f"kernel {self.front_kernel}{dilation} {front}"
        dense = ", " + _linear(self.dense, self.dense_activation) if self.dense else ""
        residual = " residual" if self.residual else ""
        return f"{embedding}{front}{layers}{self.cell.upper()} {self.hidden}{projection}{residual}{dense}, {blocks}"


def _linear(outputs: int, activation: str) -> str:
    return f"linear {outputs}" + ("" if activation == "none" else f" {activation}")


RECIPE_FIELDS = tuple(f.name for f in fields(Recipe))
