// Self-checking test bench of <core>: random gaps on <x_name>, random back-pressure on <y_name>.
// Ends with "PASS" or, at the first wrong beat, with "FAIL" and an exit code that is not 0.
`timescale 1ns / 1ps

module <name>_test_bench;
    parameter INPUT_FILE = "test_bench/<name>_<input>"; // beats of <x_name>: user last tid tdata
    parameter EXPECTED_FILE = "test_bench/<name>_<expected>"; // beats of <y_name>
    parameter LOG_FILE = "<name>_<log>"; // transfers with their cycles
<states_file>
<weight_parameters>    parameter integer CHECK = 1; // 0 to record only
    parameter integer FRAMES = 0; // frames to wait for when nothing is checked
    parameter integer IDLE_PERCENT = 30; // cycles without <x_valid>, 0 to 99
    parameter integer STALL_PERCENT = 30; // cycles without <y_ready>, 0 to 99
    parameter integer SEED = 1; // of gaps and back-pressure
    parameter integer QUIET_LIMIT = 100000; // cycles without a transfer that end the run

    reg clk, rst;
    wire frame_error;
<declarations>
    integer cycle, inputs, expected, transfers, states;

    initial begin
        clk = 0;
        rst = 1;
        cycle = -4;
<start>        inputs = $fopen(INPUT_FILE, "r");
        expected = CHECK != 0 ? $fopen(EXPECTED_FILE, "r") : 1;
        transfers = $fopen(LOG_FILE, "w");
        states = <open_states>;
        if (inputs == 0 || expected == 0 || transfers == 0 || states == 0) begin
            $display("FAIL: a file of the test bench is missing");
            $fatal(1);
        end
    end

    always #2.5 clk = !clk;

    <core> core (
        <connections>
    );

<source_of_x>
<source_of_states>
<loading>    always @(posedge clk) begin: sink
        integer user, last, stream, random, beats, frames, quiet;
        reg [<width_less_1>:0] data;
        reg opened, more;
        if (cycle == -4) begin
            random = SEED + 1;
            beats = 0;
            frames = 0;
            quiet = 0;
            opened = 0;
            more = 0;
        end
        if (CHECK != 0 && !opened) begin
            more = $fscanf(expected, "%d %d %d %h", user, last, stream, data) == 4;
            opened = 1;
        end
        quiet = quiet + 1;
        if (!rst && <x_valid> && <x_ready>) begin
            quiet = 0;
            $fdisplay(transfers, "s %0d", cycle);
        end
<moved_states><moved_weights>        if (!rst && <y_valid> && <y_ready>) begin
            quiet = 0;
            $fdisplay(transfers, "m %0d %0d %b %h", cycle, <y_user>, <y_last>, <y_data>);
            if (CHECK != 0) begin
                if (!more || <y_data> !== data || <y_last> !== last[0]
                        || <y_user> !== user[<user_less_1>:0] || <seen> !== stream) begin
                    $display("FAIL: beat %0d in cycle %0d: got %h, expected %h", beats, cycle,
                        <y_data>, data);
                    $fatal(1);
                end
                more = $fscanf(expected, "%d %d %d %h", user, last, stream, data) == 4;
            end
            beats = beats + 1;
            if (<y_last>) frames = frames + 1;
            if (CHECK != 0 ? !more : frames == FRAMES) begin
                if (frame_error !== 1'b0) begin
                    $display("FAIL: frame_error is high");
                    $fatal(1);
                end
                $display("PASS: %0d beats, %0d frames, last in cycle %0d", beats, frames, cycle);
                $fclose(transfers);
                $finish;
            end
        end
        if (quiet > QUIET_LIMIT) begin
            $display("FAIL: no transfer for %0d cycles", QUIET_LIMIT);
            $fatal(1);
        end
        <y_ready> <= $unsigned($random(random)) % 100 >= $unsigned(STALL_PERCENT);
    end
endmodule
