"""The trainings of a search that are done, in a JSON file that an interrupted search goes on from."""

from __future__ import annotations

import json
from pathlib import Path

from ernn_myhdl.errors import DesignError
from ernn_myhdl.explore.choice import Choice
from ernn_myhdl.files.json_text import read_json
from ernn_myhdl.files.long_output import OtherOutput
from ernn_myhdl.files.output_folder import new_file, new_folder
from ernn_myhdl.files.output_list import LIST_NAME

STATE_NAME, DESIGN_NAME = "exploration.json", "design"


class ModelState:
    """identity: what must be the same to go on. The file is replaced in one step after each training."""

    def __init__(self, folder: Path, identity: dict, force: bool) -> None:
        self.file = folder / STATE_NAME
        self._identity = json.loads(json.dumps(identity))
        self._trials: list[dict] = []
        if self.file.is_file():
            saved = self._read()
            differing = _first_difference(saved["identity"], self._identity)
            if differing is None:
                self._trials = saved["trials"]
                return
            if not force:
                raise DesignError(
                    f"output {folder}: holds another search: {differing}; choose another folder, or replace it "
                    "with --force"
                )
            if (folder / LIST_NAME).is_file() or (folder / DESIGN_NAME).is_dir():  # complete
                raise OtherOutput(folder)
        elif folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
        with new_folder(folder, force, STATE_NAME, complete=False) as partial:
            self._write(partial / STATE_NAME)

    def trial(self, number: int, choice: Choice) -> float | None:
        """The accuracy of the number-th training; None where it is not done."""
        if number >= len(self._trials):
            return None
        saved = self._trials[number]
        if saved["choice"] != choice.as_dict():
            raise DesignError(
                f"{self.file}: training {number + 1} is of {saved['choice']}, must be of {choice.as_dict()}; it was "
                "changed: delete its folder, or replace it with --force"
            )
        return saved["accuracy"]

    def add(self, choice: Choice, accuracy: float, seconds: float) -> None:
        """A training is done."""
        record = {"choice": choice.as_dict(), "accuracy": accuracy, "seconds": round(seconds, 1)}
        self._trials.append(record)
        with new_file(self.file) as partial:
            self._write(partial)

    def _write(self, file: Path) -> None:
        table = {"identity": self._identity, "trials": self._trials}
        file.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")

    def _read(self) -> dict:
        try:
            saved = read_json(self.file)
            legal = isinstance(saved["identity"], dict) and all(
                isinstance(t["choice"], dict) and isinstance(t["accuracy"], int | float)
                for t in saved["trials"]
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DesignError(
                f"{self.file}: cannot be read ({type(error).__name__}: {error}); delete its folder to begin anew"
            ) from error
        if not legal:
            raise DesignError(f"{self.file}: is no search; delete its folder to begin anew")
        return saved


def _first_difference(saved: dict, own: dict) -> str | None:
    for name in {**own, **saved}:
        if saved.get(name) != own.get(name):
            old, new = (json.dumps(table.get(name))[:120] for table in (saved, own))
            return f"{name} = {old} there, {new} here"
    return None
