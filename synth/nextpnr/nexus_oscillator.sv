// The clock of a core on a Nexus device out of context: nextpnr does not route one from a pin of the wrapper to the clock network.
module ernn_oscillator (
    output wire clk
);
    OSCA #(
        .HF_CLK_DIV("1"),
        .HF_OSC_EN("ENABLED")
    ) source (
        .HFOUTEN(1'b1),
        .HFSDSCEN(1'b0),
        .HFCLKOUT(clk)
    );
endmodule
