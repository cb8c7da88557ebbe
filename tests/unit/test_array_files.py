"""Arrays of others: bombs, headers and directories that lie, what is no array; nothing is unpacked first."""

import io
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest

from ernn_myhdl.corpus.inputs import load_input
from ernn_myhdl.errors import DesignError
from ernn_myhdl.files.array_file import MAX_NUMBERS, NoArrayFile, read_arrays


def header(shape, kind="<f8", version=b"\1\0"):
    text = f"{{'descr': {kind!r}, 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117)
    return b"\x93NUMPY" + version + struct.pack("<H", 118) + text + b"\n"


def archive(**members):
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made:
        for name, data in members.items():
            made.writestr(name.replace("_npy", ".npy"), data)
    return output.getvalue()


def zeros(shape: str, pieces: int, rest: int = 0) -> tuple[bytes, bytes, int]:
    """An array of zeros packed, its first bytes, and how many it has: so many pieces of 4 MiB, packed once, and a rest."""
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    start = header(shape)
    packed = packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(bytes(4 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return (
        packed + pieces * piece + packer.compress(bytes(rest)) + packer.flush(),
        start,
        len(start) + (pieces << 22) + rest,
    )


def bomb():
    """512 MiB of zeros and one number more in 560 kB, of arrays that claim as much as they have: two small ones and one that is within the
    limit alone, and with either of the others too."""
    output = io.BytesIO()
    arrays = [zeros("(524288,)", 1)] * 2 + [zeros("(66060289,)", 126, 8)]
    with zipfile.ZipFile(output, "w") as made:
        for i, (packed, start, size) in enumerate(arrays):
            made.writestr(f"x{i}.npy", packed)  # packed before; the directory tells how
            told = made.filelist[-1]
            told.compress_type, told.file_size = zipfile.ZIP_DEFLATED, size
            told.CRC = zlib.crc32(start + bytes(size - len(start))) if i < 2 else 0
    return output.getvalue()


def lying_directory():
    """The directory says 8 GiB - 1, and so does the header of the array."""
    data = bytearray(archive(x_npy=header("(536870000,)") + bytes(100)))
    at = data.find(b"PK\1\2")
    data[at + 24 : at + 28] = struct.pack("<I", 536870000 * 8 + 128 & 0xFFFFFFFF)
    return bytes(data)


FILES = {
    "bomb": (bomb, "may hold 67108864"),
    "lying directory": (lying_directory, ""),
    "huge header": (lambda: header("(1000000000000,)") + bytes(64), "is truncated"),
    "huge text": (lambda: header("(1,)", "<U999999999"), ""),
    "negative": (lambda: header("(-1, 4)") + bytes(64), "has shape"),
    "true": (lambda: header("(True, 4)") + bytes(64), ""),
    "deep header": (lambda: header("(" * 50), ""),
    "objects": (lambda: header("(2,)", "|O") + bytes(64), "Python objects"),
    "version": (lambda: header("(2,)", version=b"\3\0") + bytes(64), "version (3, 0)"),
    "nested": (lambda: archive(**{"x.npz": archive(x_npy=header("(0,)"))}), "'x.npz' is no array"),
    "member that is no array": (lambda: archive(x_npy=b"hello"), "'x.npy' is no array"),
    "model": (lambda: archive(**{"data.pkl": b"\x80\2}."}), "'data.pkl' is no array"),
    "CSV": (lambda: b"a,b,c\n1.0,2.0,3.0\n", "it is text such as CSV"),
    "numbers": (lambda: b"1.0 2.0\n3.0 4.0\n", "numpy.loadtxt("),
    "words": (lambda: b"no array at all", "it is text, beginning 'no array at all'"),
    "pickle": (lambda: b"\x80\4\x95\0\0", "it is a pickle, whose code is not run"),
    "HDF5": (lambda: b"\x89HDF\r\n\x1a\n", "HDF5"),
    "nothing": (lambda: b"", "it is empty"),
}


@pytest.mark.parametrize("what", FILES)
def test_what_is_no_array_is_named_and_takes_no_memory(what, tmp_path):
    make, message = FILES[what]
    file = tmp_path / "x.npy"
    file.write_bytes(make())
    tracemalloc.start()
    with pytest.raises(DesignError) as caught:
        load_input(file, 4)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert f"input {file}: cannot be read as .npy or .npz" in str(caught.value)
    assert message in str(caught.value)
    assert "pickle" not in str(caught.value) or what in ("pickle", "objects")
    # two of the bomb's arrays are within the limit, and read before the third
    assert peak < (16 << 20 if what == "bomb" else 4 << 20)


def test_a_limit_of_all_arrays_together(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.zeros(6), b=np.zeros(5))
    assert list(read_arrays(tmp_path / "x.npz", limit=11)) == ["a", "b"]
    with pytest.raises(NoArrayFile, match="holds 11 numbers"):
        read_arrays(tmp_path / "x.npz", limit=10)
    assert MAX_NUMBERS * 8 == 512 << 20


@pytest.mark.parametrize("kind", ["f4", ">f8", "i2", "c16", "<U5"])
def test_arrays_are_read_as_numpy_reads_them(kind, tmp_path):
    array = np.asfortranarray(np.arange(6).reshape(2, 3).astype(kind))
    np.save(tmp_path / "x.npy", array)
    np.savez_compressed(tmp_path / "x.npz", array, b=array.T)
    read = read_arrays(tmp_path / "x.npy")
    assert read.dtype == array.dtype and np.array_equal(read, array)
    both = read_arrays(tmp_path / "x.npz")
    assert np.array_equal(both["arr_0"], array) and np.array_equal(both["b"], array.T)
