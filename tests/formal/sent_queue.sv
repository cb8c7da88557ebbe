// The queue of x: what a message put there counts when it is kept, and is gone when the next one opens; bytes in order, each once, room and
// fits right, a byte that counts comes to the head in two cycles.
module sent_queue (input clk, input rst, input in_valid, input [WIDTH-1:0] in_word, input opens, input keep, input out_ready);
    wire fits, out_valid;
    wire [15:0] room;
    wire [WIDTH-1:0] out_word;
    `DUT

    // the words that count, then those that may: shifted down as they leave
    reg [WIDTH-1:0] words [0:DEPTH-1];
    reg [3:0] counting = 0, waiting = 0;
    reg over = 0, begun = 0;
    reg [1:0] quick = 0, left = 0, gone = 0;
    wire out = out_valid && out_ready;
    wire put = in_valid && counting + waiting < DEPTH;
    integer i;
    initial assume (rst);
    always @(posedge clk) begin
        begun <= 1;
        // a message's first byte and its end are no bytes of x
        assume (opens + keep + in_valid <= 1);
        if (rst) begin
            counting <= 0; waiting <= 0; over <= 0; quick <= 0; left <= 0; gone <= 0;
        end else begin
            assert (room == DEPTH - counting);
            assert (fits == !over);
            if (out_valid) assert (counting != 0 && out_word == words[0]);
            quick <= (counting != 0 && !out_valid) ? quick + 1 : 0;
            assert (quick < 2);
            for (i = 0; i < DEPTH; i = i + 1) begin
                if (put && i == counting + waiting - out) words[i] <= in_word;
                else if (out && i < DEPTH - 1) words[i] <= words[i + 1];
            end
            counting <= counting - out + (keep ? waiting : 0);
            waiting <= (opens || keep) ? 0 : waiting + put;
            if (opens) over <= 0;
            else if (in_valid && !put) over <= 1;
            if (out && left != 3) left <= left + 1;
            if (opens && waiting != 0) gone <= 1;
        end
        cover (left == 3 && gone == 1 && over);
        if (begun && !$past(rst) && !rst && $past(out_valid && !out_ready)) assert (out_valid && $stable(out_word));
    end
endmodule
