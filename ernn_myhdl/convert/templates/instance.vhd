-- How to instantiate the core in VHDL. Signals of the architecture; inputs are yours to drive:
SIGNALS

-- Behind its begin:
    CORE_TOP_i: entity work.CORE_TOP
        port map (
CONNECTIONS
        );
