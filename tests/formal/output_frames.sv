// Framing of y: each sample that is written is read once, in order, in beats of SIZE samples, BEATS a frame, tlast with the last, tuser with the first where
// the tag tells it, tid and the other flags of the tag's frame; a beat comes in the cycle behind that in which its groups are there and the queue has room,
// never where it has none; a page is free when its frame has left. The queue behind is here, of the store the place of any one sample.
module output_frames (input clk, input rst, input write, input [TAG_BITS-1:0] write_tag, input leave);
    wire [GROUP_BITS-1:0] write_index;
    wire [BEAT_BITS-1:0] read_index;
    wire write_page, read_page, beat_valid, beat_last, beat_user, beat_stream, page_free, beat_loaded, beat_closes, beat_bank;
    reg [2:0] held = 0;
    `DUT

    // groups, and the places of what is written and read next in their frames; there: groups of the frame that is read and of those behind it
    reg [3:0] there = 0, group = 0, beat = 0, frames_in = 0, frames_out = 0, freed = 0;
    reg [TAG_BITS-1:0] tag, is_tag;
    reg due = 0, begun = 0, kept = 0, page, read_here = 0;
    reg [GROUP_BITS-1:0] index;
    (* anyconst *) reg [3:0] frame;
    (* anyconst *) reg [3:0] sample;
    wire mine = write && frames_in == frame && group == sample / GROUP;
    wire ends = beat_valid && beat == BEATS - 1;
    // of the beat behind that which comes now
    wire [3:0] next_beat = ends ? 0 : beat + beat_valid;
    wire [3:0] left = there - (ends ? GROUPS : 0);
    wire [3:0] within = (next_beat * SIZE + SIZE + GROUP - 1) / GROUP;
    initial assume (rst);
    always @(*) assume (sample < OUTPUTS);
    always @(posedge clk) begin
        begun <= 1;
        // a group is written where its page is free; all groups of a frame have its tag
        if (write) assume (group != 0 || frames_in - freed != PAGES || page_free);
        if (write && group != 0) assume (write_tag == tag);
        if (leave) assume (held != 0);
        read_here <= kept && read_page == page && read_index * SIZE + sample % SIZE == index * GROUP + sample % GROUP;
        if (rst) begin
            there <= 0; group <= 0; beat <= 0; frames_in <= 0; frames_out <= 0; freed <= 0; held <= 0; due <= 0; kept <= 0;
        end else if (begun) begin
            there <= left + write;
            if (write) begin
                group <= group == GROUPS - 1 ? 0 : group + 1;
                frames_in <= frames_in + (group == GROUPS - 1);
                tag <= write_tag;
                if (frames_in == frame) is_tag <= write_tag;
                if (mine) begin
                    kept <= 1; page <= write_page; index <= write_index;
                end else if (write_page == page && write_index == index) kept <= 0;
            end
            due <= (within < GROUPS ? within : GROUPS) <= left && held <= 2;
            assert (beat_valid == due);
            held <= held + beat_valid - leave;
            if (beat_valid) begin
                assert (held < 4);
                assert (beat_last == (beat == BEATS - 1));
                if (frames_out == frame) begin
                    assert (beat_user == (is_tag[0] && beat == 0) && beat_stream == is_tag[FLAGS]);
                    if (OPTIONS) assert (beat_loaded == (is_tag[1] && beat == 0) && beat_closes == (is_tag[2] && beat == 0) && beat_bank == is_tag[3]);
                    if (sample / SIZE == beat) assert (read_here);
                end
                beat <= ends ? 0 : beat + 1;
                frames_out <= frames_out + ends;
            end
            assert (page_free == ends);
            freed <= freed + page_free;
        end
        if (begun && $past(rst)) assert (!beat_valid && !page_free);
        cover (!rst && frames_out == 2 && frames_in == 3 && beat_valid && beat_stream);
        cover (!rst && held == 4 && within <= there && group != 0);
        cover (!rst && page_free && frames_out == PAGES && write);
    end
endmodule
