# Stubs of the IP packager, of IP Integrator and of runs, sourced by vivado_stubs.tcl: a model of a core and of a block design that is small,
# but checks what Vivado would: ports behind each interface, clocks, resets, registers, pins, widths, addresses.
#
# Options are from UG835; names of interfaces and pins from the product guides of the cores (PG021, PG247, PG164, UG585).
# An object is a word with its kind before a colon, such as bus:s_axi.

dict for {command options} {
    read_verilog {{-sv} {-library} 1 1}
    current_fileset {{-constrset -simset -srcset -blockset} {} 0 1}
    current_project {{} {} 0 1}
    close_project {{-delete} {} 0 0}
    update_compile_order {{-force_gui} {-fileset} 0 0}
    update_ip_catalog {{-rebuild -scan_changes} {-add_ip -delete_ip -disable_ip -repo_path} 0 0}
    ipx::package_project {{-import_files -force -force_update_compile_order -generated_files -archive_source_project -set_current}
        {-root_dir -vendor -library -taxonomy -name -version -module} 0 1}
    ipx::current_core {{} {} 0 1}
    ipx::get_bus_interfaces {{} {-of_objects -filter} 0 1}
    ipx::infer_bus_interface {{} {} 3 3}
    ipx::associate_bus_interfaces {{-remove -clear} {-busif -clock -reset} 1 1}
    ipx::get_bus_parameters {{} {-of_objects -filter} 0 1}
    ipx::add_bus_parameter {{} {} 2 2}
    ipx::get_memory_maps {{} {-of_objects -filter} 0 1}
    ipx::remove_memory_map {{} {} 2 2}
    ipx::add_memory_map {{} {} 2 2}
    ipx::add_address_block {{} {} 2 2}
    ipx::add_register {{} {} 2 2}
    ipx::add_field {{} {} 2 2}
    ipx::add_user_parameter {{} {} 2 2}
    ipgui::add_page {{} {-name -component -parent -display_name} 0 0}
    ipgui::add_param {{} {-name -component -parent -display_name -widget} 0 0}
    ipx::create_xgui_files {{} {-logo_file} 1 1}
    ipx::update_checksums {{} {} 1 1}
    ipx::check_integrity {{-xprop -kernel} {} 1 1}
    ipx::save_core {{} {} 1 1}
    create_bd_design {{} {-dir} 1 1}
    create_bd_cell {{} {-type -vlnv -reference} 1 1}
    apply_bd_automation {{-opts} {-rule -config} 1 1}
    connect_bd_intf_net {{} {-intf_net} 2 2}
    connect_bd_net {{} {-net} 2 99}
    get_bd_cells {{} {-of_objects -filter} 0 1}
    get_bd_pins {{} {-of_objects -filter} 0 1}
    get_bd_intf_pins {{} {-of_objects -filter} 0 1}
    get_bd_addr_spaces {{} {-of_objects -filter} 0 1}
    get_bd_addr_segs {{} {-of_objects -filter} 0 1}
    assign_bd_address {{-boundary -external -force} {-target_address_space -offset -range -dict} 0 1}
    validate_bd_design {{-force -design} {} 0 1}
    save_bd_design {{} {} 0 1}
    get_files {{} {-of_objects -filter} 0 1}
    generate_target {{-force} {} 2 2}
    make_wrapper {{-top -testbench -inst_template -fileset -import -force} {-files} 0 0}
    add_files {{-norecurse -copy_to -scan_for_includes} {-fileset} 1 1}
    launch_runs {{-force -scripts_only} {-jobs -to_step -next_step -dir -host} 1 1}
    wait_on_runs {{} {-timeout -exit_condition} 1 1}
    get_runs {{} {-filter} 0 1}
    open_run {{} {-name -pr_config} 1 1}
    write_hw_platform {{-fixed -force -include_bit -minimal} {-hw_emu -file} 0 1}
} { dict set legal $command $options }

