-- How to instantiate the system in VHDL.
    CORE_NAME_axi_i: entity work.CORE_NAME_axi
        port map (
            aclk          => aclk,           -- clock of all ports
            aresetn       => aresetn,        -- synchronous, active low
            s_axi_awaddr  => s_axi_awaddr,   -- AXI4-Lite, 12 bits of address, 32 of data
            s_axi_awprot  => s_axi_awprot,
            s_axi_awvalid => s_axi_awvalid,
            s_axi_awready => s_axi_awready,
            s_axi_wdata   => s_axi_wdata,
            s_axi_wstrb   => s_axi_wstrb,
            s_axi_wvalid  => s_axi_wvalid,
            s_axi_wready  => s_axi_wready,
            s_axi_bresp   => s_axi_bresp,
            s_axi_bvalid  => s_axi_bvalid,
            s_axi_bready  => s_axi_bready,
            s_axi_araddr  => s_axi_araddr,
            s_axi_arprot  => s_axi_arprot,
            s_axi_arvalid => s_axi_arvalid,
            s_axi_arready => s_axi_arready,
            s_axi_rdata   => s_axi_rdata,
            s_axi_rresp   => s_axi_rresp,
            s_axi_rvalid  => s_axi_rvalid,
            s_axi_rready  => s_axi_rready,
            s_axis_tdata  => s_axis_tdata,   -- BUS_BITS bits: packets of x
            s_axis_tkeep  => s_axis_tkeep,   -- KEEP_BITS bits
            s_axis_tlast  => s_axis_tlast,
            s_axis_tvalid => s_axis_tvalid,
            s_axis_tready => s_axis_tready,
            m_axis_tdata  => m_axis_tdata,   -- BUS_BITS bits: packets of y
            m_axis_tkeep  => m_axis_tkeep,   -- KEEP_BITS bits
            m_axis_tlast  => m_axis_tlast,
            m_axis_tvalid => m_axis_tvalid,
            m_axis_tready => m_axis_tready,
SIDE_STREAMS            irq           => irq             -- level, active high
        );
