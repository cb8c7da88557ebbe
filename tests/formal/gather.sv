// Three facts of a width converter from narrow to wide: the parts of a wide word are the last ones that entered, in order, what is
// missing at a packet's end is zero and not kept, and what is offered stays.
module gather (input clk, input rst, input in_valid, input [WIDTH-1:0] in_data, input [WIDTH/8-1:0] in_keep, input in_last,
               input out_ready);
    wire in_ready, out_valid, out_last;
    wire [WIDTH*PARTS-1:0] out_data;
    wire [WIDTH*PARTS/8-1:0] out_keep;
    `DUT

    reg [WIDTH*PARTS-1:0] data = 0;
    reg [WIDTH*PARTS/8-1:0] keep = 0;
    reg [3:0] parts = 0, words = 0;
    reg due = 0, due_last = 0, begun = 0;
    integer i;
    initial assume (rst);
    always @(posedge clk) begin
        begun <= 1;
        if (rst) begin
            data <= 0; keep <= 0; parts <= 0; due <= 0; words <= 0;
        end else begin
            assert (out_valid == due);
            if (due) begin
                assert (out_data == data && out_keep == keep && out_last == due_last);
                if (out_ready) due <= 0;
            end
            assert (in_ready == (!due || out_ready));
            if (in_valid && in_ready) begin
                if (parts == 0) begin data <= in_data; keep <= in_keep; end
                else for (i = 1; i < PARTS; i = i + 1)
                    if (parts == i) begin
                        data[i*WIDTH +: WIDTH] <= in_data;
                        keep[i*WIDTH/8 +: WIDTH/8] <= in_keep;
                    end
                parts <= (in_last || parts == PARTS - 1) ? 0 : parts + 1;
                due <= in_last || parts == PARTS - 1;
                due_last <= in_last;
                words <= words + (words != 15);
            end
        end
        if (begun && !$past(rst) && !rst && $past(out_valid && !out_ready))
            assert (out_valid && $stable(out_data) && $stable(out_keep) && $stable(out_last));
        cover (out_valid && out_last && parts == 0 && words == 2 * PARTS + 1);
    end
endmodule
