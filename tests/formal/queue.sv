// What a FIFO and a register slice promise: every word that enters leaves once, in order; what is offered stays; nothing stands still.
// WIDTH: of a word. ROOM: words that it holds. QUICK: cycles without a stall behind which it is empty.
module queue (input clk, input rst, input in_valid, input [WIDTH-1:0] in_word, input out_ready);
    wire in_ready, out_valid;
    wire [WIDTH-1:0] out_word;
    `DUT

    (* anyconst *) reg [3:0] chosen;
    reg [WIDTH-1:0] kept;
    reg [4:0] entered = 0, left = 0;
    reg [3:0] unstalled = 0, silent = 0;
    reg begun = 0;
    initial assume (rst);
    always @(posedge clk) begin
        begun <= 1;
        if (rst) begin
            entered <= 0; left <= 0; unstalled <= 0; silent <= 0;
        end else begin
            assume (entered < 30);
            if (in_valid && in_ready) begin
                entered <= entered + 1;
                if (entered == chosen) kept <= in_word;
            end
            if (out_valid && out_ready) begin
                assert (left < entered);
                if (left == chosen) assert (out_word == kept);
                left <= left + 1;
            end
            assert (entered - left <= ROOM);
            unstalled <= out_ready ? (unstalled == 15 ? 15 : unstalled + 1) : 0;
            silent <= in_valid ? 0 : (silent == 15 ? 15 : silent + 1);
            if (unstalled > QUICK && silent > QUICK) assert (entered == left);
            if (unstalled > QUICK) assert (in_ready);
        end
        if (begun && !$past(rst) && !rst && $past(out_valid && !out_ready))
            assert (out_valid && $stable(out_word));
        if (begun && !$past(rst) && !rst && $past(in_valid && !in_ready))
            assume (in_valid && $stable(in_word));
        if (begun && $past(rst)) assert (!out_valid);
        cover (left == ROOM + 2 && entered == left + ROOM);
    end
endmodule
