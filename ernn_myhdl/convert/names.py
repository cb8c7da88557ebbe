"""Names in the converted files: each begins with that of the core, and none is a keyword.

All that is written has CORE where the name of the core will stand; it is put in last, so what is
converted once serves cores of any name.
"""

from __future__ import annotations

import re

from ernn_myhdl.errors import DesignError, ToolError

#: Stands for the name of the core and an underscore in what is written.
CORE = "CORE_NAME_"
#: Longest name of a core: files and entities have it in front of their own.
MOST_LETTERS = 64


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


VHDL = _words("""
abs access after alias all and architecture array assert assume assume_guarantee attribute begin block
body buffer bus case component configuration constant context cover default disconnect downto else elsif
end entity exit fairness file for force function generate generic group guarded if impure in inertial
inout is label library linkage literal loop map mod nand new next nor not null of on open or others out
package parameter port postponed procedure process property protected pure range record register reject
release rem report restrict restrict_guarantee return rol ror select sequence severity shared signal sla
sll sra srl strong subtype then to transport type unaffected units until use variable vmode vprop vunit
wait when while with xnor xor
""")

VERILOG = _words("""
always and assign automatic begin buf bufif0 bufif1 case casex casez cell cmos config deassign default
defparam design disable edge else end endcase endconfig endfunction endgenerate endmodule endprimitive
endspecify endtable endtask event for force forever fork function generate genvar highz0 highz1 if ifnone
incdir include initial inout input instance integer join large liblist library localparam macromodule
medium module nand negedge nmos nor noshowcancelled not notif0 notif1 or output parameter pmos posedge
primitive pull0 pull1 pulldown pullup pulsestyle_ondetect pulsestyle_onevent rcmos real realtime reg
release repeat rnmos rpmos rtran rtranif0 rtranif1 scalared showcancelled signed small specify specparam
strong0 strong1 supply0 supply1 table task time tran tranif0 tranif1 tri tri0 tri1 triand trior trireg
unsigned use uwire vectored wait wand weak0 weak1 while wire wor xnor xor
""")

SYSTEM_VERILOG = VERILOG | _words("""
accept_on alias always_comb always_ff always_latch assert assume before bind bins binsof bit break byte
chandle checker class clocking const constraint context continue cover covergroup coverpoint cross dist
do endchecker endclass endclocking endgroup endinterface endpackage endprogram endproperty endsequence
enum eventually expect export extends extern final first_match foreach forkjoin global iff ignore_bins
illegal_bins implements implies import inside int interconnect interface intersect join_any join_none let
local logic longint matches modport nettype new nexttime null package packed priority program property
protected pure rand randc randcase randsequence ref reject_on restrict return s_always s_eventually
s_nexttime s_until s_until_with sequence shortint shortreal soft solve static string strong struct super
sync_accept_on sync_reject_on tagged this throughout timeprecision timeunit type typedef union unique
unique0 until until_with untyped var virtual void wait_order weak wildcard with within
""")

#: Language -> its keywords. VHDL does not distinguish small letters and capitals.
KEYWORDS = {"VHDL-2008": VHDL, "Verilog-2005": VERILOG, "SystemVerilog-2017": SYSTEM_VERILOG}

_VHDL_DECLARED = re.compile(
    r"^\s*(?:entity|architecture|package(?! body)|component|signal|constant|variable|type|shared variable|alias) "
    r"((?:\w+)(?:, \w+)*)|^\s*(\w+): (?:process|entity|component|for|if|block)\b"
    r"|^\s*((?:\w+)(?:, \w+)*) ?: (?:in|out|inout) ",
    re.M,
)
_VERILOG_DECLARED = re.compile(
    r"^\s*(?:\(\*.*?\*\) )?(?:module|genvar|integer|localparam|parameter|wire|reg|input|output|inout)\b"
    r"(?: wire| reg| signed| integer)*(?: \[[^]]+\])* (\w+)|\bbegin ?: ?(\w+)|^\s+\w+ (?:#\(.*?\) )?(\w+) \(\.",
    re.M,
)


def check_name(name: str) -> None:
    """DesignError for a name of a core that its files cannot have."""
    if len(name) > MOST_LETTERS:
        raise DesignError(
            f"name = {name[:20]!r}... of {len(name)} letters: must have at most {MOST_LETTERS}, since "
            "every file and entity begins with it; give --name"
        )


def languages_with(name: str) -> list[str]:
    """The languages that have the name as a keyword."""
    return [language for language, words in KEYWORDS.items() if name.lower() in words]


def named(text: str, prefix: str, where: str = "") -> str:
    """The text with the name of the core put in; ToolError where it declares a keyword of any language."""
    text = text.replace(CORE, prefix)
    for name in declared_names(text):
        if found := languages_with(name):
            raise ToolError(
                f"conversion: {where or 'a file'} declares {name}, a keyword of {found[0]}"
            )
    return text


def declared_names(text: str) -> set[str]:
    """Names that a file of VHDL or Verilog declares."""
    code = re.sub(r"--.*|//.*|/\*.*?\*/", "", text)
    form = _VERILOG_DECLARED if re.search(r"^\s*module ", code, re.M) else _VHDL_DECLARED
    groups = (group for match in form.findall(code) for group in match if group)
    return {name for group in groups for name in group.split(", ")}
