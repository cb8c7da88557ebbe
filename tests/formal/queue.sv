// What a FIFO and a register slice promise: every word that enters leaves once, in order; what is offered stays; nothing stands still.
// WIDTH: of a word. ROOM: words that it holds. QUICK: cycles in which a word comes to the head, and in which room is seen.
module queue (input clk, input rst, input in_valid, input [WIDTH-1:0] in_word, input out_ready);
    wire in_ready, out_valid;
    wire [WIDTH-1:0] out_word;
    `DUT

    // the words that have entered and not left, the oldest first
    reg [WIDTH*(ROOM+1)-1:0] words = 0;
    reg [3:0] held = 0;
    reg [1:0] hidden = 0, closed = 0;
    reg begun = 0, was_full = 0, wrapped = 0;
    wire enters = in_valid && in_ready, leaves = out_valid && out_ready;
    wire [3:0] place = held - leaves;
    wire [WIDTH*(ROOM+1)-1:0] rest = leaves ? words >> WIDTH : words;
    wire [WIDTH*(ROOM+1)-1:0] mask = ((1 << WIDTH) - 1) << (place * WIDTH);
    initial assume (rst);
    always @(posedge clk) begin
        begun <= 1;
        if (rst) begin
            held <= 0; hidden <= 0; closed <= 0;
        end else begin
            if (out_valid) assert (held > 0 && out_word == words[WIDTH-1:0]);
            assert (held <= ROOM);
            words <= enters ? (rest & ~mask) | (({{(WIDTH*ROOM){1'b0}}, in_word} << (place * WIDTH)) & mask) : rest;
            held <= place + enters;
            hidden <= held > 0 && !out_valid ? hidden + 1 : 0;
            closed <= held == 0 && !in_ready ? closed + 1 : 0;
            assert (hidden < QUICK && closed < QUICK);
            if (held == ROOM) was_full <= 1;
            if (was_full && held == 0) wrapped <= 1;
        end
        if (begun && !$past(rst) && !rst && $past(out_valid && !out_ready))
            assert (out_valid && $stable(out_word));
        if (begun && !$past(rst) && !rst && $past(in_valid && !in_ready))
            assume (in_valid && $stable(in_word));
        if (begun && $past(rst)) assert (!out_valid);
        cover (wrapped && held == ROOM);
    end
endmodule
