# A UART system on a board: synthesis, placement, routing and the bitstream, without a Vivado project:
#
#   vivado -mode batch -source bitstream.tcl
#
# Reads parameters.tcl (generated), board.xdc and the VHDL beside this file. Writes into the output folder: bitstream.bit,
# bitstream.dcp, bitstream_utilization.rpt, bitstream_timing.rpt and bitstream.json. Ends with exit code 1 on any error, and
# where the timing is not met.

set folder [file dirname [file normalize [info script]]]
source [file join $folder reports.tcl]

proc bitstream {folder} {
    source [file join $folder parameters.tcl]
    set output [file join $folder $output_dir]
    file mkdir $output

    create_project -in_memory -part $part
    foreach name $hdl_files {
        read_vhdl -vhdl2008 [file join $folder $hdl_dir $name]
    }
    read_xdc [file join $folder board.xdc]
    # The copies of a broadcast register are equal on purpose: each drives a part of the lanes.
    synth_design -flatten_hierarchy rebuilt -keep_equivalent_registers -top $top -part $part
    opt_design
    place_design
    phys_opt_design
    route_design

    set utilization [file join $output bitstream_utilization.rpt]
    set timing [file join $output bitstream_timing.rpt]
    report_utilization -file $utilization
    report_timing_summary -delay_type min_max -max_paths 10 -file $timing
    write_checkpoint -force [file join $output bitstream.dcp]
    foreach {kind name} {max set-up min hold} {
        set slack [reports::slack $kind]
        if {$slack ne "" && $slack < 0} {
            error "the timing is not met: $name slack $slack ns; see $timing"
        }
    }
    write_bitstream -force [file join $output bitstream.bit]
    reports::write [file join $output bitstream.json] bitstream $top $part $design_digest $utilization ""
}

if {[catch {bitstream $folder} message options]} {
    puts stderr "ERROR: bitstream.tcl: $message"
    puts stderr [dict get $options -errorinfo]
    exit 1
}
