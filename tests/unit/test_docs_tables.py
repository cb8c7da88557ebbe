"""Tables of the documentation against the numbers of the code."""

from __future__ import annotations

from documented_designs import designs
from pages import DOCS, page, rows

from docs import tables
from ernn_myhdl.rtl.cells.units import units_for
from ernn_myhdl.rtl.core.latencies import Latencies


def described(cell) -> str:
    """A cell as the tables name it."""
    if cell.kind == "gru":
        return f"GRU, reset {cell.reset}"
    if cell.kind == "rnn":
        return f"RNN, {cell.activation}"
    kind = "LSTM" if cell.kind == "lstm" else cell.kind
    return kind + (" with peepholes" if getattr(cell, "peepholes", False) else "")


def test_the_tables_are_those_of_the_code(capsys):
    """All of them, each as a whole."""
    code = tables.main(["--check"])
    assert code == 0, f"{capsys.readouterr().out}make tables writes them again"


def test_a_number_that_is_not_that_of_the_code_is_noticed_and_mended(tmp_path, capsys):
    """A table of each page, copied with another number, another row and without its row."""
    fft, units = "blocks/fft.md", "blocks/units.md"
    text = {name: (DOCS / name).read_text(encoding="utf-8") for name in (fft, units)}
    (tmp_path / "blocks").mkdir()
    changed = text[fft].replace("| 8 | 7 | 6 | 2 | 2 |", "| 8 | 7 | 5 | 2 | 2 |")
    (tmp_path / fft).write_text(changed, encoding="utf-8")
    rows_of = [line for line in text[units].splitlines(keepends=True) if "| first |" in line]
    (tmp_path / units).write_text(text[units].replace(rows_of[0], ""), encoding="utf-8")
    assert tables.main(["--check", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "-| 8 | 7 | 5 | 2 | 2 |\n+| 8 | 7 | 6 | 2 | 2 |" in said
    assert f"+{rows_of[0]}" in said
    assert "no page has the table 'intervals'" in said
    tables.main([str(tmp_path)])
    assert {name: (tmp_path / name).read_text(encoding="utf-8") for name in text} == text


def test_the_table_of_units_has_all_cells():
    cells = {row[0] for row in rows(page("units")) if len(row) == 7} - {"cell"}
    assert cells == {described(d.cell) for d in designs()}
    for design in designs():
        for unit in units_for(design):
            for kept in unit.kept:
                assert f"after {kept.latency} cycles" in page("units")


def test_the_latencies_of_the_top():
    part = page("top").partition("`latencies(design)`")[2].partition("\n## ")[0]
    names = {r[0].strip("`") for r in rows(part)} - {"interval"}
    assert names == set(Latencies.__dataclass_fields__)
