"""Runs of small cores with a monitor on their streams."""

from __future__ import annotations

from lazy_designs import Lazily
from stream_model import expected_beats

from ernn_myhdl import new_design
from ernn_myhdl.engines.myhdl.simulation import simulate
from ernn_myhdl.streams.framing import framed
from ernn_myhdl.streams.traffic import Beat

#: Designs by the relation of beat (S samples), block (k samples) and frame.
DESIGNS = Lazily(
    {
        # S < k, beats do not fill the last block
        "narrow": lambda: new_design(5, 6, 0, 4, lanes=4, samples_per_beat=2),
        # S < k, one block in a frame, one sample a beat
        "one sample": lambda: new_design(3, 5, 2, 4, True, lanes=3, samples_per_beat=1),
        # S = k
        "equal": lambda: new_design(10, 6, 5, 4, lanes=8, ifft_units=2, samples_per_beat=4),
        # S > k, the last beat holds fewer blocks
        "wide": lambda: new_design(11, 5, 0, 2, True, lanes=5, samples_per_beat=4),
        # S > k, a frame is one beat
        "one beat": lambda: new_design(5, 7, 0, 4, lanes=8, element_width=2, samples_per_beat=16),
        # k = 1: every sample is a block
        "dense": lambda: new_design(7, 3, 2, 1, lanes=6, ifft_units=2, samples_per_beat=4),
    }
)
#: Those whose frames have several beats, so that they can be cut.
SEVERAL_BEATS = [name for name in DESIGNS if name != "one beat"]


class Monitor:
    """Watches the streams cycle by cycle: what is offered stays until taken, the error flag stays.

    stalled, waited: cycles in which the core, the source had to wait. errors: cycles with
    frame_error. resets: cycles of a reset.
    """

    def __init__(self) -> None:
        self.stalled = self.waited = 0
        self.errors: list[int] = []
        self.resets: list[int] = []
        self._held = None
        self._error = False
        self._cycle = 0

    def watch(self, model):
        signals = model.signals

        def value(name: str) -> int:
            return int(signals[name].val)

        def sample(cycle: int) -> None:
            names = [f"m_axis_t{n}" for n in ("data", "last", "user", "id")]
            offer = tuple(value(n) for n in names if n in signals)
            valid, ready = value("m_axis_tvalid"), value("m_axis_tready")
            if self._held is not None:
                assert valid, f"cycle {cycle}: tvalid was withdrawn"
                assert offer == self._held, f"cycle {cycle}: the beat on offer changed"
            self._held = offer if valid and not ready else None
            self.stalled += bool(valid and not ready)
            self.waited += bool(value("s_axis_tvalid") and not value("s_axis_tready"))
            error = bool(value("frame_error"))
            assert error or not self._error, f"cycle {cycle}: frame_error was withdrawn"
            self._error = error
            if error:
                self.errors.append(cycle)

        def sample_after_resets(cycle: int) -> None:
            # no sample is taken in a cycle of reset
            if cycle != self._cycle:
                self.resets += range(self._cycle, cycle)
                self._held, self._error = None, False
            self._cycle = cycle + 1
            sample(cycle)

        return sample_after_resets


def run(design, beats, frames, **options):
    """Recording and monitor of a simulation that takes all beats and delivers `frames` frames."""
    monitor = Monitor()
    options.setdefault("limit", 1500)  # a test that hangs is to end soon
    record = simulate(design, beats, frames, watch=monitor.watch, stages=False, **options)
    return record, monitor


def delivered(record) -> list[Beat]:
    return [beat for _, beat in record.delivered]


def check(design, beats, **options):
    """Simulate a stream and compare every beat of the result; returns recording and monitor."""
    meaning = framed(beats, design)
    expected = expected_beats(meaning.sequences, design, meaning.turns)
    frames = sum(len(s) for s in meaning.sequences)
    assert sum(b.last for b in expected) == frames > 0
    record, monitor = run(design, beats, frames, **options)
    assert delivered(record) == expected
    assert [b for _, b in record.accepted] == beats[: len(record.accepted)]
    assert record.error == meaning.error
    return record, monitor
