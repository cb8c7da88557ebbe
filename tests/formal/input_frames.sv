// Framing of x: every beat counts once, at its place of its frame, or is dropped behind a frame that was too long; a frame has BLOCKS blocks in order,
// zeros where its beats ended early and beyond its INPUTS samples; it begins once, in order, with its stream and sequence; error exactly behind a frame of
// wrong length; at most two frames are held; no stand-still. `framed` of ernn_myhdl/streams/framing.py is the same in Python.
module input_frames (input clk, input rst, input beat_valid, input user, input tlast, input stream, input page_free, input held, input from_state,
                     input closing, input bank, input [SAMPLES*WORD-1:0] samples);
    wire beat_ready, block_valid, frame_start, frame_fresh, frame_stream, error, frame_loaded, frame_closes, frame_bank;
    wire [POINTS*WORD-1:0] sample_block;
    `DUT

    // of the beats: number of the frame and place of the beat at the head
    reg in_frame = 0, dropping = 0, current = 0, wrong = 0, cut = 0, long = 0;
    reg [1:0] warm = 0;
    reg [3:0] place = 0, begun = 0;
    wire restart = user || stream != current;
    wire begins = (!in_frame && !dropping) || restart;
    wire lost = dropping && !restart;
    wire [3:0] at = begins ? 0 : place;
    wire [3:0] number = begins ? begun : begun - 1;
    wire full = at == BEATS - 1;
    wire fresh = user || !warm[stream];
    wire moved = beat_valid && beat_ready;
    // of what comes out
    reg [3:0] starts = 0, out = 0, block = 0, freed = 0, stuck = 0, owing = 0;
    wire [3:0] holds = starts - freed;
    // any sample of any frame: where it is, what it is, what came out for it
    (* anyconst *) reg [3:0] frame;
    (* anyconst *) reg [5:0] sample;
    reg had = 0, came = 0, first = 0, is_fresh = 0, is_stream = 0, is_loaded = 0, closes = 0, of_bank = 0;
    reg [WORD-1:0] value = 0, shown = 0;
    wire mine = beat_valid && !lost && number == frame;
    wire here = mine && sample / SAMPLES == at && sample < INPUTS;
    wire [WORD-1:0] offered = samples >> (WORD * (sample % SAMPLES));
    wire [WORD-1:0] wanted = had ? value : here ? offered : 0;
    wire [WORD-1:0] made = sample_block >> (WORD * (sample % POINTS));
    wire shows = block_valid && out == frame && sample / POINTS == block;
    reg begun_clock = 0;
    initial assume (rst);
    always @(*) assume (sample < BLOCKS * POINTS);
    always @(posedge clk) begin
        begun_clock <= 1;
        if (begun_clock && !$past(rst) && $past(beat_valid && !beat_ready))
            assume (beat_valid && $stable(samples) && $stable(user) && $stable(tlast) && $stable(stream) && $stable(from_state)
                    && $stable(closing) && $stable(bank));
        // a frame is freed that has begun
        if (page_free) assume (freed != starts);
        if (rst) begin
            in_frame <= 0; dropping <= 0; wrong <= 0; cut <= 0; long <= 0; warm <= 0; place <= 0; begun <= 0;
            starts <= 0; out <= 0; block <= 0; freed <= 0; stuck <= 0; owing <= 0; had <= 0; came <= 0; first <= 0;
        end else if (begun_clock) begin
            if (moved) begin
                if (lost) dropping <= !tlast;
                else begin
                    current <= stream;
                    warm[stream] <= 1;
                    place <= at + 1;
                    begun <= begun + begins;
                    in_frame <= !tlast && !full;
                    dropping <= full && !tlast;
                    long <= long || (full && !tlast);
                end
                if (!lost && (full != tlast || (begins && in_frame))) wrong <= 1;
            end
            if (beat_valid && begins && in_frame) cut <= 1;
            if (wrong) assert (error);
            if (!wrong && !cut) assert (!error);

            // the sample: what comes out is what came in, before or behind it
            if (moved && here) begin
                had <= 1; value <= offered;
                assert (!came || shown == offered);
            end
            if (shows) begin
                came <= 1; shown <= made;
                assert (made == wanted);
            end
            if (moved && mine && begins) begin
                first <= 1; is_fresh <= fresh; is_stream <= stream; is_loaded <= user && from_state; closes <= closing; of_bank <= bank;
            end
            if (frame_start && starts == frame) begin
                assert (first || (mine && begins));
                assert (frame_fresh == (first ? is_fresh : fresh) && frame_stream == (first ? is_stream : stream));
                if (OPTIONS) assert (frame_loaded == (first ? is_loaded : user && from_state) && frame_closes == (first ? closes : closing)
                                     && frame_bank == (first ? of_bank : bank));
            end
            // a frame begins when the one before is complete, and its blocks are behind that
            if (frame_start) assert (block == 0 && out == starts);
            if (block_valid) begin
                assert (out != starts || frame_start);
                block <= block == BLOCKS - 1 ? 0 : block + 1;
                out <= out + (block == BLOCKS - 1);
            end
            starts <= starts + frame_start;
            freed <= freed + page_free;
            assert (holds + frame_start <= 2);
            // a beat waits only for room, for its state, or while blocks are made
            stuck <= beat_valid && !beat_ready && !(begins && (holds == 2 || (OPTIONS && held))) ? stuck + 1 : 0;
            assert (stuck <= BOUND);
            // what began and gets no more beats is completed, block by block
            owing <= begun != out && !block_valid && (!in_frame || (beat_valid && restart)) ? owing + 1 : 0;
            assert (owing <= 2);
        end
        cover (!rst && out == 2 && !wrong && starts == 3);
        cover (!rst && cut && out == 2 && begun == 3);
        cover (!rst && long && !dropping && begun == 2);
        cover (!rst && wrong && !cut && !long && out == 1 && came && shown != 0);
    end
endmodule
