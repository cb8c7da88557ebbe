"""ADMM with its defaults: converges on a small problem whatever the size of the loss, and says so where it does not."""

import numpy as np
import pytest
from small_training import Net, batches, frame_loss, nn, torch

from ernn_myhdl.errors import DesignWarning
from ernn_myhdl.train import AdmmSchedule, SequenceBatches, compress, ctc_loss
from ernn_myhdl.train.admm import AdmmPhase
from ernn_myhdl.train.matrices import find_matrices

pytestmark = pytest.mark.torch


def of_sum(model, batch):
    return 700 * frame_loss(model, batch)


def of_labels(model, batch):
    return ctc_loss(model(batch.x), batch.targets, batch.lengths)


def label_batches():
    rng = np.random.default_rng(0)
    x = [rng.standard_normal((int(rng.integers(6, 9)), 5)) for _ in range(12)]
    targets = [rng.permutation(2)[: rng.integers(1, 3)] for _ in x]
    return SequenceBatches(x, targets, 1, label_sequences=True)


@pytest.mark.parametrize(
    ("loss", "data"), [(frame_loss, batches(1)), (of_sum, batches(1)), (of_labels, label_batches())]
)
def test_the_defaults_converge_below_the_bound(loss, data, recwarn):
    compressed = compress(Net(), 4, loss, data, epochs=0, progress=False)
    residuals = compressed.report["residuals"]
    assert compressed.report["converged"] is True and set(residuals) == set(compressed.blocks)
    assert max(residuals.values()) <= AdmmSchedule().primal
    assert max(compressed.report["distance"]["retrain"].values()) <= 1.5 * AdmmSchedule().primal
    assert len(compressed.history["updates"]) <= AdmmSchedule().epochs
    assert not [w for w in recwarn if issubclass(w.category, DesignWarning)]
    assert repr(compressed).endswith("converged)")


def test_a_loss_a_thousand_times_as_large_has_such_a_rho():
    schedule = AdmmSchedule(epochs=2)
    steps = torch.optim.SGD
    found = []
    for factor in (1, 1024):
        compressed = compress(
            Net(), 4, lambda m, b, f=factor: f * frame_loss(m, b), batches(), schedule=schedule,
            epochs=0, optimiser=lambda p, f=factor: steps(p, lr=0.01 / f), progress=False,
        )  # fmt: skip
        found.append(compressed)
    one, other = ([u["rho"] for u in c.history["updates"]] for c in found)
    np.testing.assert_allclose(np.array(other) / one, 1024, rtol=1e-4)
    for name, vectors in found[0].vectors.items():
        torch.testing.assert_close(found[1].vectors[name], vectors, rtol=1e-3, atol=1e-5)


def test_rho_is_relative_to_the_gradient_of_the_loss():
    torch.manual_seed(0)
    net = nn.Linear(8, 8, bias=False)
    (matrix,) = find_matrices(net, 4)
    phase = AdmmPhase(net, AdmmSchedule(rho=0.3, growth=1.0), [matrix])
    phase.start()
    gradient = torch.randn(8, 8)
    net.weight.grad = gradient.clone()
    phase.after_backward()
    away = net.weight.detach() - phase.state()["z"]["weight"]
    assert float(phase.rho * away.norm() / gradient.norm()) == pytest.approx(0.3, rel=1e-5)
    first = phase.rho
    net.weight.grad = 5 * gradient
    phase.after_backward()
    phase.after_epoch()
    assert phase.rho == pytest.approx(3 * first, rel=1e-5)  # the mean of both gradients
    rho = phase.rho
    net.weight.grad = 0.1 * gradient
    phase.after_backward()
    phase.after_epoch()
    assert phase.rho == rho  # never less


