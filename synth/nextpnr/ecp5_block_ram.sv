// DP16KD of ECP5 for simulation, after Lattice FPGA-TN-02204 (ECP5 and ECP5-5G Memory Usage Guide) and the list of its
// ports and parameters in Yosys, which has no model of it. What our netlists use: 18,432 bits with two ports of 1, 2, 4, 9 or 18
// bits, or one that writes and one that reads 36; clocks of either edge, enables, byte enables, resets of the outputs, contents from
// the start. The output registers and chip selects are not modelled: where a netlist has one, the simulation stops. A word that one port writes and the other reads at the same edge is read as it was, which the device does not promise.
/* verilator lint_off UNUSED */
/* verilator lint_off DECLFILENAME */
module DP16KD #(
    parameter [319:0] INITVAL_00 = 0, parameter [319:0] INITVAL_01 = 0,
    parameter [319:0] INITVAL_02 = 0, parameter [319:0] INITVAL_03 = 0,
    parameter [319:0] INITVAL_04 = 0, parameter [319:0] INITVAL_05 = 0,
    parameter [319:0] INITVAL_06 = 0, parameter [319:0] INITVAL_07 = 0,
    parameter [319:0] INITVAL_08 = 0, parameter [319:0] INITVAL_09 = 0,
    parameter [319:0] INITVAL_0A = 0, parameter [319:0] INITVAL_0B = 0,
    parameter [319:0] INITVAL_0C = 0, parameter [319:0] INITVAL_0D = 0,
    parameter [319:0] INITVAL_0E = 0, parameter [319:0] INITVAL_0F = 0,
    parameter [319:0] INITVAL_10 = 0, parameter [319:0] INITVAL_11 = 0,
    parameter [319:0] INITVAL_12 = 0, parameter [319:0] INITVAL_13 = 0,
    parameter [319:0] INITVAL_14 = 0, parameter [319:0] INITVAL_15 = 0,
    parameter [319:0] INITVAL_16 = 0, parameter [319:0] INITVAL_17 = 0,
    parameter [319:0] INITVAL_18 = 0, parameter [319:0] INITVAL_19 = 0,
    parameter [319:0] INITVAL_1A = 0, parameter [319:0] INITVAL_1B = 0,
    parameter [319:0] INITVAL_1C = 0, parameter [319:0] INITVAL_1D = 0,
    parameter [319:0] INITVAL_1E = 0, parameter [319:0] INITVAL_1F = 0,
    parameter [319:0] INITVAL_20 = 0, parameter [319:0] INITVAL_21 = 0,
    parameter [319:0] INITVAL_22 = 0, parameter [319:0] INITVAL_23 = 0,
    parameter [319:0] INITVAL_24 = 0, parameter [319:0] INITVAL_25 = 0,
    parameter [319:0] INITVAL_26 = 0, parameter [319:0] INITVAL_27 = 0,
    parameter [319:0] INITVAL_28 = 0, parameter [319:0] INITVAL_29 = 0,
    parameter [319:0] INITVAL_2A = 0, parameter [319:0] INITVAL_2B = 0,
    parameter [319:0] INITVAL_2C = 0, parameter [319:0] INITVAL_2D = 0,
    parameter [319:0] INITVAL_2E = 0, parameter [319:0] INITVAL_2F = 0,
    parameter [319:0] INITVAL_30 = 0, parameter [319:0] INITVAL_31 = 0,
    parameter [319:0] INITVAL_32 = 0, parameter [319:0] INITVAL_33 = 0,
    parameter [319:0] INITVAL_34 = 0, parameter [319:0] INITVAL_35 = 0,
    parameter [319:0] INITVAL_36 = 0, parameter [319:0] INITVAL_37 = 0,
    parameter [319:0] INITVAL_38 = 0, parameter [319:0] INITVAL_39 = 0,
    parameter [319:0] INITVAL_3A = 0, parameter [319:0] INITVAL_3B = 0,
    parameter [319:0] INITVAL_3C = 0, parameter [319:0] INITVAL_3D = 0,
    parameter [319:0] INITVAL_3E = 0, parameter [319:0] INITVAL_3F = 0,
    parameter DATA_WIDTH_A = 18, parameter DATA_WIDTH_B = 18,
    parameter REGMODE_A = "NOREG", parameter REGMODE_B = "NOREG", parameter RESETMODE = "SYNC",
    parameter ASYNC_RESET_RELEASE = "SYNC", parameter CSDECODE_A = "0b000", parameter CSDECODE_B = "0b000",
    parameter WRITEMODE_A = "NORMAL", parameter WRITEMODE_B = "NORMAL", parameter GSR = "ENABLED",
    parameter INIT_DATA = "STATIC", parameter WID = 0, parameter CLKAMUX = "CLKA", parameter CLKBMUX = "CLKB"
) (
    input wire DIA0, DIA1, DIA2, DIA3, DIA4, DIA5, DIA6, DIA7, DIA8, DIA9, DIA10, DIA11, DIA12, DIA13, DIA14, DIA15, DIA16, DIA17,
    input wire ADA0, ADA1, ADA2, ADA3, ADA4, ADA5, ADA6, ADA7, ADA8, ADA9, ADA10, ADA11, ADA12, ADA13,
    input wire CEA, OCEA, CLKA, WEA, RSTA, CSA2, CSA1, CSA0,
    input wire DIB0, DIB1, DIB2, DIB3, DIB4, DIB5, DIB6, DIB7, DIB8, DIB9, DIB10, DIB11, DIB12, DIB13, DIB14, DIB15, DIB16, DIB17,
    input wire ADB0, ADB1, ADB2, ADB3, ADB4, ADB5, ADB6, ADB7, ADB8, ADB9, ADB10, ADB11, ADB12, ADB13,
    input wire CEB, OCEB, CLKB, WEB, RSTB, CSB2, CSB1, CSB0,
    output wire DOA0, DOA1, DOA2, DOA3, DOA4, DOA5, DOA6, DOA7, DOA8, DOA9, DOA10, DOA11, DOA12, DOA13, DOA14, DOA15, DOA16, DOA17,
    output wire DOB0, DOB1, DOB2, DOB3, DOB4, DOB5, DOB6, DOB7, DOB8, DOB9, DOB10, DOB11, DOB12, DOB13, DOB14, DOB15, DOB16, DOB17
);
    localparam [64 * 320 - 1:0] STORED = {
        INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A, INITVAL_39, INITVAL_38,
        INITVAL_37, INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32, INITVAL_31, INITVAL_30,
        INITVAL_2F, INITVAL_2E, INITVAL_2D, INITVAL_2C, INITVAL_2B, INITVAL_2A, INITVAL_29, INITVAL_28,
        INITVAL_27, INITVAL_26, INITVAL_25, INITVAL_24, INITVAL_23, INITVAL_22, INITVAL_21, INITVAL_20,
        INITVAL_1F, INITVAL_1E, INITVAL_1D, INITVAL_1C, INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18,
        INITVAL_17, INITVAL_16, INITVAL_15, INITVAL_14, INITVAL_13, INITVAL_12, INITVAL_11, INITVAL_10,
        INITVAL_0F, INITVAL_0E, INITVAL_0D, INITVAL_0C, INITVAL_0B, INITVAL_0A, INITVAL_09, INITVAL_08,
        INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04, INITVAL_03, INITVAL_02, INITVAL_01, INITVAL_00};
    // 36 bits are those of both ports: written by A, read by B
    localparam WIDE_READ = DATA_WIDTH_B == 36;
    wire [13:0] ad_a = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
    wire [13:0] ad_b = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0};
    wire [17:0] di_a = {DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0};
    wire [17:0] di_b = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0};
    wire clock_a = CLKAMUX == "INV" ? ~CLKA : CLKA;
    wire clock_b = CLKBMUX == "INV" ? ~CLKB : CLKB;
    reg [8:0] bytes [0:2047];
    reg [35:0] out_a = 0, out_b = 0;
    assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2, DOA1, DOA0} = WIDE_READ ? out_b[17:0] : out_a[17:0];
    assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2, DOB1, DOB0} = WIDE_READ ? out_b[35:18] : out_b[17:0];

    integer i, j;
    reg [319:0] words;
    initial begin
        // sixteen words of 18 bits in each parameter, each in 20
        for (i = 0; i < 64; i = i + 1) begin
            words = STORED[320 * i +: 320];
            for (j = 0; j < 32; j = j + 1) bytes[32 * i + j] = words[20 * (j / 2) + 9 * (j % 2) +: 9];
        end
        if (REGMODE_A != "NOREG" || REGMODE_B != "NOREG" 
            || CSDECODE_A != "0b000" || CSDECODE_B != "0b000") begin
            $display("DP16KD: output registers and chip selects are not modelled");
            $finish;
        end
    end

    function [35:0] word(input integer width, input [13:0] ad);
        case (width)
            36: word = {bytes[{ad[13:5], 2'd3}], bytes[{ad[13:5], 2'd2}], bytes[{ad[13:5], 2'd1}], bytes[{ad[13:5], 2'd0}]};
            18: word = {18'd0, bytes[{ad[13:4], 1'b1}], bytes[{ad[13:4], 1'b0}]};
            9: word = {27'd0, bytes[ad[13:3]]};
            4: word = {32'd0, bytes[ad[13:3]][{ad[2], 2'd0} +: 4]};
            2: word = {34'd0, bytes[ad[13:3]][{ad[2:1], 1'd0} +: 2]};
            default: word = {35'd0, bytes[ad[13:3]][ad[2:0]]};
        endcase
    endfunction

    // the word that is in the memory when `data` has been written over `old`; the lowest bits of an address enable bytes
    function [35:0] merged(input integer width, input [13:0] ad, input [35:0] old, input [35:0] data);
        integer n;
        begin
            merged = data;
            for (n = 0; n < 4; n = n + 1)
                if (width >= 18 && !ad[n]) merged[9 * n +: 9] = old[9 * n +: 9];
        end
    endfunction

    task write(input integer width, input [13:0] ad, input [35:0] data);
        integer n;
        case (width)
            36: for (n = 0; n < 4; n = n + 1) if (ad[n]) bytes[{ad[13:5], n[1:0]}] <= data[9 * n +: 9];
            18: for (n = 0; n < 2; n = n + 1) if (ad[n]) bytes[{ad[13:4], n[0]}] <= data[9 * n +: 9];
            9: bytes[ad[13:3]] <= data[8:0];
            4: bytes[ad[13:3]][{ad[2], 2'd0} +: 4] <= data[3:0];
            2: bytes[ad[13:3]][{ad[2:1], 1'd0} +: 2] <= data[1:0];
            default: bytes[ad[13:3]][ad[2:0]] <= data[0];
        endcase
    endtask

    // a reset of an output does not wait for its enable; while a synchronous one is given no word is written
    wire blocks_a = RESETMODE == "SYNC" && RSTA;
    wire blocks_b = RESETMODE == "SYNC" && RSTB;
    generate
        if (RESETMODE == "ASYNC") begin : asynchronous
            always @(posedge RSTA) out_a <= 0;
            always @(posedge RSTB) out_b <= 0;
        end
    endgenerate
    always @(posedge clock_a) begin
        if (CEA && WEA && !blocks_a) write(DATA_WIDTH_A, ad_a, {di_b, di_a});
        if (RSTA) out_a <= 0;
        else if (CEA && !WEA) out_a <= word(DATA_WIDTH_A, ad_a);
        else if (CEA && WRITEMODE_A == "READBEFOREWRITE") out_a <= word(DATA_WIDTH_A, ad_a);
        else if (CEA && WRITEMODE_A == "WRITETHROUGH")
            out_a <= merged(DATA_WIDTH_A, ad_a, word(DATA_WIDTH_A, ad_a), {18'd0, di_a});
    end
    always @(posedge clock_b) begin
        if (CEB && WEB && !blocks_b) write(DATA_WIDTH_B, ad_b, {18'd0, di_b});
        if (RSTB) out_b <= 0;
        else if (CEB && !WEB) out_b <= word(DATA_WIDTH_B, ad_b);
        else if (CEB && WRITEMODE_B == "READBEFOREWRITE") out_b <= word(DATA_WIDTH_B, ad_b);
        else if (CEB && WRITEMODE_B == "WRITETHROUGH")
            out_b <= merged(DATA_WIDTH_B, ad_b, word(DATA_WIDTH_B, ad_b), {18'd0, di_b});
    end
endmodule
