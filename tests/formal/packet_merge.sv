// Packets of frames of y: a beat passes or waits, the flag is used with the last beat of its frame and not before, and tlast is that of
// frames whose flag is raised.
module packet_merge (input clk, input in_valid, input in_last, input flag_valid, input flag, input out_ready);
    wire in_ready, flag_ready, out_valid, out_last, left;
    `DUT

    reg begun = 0;
    always @(posedge clk) begin
        begun <= 1;
        assert (out_valid == (in_valid && (flag_valid || !in_last)));
        if (in_valid) assert ((in_ready) == (out_ready && (flag_valid || !in_last)));
        assert ((in_valid && in_ready) == (out_valid && out_ready));
        assert ((flag_valid && flag_ready) == (in_valid && in_ready && in_last));
        if (out_valid) assert (out_last == (in_last && flag));
        assert (left == (in_valid && in_ready && in_last));
        if (begun && $past(in_valid && !in_ready)) assume (in_valid && $stable(in_last));
        if (begun && $past(flag_valid && !flag_ready)) assume (flag_valid && $stable(flag));
        if (begun && $past(out_valid && !out_ready)) assert (out_valid && $stable(out_last));
        cover (begun && out_valid && out_last && $past(out_valid && !out_ready));
    end
endmodule
