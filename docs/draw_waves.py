"""Timing diagrams of the streams, docs/waves-core.svg and docs/waves-packet.svg, from runs of a small core in MyHDL.

    python docs/draw_waves.py            simulates, writes the sources (WaveDrom, .json) and draws them; needs the package wavedrom
    python docs/draw_waves.py --check    exit code 1 if the sources are not those of a run, or a picture is not of its source

A cell in which nothing changes for long is left out, with WaveDrom's gap in its place. Values of tdata are those of the run, in hexadecimal.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from axi_bench import BusMaster, bench_netlist  # noqa: E402
from block_bench import Values, run_myhdl  # noqa: E402

from ernn_myhdl import RnnCell, new_network  # noqa: E402
from ernn_myhdl.host.registers import MODES  # noqa: E402
from ernn_myhdl.rtl.core.top import core  # noqa: E402

DOCS = Path(__file__).parent
BUS = 64
#: Cycles without a change that are drawn before a gap.
DRAWN = 2
#: x of two frames, each of two beats of four samples.
WORDS = ("0001000200030004", "0011001200130014", "0021002200230024", "0031003200330034")
FIELDS = ("tvalid", "tready", "tdata", "tlast")


def small_core():
    """Two beats of x and one of y a frame."""
    layer = new_network([RnnCell(8, 4, block=2)], lanes=2, samples_per_beat=4).layers[0]
    return replace(layer, name="small")


def core_run() -> tuple[list[Values], list[Values]]:
    """A sequence of two frames at the ports of the core; the sink waits once."""
    netlist = core(small_core())
    still = {n: 0 for n, p in netlist.ports.items() if p.direction == "in" and n != "clk"}

    def test() -> Iterator[Values]:
        yield still | {"rst": 1}
        beat, waits = 0, 2
        for _ in range(200):
            offered = beat < len(WORDS)
            inputs = still | {"s_axis_tvalid": int(offered), "m_axis_tready": int(waits == 0)}
            if offered:
                inputs |= {"s_axis_tdata": int(WORDS[beat], 16), "s_axis_tlast": beat % 2, "s_axis_tuser": int(beat == 0)}  # fmt: skip
            seen = yield inputs
            beat += offered and seen["s_axis_tready"]
            if seen["m_axis_tvalid"]:
                if waits == 0 and seen["m_axis_tuser"] == 0:
                    break
                waits = max(0, waits - 1)
        yield still
        yield still

    return run_myhdl(netlist, test)


def packet_run() -> tuple[list[Values], list[Values]]:
    """A packet of two frames, a whole sequence, at the ports of the AXI system."""
    bus = BusMaster(BUS)
    packet = b"".join(int(word, 16).to_bytes(BUS // 8, "little") for word in WORDS)

    def test() -> Iterator[Values]:
        yield from bus.reset(2)
        yield from bus.write("PACKET", MODES["sequence"])
        bus.send([packet])
        yield from bus.receive(1)
        yield from bus.wait(2)

    return run_myhdl(bench_netlist(small_core(), BUS), test)


#: Picture -> its run, the clock and the other signals, and what it shows.
PICTURES = {
    "waves-core": (core_run, "clk", ("s_axis_tuser", "m_axis_tuser"), "two frames of a sequence; the sink waits for two cycles"),
    "waves-packet": (packet_run, "aclk", ("irq",), "a packet of two frames with PACKET.mode 1"),
}  # fmt: skip


def source(name: str) -> dict:
    """WaveJSON of a picture, from its run."""
    run, clock, more, text = PICTURES[name]
    inputs, outputs = run()
    signals = [f"{s}_{f}" for s in ("s_axis", "m_axis") for f in FIELDS]
    at = len(signals) // 2
    signals = [*signals[:at], *(m for m in more if m.startswith("s_")), *signals[at:], *(m for m in more if not m.startswith("s_"))]  # fmt: skip
    rows = [{s: (i | o)[s] for s in signals} for i, o in zip(inputs, outputs, strict=True)]
    for row in rows:
        for stream in ("s_axis", "m_axis"):
            if not row[f"{stream}_tvalid"]:  # what is not offered has no meaning
                row |= {s: None for s in signals if s.startswith(stream) and s[7:] in ("tdata", "tlast", "tuser")}  # fmt: skip
    first = next(n for n, row in enumerate(rows) if row["s_axis_tvalid"]) - 1
    cells = _without_gaps(rows[max(0, first) :])
    waves = [{"name": clock, "wave": "p" + "".join("|" if c is None else "." for c in cells[1:])}]
    waves += [_wave(signal, cells) for signal in signals]
    return {"signal": waves, "head": {"text": text}, "config": {"hscale": 5}}


def _without_gaps(rows: list[Values]) -> list[Values | None]:
    """Cells of the picture; None for cycles that are left out, as nothing changes in them."""
    cells: list[Values | None] = []
    same = 0
    for n, row in enumerate(rows):
        same = same + 1 if n and row == rows[n - 1] else 0
        if same < DRAWN:
            cells.append(row)
        elif cells[-1] is not None:
            cells.append(None)
    return cells


def _wave(signal: str, cells: list[Values | None]) -> dict:
    wave, data, before = "", [], object()
    for cell in cells:
        if cell is None:
            wave += "|"
            continue
        value = cell[signal]
        if value == before:
            wave += "."
        elif value is None:
            wave += "x"
        elif signal.endswith("tdata"):
            wave += "="
            data.append(f"{value:0{BUS // 4}x}")
        else:
            wave += str(value)
        before = value
    return {"name": signal, "wave": wave} | ({"data": data} if data else {})


def text_of(made: dict) -> str:
    """The source as its file holds it, a line a signal."""
    lines = ",\n".join(f"    {json.dumps(s)}" for s in made["signal"])
    head, config = json.dumps(made["head"]), json.dumps(made["config"])
    return f'{{\n  "signal": [\n{lines}\n  ],\n  "head": {head},\n  "config": {config}\n}}\n'


def mark(text: str) -> str:
    """What a picture says of its source."""
    return f"<!-- of WaveJSON with SHA-256 {hashlib.sha256(text.encode()).hexdigest()} -->"


def differences() -> list[str]:
    """What has to be drawn again."""
    found = []
    for name in PICTURES:
        text = text_of(source(name))
        if (DOCS / f"{name}.json").read_text(encoding="utf-8") != text:
            found.append(f"{name}.json is not what the run gives")
        if mark(text) not in (DOCS / f"{name}.svg").read_text(encoding="utf-8"):
            found.append(f"{name}.svg is not of that source")
    return found


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        found = differences()
        for line in found:
            print(f"{line}: python docs/draw_waves.py")
        return int(bool(found))
    import wavedrom

    for name in PICTURES:
        text = text_of(source(name))
        (DOCS / f"{name}.json").write_text(text, encoding="utf-8")
        svg = wavedrom.render(text).tostring()
        # glyphs of the skin that no cell uses are most of the file
        svg = _used_only(svg)
        white = '<rect width="100%" height="100%" fill="white"/>'
        svg = re.sub(r"(<svg[^>]*>)", rf"\1{mark(text)}{white}", svg, count=1)
        (DOCS / f"{name}.svg").write_text(svg.replace("><", ">\n<") + "\n", encoding="utf-8")
    return 0


def _used_only(svg: str) -> str:
    """The picture without definitions that nothing refers to."""
    used = set(re.findall(r'href="#([^"]+)"', svg))
    skin, rest = svg.split("</defs>", 1)
    kept = re.sub(
        r'<g id="([^"]+)">.*?</g>', lambda m: m[0] if m[1] in used else "", skin, flags=re.S
    )
    return f"{kept}</defs>{rest}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
