// Framing of packets: frames have BEATS beats and no other number, beats of x go to the core once and in order, one flag for each frame
// and one raised flag for each packet, errors where a packet is too short or too long and nowhere else, no stand-still.
module packet_beats (input clk, input rst, input in_valid, input in_last, input complete, input single, input out_ready,
                     input flag_ready);
    wire in_ready, out_valid, first, last, fill, opens, started, flag_valid, flag, short, long, gap, entered;
    `DUT

    reg [3:0] beat = 0, frames = 0, quick = 0;
    reg filling = 0, dropping = 0, inside = 0, one = 0, begun = 0;
    wire mode = inside ? one : single;
    wire closing = beat == BEATS - 1;
    wire room = flag_ready || !closing;
    wire moved = out_valid && out_ready;
    initial assume (rst);
    always @(posedge clk) begin
        begun <= 1;
        if (rst) begin
            beat <= 0; filling <= 0; dropping <= 0; inside <= 0; frames <= 0; quick <= 0;
        end else begin
            assert (first == (beat == 0) && last == closing && fill == filling && started == inside && opens == !inside);
            assert (out_valid == (room && (filling || (in_valid && !dropping))));
            // what is taken goes to the core in the same cycle, or is dropped behind a packet's frame
            if (in_valid) assert (in_ready == (dropping || (!filling && room && out_ready)));
            assert (flag_valid == (moved && closing));
            assert (entered == (moved && beat == 0));
            if (flag_valid) assert (flag == (filling || in_last || mode));
            assert (short == (moved && !filling && in_last && !(closing && complete)));
            assert (long == (moved && !filling && closing && mode && !in_last));
            assert (gap == (moved && !filling && !in_last && !complete));
            if (dropping && in_valid && in_last) dropping <= 0;
            if (moved) begin
                beat <= closing ? 0 : beat + 1;
                filling <= !closing && (filling || in_last);
                inside <= !(closing && flag);
                one <= mode;
                if (closing) begin
                    frames <= frames + (frames != 15);
                    dropping <= mode && !filling && !in_last;
                end
            end
            // where both sides are willing a beat moves or is dropped
            if (out_ready && flag_ready && (in_valid || filling)) assert (moved || (dropping && in_ready));
        end
        cover (frames == 2 && filling && !mode);
        cover (frames == 2 && dropping && in_valid && in_last);
        if (begun && !$past(rst) && !rst && $past(in_valid && !in_ready))
            assume (in_valid && $stable(in_last) && $stable(complete));
        // the core's and the flags' room does not go away
        if (begun && !$past(rst) && !rst && $past(flag_ready && !flag_valid)) assume (flag_ready);
        if (begun && !$past(rst) && !rst && $past(out_valid && !out_ready) && $stable(single))
            assert (out_valid && $stable(first) && $stable(last) && $stable(fill));
    end
endmodule
