// A UART system on a board. Filled in by ernn_myhdl.synthesis: module (the system), high (ports of pins that have to be high) and
// assignments (of them).
module ernn_board (
    input wire clk,
    input wire button,
    input wire rxd,
    output wire txd,
    output wire led_heard,
    output wire led_irq$high
);
    $module core (
        .clk(clk),
        .button(button),
        .rxd(rxd),
        .txd(txd),
        .led_heard(led_heard),
        .led_irq(led_irq)
    );
$assignments
endmodule
