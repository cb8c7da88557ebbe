// One of two streams of images: a word passes only from the one whose image has begun, up to its last word; what is offered stays; none lost or doubled;
// no stand-still.
module weight_choice (input clk, input rst, input first_valid, input [32:0] first_word, input second_valid, input [32:0] second_word,
                      input out_ready);
    wire first_ready, second_ready, out_valid;
    wire [32:0] out_word;
    `DUT

    reg begun = 0, inside = 0, of_second = 0;
    reg [2:0] waited = 0;
    initial assume (rst);
    always @(posedge clk) begin
        begun <= 1;
        // what is offered to it stays
        if (begun && !$past(rst) && $past(first_valid && !first_ready)) assume (first_valid && $stable(first_word));
        if (begun && !$past(rst) && $past(second_valid && !second_ready)) assume (second_valid && $stable(second_word));
        assert (!(first_ready && second_ready));
        if (!rst) begin
            if (out_valid && out_ready) begin
                // exactly one of them moves, and it is its word
                assert ((first_valid && first_ready) != (second_valid && second_ready));
                assert (out_word == (first_ready ? first_word : second_word));
                if (inside) assert (of_second == second_ready);
                inside <= !out_word[32];
                of_second <= second_ready;
            end else
                assert (!(first_valid && first_ready) && !(second_valid && second_ready));
            waited <= (first_valid && (!inside || !of_second) || second_valid && (!inside || of_second)) && out_ready && !(out_valid && out_ready) ? waited + 1 : 0;
            assert (waited < 3);
            if (begun && !$past(rst) && $past(out_valid && !out_ready)) assert (out_valid && $stable(out_word));
        end else begin
            inside <= 0; waited <= 0;
        end
        cover (!rst && out_valid && out_ready && out_word[32] && second_ready && begun && $past(inside));
    end
endmodule
