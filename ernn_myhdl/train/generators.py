"""The random generators that a training draws from, and the order of its data.

Data are an iterable of batches that can be gone through again, such as a list or a DataLoader, or a
function that gives the batches of an epoch by its number. For an interrupted epoch to go on as it
began, its batches are drawn again from the state at its beginning, and those that are done are left out.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from ernn_myhdl.errors import DesignError

Data = Iterable | Callable[[int], Iterable]


class Batches:
    """Batches by epoch, and the states of all generators that make them.

    data: see the module. The states of PyTorch's, numpy's and Python's global generators are kept, those of
    `data.generator` and `data.sampler.generator` as in a DataLoader, and `data.state_dict()` where
    there is one with `load_state_dict`.
    """

    def __init__(self, data: Data) -> None:
        if not callable(data):
            if not isinstance(data, Iterable):
                raise DesignError(
                    f"data: is {type(data).__name__}, must be an iterable of batches or a function of the "
                    "epoch that gives one"
                )
            if isinstance(data, Iterator):
                raise DesignError(
                    "data: is an iterator, which gives its batches once only; give a list, a DataLoader or "
                    "a function of the epoch"
                )
        self._data = data

    @property
    def count(self) -> int | None:
        """Batches of an epoch, None where the data do not tell."""
        return len(self._data) if isinstance(self._data, Sized) else None

    def epoch(self, number: int, done: int = 0) -> Iterator:
        """The batches of an epoch without the first `done`, which are drawn at once."""
        given = self._data(number) if callable(self._data) else self._data
        try:
            batches = iter(given)
        except TypeError as error:
            raise DesignError(
                f"data: gave {type(given).__name__} for epoch {number}, must give its batches, such as a list of them"
            ) from error
        for i in range(done):
            if next(batches, self) is self:
                raise DesignError(
                    f"data: epoch {number} has {i} batches, but had at least {done} before the "
                    "interruption; give the same data, or delete the checkpoint"
                )
        return batches

    def state(self) -> dict:
        """The states of all generators, for a checkpoint."""
        numpy_state = np.random.get_state(legacy=False)
        state: dict[str, object] = {
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            "numpy": [
                torch.from_numpy(numpy_state["state"]["key"].astype(np.int64)),
                int(numpy_state["state"]["pos"]),
                int(numpy_state["has_gauss"]),
                float(numpy_state["gauss"]),
            ],
            "python": random.getstate(),
            "data": [generator.get_state() for generator in self._own()],
        }
        if (loader := self._loader()) is not None:
            state["data_state"] = loader.state_dict()
        return state

    def restore(self, state: dict) -> None:
        """Continue from what `state` gave."""
        torch.set_rng_state(state["torch"])
        if state["cuda"]:
            torch.cuda.set_rng_state_all(state["cuda"])
        key, position, has_gauss, gauss = state["numpy"]
        np.random.set_state(("MT19937", key.numpy().astype(np.uint32), position, has_gauss, gauss))
        random.setstate(state["python"])
        for generator, own in zip(self._own(), state["data"], strict=True):
            generator.set_state(own)
        if (loader := self._loader()) is not None:
            loader.load_state_dict(state["data_state"])

    def _loader(self) -> Any:
        """The data where they keep a state of their own, such as torchdata's StatefulDataLoader; else None."""
        keeps = all(hasattr(self._data, name) for name in ("state_dict", "load_state_dict"))
        return self._data if keeps else None

    def _own(self) -> list[torch.Generator]:
        """The generators of the data themselves, each once."""
        owners = (self._data, getattr(self._data, "sampler", None))
        found = {}
        for owner in owners:
            generator = getattr(owner, "generator", None)
            if isinstance(generator, torch.Generator):
                found[id(generator)] = generator
        return list(found.values())


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """The global generators start from `seed`; afterwards they are as they were before."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    before = torch.get_rng_state(), np.random.get_state(), random.getstate()
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(before[0])
        np.random.set_state(before[1])
        random.setstate(before[2])
        if cuda:
            torch.cuda.set_rng_state_all(cuda)
