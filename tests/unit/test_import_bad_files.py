"""Files and options that are no model or no option of one: exit code 2, one line that names what is wrong, no output."""

import io
import json
import pickle
import struct
import sys
import zipfile

import numpy as np
import pytest
from foreign_models import lstm_tensors, onnx_module, refuse, torch_module
from safetensors.numpy import save, save_file

from ernn_myhdl.design.limits import MAX_FILE_BYTES


def header(text, data=b""):
    encoded = text.encode()
    return struct.pack("<Q", len(encoded)) + encoded + data


class Code:
    """Would make a folder when it is unpickled."""

    def __reduce__(self):
        import os

        return os.mkdir, ("harm",)


def archive(size):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.writestr("archive/data/0", bytes(size))
    return stream.getvalue()


HUGE = {"a": {"dtype": "F32", "shape": [1 << 40, 1 << 20], "data_offsets": [0, 4]}}
WRONG = {"a": {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]}}
FILES = {
    "empty.safetensors": (lambda: b"", ["is empty"]),
    "empty.pt": (lambda: b"", ["is empty"]),
    "empty.onnx": (lambda: b"", ["is empty"]),
    "text.safetensors": (lambda: b"no model at all", ["safetensors"]),
    "text.pt": (lambda: b"no model at all", ["torch.save"]),
    "text.onnx": (lambda: b"no model at all", ["ONNX"]),
    "zeros.safetensors": (lambda: bytes(100), ["safetensors"]),
    "zeros.pt": (lambda: bytes(100), ["torch.save"]),
    "zeros.onnx": (lambda: bytes(100), ["ONNX"]),
    "truncated.safetensors": (lambda: save(lstm_tensors())[:-10], ["truncated"]),
    "header.safetensors": (lambda: save(lstm_tensors())[:50], ["truncated"]),
    "long_header.safetensors": (lambda: b"\xff" * 8 + b"{}", ["safetensors"]),
    "huge.safetensors": (lambda: header(json.dumps(HUGE), bytes(4)), ["safetensors"]),
    "type.safetensors": (lambda: header(json.dumps(WRONG), bytes(4)), ["safetensors"]),
    "pickle.safetensors": (lambda: pickle.dumps(Code()), ["safetensors"]),
    "code.pt": (lambda: pickle.dumps(Code()), ["its code is not run"]),
    "zip.pt": (lambda: b"PK\x03\x04broken", ["torch.save"]),
    "other_zip.pt": (lambda: archive(100), ["torch.save"]),
    "bomb.pt": (lambda: archive(MAX_FILE_BYTES + 1), ["unpacks to"]),
    "model.txt": (
        lambda: save(lstm_tensors()),
        [".safetensors, .pt, .pth, .onnx, .keras, .h5 or .hdf5"],
    ),
    "model": (
        lambda: save(lstm_tensors()),
        [".safetensors, .pt, .pth, .onnx, .keras, .h5 or .hdf5"],
    ),
    "model.npz": (
        lambda: save(lstm_tensors()),
        [".safetensors, .pt, .pth, .onnx, .keras, .h5 or .hdf5"],
    ),
    "tensors.pt": (lambda: save(lstm_tensors()), ["torch.save"]),
    "tensors.onnx": (lambda: save(lstm_tensors()), ["ONNX"]),
}


@pytest.mark.parametrize("name", FILES)
def test_files(tmp_path, capsys, monkeypatch, name):
    if name.endswith(".pt"):
        torch_module()
    elif name.endswith(".onnx"):
        onnx_module()
    monkeypatch.chdir(tmp_path)
    make, parts = FILES[name]
    (tmp_path / name).write_bytes(make())
    refuse(tmp_path, capsys, ["import", name, "-o", "out"], name, *parts)


def test_no_file(tmp_path, capsys):
    out = str(tmp_path / "out")
    missing = str(tmp_path / "none.pt")
    refuse(tmp_path, capsys, ["import", missing, "-o", out], "none.pt", "does not exist")
    (tmp_path / "folder.onnx").mkdir()
    folder = str(tmp_path / "folder.onnx")
    refuse(tmp_path, capsys, ["import", folder, "-o", out], "folder.onnx", "is a folder")


