"""Batches of streams that do not end: the state is carried from one chunk of a stream to the next.

Back-propagation ends at the beginning of a chunk (truncated back-propagation through time), the state does not:

    def step(model, batch):
        scores, state = model(batch.x, batch.state, batch.lengths)
        batch.carry(state)
        return loss(scores, batch.targets)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ernn_myhdl.errors import DesignError
from ernn_myhdl.train.batches import Batch, SequenceBatches
from ernn_myhdl.train.call_forms import checked_call
from ernn_myhdl.train.makers import kind_of
from ernn_myhdl.train.recurrent import Recurrent
from ernn_myhdl.whole_numbers import is_whole, whole

#: What a recurrent module takes and gives, (layers, n, ...), or several of them; None is zero.
CarriedState: TypeAlias = Tensor | tuple | list | None


class CarriedBatch:
    """The next chunk of each of n streams, with the state that the chunk before ended in.

    Parameters
    ----------
    x : Tensor (n, frames, inputs)
        Zero behind the end of a chunk.
    targets : Tensor (n,) or (n, frames)
        As in `Batch`.
    lengths : Tensor (n,)
        Frames of each chunk.
    state : Tensor (layers, n, ...), tuples or lists of them, or None
        What `carry` was given in the chunk before, zero for streams that begin; None before the first chunk.
    """

    def __init__(self, batch: Batch, state: CarriedState, data: ChunkBatches) -> None:
        self.x, self.targets, self.lengths = batch
        self.state = state
        self.carried = False
        self._data = data

    def carry(self, state: CarriedState) -> None:
        """Hand the state after the last frame of every chunk on to the next chunks; it is detached.

        Parameters
        ----------
        state : Tensor (layers, n, ...), or tuples or lists of them
            As the module gives it, for all n streams of the batch.

        Raises
        ------
        DesignError
            Where it holds something else than tensors with an axis of the n streams behind that of the layers.
        """
        self._data._keep(_mapped(state, self._checked))
        self.carried = True

    def _checked(self, tensor: object) -> Tensor:
        streams = len(self.x)
        if not isinstance(tensor, Tensor) or tensor.dim() < 3 or tensor.shape[1] != streams:
            what = (
                f"shape {tuple(tensor.shape)}"
                if isinstance(tensor, Tensor)
                else type(tensor).__name__
            )
            raise DesignError(
                f"state: {what}, must be tensors (layers, {streams}, ...), one row for each stream, as PyTorch's layers "
                "give them"
            )
        return tensor.detach()

    def __repr__(self) -> str:
        """The shapes, on one line."""
        shapes = f"x {tuple(self.x.shape)}, targets {tuple(self.targets.shape)}"
        return f"CarriedBatch({shapes}, state {'none' if self.state is None else 'carried'})"


@checked_call
class ChunkBatches:
    """Batches of an epoch by its number: sequences one behind the other in streams, a chunk of each in a batch.

    Every epoch deals the sequences to the streams anew. A stream that has no chunk left drops out of the last batches.

    Parameters
    ----------
    sequences : sequences (frames, inputs)
        Of floating point; with numbers as of `SequenceBatches`.
    targets : array (sequences,), or an array (frames,) for each sequence
        Whole numbers, as of `SequenceBatches`.
    streams : int
        Side by side, at least 1.
    chunk : int or None
        Frames of a chunk, at which back-propagation ends; None: a whole sequence. Needs targets of frames.
    carry : int or None
        Sequences of a stream that share a state: it is zero again before the next one. None: it is never zero within an epoch.
    seed : int or None
        Of the order; None: that of the sequences in every epoch.
    numbers : bool
        Whether sequences are whole numbers for an nn.Embedding, as of `SequenceBatches`.

    Raises
    ------
    DesignError
        For what is none of these.
    """

    def __init__(
        self,
        sequences: Sequence[np.ndarray],
        targets: Sequence[np.ndarray] | np.ndarray,
        streams: int = 16,
        chunk: int | None = None,
        carry: int | None = None,
        seed: int | None = 0,
        numbers: bool = False,
    ) -> None:
        whole("streams", streams, 1)
        for name, value in (("chunk", chunk), ("carry", carry)):
            if value is not None:
                whole(name, value, 1)
        self._pieces = SequenceBatches(sequences, targets, streams, seed, numbers=numbers)
        if chunk is not None and not self._pieces.frame_targets:
            raise DesignError(
                f"chunk = {chunk}: a sequence with one target cannot be cut; leave it out, and a chunk is a sequence"
            )
        self._streams, self._chunk, self._carry, self._seed = streams, chunk, carry, seed
        self._state: CarriedState = None

    def __repr__(self) -> str:
        """Numbers of sequences, streams and batches, on one line."""
        return f"ChunkBatches({len(self._pieces.frames)} sequences in {self._streams} streams, {len(self)} batches)"

    def __len__(self) -> int:
        """Batches of an epoch."""
        return -(-sum(len(self._cut(i)) for i in range(len(self._pieces.frames))) // self._streams)

    def __call__(self, epoch: int) -> Iterator[CarriedBatch]:
        self._state = None
        for batch in self._plan(epoch):
            state = self._for(batch)
            yield CarriedBatch(self._pieces.cut([piece[:3] for piece in batch]), state, self)

    def _cut(self, number: int) -> list[tuple[int, int, int]]:
        """The chunks of a sequence: its number, first frame and end of each."""
        frames = self._pieces.frames[number]
        size = self._chunk or frames
        return [(number, i, min(i + size, frames)) for i in range(0, frames, size)]

    def _plan(self, epoch: int) -> list[list[tuple[int, int, int, bool]]]:
        """For each batch the chunks of its streams, each with whether the state before it is zero.

        The chunks of all sequences stand in a row, of which every stream takes as many; a sequence that is cut by that ends in
        the next stream, whose state begins there.
        """
        order = np.arange(len(self._pieces.frames))
        if self._seed is not None:
            order = np.random.default_rng([self._seed, epoch]).permutation(len(order))
        row = [piece for number in order.tolist() for piece in self._cut(number)]
        each = len(self)
        lanes = [self._marked(row[i : i + each]) for i in range(0, len(row), each)]
        return [[lane[i] for lane in lanes if i < len(lane)] for i in range(each)]

    def _marked(self, lane: list[tuple[int, int, int]]) -> list[tuple[int, int, int, bool]]:
        """The chunks of a stream, each with whether the state before it is zero."""
        marked, begun = [], 0
        for place, piece in enumerate(lane):
            new = piece[1] == 0
            again = self._carry is not None and new and begun % self._carry == 0
            marked.append((*piece, place == 0 or again))
            begun += new or place == 0
        return marked

    def _for(self, batch: list[tuple[int, int, int, bool]]) -> CarriedState:
        """The state for a batch: that of the streams that are left, zero where they begin."""
        zero = [i for i, piece in enumerate(batch) if piece[3]]

        def own(tensor: Tensor) -> Tensor:
            kept = tensor[:, : len(batch)].clone()
            kept[:, zero] = 0
            return kept

        return None if self._state is None else _mapped(self._state, own)

    def _keep(self, state: CarriedState) -> None:
        self._state = state

    def state_dict(self) -> dict:
        """For a checkpoint in the middle of an epoch."""
        return {"state": self._state}

    def load_state_dict(self, state: dict) -> None:
        """Go on from `state_dict`."""
        self._state = state["state"]


def _mapped(state, function):
    """A state with each of its tensors replaced."""
    if isinstance(state, tuple | list):
        return type(state)(_mapped(each, function) for each in state)
    return function(state)


@checked_call
def run_from(
    module: nn.Module, x: Tensor, state: CarriedState, lengths: Tensor
) -> tuple[Tensor, CarriedState]:
    """A recurrent module on padded sequences, from a state to that after the last frame of each.

    Parameters
    ----------
    module : nn.LSTM, nn.GRU, nn.RNN, or our Lstm, Gru, Rnn
        With batch_first.
    x : Tensor (n, frames, inputs)
        Zero behind the end of a sequence.
    state : Tensor (layers, n, ...), two of them for an LSTM, or None
        Before the first frame; None: zero.
    lengths : Tensor (n,)
        Frames of each sequence.

    Returns
    -------
    tuple
        y (n, frames, outputs), and the state after frame lengths - 1.

    Raises
    ------
    DesignError
        For another module, or x, state or lengths of other shapes.
    """
    if isinstance(module, Recurrent):
        _check_padded(module.inputs, x, lengths)
        return module(x, state, lengths)
    if not isinstance(module, nn.LSTM | nn.GRU | nn.RNN) or not module.batch_first:
        raise DesignError(
            f"run_from: module is {module!r}, must be an nn.LSTM, nn.GRU or nn.RNN with batch_first, or our Lstm, Gru or Rnn"
        )
    if module.bidirectional:
        raise DesignError(
            "run_from: module is bidirectional, and the state of the second direction comes from the frames behind; give one "
            "with bidirectional=False"
        )
    _check_padded(module.input_size, x, lengths)
    _check_state(module, state, len(x))
    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    y, last = module(packed, state)
    return pad_packed_sequence(y, batch_first=True, total_length=x.shape[1])[0], last


def _check_padded(inputs: int, x: Tensor, lengths: Tensor) -> None:
    """DesignError unless x are padded sequences of so many inputs, and lengths their frames."""
    if not isinstance(x, Tensor) or x.dim() != 3 or x.shape[-1] != inputs:
        what = f"shape {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
        raise DesignError(f"run_from: x: {what}, must be (n, frames, {inputs})")
    given = lengths.tolist() if isinstance(lengths, Tensor) else lengths
    whole_numbers = isinstance(given, list) and all(is_whole(n) for n in given)
    if not whole_numbers or len(given) != len(x) or not 1 <= min(given) <= max(given) <= x.shape[1]:
        raise DesignError(
            f"run_from: lengths {given!r}, must be the frames of each of the {len(x)} sequences, 1 to {x.shape[1]}"
        )


def _check_state(module: nn.LSTM | nn.GRU | nn.RNN, state: CarriedState, count: int) -> None:
    """DesignError unless a state is one of this module for so many sequences."""
    if state is None:
        return
    layers, hidden = module.num_layers, module.hidden_size
    shapes = [(layers, count, module.proj_size or hidden)]
    if isinstance(module, nn.LSTM):
        shapes.append((layers, count, hidden))
    pair = isinstance(module, nn.LSTM) and isinstance(state, tuple | list)
    found = [tuple(getattr(s, "shape", ())) for s in (state if pair else (state,))]
    if found != shapes:
        raise DesignError(
            f"run_from: state of shape {', '.join(map(str, found))}, must be {' and '.join(map(str, shapes))} of "
            f"{kind_of(module)}, or None"
        )
