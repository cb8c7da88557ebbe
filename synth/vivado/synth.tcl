# Out-of-context synthesis of the core, without a Vivado project:
#
#   vivado -mode batch -source synth.tcl
#
# Reads parameters.tcl (generated), core.xdc and the VHDL beside this file. Writes into the output
# folder: clock.xdc, synthesis.dcp, synthesis_utilization.rpt, synthesis_hierarchy.rpt,
# synthesis_timing.rpt and synthesis.json. Ends with exit code 1 on any error.

set folder [file dirname [file normalize [info script]]]
source [file join $folder reports.tcl]

# A constraint file cannot read the parameters, so the two lines that depend on them are written.
proc write_clock_constraints {name period site} {
    set channel [open $name w]
    puts $channel "create_clock -name clk -period $period \[get_ports clk\]"
    puts $channel "set_property HD.CLK_SRC $site \[get_ports clk\]"
    close $channel
}

proc synthesise {folder} {
    source [file join $folder parameters.tcl]
    set output [file join $folder $output_dir]
    file mkdir $output

    create_project -in_memory -part $part
    foreach name $hdl_files {
        read_vhdl -vhdl2008 [file join $folder $hdl_dir $name]
    }
    set clock_xdc [file join $output clock.xdc]
    write_clock_constraints $clock_xdc $clock_period_ns $clock_source
    read_xdc -mode out_of_context $clock_xdc
    # Unmanaged: the file computes with the clock's period.
    read_xdc -mode out_of_context -unmanaged [file join $folder core.xdc]

    # The copies of a broadcast register are equal on purpose: each drives a part of the lanes.
    synth_design -mode out_of_context -flatten_hierarchy rebuilt -keep_equivalent_registers \
        -top $top -part $part
    if {[llength [get_clocks -quiet clk]] != 1} {
        error "clock clk was not created; is there a port clk in $top?"
    }

    set utilization [file join $output synthesis_utilization.rpt]
    set hierarchy [file join $output synthesis_hierarchy.rpt]
    set timing [file join $output synthesis_timing.rpt]
    report_utilization -file $utilization
    report_utilization -hierarchical -file $hierarchy
    report_timing_summary -delay_type min_max -max_paths 10 -file $timing
    write_checkpoint -force [file join $output synthesis.dcp]
    reports::write [file join $output synthesis.json] synthesis $top $part $design_digest \
        $utilization ""
}

if {[catch {synthesise $folder} message options]} {
    puts stderr "ERROR: synth.tcl: $message"
    puts stderr [dict get $options -errorinfo]
    exit 1
}
