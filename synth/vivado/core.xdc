# Constraints of the core synthesised by itself. The clock clk exists when this file is read: its
# period is in parameters.tcl, and synth.tcl creates it.

# Two fifths of a period are left to the logic outside, on either side of the core.
set outside [expr {0.4 * [get_property PERIOD [get_clocks clk]]}]
set_input_delay -clock [get_clocks clk] -max $outside \
    [get_ports -filter {DIRECTION == IN && NAME != clk}]
set_output_delay -clock [get_clocks clk] -max $outside [get_ports -filter {DIRECTION == OUT}]

# Hold at the boundary is only known together with the surrounding logic.
set_false_path -hold -from [get_ports -filter {DIRECTION == IN && NAME != clk}]
set_false_path -hold -to [get_ports -filter {DIRECTION == OUT}]
