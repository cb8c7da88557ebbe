"""Small models of PyTorch, and their trainings."""

from __future__ import annotations

from small_training import CLASSES, INPUTS, batches, nn, torch

from ernn_myhdl.train import fit

F = nn.functional


def model(forward, seed=0, **layers):
    """A module with these layers and this forward(model, x); biases are not zero."""
    torch.manual_seed(seed)
    made = type("Made", (nn.Module,), {"forward": forward})()
    for name, layer in layers.items():
        setattr(made, name, layer)
    return made


def lstm(inputs=INPUTS, hidden=6, layers=1, **options):
    return nn.LSTM(inputs, hidden, layers, batch_first=True, **options)


def gru(inputs=INPUTS, hidden=6, layers=1, **options):
    return nn.GRU(inputs, hidden, layers, batch_first=True, **options)


def any_loss(net, batch):
    """Of whatever a model gives."""
    output = net(batch.x)
    while not isinstance(output, torch.Tensor):
        output = output[0]
    return output.float().square().mean()


def trained(net, step=any_loss, **options):
    return fit(net, step, batches(), epochs=1, progress=False, **options)


def head(inputs=6):
    return nn.Linear(inputs, CLASSES)


def packed(self, x):
    lengths = torch.tensor([x.shape[1] - i % 3 for i in range(len(x))])
    pack = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    y, _ = nn.utils.rnn.pad_packed_sequence(self.gru(self.lstm(pack)[0])[0], batch_first=True)
    return self.head(y)


def by_frames(self, x):
    h, scores = None, []
    for frame in x.unbind(1):
        h = self.cell(frame, h)
        scores.append(self.head(h))
    return torch.stack(scores, 1)


def lstm_by_frames(self, x):
    state, y = None, []
    for frame in x.unbind(1):
        state = self.cell(frame, state)
        y.append(state[0])
    return self.head(torch.stack(y).mean(0))


def masked_mean(self, x):
    y = self.head(self.rnn(x)[0])
    inside = x.any(-1)
    return (y * inside[..., None]).sum(1) / inside.sum(1)[:, None]
