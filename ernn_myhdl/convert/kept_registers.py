"""Attributes on registers that synthesis must not merge with others that hold the same.

Yosys merges cells, so what it honours is an attribute of the process that makes them; that of a signal only keeps a net.
Vivado honours those of signals: `keep` while it synthesises, `dont_touch` from then on.
"""

from __future__ import annotations

import re

from ernn_myhdl.convert.layout import statement

#: In VHDL, both of the value "true".
ATTRIBUTES = ("keep", "dont_touch")
#: A space at which no line is broken.
UNBROKEN = "\N{NO-BREAK SPACE}"
_VHDL_PROCESS = re.compile(r"process \(clk\) is\n.*?end process", re.S)
_VERILOG_PROCESS = re.compile(r"^always @\(posedge clk\) begin.*?^end$", re.M | re.S)
_TARGET = re.compile(r"\b(\w+)(?:\([^()]*\)|\[[^][]*\])? <= ")


def kept_registers(text: str, hdl: str) -> str:
    """The text of an entity or module with the attributes on all that its clocked processes drive."""
    return _vhdl(text) if hdl == "VHDL" else _verilog(text)


def _driven(processes: re.Pattern[str], text: str) -> list[str]:
    """Names of the registers, in the order in which they are driven."""
    found = [name for process in processes.findall(text) for name in _TARGET.findall(process)]
    return list(dict.fromkeys(found))


def _vhdl(text: str) -> str:
    """An attribute is declared in the entity, which also says what it is of ports; of inner signals the architecture does."""
    names = _driven(_VHDL_PROCESS, text)
    inner = set(re.findall(r"\w+", " ".join(re.findall(r"^signal ([^:]+):", text, re.M))))
    declared = "".join(f"    attribute {attribute}: string;\n" for attribute in ATTRIBUTES)
    ports = declared + _attributes([name for name in names if name not in inner], 4)
    text = re.sub(r"^end entity", f"{ports}end entity", text, count=1, flags=re.M)
    signals = _attributes([name for name in names if name in inner], 0)
    head, begin, body = text.partition("\nbegin\n")
    return f"{head}{signals and chr(10)}{signals}{begin}{body}"


def _attributes(names: list[str], indent: int) -> str:
    """What the attributes of these signals are."""
    if not names:
        return ""
    # no line may begin with "signal", as a declaration does: the end of the statement stays in one piece
    end = f'{names[-1]}: signal is "true";'.replace(" ", UNBROKEN)
    of = ", ".join([*names[:-1], end])
    lines = [line for a in ATTRIBUTES for line in statement(f"attribute {a} of {of}", indent)]
    return "".join(f"{line}\n" for line in lines).replace(UNBROKEN, " ")


def _verilog(text: str) -> str:
    names = "|".join(_driven(_VERILOG_PROCESS, text))
    text = re.sub(
        rf"^(reg (?:signed )?(?:\[[^]]+\] )?(?:{names})\b)",
        r'(* keep = "true", dont_touch = "true" *) \1', text, flags=re.M,
    )  # fmt: skip
    return re.sub(r"^always @\(posedge clk\)", "(* keep *) always @(posedge clk)", text, flags=re.M)
