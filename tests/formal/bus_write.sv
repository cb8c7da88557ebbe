// AXI4-Lite writes: one answer for each pair of address and data, in order, which stays until it is taken; each pair is used once, with
// its own address, data and answer; no stand-still.
module bus_write (input clk, input rst, input [11:0] awaddr, input awvalid, input [31:0] wdata, input [3:0] wstrb, input wvalid,
                  input bready, input legal, input hold);
    wire awready, wready, bvalid, valid, waits;
    wire [1:0] bresp;
    wire [11:0] address;
    wire [31:0] data;
    wire [3:0] strobe;
    `DUT

    (* anyconst *) reg [3:0] chosen;
    reg [3:0] addresses = 0, words = 0, used = 0, answers = 0, willing = 0;
    reg [11:0] kept_address;
    reg [31:0] kept_data;
    reg [3:0] kept_strobe;
    reg kept_legal, begun = 0;
    wire [3:0] pairs = addresses < words ? addresses : words;
    initial assume (rst);
    always @(posedge clk) begin
        begun <= 1;
        if (rst) begin
            addresses <= 0; words <= 0; used <= 0; answers <= 0; willing <= 0;
        end else begin
            assume (addresses < 14 && words < 14);
            if (awvalid && awready) begin
                addresses <= addresses + 1;
                if (addresses == chosen) kept_address <= awaddr;
            end
            if (wvalid && wready) begin
                words <= words + 1;
                if (words == chosen) begin kept_data <= wdata; kept_strobe <= wstrb; end
            end
            if (valid) begin
                assert (used < pairs);
                if (used == chosen) begin
                    assert (address == kept_address && data == kept_data && strobe == kept_strobe);
                    kept_legal <= legal;
                end
                used <= used + 1;
            end
            if (bvalid && bready) begin
                assert (answers < used);
                if (answers == chosen) assert (bresp == (kept_legal ? 0 : 2));
                answers <= answers + 1;
            end
            assert (addresses - used <= 1 && words - used <= 1 && used - answers <= 1);
            assert (bvalid == (used != answers));
            assert (waits == (addresses != used && words != used));
            if (hold) assert (!valid);
            willing <= bready && !hold ? (willing == 15 ? 15 : willing + 1) : 0;
            if (willing > 2 && addresses == words && !$past(awvalid) && !$past(wvalid) && !$past(awvalid, 2) && !$past(wvalid, 2)
                && !$past(rst) && !$past(rst, 2)) assert (answers == pairs);
        end
        if (begun && !$past(rst) && !rst && $past(bvalid && !bready)) assert (bvalid && $stable(bresp));
        if (begun && $past(rst)) assert (!bvalid);
        cover (answers == 3 && bvalid && bresp == 2);
    end
endmodule
