# Stubs of the Vivado commands that synth/vivado uses, to run its scripts under tclsh:
#
#   tclsh vivado_stubs.tcl LOG SCRIPT
#
# Every call is checked: the command must be listed below, its options and their values must be
# legal, files it reads must exist, and the steps must come in an order that Vivado accepts. The
# calls are written to LOG. Reports look like Vivado's, so that what reads them is tested as well.
#
# The tables of options are from UG835 (Vivado Tcl Command Reference), 2020.2 to 2023.2. A command
# that is not listed does not exist here, so tclsh refuses it.

# command -> {options without a value} {options with a value} least and most other arguments
set common {-quiet -verbose}
set legal {
    version {{-short} {} 0 0}
    create_project {{-force -in_memory -ip -rtl_kernel} {-part} 0 2}
    read_vhdl {{-vhdl2008 -vhdl2019} {-library} 1 1}
    read_xdc {{-quiet_diff_pairs -unmanaged -no_add} {-cells -ref -mode} 1 1}
    synth_design {
        {-rtl -lint -no_lc -lut_cascade -keep_equivalent_registers -no_srlextract -assert
            -no_timing_driven -sfcu -debug_log -rtl_skip_mlo -rtl_skip_ip -rtl_skip_constraints}
        {-name -part -constrset -top -include_dirs -generic -verilog_define -flatten_hierarchy
            -gated_clock_conversion -directive -bufg -shreg_min_size -mode -fsm_extraction
            -srl_style -resource_sharing -cascade_dsp -control_set_opt_threshold -max_bram
            -max_uram -max_dsp -max_bram_cascade_height -max_uram_cascade_height} 0 0
    }
    opt_design {
        {-retarget -propconst -sweep -bram_power_opt -remap -aggressive_remap -resynth_area
            -resynth_seq_area -shift_register_opt -dsp_register_opt -control_set_merge
            -merge_equivalent_drivers -debug_log -property_opt_only}
        {-hier_fanout_limit -muxf_remap -carry_remap -directive} 0 0
    }
    place_design {
        {-no_timing_driven -timing_summary -unplace -post_place_opt -no_psip -no_bufg_opt
            -sll_align_opt -ultrathreads} {-directive} 0 0
    }
    phys_opt_design {
        {-fanout_opt -placement_opt -routing_opt -slr_crossing_opt -insert_negative_edge_ffs
            -restruct_opt -critical_cell_opt -dsp_register_opt -bram_register_opt
            -uram_register_opt -bram_enable_opt -shift_register_opt -hold_fix -aggressive_hold_fix
            -retime -critical_pin_opt -clock_opt -tns_cleanup -sll_reg_hold_fix}
        {-force_replication_on_nets -directive} 0 0
    }
    route_design {
        {-unroute -release_memory -physical_nets -pins -preserve -delay -auto_delay
            -no_timing_driven -tns_cleanup -ultrathreads -eco -finalize}
        {-re_entrant -nets -directive -max_delay -min_delay} 0 0
    }
    report_utilization {
        {-append -evaluate_pblock -exclude_child_pblocks -exclude_non_assigned -return_string -slr
            -packthru -no_primitives -omit_locs -hierarchical -hierarchical_percentages}
        {-file -pblocks -cells -name -spreadsheet_file -spreadsheet_table -spreadsheet_depth
            -hierarchical_depth} 0 0
    }
    report_timing_summary {
        {-check_timing_verbose -no_detailed_paths -setup -hold -unique_pins -no_reused_label
            -input_pins -no_pblock -routable_nets -report_unconstrained -no_header -append
            -return_string -warn_on_violation -datasheet}
        {-delay_type -max_paths -nworst -path_type -slack_lesser_than -significant_digits -file
            -name -cells -rpx} 0 0
    }
    report_power {
        {-no_propagation -return_string -advisory -append -verbose}
        {-hier -hierarchical_depth -vid -file -name -xpe -format -l -rpx} 0 0
    }
    write_checkpoint {{-force -incremental_synth} {-cell -logic_function_stripped} 1 1}
    write_bitstream {
        {-force -no_binary_bitfile -raw_bitfile -mask_file -readback_file -bin_file -no_partial_bitfile
            -logic_location_file} {-cell -reference_bitfile} 1 1
    }
    open_checkpoint {{-ignore_timing} {-part} 1 1}
    get_ports {
        {-regexp -nocase -scoped_to_current_instance -no_traverse -prop_thru_buffers}
        {-filter -of_objects -match_style} 0 1
    }
    get_clocks {{-regexp -nocase -include_generated_clocks} {-filter -of_objects -match_style} 0 1}
    get_timing_paths {
        {-setup -hold -unique_pins -user_ignored -no_report_unconstrained -pass_thru}
        {-from -rise_from -fall_from -to -rise_to -fall_to -through -rise_through -fall_through
            -delay_type -max_paths -nworst -slack_lesser_than -slack_greater_than -group -sort_by
            -filter -regexp -match_style -cell} 0 0
    }
    get_property {{-min -max} {} 2 2}
    set_property {{} {-dict} 1 3}
    create_clock {{-add} {-period -name -waveform} 0 1}
    set_input_delay {
        {-clock_fall -rise -fall -max -min -add_delay -network_latency_included
            -source_latency_included} {-clock -reference_pin} 2 2
    }
    set_output_delay {
        {-clock_fall -rise -fall -max -min -add_delay -network_latency_included
            -source_latency_included} {-clock -reference_pin} 2 2
    }
    set_false_path {
        {-setup -hold -rise -fall -reset_path}
        {-from -rise_from -fall_from -to -rise_to -fall_to -through -rise_through -fall_through} 0 0
    }
}
# Legal values of options, where they are few.
set values {
    "read_xdc -mode" {default out_of_context}
    "synth_design -mode" {default out_of_context}
    "synth_design -flatten_hierarchy" {full none rebuilt}
    "report_timing_summary -delay_type" {max min min_max}
    "get_timing_paths -delay_type" {max min min_max}
}

