"""Verilog in which both sides of every assignment and comparison have the same width.

MyHDL leaves it to the rules of Verilog to extend and to cut words; lint tools warn of each place. The
sizes are written out here as casts, `16'(total)`, which change nothing of what is computed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_TOKEN = re.compile(
    r"\s*(\d*'[sS]?[bBdDhH][0-9a-fA-F]+|\d+|\$?[A-Za-z_]\w*"
    r"|<<<|>>>|<<|>>|<=|>=|==|!=|&&|\|\||\+:|[-+*/%&|^~!<>?:(){}\[\],])"
)
_NUMBER = r"[\d ()+*-]+?"
_DECLARATION = re.compile(
    rf"^ *(?:input|output|wire|reg|integer)\b(?P<sign> signed)?(?: \[(?P<high>{_NUMBER}):0\])? "
    rf"(?P<name>\w+)(?: \[0:(?P<last>{_NUMBER})\])?(?: = [^;]+)?;$",
    re.M,
)
_ASSIGNMENT = re.compile(
    r"^(?P<before> *(?:(?:\d+|default): )?(?:assign )?)(?P<left>\w[^=;]*?) (?P<sign><?=) (?P<right>[^;]+);$"
)
_CONDITION = re.compile(r"^(?P<before> *(?:else )?if )\((?P<test>.+)\) begin$")
_PROCESS = re.compile(r"^always.*?^end$", re.M | re.S)
_LEVELS = (("||",), ("&&",), ("|",), ("^",), ("&",), ("==", "!="), ("<", "<=", ">", ">="),
           ("<<", ">>", "<<<", ">>>"), ("+", "-"), ("*", "/", "%"))  # fmt: skip


@dataclass(frozen=True)
class _Kind:
    """Of a declared name: bits of a word, whether it is signed, whether there are several words."""

    bits: int
    signed: bool
    array: bool


@dataclass
class _Value:
    """An expression: bits by itself (0 of a number without a size), and its text in a context of `bits`."""

    bits: int
    signed: bool
    written: Callable[[int, bool], str]

    @property
    def text(self) -> str:
        return self.written(self.bits, self.signed)

    @property
    def truth(self) -> str:
        """As a condition of one bit."""
        return self.text if self.bits <= 1 else f"({self.text} != 0)"


def with_widths(text: str) -> str:
    """The same module with its sizes written out."""
    names = _declared(_PROCESS.sub("", text))
    text = _PROCESS.sub(lambda p: _lines(p[0], names | _declared(p[0])), text)
    outside = _PROCESS.split(text)
    processes = _PROCESS.findall(text)
    parts = [_lines(outside[0], names)]
    for process, after in zip(processes, outside[1:], strict=True):
        parts += [process, _lines(after, names)]
    return "".join(parts)


def _number(text: str) -> int:
    return int(eval(text, {"__builtins__": {}}))


def _folded(text: str) -> str:
    """A sum of numbers as one."""
    return str(_number(text)) if re.fullmatch(r"[\d ()+*-]+", text) else text


def _declared(text: str) -> dict[str, _Kind]:
    found = {}
    for match in _DECLARATION.finditer(text):
        if match[0].lstrip().startswith("integer"):
            found[match["name"]] = _Kind(32, True, False)
            continue
        bits = _number(match["high"]) + 1 if match["high"] else 1
        known = found.get(match["name"])
        signed = bool(match["sign"]) or (known is not None and known.signed)
        found[match["name"]] = _Kind(bits, signed, match["last"] is not None)
    return found


def _lines(text: str, names: dict[str, _Kind]) -> str:
    return "\n".join(_line(line, names) for line in text.split("\n"))


def _line(line: str, names: dict[str, _Kind]) -> str:
    try:
        if match := _CONDITION.match(line):
            test = _Parser(match["test"], names).whole().truth
            return f"{match['before']}({_bare(test)}) begin"
        if match := _ASSIGNMENT.match(line):
            target = _Parser(match["left"], names).whole()
            value = _Parser(match["right"], names).whole()
            bits = max(target.bits, value.bits)
            right = value.written(bits, value.signed)
            if bits > target.bits:
                right = f"{target.bits}'({_bare(right)})"
            return f"{match['before']}{match['left']} {match['sign']} {right};"
    except _UnknownForm:
        pass  # declarations, parameters, generate statements
    return line


class _UnknownForm(Exception):
    """The text is no expression over declared names."""


def _bare(text: str) -> str:
    """Without parentheses around all of it."""
    if not (text.startswith("(") and text.endswith(")")):
        return text
    depth = 0
    for i, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if depth == 0 and i < len(text) - 1:
            return text
    return text[1:-1]


def _fixed(text: str, bits: int, signed: bool) -> _Value:
    """A value whose own parts do not depend on its context."""

    def written(context: int, context_signed: bool) -> str:
        if context <= bits:
            return text
        return (
            f"{context}'({_bare(text) if context_signed or not signed else f'$unsigned({text})'})"
        )

    return _Value(bits, signed, written)


class _Parser:
    """Of one expression."""

    def __init__(self, text: str, names: dict[str, _Kind]) -> None:
        self.names, self.tokens, at = names, [], 0
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise _UnknownForm(text)
            self.tokens.append(match[1])
            at = match.end()
        self.at = 0

    def whole(self) -> _Value:
        value = self.choice()
        if self.at != len(self.tokens):
            raise _UnknownForm
        return value

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, wanted: str = "") -> str:
        token = self.peek()
        if not token or (wanted and token != wanted):
            raise _UnknownForm
        self.at += 1
        return token

    def choice(self) -> _Value:
        test = self.operation(0)
        if self.peek() != "?":
            return test
        self.take("?")
        first = self.choice()
        self.take(":")
        second = self.choice()
        bits, signed = max(first.bits, second.bits), first.signed and second.signed
        return _Value(
            bits,
            signed,
            lambda b, s: f"({test.truth} ? {first.written(b, s)} : {second.written(b, s)})",
        )

    def operation(self, level: int) -> _Value:
        if level == len(_LEVELS):
            return self.unary()
        left = self.operation(level + 1)
        while self.peek() in _LEVELS[level]:
            left = self.joined(left, self.take(), self.operation(level + 1))
        return left

    def joined(self, a: _Value, sign: str, b: _Value) -> _Value:
        bits, signed = max(a.bits, b.bits), a.signed and b.signed
        if sign in ("&&", "||"):
            return _fixed(f"({a.truth} {sign} {b.truth})", 1, False)
        if sign in ("==", "!=", "<", "<=", ">", ">="):
            text = f"({a.written(bits, signed)} {sign} {b.written(bits, signed)})"
            return _fixed(text, 1, False)
        if sign in ("<<", ">>", "<<<", ">>>"):
            return _Value(a.bits, a.signed, lambda c, s: f"({a.written(c, s)} {sign} {b.text})")
        if sign in ("*", "/", "%"):  # a product of short words is what a multiplier takes
            return _Value(bits, signed, lambda c, s: f"({a.text} {sign} {b.text})")
        return _Value(bits, signed, lambda c, s: f"({a.written(c, s)} {sign} {b.written(c, s)})")

    def unary(self) -> _Value:
        sign = self.peek()
        if sign == "!":
            self.take()
            return _fixed(f"(!{self.unary().truth})", 1, False)
        if sign in ("-", "~"):
            self.take()
            value = self.unary()
            return _Value(value.bits, value.signed, lambda c, s: f"({sign}{value.written(c, s)})")
        return self.indexed()

    def indexed(self) -> _Value:
        token = self.take()
        if token == "(":
            value = self.choice()
            self.take(")")
            return value
        if token == "{":
            return self.joined_parts()
        if token in ("$signed", "$unsigned"):
            self.take("(")
            value = self.choice()
            self.take(")")
            return _fixed(f"{token}({_bare(value.text)})", value.bits, token == "$signed")
        if token.isdigit():
            return _Value(0, True, lambda c, s: token)
        if "'" in token:
            size, kind = token.split("'")
            return _fixed(token, int(size or 32), kind[0] in "sS")
        if token not in self.names:
            raise _UnknownForm(token)
        return self.selected(token, self.names[token])

    def selected(self, text: str, kind: _Kind) -> _Value:
        bits, signed, array = kind.bits, kind.signed, kind.array
        while self.peek() == "[":
            self.take()
            first = self.choice().text
            if self.peek() in (":", "+:"):
                between = self.take()
                second = self.choice().text
                try:
                    bits = _number(f"{first} - {second} + 1" if between == ":" else second)
                except (NameError, SyntaxError) as error:
                    raise _UnknownForm from error
                first = _folded(first)
                second, signed = _folded(second), False
                text = f"{text}[{first}{between}{second}]"
            else:
                text = f"{text}[{first}]"
                if not array:
                    bits, signed = 1, False
                array = False
            self.take("]")
        if array:
            raise _UnknownForm
        return _fixed(text, bits, signed)

    def joined_parts(self) -> _Value:
        first = self.choice()
        if self.peek() == "{":  # repeated
            self.take()
            part = self.choice()
            self.take("}")
            self.take("}")
            count = _number(first.text)
            return _fixed(f"{{{first.text}{{{part.text}}}}}", count * part.bits, False)
        parts = [first]
        while self.peek() == ",":
            self.take()
            parts.append(self.choice())
        self.take("}")
        return _fixed(f"{{{', '.join(p.text for p in parts)}}}", sum(p.bits for p in parts), False)
