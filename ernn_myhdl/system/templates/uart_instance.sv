// How to instantiate the system in Verilog; it is a whole, so it may be the top itself.
    CORE_NAME_uart CORE_NAME_uart_i (
        .clk(clk),                        // the oscillator that the conversion was made for
        .button(button),                  // asynchronous, active high: a reset; 0 where there is none
        .rxd(rxd),                        // from the host, asynchronous
        .txd(txd),                        // to the host
        .led_heard(led_heard),            // changes with every request
        .led_irq(led_irq)                 // the interrupt of the system
    );
