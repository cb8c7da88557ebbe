"""Small models and data for the tests of training; importing it needs PyTorch."""

from __future__ import annotations

import numpy as np
from tools import require_module

torch = require_module("torch", "pip install 'ernn-myhdl[train]'")
nn = torch.nn

from ernn_myhdl.train import AdmmSchedule, Gru, Lstm, Quantisation, Rnn, SequenceBatches  # noqa: E402

INPUTS, CLASSES = 5, 3
torch.set_num_threads(1)

#: name -> recurrent module of 6 outputs, batch first.
RECURRENT = {
    "nn.LSTM": lambda: nn.LSTM(INPUTS, 6, batch_first=True),
    "nn.LSTM projection": lambda: nn.LSTM(INPUTS, 9, proj_size=6, batch_first=True),
    "nn.LSTM stacked": lambda: nn.LSTM(INPUTS, 6, 2, batch_first=True),
    "nn.GRU": lambda: nn.GRU(INPUTS, 6, batch_first=True),
    "nn.RNN": lambda: nn.RNN(INPUTS, 6, batch_first=True),
    "nn.RNN relu": lambda: nn.RNN(INPUTS, 6, 2, nonlinearity="relu", batch_first=True),
    "Rnn": lambda: Rnn(INPUTS, 6, layers=2, batch_first=True),
    "Rnn relu": lambda: Rnn(INPUTS, 6, "relu", batch_first=True),
    "Lstm": lambda: Lstm(INPUTS, 9, 6, batch_first=True),
    "Lstm sigmoid": lambda: Lstm(INPUTS, 6, g_activation="sigmoid", layers=2, batch_first=True),
    "Gru before": lambda: Gru(INPUTS, 6, layers=2, batch_first=True),
    "Gru after": lambda: Gru(INPUTS, 6, "after", g_activation="sigmoid", batch_first=True),
}


class Net(nn.Module):
    """A recurrent module with dropout and a linear head; scores (n, frames, CLASSES)."""

    def __init__(self, recurrent: str = "nn.LSTM", dropout: float = 0.0, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.rnn = RECURRENT[recurrent]()
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(6, CLASSES)
        for name, parameter in self.named_parameters():
            if "bias" in name or "peephole" in name:
                nn.init.normal_(parameter, std=0.3)

    def forward(self, x):
        return self.head(self.dropout(self.rnn(x)[0]))


def sequences(count: int = 12, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((int(rng.integers(3, 8)), INPUTS)) for _ in range(count)]


def batches(batch: int = 4) -> SequenceBatches:
    """Three batches of an epoch; the class of a frame follows from its largest input and the one before."""
    x = sequences()
    targets = [(s.argmax(axis=1) + np.roll(s.argmax(axis=1), 1)) % CLASSES for s in x]
    return SequenceBatches(x, targets, batch)


def frame_loss(model, batch):
    return nn.functional.cross_entropy(model(batch.x).transpose(1, 2), batch.targets)


#: Six steps of ADMM, six of retraining and six of fine-tuning with `batches()`.
SHORT = {
    "schedule": AdmmSchedule(epochs=2, steps=2),
    "epochs": 2,
    "quantise": Quantisation(word=10, epochs=2, signals=True),
    "progress": False,
}
