"""Random ONNX graphs, of which `benchmarks.random_graphs` takes more: each right or refused."""

import collections

import pytest
from tools import require_module

from benchmarks.random_graphs import graph_outcome, module_outcome

pytestmark = pytest.mark.onnx


def outcomes(try_one, kind, seeds, folder):
    require_module("onnx", "pip install 'ernn-myhdl[onnx]'")
    require_module("onnxruntime", "pip install onnxruntime")
    found = {seed: try_one(seed, kind, folder) for seed in seeds}
    assert {seed: why for seed, (each, why) in found.items() if each == "wrong"} == {}
    return collections.Counter(each for each, _ in found.values())


def test_graphs_made_node_by_node(tmp_path):
    counts = outcomes(graph_outcome, "graphs", range(1000, 1120), tmp_path)
    assert counts["right"] >= 30
    assert counts["refused"] >= 40


@pytest.mark.torch
def test_modules_of_the_older_exporter(tmp_path):
    require_module("torch", "pip install 'ernn-myhdl[torch]'")
    counts = outcomes(module_outcome, "torchscript", range(1000, 1016), tmp_path)
    assert counts["right"] >= 5


@pytest.mark.torch
def test_modules_of_the_newer_exporter(tmp_path):
    require_module("torch", "pip install 'ernn-myhdl[torch]'")
    require_module("onnxscript", "pip install onnxscript")
    assert outcomes(module_outcome, "dynamo", range(1000, 1003), tmp_path)["invalid"] < 3


def test_a_graph_that_takes_one_element_of_each_frame(tmp_path):
    """Its layer takes the frame, with zeros in the columns of the others."""
    assert outcomes(graph_outcome, "graphs", [555002], tmp_path)["right"] == 1
