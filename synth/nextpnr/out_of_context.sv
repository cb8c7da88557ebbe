// A core behind five pins: its ports are far more than a package has, and none may be left open or constant,
// since what does not depend on a pin, or reaches none, would be removed. Filled in by ernn_myhdl.synthesis:
// inputs, outputs (bits of the core's ports), module (the core), ports (its connections), clock_port, clock (a pin, or an oscillator of the device).
//
// Every bit of an input comes from a register that a chain of registers fills, one bit a cycle from d; every
// bit of an output goes into a register, and from there into a chain that q shows once `load` has been given.
module ernn_out_of_context (
    ${clock_port}input wire rst,
    input wire d,
    input wire load,
    output wire q
);
    ${clock}reg reset = 1'b1, taken = 1'b0;
    reg [${inputs} - 1:0] filled = 0, given = 0;
    reg [${outputs} - 1:0] seen = 0, shown = 0;
    wire [${outputs} - 1:0] core_out;
    assign q = shown[${outputs} - 1];
    always @(posedge clk) begin
        reset <= rst;
        taken <= load;
        filled <= {filled, d};
        if (taken) given <= filled;
        seen <= core_out;
        shown <= taken ? seen : shown << 1;
    end
    $module core (
        .clk(clk),
        .rst(reset),
        $ports
    );
endmodule
