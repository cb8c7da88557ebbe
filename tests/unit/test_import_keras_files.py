"""Files of Keras that are damaged, hostile, or without a configuration."""

from __future__ import annotations

import copy
import io
import zipfile
from pathlib import Path

import pytest
from keras_files import DATA, h5py, parts, written

from ernn_myhdl import DesignError, import_model
from ernn_myhdl.exchange.source import read_source


def test_weights_without_a_configuration_name_the_ways(tmp_path):
    with pytest.raises(DesignError, match=r"model\.save.*--config"):
        import_model(DATA / "normalised.weights.h5")
    with pytest.raises(DesignError, match="leave --config out"):
        import_model(DATA / "normalised.keras", config=DATA / "normalised.json")
    with pytest.raises(DesignError, match="--config is for"):
        import_model(tmp_path_file(tmp_path), config=DATA / "normalised.json")


def tmp_path_file(folder: Path) -> Path:
    (folder / "m.onnx").write_bytes(b"x")
    return folder / "m.onnx"


def test_weights_of_another_layer_are_refused(tmp_path):
    """Two GRUs of equal classes in another order than their weights."""
    config, weights = parts("grus.keras")
    layers = config["config"]["layers"]
    layers[1]["config"]["name"], layers[2]["config"]["name"] = "gru_b", "gru_a"
    with pytest.raises(DesignError, match="contradicts itself"):
        import_model(written(tmp_path / "m.keras", config, weights))


def test_damaged_files_raise_one_line(tmp_path):
    whole = (DATA / "grus.keras").read_bytes()
    config, weights = parts("grus.keras")
    old = (DATA / "grus.h5").read_bytes()
    cases = {
        "cut.keras": whole[: len(whole) // 2],
        "text.keras": b"no zip file at all",
        "cut.h5": old[: len(old) // 2],
        "text.h5": b"no HDF5 file at all",
    }
    for name, data in cases.items():
        (tmp_path / name).write_bytes(data)
    written(tmp_path / "json.keras", "{", weights)
    written(tmp_path / "list.keras", "[1]", weights)
    written(tmp_path / "deep.keras", "[" * 100_000, weights)
    written(tmp_path / "none.keras", {"class_name": "Sequential", "config": {}}, weights)
    written(tmp_path / "own.keras", {"class_name": "Mine", "config": {}}, weights)
    strange = copy.deepcopy(config)
    strange["config"]["layers"][1]["config"]["units"] = "eight"
    written(tmp_path / "units.keras", strange, weights)
    with zipfile.ZipFile(tmp_path / "half.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    for file in sorted(tmp_path.iterdir()):
        with pytest.raises(DesignError) as error:
            import_model(file)
        assert file.name in str(error.value) and "\n" not in str(error.value)
        assert len(str(error.value)) < 600


def test_every_byte_changed_of_a_configuration_ends_in_a_message(tmp_path):
    """Values of other types in every place of the configuration: refused, or imported."""
    config, weights = parts("heads.keras")

    def places(value, path=()):
        yield path
        items = (
            value.items()
            if isinstance(value, dict)
            else enumerate(value)
            if isinstance(value, list)
            else ()
        )
        for key, inner in items:
            yield from places(inner, (*path, key))

    kept = [
        p
        for p in places(config)
        if p and not {"kernel_initializer", "dtype", "build_config"} & set(p)
    ]
    for i, path in enumerate(kept[:: max(1, len(kept) // 60)]):
        changed = copy.deepcopy(config)
        target = changed
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = [None, -1, "x", [], {}, [[1]], 1e300][i % 7]
        file = written(tmp_path / "m.keras", changed, weights)
        try:
            read_source(file)
        except DesignError as error:
            assert "\n" not in str(error)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    config, _ = parts("grus.keras")
    file = tmp_path / "bomb.keras"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", " " * (1 << 25))
        archive.writestr("model.weights.h5", b"")
    with pytest.raises(DesignError, match=r"config\.json has more than"):
        import_model(file)
    stream = io.BytesIO()
    with h5py.File(stream, "w") as made:
        group = made.create_group("layers/gru/cell/vars")
        group.create_dataset("0", (1 << 20, 1 << 20), "f4", chunks=(1024, 1024), compression="gzip")
    with pytest.raises(DesignError, match="numbers"):
        import_model(written(tmp_path / "large.keras", config, stream.getvalue()))


@pytest.mark.parametrize("link", ["soft", "external", "raw"])
def test_links_out_of_a_file_are_not_followed(link, tmp_path):
    config, weights = parts("grus.keras")
    stream = io.BytesIO(weights)
    with h5py.File(stream, "r+") as made:
        del made["layers/gru/cell/vars/0"]
        if link == "soft":
            made["layers/gru/cell/vars/0"] = h5py.SoftLink("/layers/gru/cell/vars/1")
        elif link == "external":
            made["layers/gru/cell/vars/0"] = h5py.ExternalLink("/etc/passwd", "/x")
        else:
            made.create_dataset(
                "layers/gru/cell/vars/0", (6, 24), "f4", external=[("/etc/passwd", 0, 576)]
            )
    with pytest.raises(DesignError, match="link|another file"):
        import_model(written(tmp_path / "m.keras", config, stream.getvalue()))
