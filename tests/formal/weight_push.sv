// Writes of words of an image: a write that is done puts its word, once; one waits while there is no room, but not for more than MOST cycles; other
// writes never wait.
module weight_push (input clk, input rst, input waits, input valid, input legal, input ready, input [11:0] address, input [31:0] data);
    wire hold, room, put_valid;
    wire [32:0] put_word;
    `DUT

    reg begun = 0;
    reg [7:0] held = 0;
    wire own = address == DATA || address == LAST;
    initial assume (rst);
    always @(posedge clk) begin
        begun <= 1;
        // as the bus does it: a write is used when it waits and is not held, and stays until then; legal as the register file tells it
        assume (valid == (waits && !hold));
        if (own) assume (!legal || room);
        if (begun && !$past(rst) && $past(waits && hold)) assume (waits && $stable(address) && $stable(data));
        if (!rst) begin
            assert (put_valid == (valid && legal && own));
            if (put_valid) assert (ready && put_word == {address == LAST, data});
            if (!own) assert (!hold);
            if (ready) assert (!hold);
            held <= hold ? held + 1 : 0;
            assert (held <= MOST);
        end else
            held <= 0;
        cover (!rst && put_valid && put_word[32] && held > 3);
        cover (!rst && valid && own && !ready && held == MOST);
    end
endmodule
