"""Wide words of GHDL's Verilog divided into their elements for the compiled engine."""

from __future__ import annotations

from ernn_myhdl.engines.verilator.word_division import divided

ZERO = "0" * 72
MODULE = f"""\
module m
  (input  clk,
   input  en,
   input  [35:0] a,
   input  [71:0] b,
   output [71:0] q);
  reg [71:0] held;
  wire [71:0] n1_o;
  wire [71:0] n2_o; // mem_rd
  wire [71:0] n3_o;
  wire [35:0] n4_o;
  reg [71:0] n5_q;
  assign q = held;
  /* m.vhd:1:1  */
  always @*
    held = n5_q; // (isignal)
  initial
    held <= 72'b{ZERO};
  assign n1_o = {{a, b[35:0]}};
  assign n3_o = en ? n1_o : held;
  assign n4_o = held[71:36];
  always @(posedge clk)
    n5_q <= n3_o;
  initial
    n5_q <= 72'b{"1" + ZERO[1:]};
  part part_i (
    .source(held),
    .target(n2_o));
endmodule
"""


def test_words_are_divided_where_they_are_joined_or_taken_apart():
    low, high = "0" * 36, "1" + "0" * 35
    assert (
        divided(MODULE)
        == f"""\
module m
  (input  clk,
   input  en,
   input  [35:0] a,
   input  [71:0] b,
   output [71:0] q);
  wire [35:0] held_at_0;
  wire [35:0] held_at_36;
  wire [35:0] n1_o_at_0;
  wire [35:0] n1_o_at_36;
  wire [71:0] n2_o; // mem_rd
  wire [35:0] n3_o_at_0;
  wire [35:0] n3_o_at_36;
  wire [35:0] n4_o;
  reg [35:0] n5_q_at_0;
  reg [35:0] n5_q_at_36;
  assign q = {{held_at_36, held_at_0}};
  /* m.vhd:1:1  */
  assign held_at_0 = n5_q_at_0;
  assign held_at_36 = n5_q_at_36;
  assign n1_o_at_0 = b[35:0];
  assign n1_o_at_36 = a;
  assign n3_o_at_0 = en ? n1_o_at_0 : held_at_0;
  assign n3_o_at_36 = en ? n1_o_at_36 : held_at_36;
  assign n4_o = held_at_36;
  always @(posedge clk)
    n5_q_at_0 <= n3_o_at_0;
  initial
    n5_q_at_0 = 36'b{low};
  always @(posedge clk)
    n5_q_at_36 <= n3_o_at_36;
  initial
    n5_q_at_36 = 36'b{high};
  part part_i (
    .source({{held_at_36, held_at_0}}),
    .target(n2_o));
endmodule
"""
    )


def test_a_word_with_a_variable_index_or_of_another_form_stays():
    text = MODULE.replace("n4_o = held[71:36]", "n4_o = held[n2_o]")
    assert "  reg [71:0] held;\n" in divided(text) and "held_at" not in divided(text)
    assert "  assign n4_o = held[n2_o];\n" in divided(text)
    text = MODULE.replace("en ? n1_o : held", "n1_o ^ held")
    assert "  assign n3_o = {n1_o_at_36, n1_o_at_0} ^ {held_at_36, held_at_0};\n" in divided(text)


def test_parts_that_do_not_fill_a_word_leave_it_whole():
    text = MODULE.replace("{a, b[35:0]}", "{a, b[34:0]}")
    assert "  assign n1_o = {a, b[34:0]};\n" in divided(text)