PT = {
    "module": (lambda torch: torch.nn.LSTM(4, 6), ["its code is not run"]),
    "pickle with code": (lambda torch: {"a": Code()}, ["its code is not run"]),
    "tensor": (lambda torch: torch.zeros(3), ["holds Tensor", "state dict"]),
    "list": (lambda torch: [torch.zeros(3)], ["holds list", "state dict"]),
    "number": (lambda torch: 3, ["holds int"]),
    "empty": (lambda torch: {}, ["holds dict", "state dict"]),
    "no state dict inside": (lambda torch: {"epoch": 3}, ["holds dict", "'model_state_dict'"]),
    "two inside": (
        lambda torch: {n: {"w": torch.zeros(3)} for n in ("model", "state_dict")}, ["holds dict"],
    ),
    "names that are numbers": (lambda torch: {1: torch.zeros(3)}, ["holds dict"]),
    "integers": (lambda torch: {"rnn.weight_ih_l0": torch.zeros(3, 4).long()}, ["torch.int64"]),
    "complex": (lambda torch: {"fc.weight": torch.zeros(3, 3, dtype=torch.complex64)}, ["torch.complex64"]),
    "sparse": (lambda torch: {"w": torch.eye(3).to_sparse()}, ["'w'"]),
    "absurd size": (lambda torch: {"fc.weight": torch.zeros(1).expand(10**6, 10**6)}, ["1000000000000"]),
}  # fmt: skip


@pytest.mark.torch
@pytest.mark.parametrize("case", PT)
def test_pt_files(tmp_path, capsys, monkeypatch, case):
    torch = torch_module()
    monkeypatch.chdir(tmp_path)
    make, parts = PT[case]
    torch.save(make(torch), tmp_path / "m.pt")
    refuse(tmp_path, capsys, ["import", "m.pt", "-o", "out"], "m.pt", *parts)


@pytest.mark.torch
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_truncated_pt_files(tmp_path, capsys, share):
    torch = torch_module()
    stream = io.BytesIO()
    torch.save({n: torch.tensor(a) for n, a in lstm_tensors().items()}, stream)
    data = stream.getvalue()
    (tmp_path / "m.pt").write_bytes(data[: int(share * len(data))])
    command = ["import", str(tmp_path / "m.pt"), "-o", str(tmp_path / "out")]
    refuse(tmp_path, capsys, command, "m.pt", "torch.save")


# options


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ("--block 3", ["block = 3", "power of two"]),
        ("--block 64", ["block = 64"]),
        ("--block 8,8", ["--block: 2 numbers for 1 layers"]),
        ("--block x", ["--block", "whole number"]),
        ("--word 2", ["word = 2", "4 to 32"]),
        ("--word 99", ["word = 99"]),
        ("--word 32 --state-word 99", ["state_word = 99"]),
        ("--lanes 0", ["lanes = 0"]),
        ("--lanes 500", ["lanes = 500", "at most 24"]),
        ("--streams 3", ["streams = 3", "power of two"]),
        ("--name 4x", ["name = '4x'"]),
        ("--order a,b", ["'a', which is no module", "rnn"]),
        ("--direction backward", ["not bidirectional"]),
        ("--direction up", ["--direction"]),
        ("--calibration none.npy", ["none.npy", "does not exist"]),
        ("--calibration m.safetensors", ["cannot be read"]),
        ("--calibration wide.npy", ["5 elements", "must be 4"]),
        ("--hidden 5", ["--hidden"]),
    ],
)
def test_options(tmp_path, capsys, monkeypatch, options, parts):
    monkeypatch.chdir(tmp_path)
    save_file(lstm_tensors(), tmp_path / "m.safetensors")
    np.save(tmp_path / "wide.npy", np.zeros((3, 5)))
    command = ["import", "m.safetensors", "-o", "out", *options.split()]
    refuse(tmp_path, capsys, command, *parts)


def test_outputs_that_exist(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_file(lstm_tensors(), tmp_path / "m.safetensors")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("kept")
    refuse(tmp_path, capsys, ["import", "m.safetensors", "-o", "out"], "exists", "--force")
    command = ["import", "m.safetensors", "-o", "out", "--force"]
    refuse(tmp_path, capsys, command, "was not made by this command")


@pytest.mark.parametrize(
    ("package", "file", "extra_name"), [("torch", "m.pt", "torch"), ("onnx", "m.onnx", "onnx")]
)
def test_packages_that_are_missing(tmp_path, capsys, monkeypatch, package, file, extra_name):
    monkeypatch.setitem(sys.modules, package, None)
    (tmp_path / file).write_bytes(b"some model")
    command = ["import", str(tmp_path / file), "-o", str(tmp_path / "out")]
    part = f"pip install 'ernn-myhdl[{extra_name}]'"
    refuse(tmp_path, capsys, command, part, code=3)
