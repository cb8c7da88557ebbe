// MULT18X18D of ECP5 for simulation, after Lattice FPGA-TN-02205 (ECP5 and ECP5-5G sysDSP Usage Guide) and the
// list of its ports and parameters in Yosys, which has no model of it. What our netlists use: two operands of
// 18 bits, with or without a sign, a register at each operand and at the product, each with a clock, an enable
// and a reset of its own, synchronous or not. The pre-adder's input C, the shift chains and the pipeline register
// are not modelled: REG_PIPELINE_CLK other than "NONE", or an operand from a chain, stops the simulation.
/* verilator lint_off UNUSED */
/* verilator lint_off DECLFILENAME */
module MULT18X18D #(
    parameter REG_INPUTA_CLK = "NONE", parameter REG_INPUTA_CE = "CE0", parameter REG_INPUTA_RST = "RST0",
    parameter REG_INPUTB_CLK = "NONE", parameter REG_INPUTB_CE = "CE0", parameter REG_INPUTB_RST = "RST0",
    parameter REG_INPUTC_CLK = "NONE", parameter REG_INPUTC_CE = "CE0", parameter REG_INPUTC_RST = "RST0",
    parameter REG_PIPELINE_CLK = "NONE", parameter REG_PIPELINE_CE = "CE0", parameter REG_PIPELINE_RST = "RST0",
    parameter REG_OUTPUT_CLK = "NONE", parameter REG_OUTPUT_CE = "CE0", parameter REG_OUTPUT_RST = "RST0",
    parameter CLK0_DIV = "ENABLED", parameter CLK1_DIV = "ENABLED", parameter CLK2_DIV = "ENABLED",
    parameter CLK3_DIV = "ENABLED", parameter HIGHSPEED_CLK = "NONE", parameter GSR = "ENABLED",
    parameter CAS_MATCH_REG = "FALSE", parameter SOURCEB_MODE = "B_SHIFT", parameter MULT_BYPASS = "DISABLED",
    parameter RESETMODE = "SYNC"
) (
    input wire A0, A1, A2, A3, A4, A5, A6, A7, A8, A9, A10, A11, A12, A13, A14, A15, A16, A17,
    input wire B0, B1, B2, B3, B4, B5, B6, B7, B8, B9, B10, B11, B12, B13, B14, B15, B16, B17,
    input wire C0, C1, C2, C3, C4, C5, C6, C7, C8, C9, C10, C11, C12, C13, C14, C15, C16, C17,
    input wire SIGNEDA, SIGNEDB, SOURCEA, SOURCEB,
    input wire CLK0, CLK1, CLK2, CLK3, CE0, CE1, CE2, CE3, RST0, RST1, RST2, RST3,
    output wire P0, P1, P2, P3, P4, P5, P6, P7, P8, P9, P10, P11, P12, P13, P14, P15, P16, P17,
    output wire P18, P19, P20, P21, P22, P23, P24, P25, P26, P27, P28, P29, P30, P31, P32, P33, P34, P35
);
    wire [17:0] a = {A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0};
    wire [17:0] b = {B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0};
    wire [17:0] a_used, b_used;
    wire [35:0] product, shown;
    wire signed [35:0] a_wide = {{18{SIGNEDA & a_used[17]}}, a_used};
    wire signed [35:0] b_wide = {{18{SIGNEDB & b_used[17]}}, b_used};
    assign product = a_wide * b_wide;
    assign {P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18,
            P17, P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0} = shown;
    ernn_ecp5_dsp_register #(18, REG_INPUTA_CLK, REG_INPUTA_CE, REG_INPUTA_RST, RESETMODE) register_a
        (CLK0, CLK1, CLK2, CLK3, CE0, CE1, CE2, CE3, RST0, RST1, RST2, RST3, a, a_used);
    ernn_ecp5_dsp_register #(18, REG_INPUTB_CLK, REG_INPUTB_CE, REG_INPUTB_RST, RESETMODE) register_b
        (CLK0, CLK1, CLK2, CLK3, CE0, CE1, CE2, CE3, RST0, RST1, RST2, RST3, b, b_used);
    ernn_ecp5_dsp_register #(36, REG_OUTPUT_CLK, REG_OUTPUT_CE, REG_OUTPUT_RST, RESETMODE) register_p
        (CLK0, CLK1, CLK2, CLK3, CE0, CE1, CE2, CE3, RST0, RST1, RST2, RST3, product, shown);
    initial if (REG_PIPELINE_CLK != "NONE") begin
        $display("MULT18X18D: REG_PIPELINE_CLK = %s is not modelled", REG_PIPELINE_CLK);
        $finish;
    end
    always @(SOURCEA or SOURCEB) if (SOURCEA === 1'b1 || SOURCEB === 1'b1) begin
        $display("MULT18X18D: operands from a chain are not modelled");
        $finish;
    end
endmodule

// One register of a multiplier, or none of it; it starts at zero.
module ernn_ecp5_dsp_register #(
    parameter WIDTH = 18, parameter CLK = "NONE", parameter CE = "CE0", parameter RST = "RST0",
    parameter RESETMODE = "SYNC"
) (
    input wire CLK0, CLK1, CLK2, CLK3, CE0, CE1, CE2, CE3, RST0, RST1, RST2, RST3,
    input wire [WIDTH - 1:0] d,
    output wire [WIDTH - 1:0] q
);
    wire clock = CLK == "CLK3" ? CLK3 : CLK == "CLK2" ? CLK2 : CLK == "CLK1" ? CLK1 : CLK0;
    wire enable = CE == "CE3" ? CE3 : CE == "CE2" ? CE2 : CE == "CE1" ? CE1 : CE0;
    wire reset = RST == "RST3" ? RST3 : RST == "RST2" ? RST2 : RST == "RST1" ? RST1 : RST0;
    reg [WIDTH - 1:0] held = 0;
    assign q = CLK == "NONE" ? d : held;
    generate
        if (RESETMODE == "ASYNC") begin : asynchronous
            always @(posedge clock or posedge reset) if (reset) held <= 0; else if (enable) held <= d;
        end else begin : synchronous
            always @(posedge clock) if (reset) held <= 0; else if (enable) held <= d;
        end
    endgenerate
endmodule
