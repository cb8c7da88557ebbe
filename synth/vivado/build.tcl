# The AXI system on a board with a Zynq-7000, from the IP core to bitstream and hardware description:
#
#   vivado -mode batch -source build.tcl
#
# Reads parameters.tcl (generated) and what package_ip.tcl reads. Writes into the output folder: ip/, project/, NAME.bit, NAME.hwh,
# NAME.xsa, build_utilization.rpt, build_timing.rpt and build.json. Ends with exit code 1 on any error, and where the timing is not met.

set folder [file dirname [file normalize [info script]]]
source [file join $folder package_ip.tcl]
source [file join $folder reports.tcl]
source [file join $folder block_design.tcl]

# Start a run up to a step, and wait for its end.
proc complete {run args} {
    launch_runs $run {*}$args
    wait_on_runs $run
    if {[get_property PROGRESS [get_runs $run]] ne "100%"} {
        error "$run has failed: see runme.log in [get_property DIRECTORY [get_runs $run]]"
    }
}

proc build {folder} {
    source [file join $folder parameters.tcl]
    set output [file join $folder $output_dir]
    set project [file join $output project]

    create_project -force $bd_name $project -part $part
    set_property ip_repo_paths [file join $output ip] [current_project]
    update_ip_catalog
    block_design::create $folder
    set design [get_files $bd_name.bd]
    generate_target all $design
    add_files -norecurse [make_wrapper -files $design -top]
    set_property top ${bd_name}_wrapper [current_fileset]
    update_compile_order -fileset sources_1

    complete synth_1
    complete impl_1 -to_step write_bitstream
    open_run impl_1
    set utilization [file join $output build_utilization.rpt]
    set timing [file join $output build_timing.rpt]
    report_utilization -file $utilization
    report_timing_summary -delay_type min_max -max_paths 10 -file $timing
    foreach {kind name} {max set-up min hold} {
        set slack [reports::slack $kind]
        if {$slack ne "" && $slack < 0} {
            error "the timing is not met: $name slack $slack ns; see $timing"
        }
    }
    write_hw_platform -fixed -include_bit -force [file join $output $bd_name.xsa]
    file copy -force [file join [get_property DIRECTORY [get_runs impl_1]] ${bd_name}_wrapper.bit] [file join $output $bd_name.bit]
    # Its folder is *.srcs up to Vivado 2020.1 and *.gen behind it.
    set handoff [glob [file join $project $bd_name.{gen,srcs} sources_1 bd $bd_name hw_handoff $bd_name.hwh]]
    file copy -force [lindex $handoff 0] [file join $output $bd_name.hwh]
    reports::write [file join $output build.json] build ${bd_name}_wrapper $part $design_digest $utilization "" clk_fpga_0
}

if {[catch {build $folder} message options]} {
    puts stderr "ERROR: build.tcl: $message"
    puts stderr [dict get $options -errorinfo]
    exit 1
}
