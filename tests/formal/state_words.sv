// Words of states: the first is a head and goes nowhere; the others pass, each once and in order, to the stream and layer of their head, unless there are none
// of these; a head waits until the beats of the state before have gone.
module state_words (input clk, input rst, input in_valid, input [32:0] in_word, input busy, input out_ready);
    wire in_ready, out_valid, out_last, wrong, stream;
    wire [1:0] layer;
    `DUT

    reg begun = 0, inside = 0, dropped = 0, expected = 0;
    reg head_stream = 0;
    reg [1:0] head_layer = 0;
    wire known = in_word[31:16] < STREAMS && in_word[15:0] < LAYERS;
    initial assume (rst);
    always @(posedge clk) begin
        begun <= 1;
        if (begun && !$past(rst) && $past(in_valid && !in_ready)) assume (in_valid && $stable(in_word));
        if (!rst && begun && !$past(rst)) begin
            assert (wrong == expected);
            assert (out_valid == (in_valid && inside && !dropped));
            if (out_valid) assert (out_last == in_word[32] && stream == head_stream && layer == head_layer);
            if (in_valid && inside) assert (in_ready == (dropped || out_ready));
            if (in_valid && !inside) assert (in_ready == !busy);
            if (out_valid && out_ready) assert (in_ready);
        end
        expected <= 0;
        if (rst) begin
            inside <= 0;
            dropped <= 0;
        end else if (in_valid && in_ready) begin
            inside <= !in_word[32];
            if (!inside) begin
                dropped <= !known;
                head_stream <= in_word[16];
                head_layer <= in_word[1:0];
                expected <= !known || in_word[32];
            end
        end
        cover (begun && !rst && out_valid && out_last && out_ready && stream && layer == 2);
        cover (begun && !rst && inside && dropped && in_valid && in_word[32]);
    end
endmodule
