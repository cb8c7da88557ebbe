// The top of the IP core, in Verilog: the IP packager takes no top in VHDL-2008. Filled in by ernn_myhdl.system: module (the system), ports
// (its ports), connections.
module ${module}_ip (
    $ports
);
    $module system_i (
        $connections
    );
endmodule
