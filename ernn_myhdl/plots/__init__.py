"""Pictures: waveforms and errors of runs, schedules of designs."""
