# The block design of the AXI system on a Zynq-7000: processing system, AXI DMA, the IP core; sourced by build.tcl.
#
#   M_AXI_GP0 -> control (SmartConnect) -> registers of the core, registers of the DMA
#   DMA, both directions -> memory (SmartConnect) -> S_AXI_HP0
#   DMA -> x -> core -> y -> DMA
#   interrupts of core and DMA -> IRQ_F2P; one clock, FCLK_CLK0, and its reset for all

namespace eval block_design {}

proc block_design::cell {name vlnv settings} {
    set cell [create_bd_cell -type ip -vlnv $vlnv $name]
    set config {}
    foreach {key value} $settings {
        lappend config CONFIG.$key $value
    }
    if {[llength $config]} {
        set_property -dict $config $cell
    }
    return $cell
}

proc block_design::bus {from to} {
    connect_bd_intf_net [get_bd_intf_pins $from] [get_bd_intf_pins $to]
}

proc block_design::wire {from args} {
    set pins [get_bd_pins $from]
    foreach to $args {
        lappend pins [get_bd_pins $to]
    }
    connect_bd_net {*}$pins
}

# An address for a slave's segment in a master's space.
proc block_design::place {space segment offset range} {
    assign_bd_address -offset $offset -range $range -target_address_space [get_bd_addr_spaces $space] \
        [get_bd_addr_segs $segment]
}

proc block_design::create {folder} {
    source [file join $folder parameters.tcl]
    create_bd_design $bd_name

    cell ps7 xilinx.com:ip:processing_system7:5.5 [concat $ps7_settings [list \
        PCW_FPGA0_PERIPHERAL_FREQMHZ $clock_mhz PCW_EN_CLK0_PORT 1 PCW_EN_RST0_PORT 1 PCW_USE_M_AXI_GP0 1 PCW_USE_S_AXI_HP0 1 \
        PCW_S_AXI_HP0_DATA_WIDTH 64 PCW_USE_FABRIC_INTERRUPT 1 PCW_IRQ_F2P_INTR 1]]
    # The settings are those of the board's file, so no board files need to be installed.
    apply_bd_automation -rule xilinx.com:bd_rule:processing_system7 \
        -config {make_external "FIXED_IO, DDR" apply_board_preset "0" Master "Disable" Slave "Disable"} [get_bd_cells ps7]
    cell core $ip_vendor:$ip_library:$ip_name:$ip_version {}
    cell dma xilinx.com:ip:axi_dma:7.1 [list c_include_sg 0 c_sg_include_stscntrl_strm 0 c_sg_length_width 26 \
        c_include_mm2s 1 c_include_s2mm 1 c_m_axis_mm2s_tdata_width $bus_bits c_m_axi_mm2s_data_width $dma_bits \
        c_m_axi_s2mm_data_width $dma_bits c_mm2s_burst_size 16 c_s2mm_burst_size 16]
    cell control xilinx.com:ip:smartconnect:1.0 {NUM_SI 1 NUM_MI 2}
    cell memory xilinx.com:ip:smartconnect:1.0 {NUM_SI 2 NUM_MI 1}
    cell resets xilinx.com:ip:proc_sys_reset:5.0 {}
    cell interrupts xilinx.com:ip:xlconcat:2.1 {NUM_PORTS 3}

    bus ps7/M_AXI_GP0 control/S00_AXI
    bus control/M00_AXI core/s_axi
    bus control/M01_AXI dma/S_AXI_LITE
    bus dma/M_AXI_MM2S memory/S00_AXI
    bus dma/M_AXI_S2MM memory/S01_AXI
    bus memory/M00_AXI ps7/S_AXI_HP0
    bus dma/M_AXIS_MM2S core/s_axis
    bus core/m_axis dma/S_AXIS_S2MM

    wire ps7/FCLK_CLK0 ps7/M_AXI_GP0_ACLK ps7/S_AXI_HP0_ACLK control/aclk memory/aclk resets/slowest_sync_clk core/aclk \
        dma/s_axi_lite_aclk dma/m_axi_mm2s_aclk dma/m_axi_s2mm_aclk
    wire ps7/FCLK_RESET0_N resets/ext_reset_in
    wire resets/peripheral_aresetn control/aresetn memory/aresetn core/aresetn dma/axi_resetn
    wire core/irq interrupts/In0
    wire dma/mm2s_introut interrupts/In1
    wire dma/s2mm_introut interrupts/In2
    wire interrupts/dout ps7/IRQ_F2P

    place ps7/Data core/s_axi/reg0 $core_address $ip_window
    place ps7/Data dma/S_AXI_LITE/Reg $dma_address $dma_range
    place dma/Data_MM2S ps7/S_AXI_HP0/HP0_DDR_LOWOCM 0x00000000 $memory_range
    place dma/Data_S2MM ps7/S_AXI_HP0/HP0_DDR_LOWOCM 0x00000000 $memory_range
    validate_bd_design
    save_bd_design
}
