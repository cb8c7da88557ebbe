// A width converter from wide to narrow: the parts leave in order, none but those behind a packet's last kept byte is left out, the wide
// word is taken with its last part.
module split (input clk, input rst, input in_valid, input [WIDTH*PARTS-1:0] in_data, input [WIDTH*PARTS/8-1:0] in_keep,
              input in_last, input out_ready);
    wire in_ready, out_valid, out_last;
    wire [WIDTH-1:0] out_data;
    wire [WIDTH/8-1:0] out_keep;
    `DUT

    reg [3:0] part = 0, words = 0;
    reg begun = 0;
    wire [WIDTH*PARTS/8-1:0] above = in_keep >> ((part + 1) * (WIDTH / 8));
    wire ends = part == PARTS - 1 || (in_last && above == 0);
    initial assume (rst);
    always @(posedge clk) begin
        begun <= 1;
        if (rst) begin
            part <= 0; words <= 0;
        end else begin
            assert (out_valid == in_valid);
            assert (in_ready == (out_ready && ends) || !in_valid);
            if (in_valid) begin
                assert (out_data == (in_data >> (part * WIDTH)) % (1 << WIDTH));
                assert (out_keep == (in_keep >> (part * (WIDTH / 8))) % (1 << (WIDTH / 8)));
                assert (out_last == (in_last && ends));
            end
            if (out_valid && out_ready) begin
                part <= ends ? 0 : part + 1;
                if (ends) words <= words + (words != 15);
            end
        end
        if (begun && !$past(rst) && !rst && $past(in_valid && !in_ready))
            assume (in_valid && $stable(in_data) && $stable(in_keep) && $stable(in_last));
        if (begun && !$past(rst) && !rst && $past(out_valid && !out_ready))
            assert (out_valid && $stable(out_data) && $stable(out_keep) && $stable(out_last));
        cover (words == 2 && part == 1);
    end
endmodule
