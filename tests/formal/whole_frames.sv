// Beats of a frame pass when it is known whether the frame ends its sequence, each once and in order; that is taken with the first of them, which tells it.
module whole_frames (input clk, input rst, input in_valid, input in_last, input known, input over, input out_ready);
    wire in_ready, taken, out_valid, ends;
    `DUT

    reg begun = 0, inside = 0;
    initial assume (rst);
    always @(posedge clk) begin
        begun <= 1;
        if (begun && !$past(rst) && $past(in_valid && !in_ready)) assume (in_valid && $stable(in_last));
        if (begun && !$past(rst) && $past(known && !taken)) assume (known && $stable(over));
        if (!rst) begin
            assert ((in_valid && in_ready) == (out_valid && out_ready));
            assert (out_valid == (in_valid && (inside || known)));
            if (in_valid && out_ready && known) assert (in_ready);
            assert ((known && taken) == (!inside && out_valid && out_ready));
            if (out_valid) assert (ends == (!inside && over));
            if (begun && !$past(rst) && $past(out_valid && !out_ready)) assert (out_valid && $stable(ends));
            if (in_valid && in_ready) inside <= !in_last;
        end else
            inside <= 0;
        cover (begun && !rst && ends && in_last && $past(out_valid && !out_ready));
        cover (!rst && inside && out_valid && in_last && !known);
    end
endmodule
