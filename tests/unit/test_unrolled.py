"""Loops and arrays of MyHDL's Verilog written out for the compiled engine."""

from __future__ import annotations

from ernn_myhdl.engines.verilator.loop_unrolling import unrolled

MODULE = """\
module m (clk, bus, q);
reg signed [3:0] x [0:2-1];

initial begin: INITIALIZE_X
    integer i;
    for(i=0; i<2; i=i+1) begin
        x[i] = 0;
    end
end

wire signed [3:0] bus_elements [0:2-1];
reg [7:0] memory [0:4-1];

genvar cut_bus_elements;
generate
    for (cut_bus_elements = 0; cut_bus_elements < 2; cut_bus_elements = cut_bus_elements + 1)
        assign bus_elements[cut_bus_elements] = bus[4 * cut_bus_elements +: 4];
endgenerate

genvar join_x;
generate
    for (join_x = 0; join_x < 2; join_x = join_x + 1)
        assign q[4 * join_x +: 4] = x[join_x];
endgenerate

always @(posedge clk) begin: step
    integer i;
    for (i=0; i<(1 + 1); i=i+1) begin
        x[((2 * i) - i)] <= bus_elements[i];
    end
    memory[pointer] <= x[1];
end
endmodule
"""


def test_loops_and_arrays_are_written_out():
    assert (
        unrolled(MODULE)
        == """\
module m (clk, bus, q);
reg signed [3:0] x_e0 = 0;
reg signed [3:0] x_e1 = 0;


wire signed [3:0] bus_elements_e0;
wire signed [3:0] bus_elements_e1;
reg [7:0] memory [0:4-1];

assign bus_elements_e0 = bus[3:0];
assign bus_elements_e1 = bus[7:4];

assign q = {x_e1, x_e0};

always @(posedge clk) begin: step
    integer i;
        x_e0 <= bus_elements_e0;
        x_e1 <= bus_elements_e1;
    memory[pointer] <= x_e1;
end
endmodule
"""
    )


def test_an_array_with_a_variable_index_stays():
    text = MODULE.replace("x[1];", "x[pointer];")
    assert "reg signed [3:0] x [0:2-1];" in unrolled(text)
    assert "x[0] <= bus_elements_e0;" in unrolled(text)
