# Placement and routing of the core, out of context, after synth.tcl:
#
#   vivado -mode batch -source implement.tcl
#
# Reads parameters.tcl (generated) and synthesis.dcp in the output folder. Writes there:
# implementation.dcp, implementation_utilization.rpt, implementation_hierarchy.rpt,
# implementation_timing.rpt, implementation_power.rpt and implementation.json.
# Ends with exit code 1 on any error; missed timing is no error, see "met" in the JSON.

set folder [file dirname [file normalize [info script]]]
source [file join $folder reports.tcl]

proc implement {folder} {
    source [file join $folder parameters.tcl]
    set output [file join $folder $output_dir]
    set checkpoint [file join $output synthesis.dcp]
    if {![file exists $checkpoint]} {
        error "$checkpoint does not exist; run synth.tcl first"
    }

    open_checkpoint $checkpoint
    opt_design
    place_design
    phys_opt_design
    route_design

    set utilization [file join $output implementation_utilization.rpt]
    set hierarchy [file join $output implementation_hierarchy.rpt]
    set timing [file join $output implementation_timing.rpt]
    set power [file join $output implementation_power.rpt]
    report_utilization -file $utilization
    report_utilization -hierarchical -file $hierarchy
    report_timing_summary -delay_type min_max -max_paths 10 -file $timing
    report_power -file $power
    write_checkpoint -force [file join $output implementation.dcp]
    reports::write [file join $output implementation.json] implementation $top $part \
        $design_digest $utilization $power
}

if {[catch {implement $folder} message options]} {
    puts stderr "ERROR: implement.tcl: $message"
    puts stderr [dict get $options -errorinfo]
    exit 1
}
