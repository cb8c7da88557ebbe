// The queue of y: bytes in order, each until it is released, read again from the last release on by rewind; the word is right two cycles
// behind a move of the pointer, and what is told to be available is there.
module taken_queue (input clk, input rst, input in_valid, input [WIDTH-1:0] in_word, input take, input rewind, input free);
    wire in_ready, empty;
    wire [15:0] available;
    wire [WIDTH-1:0] word;
    `DUT

    reg [WIDTH-1:0] words [0:DEPTH-1];
    reg [3:0] count = 0, seen = 0, place = 0;
    reg [1:0] still = 0, freed = 0, again = 0, kept = 0;
    wire put = in_valid && in_ready;
    integer i;
    initial assume (rst);
    always @(posedge clk) begin
        // as `link_execute` and `link_reply` use it
        assume (take + rewind + free <= 1);
        if (take) assume (!empty);
        if (rst) begin
            count <= 0; seen <= 0; place <= 0; still <= 0; freed <= 0; again <= 0;
        end else begin
            assert (in_ready == (count < DEPTH));
            assert (available == seen - place && empty == (available == 0));
            if (!empty && still == 2) assert (word == words[place]);
            for (i = 0; i < DEPTH; i = i + 1) begin
                if (put && i == count - (free ? place : 0)) words[i] <= in_word;
                else if (free && i + place < DEPTH) words[i] <= words[i + place];
            end
            count <= count + put - (free ? place : 0);
            seen <= count - (free ? place : 0);
            place <= (free || rewind) ? 0 : place + take;
            // the cycle of a move is the first of two in which the word is not yet that of the pointer
            still <= (take || (rewind && place != 0)) ? 0 : (still == 2 ? 2 : still + 1);
            if (free && place > 1) freed <= 1;
            if (rewind && place == 2) again <= 1;
        end
        cover (freed == 1 && again == 1 && count == DEPTH && place == 1 && still == 2);
    end
endmodule
