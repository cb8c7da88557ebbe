-- Self-checking test bench of <core>: random gaps on <x_name>, random back-pressure on <y_name>.
-- Ends with "PASS" or, at the first wrong beat, with "FAIL" and a non-zero exit code.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use ieee.math_real.all;
use std.textio.all;
use std.env.all;

entity <name>_test_bench is
    generic (
        INPUT_FILE : string := "<name>_<input>"; -- beats of <x_name>: user last tid tdata
        EXPECTED_FILE : string := "<name>_<expected>"; -- beats of <y_name>; none to record only
        LOG_FILE : string := "<name>_<log>"; -- transfers with their cycles
<generics>        FRAMES : natural := 0; -- frames to wait for when there is no EXPECTED_FILE
        IDLE_PERCENT : natural := 30; -- cycles without <x_valid>, 0 to 99
        STALL_PERCENT : natural := 30; -- cycles without <y_ready>, 0 to 99
        SEED : positive := 1; -- of gaps and back-pressure
        QUIET_LIMIT : positive := 100000 -- cycles without a transfer that end the run
    );
end entity <name>_test_bench;

architecture behaviour of <name>_test_bench is
    constant WIDTH : positive := <width>;
    signal clk : std_logic := '0';
    signal rst : std_logic := '1';
<declarations>    signal frame_error : std_logic;
    signal cycle : integer := -4;
begin
    clk <= not clk after 2.5 ns;

    core: entity work.<core>
        port map (
            clk => clk, rst => rst,
<connections>            frame_error => frame_error
        );

<source_of_x><source_of_states><loading>    sink: process (clk) is
        file vectors : text;
        file log : text open write_mode is LOG_FILE;
        variable text_line, log_line : line;
        variable last : bit;
        variable user, stream : natural;
        variable data : std_logic_vector(WIDTH - 1 downto 0);
        variable seed1 : positive := SEED + 1;
        variable seed2 : positive := 1174;
        variable number : real;
        variable opened : boolean := false;
        variable beats, frames_seen : natural := 0;
        variable quiet : natural := 0;
    begin
        if rising_edge(clk) then
            if not opened and EXPECTED_FILE /= "none" then
                file_open(vectors, EXPECTED_FILE, read_mode);
            end if;
            opened := true;
            quiet := quiet + 1;
<moved_states><moved_weights>            if rst = '0' and <x_valid> = '1' and <x_ready> = '1' then
                quiet := 0;
                write(log_line, string'("s "));
                write(log_line, cycle);
                writeline(log, log_line);
            end if;
            if rst = '0' and <y_valid> = '1' and <y_ready> = '1' then
                quiet := 0;
                write(log_line, string'("m "));
                write(log_line, cycle);
                write(log_line, string'(" "));
                write(log_line, <seen_user>);
                write(log_line, string'(" "));
                write(log_line, to_bit(<y_last>));
                write(log_line, string'(" "));
                hwrite(log_line, <y_data>);
                writeline(log, log_line);
                if EXPECTED_FILE /= "none" then
                    readline(vectors, text_line);
                    read(text_line, user);
                    read(text_line, last);
                    read(text_line, stream);
                    hread(text_line, data);
                    if <y_data> /= data or <y_last> /= to_stdulogic(last)
                            or <seen_user> /= user or <seen_stream> /= stream then
                        report "FAIL: beat " & integer'image(beats) & " in cycle "
                            & integer'image(cycle) & ": got " & to_hstring(<y_data>)
                            & ", expected " & to_hstring(data) severity note;
                        stop(1);
                    end if;
                end if;
                beats := beats + 1;
                if <y_last> = '1' then
                    frames_seen := frames_seen + 1;
                end if;
                if (EXPECTED_FILE /= "none" and endfile(vectors))
                        or (EXPECTED_FILE = "none" and frames_seen = FRAMES) then
                    if frame_error = '1' then
                        report "FAIL: frame_error is high" severity note;
                        stop(1);
                    end if;
                    report "PASS: " & integer'image(beats) & " beats, "
                        & integer'image(frames_seen) & " frames, last in cycle "
                        & integer'image(cycle) severity note;
                    stop(0);
                end if;
            end if;
            if quiet > QUIET_LIMIT then
                report "FAIL: no transfer for " & integer'image(QUIET_LIMIT) & " cycles"
                    severity note;
                stop(1);
            end if;
            uniform(seed1, seed2, number);
            <y_ready> <= '1' when number * 100.0 >= real(STALL_PERCENT) else '0';
        end if;
    end process sink;
end architecture behaviour;