# State: the step that the design has reached, and what was read.
set order {nothing project synthesised optimised placed improved routed}
set step nothing
set part ""
set constraints {}
set ports [dict create]
set clocks [dict create]
set entities [dict create]
# Port -> property -> value, of constraints.
set places [dict create]

proc at_least {command wanted} {
    if {[lsearch -exact $::order $::step] < [lsearch -exact $::order $wanted]} {
        error "$command needs a design that is $wanted, it is $::step"
    }
}

proc exactly {command wanted} {
    if {$::step ne $wanted} {
        error "$command needs a design that is $wanted, it is $::step"
    }
}

proc readable {command name} {
    if {![file isfile $name]} {
        error "$command: no file $name"
    }
}

# Checks a call; returns a dictionary of options, the other arguments under "".
proc parse {command arguments} {
    puts $::log "$command $arguments"
    lassign [dict get $::legal $command] flags valued least most
    set found [dict create "" {}]
    for {set i 0} {$i < [llength $arguments]} {incr i} {
        set word [lindex $arguments $i]
        if {![regexp {^-[a-zA-Z]} $word]} {
            dict lappend found "" $word
        } elseif {$word in $flags || $word in $::common} {
            dict set found $word 1
        } elseif {$word in $valued} {
            if {[incr i] >= [llength $arguments]} {
                error "$command: option $word has no value"
            }
            set value [lindex $arguments $i]
            if {[dict exists $::values "$command $word"]
                && $value ni [dict get $::values "$command $word"]} {
                error "$command: option $word cannot be $value"
            }
            dict set found $word $value
        } else {
            error "$command: no option $word"
        }
    }
    set count [llength [dict get $found ""]]
    if {$count < $least || $count > $most} {
        error "$command: $count arguments besides options, must be $least to $most"
    }
    return $found
}

proc option {found name {default ""}} {
    return [expr {[dict exists $found $name] ? [dict get $found $name] : $default}]
}

# --- reading

proc version {found} { return 2023.2 }

proc create_project {found} {
    exactly create_project nothing
    set ::part [option $found -part]
    set ::step project
}

