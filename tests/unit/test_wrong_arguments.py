"""Arguments that ended in errors of Python or PyTorch, or were taken for something else."""

import shutil

import pytest
from small_training import Net, batches, nn, sequences, torch

from ernn_myhdl import DesignError, new_design
from ernn_myhdl.cli.frames import _values
from ernn_myhdl.corpus.own_table import find_table
from ernn_myhdl.train import Gru, Lstm, Rnn, ctc_loss, fit

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("make", [Lstm, Gru, Rnn])
@pytest.mark.parametrize("traced", [False, True])
def test_states_of_other_shapes_are_refused(make, traced):
    """A state of more sequences than x was broadcast: a GRU gave outputs for sequences that are not there."""
    from ernn_myhdl.exchange.torch_whole_cells import whole_cells

    def call(state):
        if not traced:
            return make(3, 4)(torch.zeros(2, 1, 3), state)
        with whole_cells():
            return make(3, 4)(torch.zeros(2, 1, 3), state)

    single = torch.zeros(1, 2, 4)
    for state in (single, (single, single), (torch.zeros(1, 1, 5),), torch.zeros(2, 1, 4)):
        with pytest.raises(DesignError, match=r"state: must be \(1, 1, 4\)"):
            call(state)


@pytest.mark.parametrize("lengths", [[2], torch.tensor([2, 2])])
def test_lengths_that_are_none_are_refused(lengths):
    with pytest.raises(DesignError, match=r"lengths: must be a tensor \(1,\)"):
        Gru(3, 4)(torch.zeros(2, 1, 3), None, lengths)


def test_a_loss_of_other_things_than_tensors_is_refused():
    with pytest.raises(DesignError, match="ctc_loss: lengths: is list, must be a tensor"):
        ctc_loss(torch.zeros(1, 2, 3), torch.zeros(1, 1), [2])


def test_lanes_that_are_no_number_are_refused():
    def step(model, batch):
        return nn.functional.cross_entropy(model(batch.x).transpose(1, 2), batch.targets)

    trained = fit(Net(), step, batches(), epochs=0, progress=False)
    with pytest.raises(DesignError, match="lanes = 'a': must be a whole number"):
        trained.design(sequences(2), lanes="a")


@pytest.mark.parametrize("name", [None, 3])
def test_a_session_takes_names_of_files(name):
    with new_design(3, 4).open() as session:
        for call in (session.save, session.restore):
            with pytest.raises(DesignError, match="file: is .*, must be a name"):
                call(name)


def test_digits_with_underlines_are_no_numbers():
    with pytest.raises(DesignError, match="'1_0' is not a finite number"):
        _values("1_0 2", 2, "line 1")


def test_two_tables_in_a_folder_are_refused(tmp_path):
    (tmp_path / "table.tsv").write_text("file\tlabel\n")
    assert find_table(tmp_path) == tmp_path / "table.tsv"
    shutil.copy(tmp_path / "table.tsv", tmp_path / "table.csv")
    with pytest.raises(DesignError, match="holds table.tsv and table.csv"):
        find_table(tmp_path)
    assert find_table(tmp_path / "table.csv") == tmp_path / "table.csv"
