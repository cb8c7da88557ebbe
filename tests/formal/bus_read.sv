// AXI4-Lite reads: one answer for each address, in order, which stays until it is taken, with the word of its own address; no stand-still.
module bus_read (input clk, input rst, input [11:0] araddr, input arvalid, input rready, input [31:0] word, input known);
    wire arready, rvalid, refused;
    wire [31:0] rdata;
    wire [1:0] rresp;
    wire [11:0] address;
    `DUT

    // a register file whose words are their addresses, of which the lower half is known
    always @(*) begin
        assume (word == {20'h5A5A5, address});
        assume (known == !address[11]);
    end
    (* anyconst *) reg [3:0] chosen;
    reg [3:0] addresses = 0, answers = 0, willing = 0, refusals = 0;
    reg [11:0] kept;
    reg begun = 0;
    initial assume (rst);
    always @(posedge clk) begin
        begun <= 1;
        if (rst) begin
            addresses <= 0; answers <= 0; willing <= 0; refusals <= 0;
        end else begin
            assume (addresses < 14);
            if (arvalid && arready) begin
                addresses <= addresses + 1;
                if (addresses == chosen) kept <= araddr;
            end
            if (rvalid && rready) begin
                assert (answers < addresses);
                if (answers == chosen) assert (rdata == {20'h5A5A5, kept} && rresp == (kept[11] ? 2 : 0));
                answers <= answers + 1;
            end
            assert (addresses - answers <= 2);
            willing <= rready ? (willing == 15 ? 15 : willing + 1) : 0;
            if (willing > 3 && !$past(arvalid) && !$past(arvalid, 2) && !$past(rst) && !$past(rst, 2))
                assert (answers == addresses);
            assert (!refused || address[11]);
        end
        if (begun && !$past(rst) && !rst && $past(rvalid && !rready)) assert (rvalid && $stable(rdata) && $stable(rresp));
        if (begun && $past(rst)) assert (!rvalid);
        cover (answers == 3 && rvalid && rresp == 2);
    end
endmodule
