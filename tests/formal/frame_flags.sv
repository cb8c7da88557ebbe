// Flags of frames that have a y (one stream): each has one flag, in order, and that of a packet's last one is raised; it is told with the packet's end, or
// the cycle behind it, the others at latest with the next one.
module frame_flags (input clk, input rst, input closes, input last, input begins, input closes_round, input flag_ready);
    wire ready, due, flag, entered;
    `DUT

    reg begun = 0;
    reg [5:0] frame = 0;   // of its sequence
    reg [5:0] owed = 0;    // frames with a y whose flag was not told
    reg over = 0;          // the packet has ended, and its last flag was not told
    wire has = begins ? FIRST == 0 : (frame >= FIRST && (frame - FIRST) % STEP == 0);
    wire [5:0] owing = owed + entered;
    initial assume (rst);
    always @(posedge clk) begin
        begun <= 1;
        assume (closes_round);
        assume (!closes || ready);
        if (!rst) begin
            assume (frame < 60);
            if (frame == 0) assume (begins);
            assert (entered == (closes && has));
            if (due) begin
                assert (owing != 0);
                // raised: it is the last of its packet, and none of that is owed behind it
                assert (flag == ((over || (closes && last)) && owing == 1));
            end
            if (due && !flag) assert (closes);
            if (flag_ready) assert (owing - due <= 1);
            if (over) assert (due && flag && !ready && owed == 1);
            if (!over && flag_ready) assert (ready);
            if (closes) frame <= begins ? 1 : frame + 1;
            owed <= owing - (due && flag_ready);
            over <= (over && !flag_ready) || (closes && last && owing - (due && flag_ready) != 0);
        end else begin
            frame <= 0;
            owed <= 0;
            over <= 0;
        end
        cover (begun && !rst && over && due && flag);
        cover (!rst && closes && last && due && flag && !entered);
        cover (!rst && closes && last && !due && owed == 0);
    end
endmodule
