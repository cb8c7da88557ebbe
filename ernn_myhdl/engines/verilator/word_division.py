"""Verilog of GHDL's synthesis with its wide words divided into the elements that they are made of.

GHDL writes an array of VHDL as one word of all its elements. Of registers of some hundred bits that
are joined and taken apart again in every cycle Verilator makes long code, which takes g++ minutes.
Here a word is divided wherever it is joined from parts or a part of it is taken; so are the words that
it is copied to, chosen from, or registered in. What is a port, comes from an instance or is written in
any other way stays whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Words of up to so many bits are one number for the compiled model.
WIDEST = 64

_MODULE = re.compile(r"^module \w+\s*\(?.*?^endmodule\n", re.M | re.S)
_DECLARATION = re.compile(r"^  (?:reg|wire) \[(\d+):0\] (\w+);\n", re.M)
_ANY = re.compile(r"\b(?:reg|wire|input|output) +(?:\[(\d+):0\] )?(\w+)(?=[;,)])")
_OPERAND = r"(?:\d+'b[01]+|\w+(?:\[\d+(?::\d+)?\])?)"
_DEFINITIONS = (
    re.compile(rf"^  assign (?P<name>\w+) = \{{(?P<parts>{_OPERAND}(?:, {_OPERAND})*)\}};\n", re.M),
    re.compile(rf"^  assign (?P<name>\w+) = (?P<parts>{_OPERAND});(?: //[^\n]*)?\n", re.M),
    re.compile(
        rf"^  assign (?P<name>\w+) = (?P<choice>\w+) \? (?P<parts>{_OPERAND}) : (?P<other>{_OPERAND});\n",
        re.M,
    ),
    re.compile(
        r"^  always @\*\n    (?P<name>\w+) = (?P<parts>\w+); // \(isignal\)\n"
        r"  initial\n    (?P=name) <= \d+'b[01]+;\n",
        re.M,
    ),
    re.compile(
        r"^  always @\(posedge (?P<clock>\w+)\)\n    (?P<name>\w+) <= (?P<parts>\w+);\n"
        r"  initial\n    (?P=name) <= \d+'b(?P<start>[01]+);\n",
        re.M,
    ),
)


@dataclass(frozen=True)
class _Part:
    """Bits high .. low of a word, or of a constant, which is written as its digits."""

    word: str
    high: int
    low: int

    @property
    def bits(self) -> int:
        return self.high - self.low + 1


def divided(text: str) -> str:
    """The same modules with their wide words divided."""
    return _MODULE.sub(lambda module: _Module(module[0]).divided(), text)


class _Module:
    def __init__(self, text: str) -> None:
        self.text = text
        self.widths = {m[2]: int(m[1] or 0) + 1 for m in _ANY.finditer(text)}
        wide = {m[2] for m in _DECLARATION.finditer(text) if self.widths[m[2]] > WIDEST}
        self.definitions: dict[str, re.Match] = {}
        for form in _DEFINITIONS if wide else ():
            for match in form.finditer(text):
                if match["name"] in wide and self._fits(match):
                    self.definitions[match["name"]] = match
        self.cuts: dict[str, set[int]] = {}
        self.pieces: dict[str, list[_Part]] = {}

    def divided(self) -> str:
        self._drop_what_is_used_otherwise()
        self._find_cuts()
        self.pieces = {
            name: [_Part(name, high - 1, low) for low, high in zip(cuts, cuts[1:], strict=False)]
            for name, cuts in ((n, sorted(c)) for n, c in self.cuts.items())
            if len(cuts) > 2
        }
        if not self.pieces:
            return self.text
        written = {self.definitions[n].start(): n for n in self.pieces}
        out, at = [], 0
        for start in sorted(written):
            match = self.definitions[written[start]]
            out += [self._replaced(self.text[at:start]), self._defined(written[start], match)]
            at = match.end()
        return "".join(out) + self._replaced(self.text[at:])

    def _drop_what_is_used_otherwise(self) -> None:
        """Only words that are written once, as a whole, and read by constant indices are divided."""
        mentions: dict[str, list[tuple[str, str]]] = {name: [] for name in self.definitions}
        for match in re.finditer(r"\b(\w+)\b(\[[^\]]*\])?( <?= |\))?", self.text):
            if match[1] in mentions:
                mentions[match[1]].append((match[2] or "", match[3] or ""))
        for name, uses in mentions.items():
            writes = sum(after.strip() in ("=", "<=") for _, after in uses)
            allowed = 1 + ("initial" in self.definitions[name][0])
            plain = all(not index or re.fullmatch(r"\[\d+(:\d+)?\]", index) for index, _ in uses)
            if writes != allowed or not plain:
                del self.definitions[name]

    def _operands(self, parts: str) -> list[_Part]:
        """The parts that a text joins, the highest first."""
        found = []
        for part in parts.split(", "):
            if match := re.fullmatch(r"(\d+)'b([01]+)", part):
                found.append(_Part(match[2].zfill(int(match[1])), int(match[1]) - 1, 0))
            else:
                word = re.fullmatch(r"(\w+)(?:\[(\d+)(?::(\d+))?\])?", part)
                if word is None:
                    raise ValueError(f"{part!r}: is neither a constant nor a part of a word")
                name, high, low = word.groups()
                if high is None:
                    high, low = self.widths.get(name, 0) - 1, 0
                found.append(_Part(name, int(high), int(high if low is None else low)))
        return found

    def _sources(self, match: re.Match) -> list[list[_Part]]:
        """What a definition is made of: the parts that it joins; two words where it chooses."""
        return [self._operands(match[g]) for g in ("parts", "other") if match.groupdict().get(g)]

    def _fits(self, match: re.Match) -> bool:
        """Whether a definition gives a word all its bits and no more."""
        width = self.widths[match["name"]]
        return all(sum(p.bits for p in parts) == width for parts in self._sources(match))

    def _find_cuts(self) -> None:
        self.cuts = {name: {0, self.widths[name]} for name in self.definitions}
        for match in re.finditer(r"\b(\w+)\[(\d+)(?::(\d+))?\]", self.text):
            if match[1] in self.cuts:
                self.cuts[match[1]] |= {int(match[2]) + 1, int(match[3] or match[2])}
        joins = []  # a word, the lowest bit of a part in it, the part
        for name, match in self.definitions.items():
            for parts in self._sources(match):
                at = 0
                for part in reversed(parts):
                    joins.append((name, at, part))
                    at += part.bits
                    self.cuts[name].add(at)
        changed = True
        while changed:
            changed = False
            for name, at, part in joins:
                mine, theirs = self.cuts[name], self.cuts.get(part.word)
                if theirs is None:
                    continue
                inner = {c for c in theirs if part.low <= c <= part.high + 1}
                outer = {c - at + part.low for c in mine if at <= c <= at + part.bits}
                if inner != outer:
                    mine |= {c - part.low + at for c in inner}
                    theirs |= outer
                    changed = True

    def _text(self, part: _Part) -> str:
        """A part of a word, divided or not."""
        if part.word not in self.widths and re.fullmatch("[01]+", part.word):
            digits = part.word[::-1][part.low : part.high + 1][::-1]
            return f"{len(digits)}'b{digits}"
        if part.word in self.pieces:
            inside = [
                _name(p)
                for p in self.pieces[part.word]
                if p.low >= part.low and p.high <= part.high
            ]
            return inside[0] if len(inside) == 1 else f"{{{', '.join(reversed(inside))}}}"
        if part.bits == self.widths.get(part.word, 1):
            return part.word
        return f"{part.word}[{part.high}:{part.low}]"

    def _cut_out(self, parts: list[_Part], piece: _Part) -> str:
        """Of joined parts the bits of a piece."""
        found, at = [], 0
        for part in reversed(parts):
            low, high = max(piece.low, at), min(piece.high, at + part.bits - 1)
            if low <= high:
                found.append(_Part(part.word, high - at + part.low, low - at + part.low))
            at += part.bits
        texts = [self._text(part) for part in reversed(found)]
        return texts[0] if len(texts) == 1 else f"{{{', '.join(texts)}}}"

    def _defined(self, name: str, match: re.Match) -> str:
        """The definition of each piece of a word."""
        groups, sources, lines = match.groupdict(), self._sources(match), []
        for piece in self.pieces[name]:
            values = [self._cut_out(parts, piece) for parts in sources]
            target = _name(piece)
            if groups.get("clock"):
                start = self._cut_out([_Part(match["start"], self.widths[name] - 1, 0)], piece)
                lines.append(
                    f"  always @(posedge {match['clock']})\n    {target} <= {values[0]};\n"
                    f"  initial\n    {target} = {start};\n"
                )
            elif len(values) == 2:
                lines.append(
                    f"  assign {target} = {match['choice']} ? {values[0]} : {values[1]};\n"
                )
            else:
                lines.append(f"  assign {target} = {values[0]};\n")
        return "".join(lines)

    def _replaced(self, text: str) -> str:
        """Declarations and uses of the divided words."""

        def declare(match: re.Match) -> str:
            if match[2] not in self.pieces:
                return match[0]
            clocked = self.definitions[match[2]].groupdict().get("clock")
            kind = "reg" if clocked else "wire"
            return "".join(
                f"  {kind} [{p.bits - 1}:0] {_name(p)};\n" for p in self.pieces[match[2]]
            )

        def use(match: re.Match) -> str:
            if match[1] not in self.pieces:
                return match[0]
            return self._text(self._operands(match[0])[0])

        return re.sub(r"\b(\w+)\b(?:\[\d+(?::\d+)?\])?", use, _DECLARATION.sub(declare, text))


def _name(piece: _Part) -> str:
    return f"{piece.word}_at_{piece.low}"
