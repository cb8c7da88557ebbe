"""What the test benches have for a core whose weights are loaded: an image is sent, and x waits for it.

The image is a file of one 32-bit word a line, `<last> <hex>`. It is sent behind the first LOAD_AFTER frames of x: to a core of one bank when
their y has come, to one of two at once. x goes on when weights_status tells that it is accepted. With LOAD_AFTER = 0 none is sent.
"""

from __future__ import annotations

from ernn_myhdl.convert.bench_sequences import frames_before_load
from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.hdl.stream_port import SINK, WEIGHTS

#: File of the bench, behind the name of the core.
IMAGE = "weights.txt"
_DATA, _LAST, _VALID, _READY = (f"{WEIGHTS}_{f}" for f in ("tdata", "tlast", "tvalid", "tready"))
STATUS = "weights_status"


def image_lines(words: list[int]) -> str:
    """The file of an image."""
    last = len(words) - 1
    return "".join(f"{int(i == last)} {word:08X}\n" for i, word in enumerate(words))


def _begins(core: CoreSpecification) -> str:
    """Frames of y before the image, as the benches count them."""
    if core.layers[0].hardware.weight_banks > 1:
        return "0"
    sent, made = frames_before_load(core)
    return "LOAD_AFTER" if sent == made else str(made)


def vhdl_generics(core: CoreSpecification) -> str:
    """Generics of the VHDL bench."""
    return (
        f'        WEIGHTS_FILE : string := "{core.name}_{IMAGE}"; -- image of {WEIGHTS}: last tdata\n'
        f"        LOAD_AFTER : natural := {frames_before_load(core)[0]}; -- frames of x before it; 0: none is sent\n"
    )


def vhdl_signals() -> str:
    """Declarations."""
    return f"""\
    signal {_VALID}, {_LAST}, {_READY} : std_logic := '0';
    signal {_DATA} : std_logic_vector(31 downto 0) := (others => '0');
    signal {STATUS} : std_logic_vector(7 downto 0);
    signal frames_sent, frames_got : natural := 0;
    signal image_taken : boolean := false;
"""


def vhdl_connections() -> str:
    """Lines of the port map."""
    names = (_VALID, _READY, _DATA, _LAST, STATUS)
    return f"            {', '.join(f'{name} => {name}' for name in names)},\n"


#: Whether x may go on.
VHDL_MAY = f' and (LOAD_AFTER = 0 or frames_sent < LOAD_AFTER or (image_taken and {STATUS}(1 downto 0) = 2b"10"))'
VERILOG_MAY = (
    f" && (LOAD_AFTER == 0 || frames_sent < LOAD_AFTER || (image_taken && {STATUS}[1:0] == 2))"
)


def vhdl_process(core: CoreSpecification) -> str:
    """The process that sends the image, and the counts of frames."""
    return f"""\
    weights: process (clk) is
        file image : text;
        variable text_line : line;
        variable last : bit;
        variable data : std_logic_vector(31 downto 0);
        variable opened, offered : boolean := false;
    begin
        if rising_edge(clk) then
            if {SINK}_tvalid = '1' and {SINK}_tready = '1' and {SINK}_tlast = '1' then
                frames_got <= frames_got + 1;
            end if;
            if {_VALID} = '1' and {_READY} = '1' then
                offered := false;
                image_taken <= {_LAST} = '1';
                {_VALID} <= '0';
            end if;
            if rst = '0' and LOAD_AFTER > 0 and frames_sent > 0 and frames_got >= {_begins(core)} and not offered then
                if not opened then
                    file_open(image, WEIGHTS_FILE, read_mode);
                    opened := true;
                end if;
                if not endfile(image) then
                    readline(image, text_line);
                    read(text_line, last);
                    hread(text_line, data);
                    {_LAST} <= to_stdulogic(last);
                    {_DATA} <= data;
                    {_VALID} <= '1';
                    offered := true;
                end if;
            end if;
        end if;
    end process weights;

"""


def verilog_parameters(core: CoreSpecification) -> str:
    """Parameters of the Verilog bench, and its signals."""
    return f"""\
    parameter WEIGHTS_FILE = "test_bench/{core.name}_{IMAGE}"; // image of {WEIGHTS}: last tdata
    parameter integer LOAD_AFTER = {frames_before_load(core)[0]}; // frames of x before it; 0: none is sent
    reg {_VALID} = 0, {_LAST} = 0, image_taken = 0;
    reg [31:0] {_DATA} = 0;
    wire {_READY};
    wire [7:0] {STATUS};
    integer frames_sent = 0, frames_got = 0;
"""


#: Ports of the core that the bench connects beside those of x and y.
PORTS = (_VALID, _READY, _DATA, _LAST, STATUS)


def verilog_process(core: CoreSpecification) -> str:
    """The process that sends the image, and the count of frames of y."""
    return f"""\
    always @(posedge clk) begin: weights
        integer image, last;
        reg [31:0] data;
        reg opened, offered;
        if (cycle == -4) begin
            opened = 0;
            offered = 0;
        end
        if (!rst && {SINK}_tvalid && {SINK}_tready && {SINK}_tlast) frames_got <= frames_got + 1;
        if ({_VALID} && {_READY}) begin
            offered = 0;
            image_taken <= {_LAST};
            {_VALID} <= 0;
        end
        if (!rst && LOAD_AFTER > 0 && frames_sent > 0 && frames_got >= {_begins(core)} && !offered) begin
            if (!opened) image = $fopen(WEIGHTS_FILE, "r");
            opened = 1;
            if ($fscanf(image, "%d %h", last, data) == 2) begin
                {_LAST} <= last[0];
                {_DATA} <= data;
                {_VALID} <= 1;
                offered = 1;
            end
        end
    end

"""


#: What a process that sends x does with a beat, to count frames.
VHDL_COUNT = """\
                    if last = '1' then
                        frames_sent <= frames_sent + 1;
                    end if;
"""
VERILOG_COUNT = "if (last != 0) frames_sent <= frames_sent + 1;"
