"""Public names of `ernn_myhdl.train`: documented with their signatures, and one line each where they are printed."""

import inspect
import re
from pathlib import Path

import pytest
from small_training import Net, batches, frame_loss, torch

import ernn_myhdl.train
from ernn_myhdl.train import compress
from ernn_myhdl.train.call_forms import form_of
from ernn_myhdl.train.history import History
from ernn_myhdl.train.matrices import find_matrices

pytestmark = pytest.mark.torch
PAGE = Path(__file__).parents[2] / "docs" / "training.md"


def form(name: str) -> str:
    """The call of a name as the page writes it."""
    return name + form_of(inspect.signature(getattr(ernn_myhdl.train, name)))


@pytest.mark.parametrize("name", ernn_myhdl.train.__all__)
def test_the_page_and_the_docstring_tell_the_form(name):
    rows = re.findall(r"^\| `(\w+\(.*?\))` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert form(name) in rows
    assert len(rows) == len(ernn_myhdl.train.__all__)
    documented = inspect.getdoc(getattr(ernn_myhdl.train, name))
    given = inspect.signature(getattr(ernn_myhdl.train, name)).parameters
    if name in ("compress", "supervised", "ctc_loss", "run_from", "Settings", "AdmmSchedule",
                "SequenceBatches", "ChunkBatches"):  # fmt: skip
        for parameter in given:
            assert re.search(rf"\b{parameter}\b", documented), parameter


def test_no_other_names_are_listed_and_none_of_other_packages_is_there():
    assert dir(ernn_myhdl.train) == sorted([*ernn_myhdl.train.__all__, "require_torch"])
    assert not hasattr(ernn_myhdl.train, "import_module")  # importlib's was, in the place of ours


def test_what_is_printed_is_one_line():
    data = batches()
    compressed = compress(Net(), 2, frame_loss, data, "projection", epochs=1, progress=False)
    (batch, *_) = data(0)
    checked = compressed.trial.run()
    matrix = find_matrices(compressed.model, 2)[0]
    history = History(**compressed.history)
    for each in (
        compressed,
        compressed.trial,
        checked,
        compressed.history,
        history,
        data,
        batch,
        matrix,
    ):
        text = repr(each)
        assert "\n" not in text and len(text) < 200 and text.startswith(type(each).__name__)
    assert repr(checked) == "Checked(rnn -> head)"
    assert "blocks 2" in repr(compressed) and "1 epochs" in repr(compressed)
    assert repr(compressed.history) == "HistoryRecords(retrain: 1 epochs, 0 updates)"


def test_a_module_without_hardware_is_named_before_the_first_step():
    steps = []

    def step(model, batch):
        steps.append(model.training)
        return frame_loss(model, batch)

    net = Net()
    net.norm = torch.nn.BatchNorm1d(5)
    with pytest.raises(ValueError, match=r"module 'norm' \(BatchNorm1d\)"):
        compress(net, 2, step, batches(), progress=False)
    net = Net()
    net.dropout = torch.nn.GELU()
    with pytest.raises(ValueError, match=r"GELU 'dropout' lies between"):
        compress(net, 2, step, batches(), progress=False)
    assert not any(steps)  # run in evaluation mode only
