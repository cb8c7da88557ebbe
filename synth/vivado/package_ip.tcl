# The AXI system as an IP core for IP Integrator:
#
#   vivado -mode batch -source package_ip.tcl
#
# Reads parameters.tcl (generated), NAME_ip.v and the VHDL beside this file. Writes ip/ with component.xml, and package/, the project
# that it is packaged from, into the output folder; build.tcl runs this script first. The top is in Verilog, because the IP packager takes no top in VHDL-2008; what is inside may be.
# Ends with exit code 1 on any error.

set folder [file dirname [file normalize [info script]]]

# One register in the memory map, with its fields.
proc add_register {block name offset access text fields} {
    set register [ipx::add_register $name $block]
    set_property address_offset $offset $register
    set_property size 32 $register
    set_property display_name $name $register
    set_property description $text $register
    foreach {field low bits meaning} $fields {
        set made [ipx::add_field $field $register]
        set_property bit_offset $low $made
        set_property bit_width $bits $made
        set_property access $access $made
        set_property description $meaning $made
    }
}

# A parameter that is shown and cannot be changed: it is of the design.
proc show_parameter {core page name value text} {
    set parameter [ipx::add_user_parameter $name $core]
    set_property value_resolve_type user $parameter
    set_property value $value $parameter
    set_property enablement_value false $parameter
    ipgui::add_param -name $name -component $core -parent $page -display_name $text
}

proc package_ip {folder} {
    source [file join $folder parameters.tcl]
    set ip [file join $folder $output_dir ip]
    file mkdir $ip

    create_project -force package [file join $folder $output_dir package] -part $part
    foreach name $hdl_files {
        read_vhdl -vhdl2008 [file join $folder $hdl_dir $name]
    }
    read_verilog [file join $folder $ip_file]
    set_property top $ip_top [current_fileset]
    update_compile_order -fileset sources_1

    ipx::package_project -root_dir $ip -vendor $ip_vendor -library $ip_library -taxonomy /UserIP -import_files -force
    set core [ipx::current_core]
    set_property name $ip_name $core
    set_property version $ip_version $core
    set_property display_name $ip_name $core
    set_property description "ernn-myhdl design with digest $design_digest" $core
    set_property supported_families {zynq Production} $core

    # Interfaces by the names of their ports; nothing is added where the packager has found them by itself.
    foreach {interface kind} $ip_interfaces {
        if {[llength [ipx::get_bus_interfaces -quiet $interface -of_objects $core]] == 0} {
            ipx::infer_bus_interface $interface $kind $core
        }
    }
    foreach {interface kind} $ip_interfaces {
        if {[llength [ipx::get_bus_interfaces -quiet $interface -of_objects $core]] != 1} {
            error "interface $interface was not found in the ports of $ip_top"
        }
    }
    foreach interface $ip_buses {
        ipx::associate_bus_interfaces -busif $interface -clock $ip_clock $core
    }
    ipx::associate_bus_interfaces -clock $ip_clock -reset $ip_reset $core
    foreach {interface name value} $ip_levels {
        set bus [ipx::get_bus_interfaces $interface -of_objects $core]
        if {[llength [ipx::get_bus_parameters -quiet $name -of_objects $bus]] == 0} {
            ipx::add_bus_parameter $name $bus
        }
        set_property value $value [ipx::get_bus_parameters $name -of_objects $bus]
    }

    # The packager may have made a map of its own, without registers.
    if {[llength [ipx::get_memory_maps -quiet $ip_slave -of_objects $core]] != 0} {
        ipx::remove_memory_map $ip_slave $core
    }
    set map [ipx::add_memory_map $ip_slave $core]
    set_property slave_memory_map_ref $ip_slave [ipx::get_bus_interfaces $ip_slave -of_objects $core]
    set block [ipx::add_address_block reg0 $map]
    set_property base_address 0 $block
    set_property range $ip_window $block
    set_property width 32 $block
    set_property usage register $block
    foreach {name offset access text fields} $ip_registers {
        add_register $block $name $offset $access $text $fields
    }

    set page [ipgui::add_page -name Design -component $core]
    foreach {name value text} $ip_parameters {
        show_parameter $core $page $name $value $text
    }
    set_property core_revision 1 $core
    ipx::create_xgui_files $core
    ipx::update_checksums $core
    ipx::check_integrity $core
    ipx::save_core $core
    close_project
}

if {[catch {package_ip $folder} message options]} {
    puts stderr "ERROR: package_ip.tcl: $message"
    puts stderr [dict get $options -errorinfo]
    exit 1
}
