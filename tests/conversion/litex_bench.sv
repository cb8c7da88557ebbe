// The SoC that tests/conversion/litex_soc.py makes: a word of the registers over its Wishbone, then a packet of x, until y has ended.
// Plus arguments: +address=HEX of the word, +beats=N in x.hex. Prints "word HEX", "y HEX", "done".
`timescale 1ns / 1ps
module litex_bench;
    reg clk = 0, rst = 1, cyc = 0, x_valid = 0;
    reg [31:0] x [0:1023];
    integer address, beats, i;
    wire ack, x_ready, y_valid, y_last;
    wire [31:0] word, y_data;
    always #5 clk = ~clk;

    soc dut (
        .sys_clk(clk), .sys_rst(rst),
        .bus_adr(address[31:2]), .bus_dat_w(32'd0), .bus_dat_r(word), .bus_sel(4'hF), .bus_cyc(cyc), .bus_stb(cyc),
        .bus_ack(ack), .bus_we(1'b0), .bus_cti(3'd0), .bus_bte(2'd0), .bus_err(),
        .x_valid(x_valid), .x_ready(x_ready), .x_last(i == beats - 1), .x_data(x[i]), .x_keep(4'hF),
        .y_valid(y_valid), .y_ready(1'b1), .y_last(y_last), .y_data(y_data), .y_keep()
    );

    initial begin
        if (!$value$plusargs("address=%h", address) || !$value$plusargs("beats=%d", beats)) $fatal(1);
        $readmemh("x.hex", x, 0, beats - 1);
        i = 0;
        repeat (4) @(negedge clk);
        rst = 0;
        repeat (4) @(negedge clk);
        cyc = 1;
        @(posedge clk);
        while (!ack) @(posedge clk);
        $display("word %h", word);
        @(negedge clk);
        cyc = 0;
        x_valid = 1;
        while (i < beats) begin
            @(posedge clk);
            if (x_ready) begin
                @(negedge clk);
                i = i + 1;
                x_valid = i < beats;
            end
        end
    end

    always @(posedge clk) if (!rst && y_valid) begin
        $display("y %h", y_data);
        if (y_last) begin
            $display("done");
            $finish;
        end
    end
    initial #100000 $fatal(1, "nothing more moves");
endmodule