# object -> property -> value; what may be set, by the kind of object.
set model [dict create]
set settable {
    core {name version display_name description supported_families core_revision}
    bus {slave_memory_map_ref} busparam {value} block {base_address range width usage}
    reg {address_offset size display_name description} field {bit_offset bit_width access description}
    userparam {value value_resolve_type enablement_value} fileset {top} project {ip_repo_paths board_part}
}
set axi_lite {awaddr in awvalid in awready out wdata in wstrb in wvalid in wready out bresp out bvalid out bready in araddr in arvalid in
    arready out rdata out rresp out rvalid out rready in}

proc model_value {object property {default ""}} {
    return [expr {[dict exists $::model $object $property] ? [dict get $::model $object $property] : $default}]
}
proc of_kind {kind} { return [lsearch -all -inline -glob [dict keys $::model] $kind:*] }
proc need {object} {
    if {![dict exists $::model $object]} { error "no object $object" }
    return $object
}
proc born {object} {
    if {[dict exists $::model $object]} { error "$object exists" }
    dict set ::model $object kind [lindex [split $object :] 0]
    return $object
}
proc words {found} { return [dict get $found ""] }
proc first {found} { return [lindex [words $found] 0] }
proc found_or_quiet {command found object} {
    if {[dict exists $::model $object]} { return $object }
    if {[dict exists $found -quiet]} { return "" }
    error "$command: no $object"
}

rename set_property plain_set_property
proc set_property {found} {
    if {[dict exists $found -dict]} {
        set object [first $found]
        foreach {property value} [dict get $found -dict] { set_one $object $property $value }
        return
    }
    lassign [words $found] property value object
    if {[regexp {^(core|bus|busparam|block|reg|field|userparam|fileset|project|cell):} $object]} {
        set_one $object $property $value
    } else {
        plain_set_property $found
    }
}
proc set_one {object property value} {
    set kind [lindex [split [need $object] :] 0]
    if {$kind eq "cell"} {
        set name [string range $property 7 end]
        if {![string match CONFIG.* $property] || ![regexp [model_value $object settings] $name]} {
            error "set_property: no property $property of $object"
        }
    } elseif {$property ni [dict get $::settable $kind]} {
        error "set_property: no property $property of $object"
    }
    dict set ::model $object $property $value
}
rename get_property plain_get_property
proc get_property {found} {
    lassign [words $found] property object
    if {[string match run:* $object]} {
        if {$property eq "DIRECTORY"} { return [file join [dict get $::model project: dir] [string range $object 4 end]] }
        return [model_value $object $property]
    }
    if {"$property $object" eq "PERIOD clk_fpga_0"} { return 10.000 }
    return [plain_get_property $found]
}
rename get_clocks plain_get_clocks
proc get_clocks {found} {
    if {[first $found] eq "clk_fpga_0" && $::step eq "routed"} { return clk_fpga_0 }
    return [plain_get_clocks $found]
}

# --- the project and its top

