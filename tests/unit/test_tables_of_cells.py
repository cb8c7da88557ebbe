"""What each cell has in the tables of the package: a cell that is missing in one would fail late, or count as nothing."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from ernn_myhdl import build_design, export_model, import_model, new_design
from ernn_myhdl.design.cells import CELLS, WITH_STATE, GruCell
from ernn_myhdl.design.dense import DenseLayer
from ernn_myhdl.design.design_text import comments_of, design_toml
from ernn_myhdl.design.source_model import SourceModel, read_source_model, write_source
from ernn_myhdl.errors import DesignError
from ernn_myhdl.exchange import export_onnx, export_state_dict, onnx_file
from ernn_myhdl.exchange.recurrent_kinds import OF_CELL, OF_GATES, OPERATORS
from ernn_myhdl.explore.block_terms import kind_of
from ernn_myhdl.explore.resources import RULES, block_costs, products_of
from ernn_myhdl.golden.float_cells import FLOAT_CELLS
from ernn_myhdl.golden.fxp_cells import FXP_CELLS
from ernn_myhdl.golden.integer_cells import INTEGER_CELLS
from ernn_myhdl.golden.tensors import tensor_names
from ernn_myhdl.hdl.components import Leaf
from ernn_myhdl.rtl.cells.units import LATENCIES, UNITS, units_for

#: Parameters beside the sizes, of cells of which the default is not all.
OPTIONS = {
    "lstm": ({}, {"projection": 4, "peepholes": True}),
    "gru": ({"reset": "before"}, {"reset": "after"}),
    "rnn": ({"activation": "tanh"}, {"activation": "relu"}),
    "linear": ({}, {"activation": "tanh"}),
}
DESIGNS = [(kind, options) for kind in CELLS for options in OPTIONS.get(kind, ({},))]
each = pytest.mark.parametrize(("kind", "options"), DESIGNS)


def made(kind: str, options: dict):
    return new_design(5, 9, cell=kind, block=4, lanes=1, **options)


@pytest.mark.parametrize("table", [FLOAT_CELLS, FXP_CELLS, INTEGER_CELLS, UNITS, LATENCIES])
def test_every_cell_is_in_the_tables_of_models_and_units(table):
    assert set(table) == set(CELLS.values())


def test_every_cell_with_a_state_is_imported_and_trained():
    assert tuple(OF_CELL) == WITH_STATE
    assert len(OF_GATES) == len(WITH_STATE), "the gates of a state dict tell its cell"
    torch = pytest.importorskip("torch")
    from ernn_myhdl import train
    from ernn_myhdl.exchange.torch_whole_cells import whole_cells
    from ernn_myhdl.train.recurrent import OWN

    assert tuple(own.cell.kind for own in OWN) == WITH_STATE
    for own in OWN:
        assert getattr(train, own.__name__) is own
        with whole_cells(), pytest.raises(DesignError, match=f"^{own.__name__}: is given lengths"):
            own(2, 3)(torch.zeros(4, 1, 2), None, torch.tensor([4]))


@each
def test_the_products_of_its_blocks_are_those_of_its_units(kind, options):
    """A block with a product that `PRODUCTS` does not tell would take no multiplier."""
    for unit in units_for(made(kind, options)):
        leaves = [(c, n) for c, n in unit.block.components().values() if isinstance(c, Leaf)]
        products = {c.name: sum(p[0] for p in products_of(c)) for c, _ in leaves}
        assert sum(n * products[c.name] for c, n in leaves) == unit.multipliers * unit.cells
        for rules in RULES.values():
            assert {kind_of(c) for c, _ in leaves} <= set(block_costs(rules))


@each
def test_its_files_say_what_each_number_is(kind, options):
    design = made(kind, options)
    comments = comments_of("formats", type(design.cell))
    assert all(f"# {comments[name]}" in design_toml(design) for name in design.cell.format_names)


def test_a_cell_may_say_itself_what_its_tensors_are(monkeypatch):
    assert "# c of an LSTM, h of a GRU\n" in design_toml(made("gru", {}))
    monkeypatch.setattr(GruCell, "comments", GruCell.comments | {"cell_state": "h"})
    assert "# h\n" in design_toml(made("gru", {})) and "c of an LSTM" not in design_toml(
        made("gru", {})
    )


@each
def test_its_formats_hold_a_model_that_sees_them_all(kind, options):
    """The smallest calibration: a frame of zeros, weights of zero; no tensor is without a format."""
    cell = CELLS[kind](3, 4, block=2, **options)
    weights = {name: np.zeros(shape) for name, shape in cell.weight_shapes.items()}
    design = build_design(cell, weights, [np.zeros((1, 3))], 12, 16)
    golden, integer = (design.run([np.ones((2, 3))], engine) for engine in ("golden", "integer"))
    assert set(golden.stages) == set(tensor_names(cell))
    for name, words in golden.stages.items():
        assert np.array_equal(integer.stages[name], words), name


@pytest.fixture
def own_only(monkeypatch):
    """The RNN as a cell that neither PyTorch nor ONNX has."""
    kind = replace(OF_CELL["rnn"], standard=False)
    for module in (export_onnx, export_state_dict):
        monkeypatch.setattr(module, "OF_CELL", OF_CELL | {"rnn": kind})
    monkeypatch.setattr(onnx_file, "OPERATORS", OPERATORS | {"RNN": kind})


@pytest.mark.onnx
def test_a_cell_that_onnx_does_not_have_is_not_written_as_its_operator(own_only, tmp_path):
    pytest.importorskip("onnx")
    with pytest.raises(DesignError, match=r"layer_0 is an RNN, of which ONNX has no operator"):
        export_model(made("rnn", {}), tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.onnx
def test_a_file_with_such_an_operator_is_none_of_onnx(request, tmp_path):
    pytest.importorskip("onnx")
    file, x = tmp_path / "m.onnx", [np.ones((3, 5))]
    export_model(made("rnn", {}), file)
    assert import_model(file, calibration=x).layers[0].kind == "rnn"
    request.getfixturevalue("own_only")
    with pytest.raises(DesignError, match="ONNX has no operator RNN"):
        import_model(file, calibration=x)


def test_a_state_dict_says_that_pytorch_does_not_have_its_cell(own_only, tmp_path):
    notes = export_model(made("rnn", {}), tmp_path / "m.safetensors")
    assert "module 'rnn' is an RNN, which PyTorch does not have" in notes
    assert not any("nn.RNN" in note for note in notes)


def test_every_option_of_a_layer_is_read_back_from_a_source(tmp_path):
    weights = {"input_weight": np.ones((1, 2, 3)), "bias": np.ones((1, 2))}
    layer = DenseLayer(
        "one", "linear", weights, "before", "sigmoid", "leaky_relu", 0.125, 0.0, groups=1
    )
    write_source(SourceModel("ONNX", "m", "", "", (layer,)), tmp_path)
    (read,) = read_source_model(tmp_path).layers
    for field in fields(DenseLayer):
        if field.name != "weights":
            assert getattr(read, field.name) == getattr(layer, field.name), field.name