@pytest.mark.parametrize("rate", [1e-3, 1.0])
def test_the_penalty_is_a_proximal_step_behind_that_of_the_loss(rate):
    """As long as the optimiser's for a gradient of that size; the optimiser, and what is clipped, see the loss alone."""
    torch.manual_seed(0)
    net = nn.Linear(8, 6, bias=False)
    schedule = AdmmSchedule(rho=0.3, largest_rho=0.3, relative=False)
    phase = AdmmPhase(net, schedule, find_matrices(net, 4))
    phase.start()
    with torch.no_grad():
        net.weight.add_(torch.randn_like(net.weight))
    phase.after_epoch()  # U is not zero any more
    z, u = (phase.state()[n]["weight"] for n in ("z", "u"))
    assert u.abs().max() > 0.1
    gradient = torch.randn_like(net.weight)
    net.weight.grad = gradient.clone()
    phase.after_backward()
    torch.testing.assert_close(net.weight.grad, gradient, rtol=0, atol=0)
    w = (net.weight - rate * gradient).detach()
    torch.optim.SGD(net.parameters(), rate).step()
    phase.after_step(1)
    # the minimum of |W - w|^2 / (2 rate) + 0.3 / 2 |W - Z + U|^2
    torch.testing.assert_close(
        net.weight.detach(), (w + 0.3 * rate * (z - u)) / (1 + 0.3 * rate), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("clip", [None, 1e-3])
def test_few_steps_are_enough_for_any_way(clip):
    """What Adam can do in 12 steps of 0.002 does not bound the way of W, nor does clipping take it."""
    compressed = compress(
        Net(), 4, frame_loss, batches(1), schedule=AdmmSchedule(epochs=12), epochs=0, clip=clip,
        progress=False,
    )  # fmt: skip
    assert compressed.report["converged"] is True, compressed.report["residuals"]


def test_one_that_did_not_converge_says_so_in_every_place(tmp_path):
    schedule = AdmmSchedule(epochs=1, largest_rho=0.1)
    arguments = (4, frame_loss, batches(), "admm", schedule)
    options = {"epochs": 1, "progress": False, "checkpoint": tmp_path}
    with pytest.warns(DesignWarning, match=r"ADMM did not converge: .* wanted at most 0\.02"):
        compressed = compress(Net(), *arguments, **options)
    assert compressed.report["converged"] is False
    assert max(compressed.report["residuals"].values()) > 0.02
    assert "not converged" in repr(compressed)
    with pytest.warns(DesignWarning, match="ADMM did not converge"):  # read again
        compress(Net(), *arguments, **options)


def test_the_learning_rate_of_admm_falls_where_no_scheduler_is_given():
    rates = []

    class Watched(torch.optim.SGD):
        def step(self, closure=None):
            rates.append(self.param_groups[0]["lr"])
            return super().step(closure)

    options = {"optimiser": lambda p: Watched(p, lr=1.0), "epochs": 0, "progress": False}
    schedule = AdmmSchedule(epochs=4, primal=0, dual=0)
    compress(Net(), 4, frame_loss, batches(), schedule=schedule, **options)
    np.testing.assert_allclose(rates, [1] * 7 + [10 / 12, 8 / 12, 6 / 12, 4 / 12, 2 / 12])
    rates.clear()
    compress(Net(), 4, frame_loss, batches(), schedule=schedule, scheduler={}, **options)
    assert rates == [1.0] * 12


def test_epochs_that_admm_does_not_need_are_trained_inside_the_structure(tmp_path):
    schedule = AdmmSchedule(epochs=12, hand_on=True)
    options = {"schedule": schedule, "epochs": 2, "progress": False}
    steps = []

    def counted(model, batch, most=None):
        if model.training:
            steps.append(1)
            if most and len(steps) > most:
                raise KeyboardInterrupt
        return frame_loss(model, batch)

    compressed = compress(Net(), 4, counted, batches(1), **options)
    epochs = [epoch["phase"] for epoch in compressed.history["epochs"]]
    assert epochs.count("admm") < 12 and epochs.count("admm") + epochs.count("retrain") == 14
    whole, place = len(steps), {"checkpoint": tmp_path, "checkpoint_steps": 5}
    steps.clear()
    with pytest.raises(KeyboardInterrupt):  # within the epochs that were handed on
        compress(Net(), 4, lambda m, b: counted(m, b, whole - 7), batches(1), **options, **place)
    again = compress(Net(), 4, frame_loss, batches(1), **options, **place)
    assert again.history == compressed.history
    for name, vectors in compressed.vectors.items():
        assert torch.equal(again.vectors[name], vectors)