rename create_project plain_create_project
proc create_project {found} {
    plain_create_project $found
    set ::model [dict create fileset: {kind fileset} project: {kind project}]
    dict set ::model project: dir [lindex [words $found] 1]
}
proc close_project {found} { set ::step nothing }
proc read_verilog {found} {
    exactly read_verilog project
    readable read_verilog [first $found]
    set channel [open [first $found] r]
    set text [read $channel]
    close $channel
    if {![regexp {\nmodule (\w+) \((.*?)\);} $text all module ports]} { error "read_verilog: no module" }
    set declared [dict create]
    foreach {all way high name} [regexp -all -inline {(input|output) wire (?:\[(\d+):0\] )?(\w+)} $ports] {
        dict set declared $name [list [string map {input in output out} $way] [expr {$high eq "" ? 1 : $high + 1}]]
    }
    regexp {\n    (\w+) system_i \(} $text all inner
    if {![dict exists $::entities $inner]} { error "read_verilog: $module has an instance of $inner, which was not read" }
    if {[lsort [dict keys $declared]] ne [lsort [dict keys [dict get $::entities $inner]]]} {
        error "read_verilog: the ports of $module are not those of $inner"
    }
    dict set ::entities $module $declared
    dict set ::verilog $module 1
}
proc current_fileset {found} { return fileset: }
proc current_project {found} { return project: }
proc update_compile_order {found} { exactly update_compile_order project }

# --- the IP packager

proc ipx::package_project {found} {
    exactly ipx::package_project project
    set top [model_value fileset: top]
    if {![info exists ::verilog] || ![dict exists $::verilog $top]} { error "\[IP_Flow 19-629\] the top $top must not be VHDL-2008" }
    set ::packaged [dict get $::entities $top]
    born core:
    dict set ::model core: root [option $found -root_dir]
    # a name that the packager knows by itself
    born bus:aclk
}
proc ipx::current_core {found} { return [need core:] }
proc ipx::get_bus_interfaces {found} { return [found_or_quiet ipx::get_bus_interfaces $found bus:[first $found]] }
proc ipx::infer_bus_interface {found} {
    lassign [words $found] name kind core
    need $core
    if {![regexp {^xilinx.com:(signal|interface):(\w+)_rtl:1.0$} $kind all group type]} { error "ipx::infer_bus_interface: no type $kind" }
    switch $type {
        clock - reset { set wanted [list $name in] }
        interrupt { set wanted [list $name out] }
        aximm { foreach {port way} $::axi_lite { lappend wanted ${name}_$port $way } }
        axis {
            set way [lindex [dict get $::packaged ${name}_tvalid] 0]
            set back [expr {$way eq "in" ? "out" : "in"}]
            set wanted [list ${name}_tdata $way ${name}_tlast $way ${name}_tready $back]
            # an image of weights, and a state, is whole words
            if {$name ni {s_weights s_states}} { lappend wanted ${name}_tkeep $way }
            dict set ::model stream:$name [list bits [lindex [dict get $::packaged ${name}_tdata] 1] way $way]
        }
        default { error "ipx::infer_bus_interface: no type $kind" }
    }
    foreach {port way} $wanted {
        if {![dict exists $::packaged $port] || [lindex [dict get $::packaged $port] 0] ne $way} {
            error "ipx::infer_bus_interface: $name: no port $port, $way"
        }
    }
    born bus:$name
}
proc ipx::associate_bus_interfaces {found} {
    need bus:[option $found -clock]
    if {[set bus [option $found -busif]] ne ""} { dict set ::model [need bus:$bus] clock [option $found -clock] }
    if {[set reset [option $found -reset]] ne ""} { dict set ::model bus:[option $found -clock] reset [string range [need bus:$reset] 4 end] }
}
proc ipx::get_bus_parameters {found} {
    return [found_or_quiet ipx::get_bus_parameters $found busparam:[string range [need [option $found -of_objects]] 4 end]/[first $found]]
}
proc ipx::add_bus_parameter {found} { born busparam:[string range [need [lindex [words $found] 1]] 4 end]/[first $found] }
proc ipx::get_memory_maps {found} { return [found_or_quiet ipx::get_memory_maps $found map:[first $found]] }
proc ipx::add_memory_map {found} { born map:[first $found] }
proc ipx::remove_memory_map {found} { dict unset ::model [need map:[first $found]] }
proc ipx::add_address_block {found} { need [lindex [words $found] 1]; born block:[first $found] }
proc ipx::add_register {found} { need [lindex [words $found] 1]; born reg:[first $found] }
proc ipx::add_field {found} { born field:[string range [need [lindex [words $found] 1]] 4 end]/[first $found] }
proc ipx::add_user_parameter {found} { born userparam:[first $found] }
proc ipgui::add_page {found} { return page:[option $found -name] }
proc ipgui::add_param {found} { need userparam:[option $found -name] }
proc ipx::create_xgui_files {found} { dict set ::model core: xgui 1 }
proc ipx::update_checksums {found} { need [first $found] }
proc ipx::check_integrity {found} {
    foreach bus [concat s_axi [lmap stream [of_kind stream] { string range $stream 7 end }]] {
        if {[model_value [need bus:$bus] clock] eq ""} { error "ipx::check_integrity: $bus has no clock" }
    }
    foreach port [dict keys $::packaged *_tvalid] {
        set name [string range $port 0 end-7]
        if {![dict exists $::model bus:$name]} { error "ipx::check_integrity: the ports ${name}_* are of no interface" }
    }
    if {[model_value bus:aclk reset] eq ""} { error "ipx::check_integrity: the clock has no reset" }
    if {[model_value busparam:aresetn/POLARITY value] ne "ACTIVE_LOW"} { error "ipx::check_integrity: aresetn is taken as active high" }
    if {[model_value busparam:irq/SENSITIVITY value] ne "LEVEL_HIGH"} { error "ipx::check_integrity: irq has no SENSITIVITY" }
    need map:[model_value bus:s_axi slave_memory_map_ref]
    set used [dict create]
    foreach register [of_kind reg] {
        set at [model_value $register address_offset none]
        if {$at % 4 || $at + 4 > [model_value block:reg0 range] || [dict exists $used [expr {$at}]]} {
            error "ipx::check_integrity: $register at $at"
        }
        dict set used [expr {$at}] 1
        set bits 0
        foreach field [lsearch -all -inline -glob [of_kind field] field:[string range $register 4 end]/*] {
            set mask [expr {((1 << [model_value $field bit_width]) - 1) << [model_value $field bit_offset]}]
            if {$bits & $mask || $mask >> 32} { error "ipx::check_integrity: $field has bits of another" }
            if {[model_value $field access] ni {read-only read-write write-only}} { error "ipx::check_integrity: $field has no access" }
            set bits [expr {$bits | $mask}]
        }
    }
    if {[dict size $used] == 0} { error "ipx::check_integrity: no registers" }
    dict set ::model core: good 1
}
proc ipx::save_core {found} {
    if {[model_value core: good 0] != 1 || [model_value core: xgui 0] != 1} { error "ipx::save_core: the core was not checked, or has no GUI" }
    set channel [open [file join [dict get $::model core: root] component.xml] w]
    puts $channel [dict create name [model_value core: name] version [model_value core: version] range [model_value block:reg0 range] \
        bits [model_value stream:s_axis bits] registers [llength [of_kind reg]] fields [llength [of_kind field]] \
        parameters [llength [of_kind userparam]]]
    close $channel
}

# --- IP Integrator

proc update_ip_catalog {found} {
    set name [file join [model_value project: ip_repo_paths] component.xml]
    readable update_ip_catalog $name
    set channel [open $name r]
    set ::catalog [read $channel]
    close $channel
}
proc create_bd_design {found} { exactly create_bd_design project; set ::bd [first $found] }
proc create_bd_cell {found} {
    set vlnv [option $found -vlnv]
    # a setting that the cell takes
    set known [dict create xilinx.com:ip:processing_system7:5.5 {^PCW_} xilinx.com:ip:axi_dma:7.1 {^c_} \
        xilinx.com:ip:smartconnect:1.0 {^NUM_[SM]I$} xilinx.com:ip:proc_sys_reset:5.0 {^$} xilinx.com:ip:xlconcat:2.1 {^NUM_PORTS$} \
        ernn-myhdl:cores:[dict get $::catalog name]:[dict get $::catalog version] {^$}]
    if {![dict exists $known $vlnv]} { error "create_bd_cell: no IP $vlnv in the catalog" }
    set cell [born cell:[first $found]]
    dict set ::model $cell vlnv [lindex [split $vlnv :] 2]
    dict set ::model $cell settings [dict get $known $vlnv]
    return $cell
}
proc config {cell name {default 0}} { return [model_value cell:$cell CONFIG.$name $default] }
# Interfaces of a cell with their modes, and its pins with their directions.
proc interfaces {cell} {
    switch [model_value cell:$cell vlnv] {
        processing_system7 {
            set found {}
            if {[config $cell PCW_USE_M_AXI_GP0] == 1} { lappend found M_AXI_GP0 master }
            if {[config $cell PCW_USE_S_AXI_HP0] == 1} { lappend found S_AXI_HP0 slave }
            return $found
        }
        axi_dma { return {S_AXI_LITE slave M_AXI_MM2S master M_AXI_S2MM master M_AXIS_MM2S source S_AXIS_S2MM sink} }
        smartconnect {
            set found {}
            for {set i 0} {$i < [config $cell NUM_SI 1]} {incr i} { lappend found [format S%02d_AXI $i] slave }
            for {set i 0} {$i < [config $cell NUM_MI 1]} {incr i} { lappend found [format M%02d_AXI $i] master }
            return $found
        }
        proc_sys_reset - xlconcat { return {} }
        default { return {s_axi slave s_axis sink m_axis source} }
    }
}
proc pins {cell} {
    switch [model_value cell:$cell vlnv] {
        processing_system7 {
            set found {FCLK_CLK0 out FCLK_RESET0_N out M_AXI_GP0_ACLK in S_AXI_HP0_ACLK in}
            if {[config $cell PCW_USE_FABRIC_INTERRUPT] == 1} { lappend found IRQ_F2P in }
            return $found
        }
        axi_dma { return {s_axi_lite_aclk in m_axi_mm2s_aclk in m_axi_s2mm_aclk in axi_resetn in mm2s_introut out s2mm_introut out} }
        smartconnect { return {aclk in aresetn in} }
        proc_sys_reset { return {slowest_sync_clk in ext_reset_in in peripheral_aresetn out} }
        xlconcat {
            for {set i 0} {$i < [config $cell NUM_PORTS 2]} {incr i} { lappend found In$i in }
            return [concat $found {dout out}]
        }
        default { return {aclk in aresetn in irq out} }
    }
}
proc pin_of {command table name} {
    lassign [split $name /] cell pin
    need cell:$cell
    if {![dict exists [$table $cell] $pin]} { error "$command: no $pin of $cell" }
    return $name
}
proc get_bd_cells {found} { return [need cell:[first $found]] }
proc get_bd_pins {found} { return [pin_of get_bd_pins pins [first $found]] }
proc get_bd_intf_pins {found} { return [pin_of get_bd_intf_pins interfaces [first $found]] }
proc apply_bd_automation {found} {
    if {[option $found -rule] ne "xilinx.com:bd_rule:processing_system7"} { error "apply_bd_automation: no rule [option $found -rule]" }
    if {[dict get [option $found -config] make_external] ne "FIXED_IO, DDR"} { error "apply_bd_automation: pins of memory and MIO stay inside" }
    dict set ::model [first $found] external 1
}
set nets [dict create]
proc connect_bd_intf_net {found} {
    lassign [words $found] from to
    foreach {name table} [list $from a $to b] {
        lassign [split $name /] cell pin
        set mode($table) [dict get [interfaces $cell] $pin]
        if {[dict exists $::nets $name]} { error "connect_bd_intf_net: $name is connected" }
        dict set ::nets $name 1
    }
    if {[list $mode(a) $mode(b)] ni {{master slave} {source sink}}} { error "connect_bd_intf_net: $from is $mode(a), $to is $mode(b)" }
}
proc connect_bd_net {found} {
    set drivers {}
    foreach name [words $found] {
        lassign [split $name /] cell pin
        if {[dict get [pins $cell] $pin] eq "out"} { lappend drivers $name } elseif {[dict exists $::nets $name]} {
            error "connect_bd_net: $name is driven already"
        }
        dict set ::nets $name 1
    }
    if {[llength $drivers] != 1} { error "connect_bd_net: drivers [join $drivers {, }]" }
}
proc get_bd_addr_spaces {found} {
    if {[first $found] ni {ps7/Data dma/Data_MM2S dma/Data_S2MM}} { error "get_bd_addr_spaces: no [first $found]" }
    return [first $found]
}
proc get_bd_addr_segs {found} {
    if {[first $found] ni {core/s_axi/reg0 dma/S_AXI_LITE/Reg ps7/S_AXI_HP0/HP0_DDR_LOWOCM}} { error "get_bd_addr_segs: no [first $found]" }
    return [first $found]
}
set map {}
proc assign_bd_address {found} {
    set space [option $found -target_address_space]
    set low [expr {[option $found -offset]}]
    set size [expr [string map {K *1024 M *1048576 G *1073741824} [option $found -range]]]
    if {$low % $size} { error "assign_bd_address: [first $found] at $low is not aligned to its range $size" }
    if {[first $found] eq "core/s_axi/reg0" && $size != [dict get $::catalog range]} {
        error "assign_bd_address: the registers of the core have [dict get $::catalog range] bytes, not $size"
    }
    if {$space eq "ps7/Data" && ($low < 0x40000000 || $low + $size > 0x80000000)} { error "assign_bd_address: $low is not behind M_AXI_GP0" }
    foreach {other segment from bytes} $::map {
        if {$other eq $space && $low < $from + $bytes && $from < $low + $size} { error "assign_bd_address: [first $found] lies over $segment" }
    }
    lappend ::map $space [first $found] $low $size
}
proc validate_bd_design {found} {
    foreach cell [of_kind cell] {
        set name [string range $cell 5 end]
        dict for {pin mode} [concat [interfaces $name] [pins $name]] {
            if {$mode ne "out" && ![dict exists $::nets $name/$pin]} { error "validate_bd_design: $name/$pin is not connected" }
        }
    }
    if {[model_value cell:ps7 external 0] != 1} { error "validate_bd_design: DDR and FIXED_IO of ps7 are not external" }
    foreach {key value} {PCW_UIPARAM_DDR_PARTNO .+ PCW_FPGA0_PERIPHERAL_FREQMHZ {^\d+(\.\d+)?$} PCW_EN_CLK0_PORT ^1$ PCW_EN_RST0_PORT ^1$ PCW_IRQ_F2P_INTR ^1$} {
        if {![regexp $value [config ps7 $key ""]]} { error "validate_bd_design: $key of ps7 is [config ps7 $key nothing]" }
    }
    set bits [config dma c_m_axis_mm2s_tdata_width 32]
    if {$bits != [dict get $::catalog bits]} { error "validate_bd_design: dma/M_AXIS_MM2S has $bits bits, core/s_axis [dict get $::catalog bits]" }
    foreach way {mm2s s2mm} {
        if {[config dma c_m_axi_${way}_data_width 32] < $bits} { error "validate_bd_design: the memory side of the DMA is narrower than its stream" }
    }
    if {[config dma c_include_sg 1] != 0} { error "validate_bd_design: dma/M_AXI_SG is not connected" }
    if {[llength $::map] != 4 * 4} { error "validate_bd_design: [expr {[llength $::map] / 4}] of 4 segments have an address" }
    dict set ::model project: valid 1
}
proc save_bd_design {found} {
    if {[model_value project: valid 0] != 1} { error "save_bd_design: the design was not validated" }
}

# --- runs

proc get_files {found} {
    if {[first $found] ne "$::bd.bd"} { error "get_files: no [first $found]" }
    return $::bd.bd
}
proc generate_target {found} { dict set ::model project: generated 1 }
proc make_wrapper {found} { return $::bd[expr {[dict exists $found -top] ? "_wrapper.v" : ""}] }
proc add_files {found} { dict set ::model project: added [file rootname [first $found]] }
proc get_runs {found} { return run:[first $found] }
proc launch_runs {found} {
    set run [first $found]
    if {[model_value fileset: top] ne [model_value project: added none]} { error "launch_runs: no top [model_value fileset: top]" }
    if {[model_value project: generated 0] != 1} { error "launch_runs: the block design was not generated" }
    if {$run eq "impl_1" && [model_value run:synth_1 waited 0] != 1} { error "launch_runs: synth_1 has not ended" }
    dict set ::model run:$run PROGRESS 0%
    dict set ::model run:$run to [option $found -to_step]
}
proc wait_on_runs {found} {
    set run run:[first $found]
    dict set ::model [need $run] waited 1
    dict set ::model $run PROGRESS [expr {[info exists ::env(FAILS)] && $::env(FAILS) eq [first $found] ? "40%" : "100%"}]
    set folder [file join [dict get $::model project: dir] [first $found]]
    file mkdir $folder
    if {[model_value $run to] eq "write_bitstream"} { close [open [file join $folder ${::bd}_wrapper.bit] w] }
    set handoff [file join [dict get $::model project: dir] $::bd.gen sources_1 bd $::bd hw_handoff]
    file mkdir $handoff
    close [open [file join $handoff $::bd.hwh] w]
}
proc open_run {found} {
    if {[model_value run:[first $found] waited 0] != 1} { error "open_run: [first $found] has not ended" }
    set ::step routed
}
proc write_hw_platform {found} {
    exactly write_hw_platform routed
    if {[dict exists $found -include_bit] && [model_value run:impl_1 to] ne "write_bitstream"} { error "write_hw_platform: no bitstream" }
    close [open [first $found] w]
}
