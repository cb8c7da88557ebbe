// Packets of frames of y: a beat passes or waits, the flag is used with the last beat of a frame that has one and not before, and tlast is that of
// frames whose flag is raised.
module packet_merge (input clk, input in_valid, input in_last, input told, input flag_valid, input flag, input out_ready);
    wire in_ready, flag_ready, out_valid, out_last, left, done;
    `DUT

    reg begun = 0;
    wire closing = in_last && told;
    always @(posedge clk) begin
        begun <= 1;
        assert (out_valid == (in_valid && (flag_valid || !closing)));
        if (in_valid) assert ((in_ready) == (out_ready && (flag_valid || !closing)));
        assert ((in_valid && in_ready) == (out_valid && out_ready));
        assert ((flag_valid && flag_ready) == (in_valid && in_ready && closing));
        if (out_valid) assert (out_last == (closing && flag));
        assert (left == (in_valid && in_ready && in_last));
        assert (done == (flag_valid && flag_ready));
        if (begun && $past(in_valid && !in_ready)) assume (in_valid && $stable(in_last) && $stable(told));
        if (begun && $past(flag_valid && !flag_ready)) assume (flag_valid && $stable(flag));
        if (begun && $past(out_valid && !out_ready)) assert (out_valid && $stable(out_last));
        cover (begun && out_valid && out_last && $past(out_valid && !out_ready));
        cover (begun && left && !done);
    end
endmodule
