"""The command that makes a corpus, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from corpus_files import make_few, require_speech

from ernn_myhdl.cli.main import main
from ernn_myhdl.corpus import extra as extra_module
from ernn_myhdl.corpus.corpus import PARTS
from ernn_myhdl.errors import DesignError

pytestmark = pytest.mark.speech
ROOT = Path(__file__).parents[2]


def test_the_command_makes_and_describes(tmp_path, capsys):
    require_speech()
    folder = tmp_path / "tiny"
    arguments = ["corpus", "make", str(folder), "--name", "espeak-tiny", "--train-sentences", "4"]
    assert main([*arguments, "--test-sentences", "2", "--features", "logmel40", "--json"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert table["name"] == "espeak-tiny-custom"
    assert [table["parts"][p]["utterances"] for p in PARTS] == [4, 4, 2]
    assert main(["corpus", "info", str(folder)]) == 0
    text = capsys.readouterr().out
    assert table["sha256"] in text and "features logmel40, 44 phones" in text


BAD = [
    (["--name", "espeak"], "name = 'espeak': must be one of espeak-tiny"),
    (["--seed", "-1"], "seed = -1: must be 0 to 4294967295"),
    (["--features", "mfcc"], "features = 'mfcc': must be one of mfcc39"),
    (["--jobs", "0"], "jobs = 0: must be 1 to 256"),
    (["--train-sentences", "71"], "train sentences = 71: must be 72"),
    (["--test-sentences", "20001"], "test sentences = 20001: must be 16"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_options(tmp_path, capsys, arguments, message):
    assert main(["corpus", "make", str(tmp_path / "c"), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_a_missing_package_names_the_pip_command(tmp_path, tmp_path_factory, capsys, monkeypatch):
    timit = tmp_path_factory.mktemp("timit")

    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(extra_module.importlib, "import_module", absent)
    for command in (
        ["make", str(tmp_path / "c")],
        ["timit", str(timit), "-o", str(tmp_path / "c")],
    ):
        assert main(["corpus", *command]) == 3
        error = capsys.readouterr().err
        assert (
            "install it with `pip install 'ernn-myhdl[speech]'`" in error and error.count("\n") == 1
        )
    assert not any(tmp_path.iterdir())


def test_data_that_espeak_cannot_read():
    """Its own limit: paths of more than 150 characters. In a fresh process, as the library keeps its data."""
    require_speech()
    code = """
import espeakng_loader
espeakng_loader.get_data_path = lambda: "/" + "d" * 200
from ernn_myhdl.corpus.espeak import Espeak
from ernn_myhdl.errors import ToolError
try:
    Espeak()
except ToolError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 0, run.stderr
    assert "cannot be initialised" in run.stdout and "less than 150 characters" in run.stdout


def test_a_speaker_that_fails_leaves_no_folder(tmp_path, monkeypatch):
    require_speech()
    monkeypatch.setattr("ernn_myhdl.corpus.voices.VARIANTS", ("m1", "m2", "no-such-variant"))
    with pytest.raises(DesignError, match="espeak-ng has no voice en-us"):
        make_few(tmp_path / "c")
    assert not any(tmp_path.iterdir())