proc read_vhdl {found} {
    exactly read_vhdl project
    foreach name [lindex [dict get $found ""] 0] {
        readable read_vhdl $name
        set channel [open $name r]
        set text [read $channel]
        close $channel
        # initial values of arrays, and bit strings with a length
        if {[regexp {initial values|[0-9]+x"} $text] && ![dict exists $found -vhdl2008]} {
            error "read_vhdl: $name is VHDL-2008"
        }
        foreach {all entity body} [regexp -all -inline -nocase \
                {entity\s+(\w+)\s+is(.*?)end\s+(?:entity|\w+)\s*\w*\s*;} $text] {
            set declared [dict create]
            foreach {all names direction} [regexp -all -inline -nocase \
                    {([\w, \t]+?)\s*:\s*(in|out|inout)\s} $body] {
                foreach port [split $names ,] {
                    dict set declared [string trim $port] [string toupper $direction]
                }
            }
            dict set ::entities $entity $declared
        }
    }
}

proc read_xdc {found} {
    exactly read_xdc project
    set name [lindex [dict get $found ""] 0]
    readable read_xdc $name
    lappend ::constraints $name [dict exists $found -unmanaged]
}

# --- steps

proc synth_design {found} {
    exactly synth_design project
    set top [option $found -top]
    if {![dict exists $::entities $top]} {
        error "synth_design: no entity $top was read"
    }
    if {[option $found -part] ne $::part} {
        error "synth_design: part [option $found -part] is not the project's $::part"
    }
    set ::ports [dict get $::entities $top]
    set ::step synthesised
    foreach {name unmanaged} $::constraints {
        uplevel #0 [list source $name]
    }
}

foreach {command before after} {
    opt_design synthesised optimised
    place_design optimised placed
    phys_opt_design placed improved
    route_design improved routed
} {
    proc $command {found} "exactly $command $before; set ::step $after"
}

proc write_checkpoint {found} {
    at_least write_checkpoint synthesised
    set name [lindex [dict get $found ""] 0]
    if {[file exists $name] && ![dict exists $found -force]} {
        error "write_checkpoint: $name exists"
    }
    set channel [open $name w]
    puts $channel [list $::step $::part $::ports $::clocks]
    close $channel
}

# A bitstream needs all pins at their places.
proc write_bitstream {found} {
    exactly write_bitstream routed
    dict for {name direction} $::ports {
        foreach property {PACKAGE_PIN IOSTANDARD} {
            if {![dict exists $::places $name $property]} {
                error "write_bitstream: port $name has no $property"
            }
        }
    }
    close [open [lindex [dict get $found ""] 0] w]
}

proc open_checkpoint {found} {
    exactly open_checkpoint nothing
    set name [lindex [dict get $found ""] 0]
    readable open_checkpoint $name
    set channel [open $name r]
    lassign [read $channel] ::step ::part ::ports ::clocks
    close $channel
}

# --- objects and constraints

proc matches {name direction filter} {
    foreach term [split [string map {&& \n} $filter] \n] {
        lassign $term key operator value
        switch $key {
            NAME { set actual $name }
            DIRECTION { set actual $direction }
            default { error "get_ports: no property $key in filter" }
        }
        switch $operator {
            == { set true [expr {$actual eq $value}] }
            != { set true [expr {$actual ne $value}] }
            default { error "get_ports: operator $operator in filter" }
        }
        if {!$true} {
            return 0
        }
    }
    return 1
}

proc get_ports {found} {
    at_least get_ports synthesised
    set patterns [lindex [dict get $found ""] 0]
    if {$patterns eq ""} {
        set patterns *
    }
    set result {}
    foreach pattern $patterns {
        set before [llength $result]
        dict for {name direction} $::ports {
            if {[string match $pattern $name] && [matches $name $direction [option $found -filter]]} {
                lappend result $name
            }
        }
        if {[llength $result] == $before && ![dict exists $found -quiet]} {
            error "get_ports: no port matches $pattern [option $found -filter]"
        }
    }
    return $result
}

proc get_clocks {found} {
    at_least get_clocks synthesised
    set name [lindex [dict get $found ""] 0]
    if {![dict exists $::clocks $name]} {
        if {[dict exists $found -quiet]} {
            return {}
        }
        error "get_clocks: no clock $name"
    }
    return $name
}

proc get_timing_paths {found} {
    at_least get_timing_paths synthesised
    return path_[option $found -delay_type max]
}

proc get_property {found} {
    lassign [dict get $found ""] property object
    switch "$property $object" {
        "PERIOD clk" { return [dict get $::clocks clk] }
        "SLACK path_max" { return 0.517 }
        "SLACK path_min" { return 0.021 }
        default { error "get_property: no property $property of $object" }
    }
}

proc set_property {found} {
    lassign [dict get $found ""] property value object
    set legal {PACKAGE_PIN {^[A-Z]{1,2}\d+$} IOSTANDARD {^LVCMOS(18|25|33)$} PULLUP ^true$ PULLDOWN ^true$}
    if {[dict exists $legal $property] && [regexp [dict get $legal $property] $value]} {
        dict for {port values} $::places {
            if {$property eq "PACKAGE_PIN" && [dict exists $values PACKAGE_PIN]
                && [dict get $values PACKAGE_PIN] eq $value} {
                error "set_property: $value is the place of $port too"
            }
        }
        dict set ::places $object $property $value
        return
    }
    if {$property ne "HD.CLK_SRC" || ![regexp {^BUFG(CTRL|CE)_X\d+Y\d+$} $value]} {
        error "set_property: $property of $object cannot be $value"
    }
}

proc create_clock {found} {
    at_least create_clock synthesised
    if {![string is double -strict [option $found -period]] || [option $found -period] <= 0} {
        error "create_clock: period [option $found -period]"
    }
    dict set ::clocks [option $found -name] [option $found -period]
}

proc set_input_delay {found} { delay set_input_delay IN $found }
proc set_output_delay {found} { delay set_output_delay OUT $found }

proc delay {command direction found} {
    lassign [dict get $found ""] value objects
    if {![dict exists $::clocks [option $found -clock]]} {
        error "$command: no clock [option $found -clock]"
    }
    if {![string is double -strict $value]} {
        error "$command: delay $value"
    }
    foreach port $objects {
        if {[dict get $::ports $port] ne $direction} {
            error "$command: port $port is [dict get $::ports $port]"
        }
    }
}

proc set_false_path {found} { at_least set_false_path synthesised }

# --- reports, in the layout of two families and versions

proc write_report {command found text} {
    at_least $command synthesised
    set name [option $found -file]
    if {$name eq ""} {
        error "$command: no -file"
    }
    set channel [open $name w]
    puts $channel $text
    close $channel
}

proc report_utilization {found} {
    if {[dict exists $found -hierarchical_depth] && ![dict exists $found -hierarchical]} {
        error "report_utilization: -hierarchical_depth needs -hierarchical"
    }
    if {[string match xc7* $::part]} {
        write_report report_utilization $found {
1. Slice Logic
+----------------------------+-------+-------+-----------+-------+
|          Site Type         |  Used | Fixed | Available | Util% |
+----------------------------+-------+-------+-----------+-------+
| Slice LUTs*                | 12345 |     0 |     53200 | 23.20 |
|   LUT as Logic             | 11345 |     0 |     53200 | 21.33 |
|   LUT as Memory            |  1000 |     0 |     17400 |  5.75 |
| Slice Registers            | 20000 |     0 |    106400 | 18.80 |
| F7 Muxes                   |     4 |     0 |     26600 | <0.01 |
+----------------------------+-------+-------+-----------+-------+
* Warning! The Final LUT count, after physical optimizations, is typically lower.

2. Memory
+-------------------+------+-------+-----------+-------+
|     Site Type     | Used | Fixed | Available | Util% |
+-------------------+------+-------+-----------+-------+
| Block RAM Tile    | 16.5 |     0 |       140 | 11.79 |
|   RAMB36/FIFO*    |   16 |     0 |       140 | 11.43 |
|   RAMB18          |    1 |     0 |       280 |  0.36 |
+-------------------+------+-------+-----------+-------+

3. DSP
+----------------+------+-------+-----------+-------+
|    Site Type   | Used | Fixed | Available | Util% |
+----------------+------+-------+-----------+-------+
| DSPs           |  172 |     0 |       220 | 78.18 |
+----------------+------+-------+-----------+-------+
}
        return
    }
    write_report report_utilization $found {
1. CLB Logic
+----------------------------+--------+-------+------------+-----------+-------+
|          Site Type         |  Used  | Fixed | Prohibited | Available | Util% |
+----------------------------+--------+-------+------------+-----------+-------+
| CLB LUTs                   | 123456 |     0 |          0 |    331680 | 37.22 |
|   LUT as Logic             | 113456 |     0 |          0 |    331680 | 34.21 |
|   LUT as Memory            |  10000 |     0 |          0 |    146880 |  6.81 |
| CLB Registers              | 200000 |     0 |          0 |    663360 | 30.15 |
+----------------------------+--------+-------+------------+-----------+-------+

2. BLOCKRAM
+-------------------+------+-------+------------+-----------+-------+
|     Site Type     | Used | Fixed | Prohibited | Available | Util% |
+-------------------+------+-------+------------+-----------+-------+
| Block RAM Tile    |  540 |     0 |          0 |      1080 | 50.00 |
+-------------------+------+-------+------------+-----------+-------+

3. ARITHMETIC
+----------------+------+-------+------------+-----------+-------+
|    Site Type   | Used | Fixed | Prohibited | Available | Util% |
+----------------+------+-------+------------+-----------+-------+
| DSPs           | 2700 |     0 |          0 |      2760 | 97.83 |
+----------------+------+-------+------------+-----------+-------+
}
}

proc report_timing_summary {found} {
    write_report report_timing_summary $found "| Design Timing Summary"
}

proc report_power {found} {
    write_report report_power $found {
1. Summary
+--------------------------+--------------+
| Total On-Chip Power (W)  | 0.754        |
| Design Power Budget (W)  | Unspecified* |
| Power Budget Margin (W)  | NA           |
| Dynamic (W)              | 0.621        |
| Device Static (W)        | 0.133        |
| Confidence Level         | Low          |
+--------------------------+--------------+
}
}

# --- the IP packager, IP Integrator and runs

foreach space {ipx ipgui} { namespace eval $space {} }
source [file join [file dirname [file normalize [info script]]] vivado_system_stubs.tcl]

# --- every command checks its call before it works

foreach command [dict keys $legal] {
    set stub stub_[string map {:: _} $command]
    rename $command $stub
    proc $command args "return \[$stub \[parse $command \$args\]\]"
}

lassign $argv log_name script
set log [open $log_name w]
fconfigure $log -buffering line
source $script
