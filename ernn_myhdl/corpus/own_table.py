"""Tables of a user's own recordings: a file a line, with its group, its label and its part.

    file            group   label   part
    anna/one_3.wav  anna    one     train

Tabs between the columns of a `.tsv`, commas between those of a `.csv`; the first line names the columns.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from ernn_myhdl.corpus.corpus import PARTS
from ernn_myhdl.errors import DesignError

#: Names of the table in a folder, which has one of them.
TABLE_NAMES = ("table.tsv", "table.csv")
SEPARATORS = {".tsv": "\t", ".csv": ","}
COLUMNS = ("file", "group", "label", "frame_labels", "label_sequence", "part")
#: Of which a table has one.
LABEL_COLUMNS = ("label", "frame_labels", "label_sequence")
MAX_ROWS = 1_000_000


@dataclass(frozen=True)
class TableRow:
    """A recording.

    where: its line, for messages. file: of its frames or its sound. frame_labels: file of the labels of its frames; or
    None, and label is that of the sequence. label_sequence: labels in their order without times, in the place of both; empty for
    none. group: None where the table has no groups. part: of PARTS, or "".
    """

    where: str
    file: Path
    group: str | None
    label: str
    frame_labels: Path | None
    part: str
    label_sequence: tuple[str, ...] = ()

    @property
    def said(self) -> tuple:
        """Its labels, of whatever kind."""
        return self.label, self.label_sequence, self.frame_labels


def find_table(source: Path) -> Path | None:
    """The table that a path names, or that lies in it; None where there is none, DesignError where there are two."""
    if source.is_dir():
        found = [source / n for n in TABLE_NAMES if (source / n).is_file()]
        if len(found) > 1:
            raise DesignError(
                f"data {source}: holds {' and '.join(TABLE_NAMES)}; give one of them by its name"
            )
        return found[0] if found else None
    return source if source.suffix.lower() in SEPARATORS and source.is_file() else None


def read_table(file: Path) -> list[TableRow]:
    """The rows of a table; files are named from its folder. DesignError where it is anything else."""
    where = f"table {file}"
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            lines = list(csv.reader(stream, delimiter=SEPARATORS[file.suffix.lower()], strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DesignError(
            f"{where}: cannot be read ({error}); it must be UTF-8 text with a line for each recording"
        ) from error
    if not lines:
        raise DesignError(f"{where}: is empty; its first line names the columns: {_legal()}")
    columns = [name.strip() for name in lines[0]]
    _check_columns(where, columns)
    rows = []
    for number, cells in enumerate(lines[1:], 2):
        if not any(cell.strip() for cell in cells):
            continue
        at = f"{where}, line {number}"
        if len(cells) != len(columns):
            raise DesignError(
                f"{at}: {len(cells)} cells, must be {len(columns)}, as many as the first line names"
            )
        rows.append(_row(at, file.parent, dict(zip(columns, map(str.strip, cells), strict=True))))
    if not 0 < len(rows) <= MAX_ROWS:
        raise DesignError(f"{where}: {len(rows)} recordings, must be 1 to {MAX_ROWS}")
    if any(row.part for row in rows) and not all(row.part for row in rows):
        missing = next(row for row in rows if not row.part)
        raise DesignError(
            f"{missing.where}: part is empty; give all recordings one, or leave the column out"
        )
    _check_repeated(rows)
    return rows


def _check_repeated(rows: list[TableRow]) -> None:
    """DesignError where two lines of one file may end up in two parts, or contradict each other."""
    first: dict[Path, TableRow] = {}
    for row in rows:
        other = first.setdefault(row.file.resolve(), row)
        if other is row:
            continue
        line = other.where.rpartition(" ")[2]
        if row.said != other.said:
            raise DesignError(
                f"{row.where}: file {row.file.name} has another label in line {line}; leave one of them out"
            )
        if row.group is None or (row.group, row.part) != (other.group, other.part):
            raise DesignError(
                f"{row.where}: file {row.file.name} is that of line {line} too, so that scores could be of what was trained on; "
                "leave one out, or give both the same group and part"
            )


def _legal() -> str:
    return "file, then label or frame_labels or label_sequence, and if wanted group and part"


def _check_columns(where: str, columns: list[str]) -> None:
    for name in columns:
        if name not in COLUMNS:
            between = any(mark in name for mark in "\t,; ")
            hint = "; tabs stand between the columns of a .tsv, commas between those of a .csv"
            raise DesignError(
                f"{where}: column {name!r}, must be one of {', '.join(COLUMNS)}{hint * between}"
            )
    if len(set(columns)) < len(columns):
        raise DesignError(f"{where}: two columns of one name")
    if "file" not in columns or sum(name in columns for name in LABEL_COLUMNS) != 1:
        raise DesignError(f"{where}: columns {', '.join(columns)}; must be {_legal()}")


def _row(where: str, folder: Path, cells: dict[str, str]) -> TableRow:
    for name, value in cells.items():
        if not value and name != "part":
            raise DesignError(f"{where}: {name} is empty")
        if "\0" in value:
            raise DesignError(f"{where}: {name} holds a zero byte; write the table as UTF-8 text")
    part = cells.get("part", "")
    if part and part not in PARTS:
        raise DesignError(f"{where}: part {part!r}, must be one of {', '.join(PARTS)}")
    labels = cells.get("frame_labels")
    return TableRow(
        where,
        folder / cells["file"],
        cells.get("group"),
        cells.get("label", ""),
        folder / labels if labels else None,
        part,
        tuple(cells.get("label_sequence", "").split()),
    )
