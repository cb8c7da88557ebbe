"""What the sequencer decides, in plain Python: frames in queues instead of counters and pages."""

from __future__ import annotations

from collections import deque

from block_bench import Values

from ernn_myhdl.design.design import Design
from ernn_myhdl.program.program import Operation, X, Y, program_for
from ernn_myhdl.rtl.sequencer import operands, prefetch


class SequencerModel:
    """The state after a reset; `decide`, then `advance` once a cycle."""

    def __init__(self, design: Design) -> None:
        self.design, self.program = design, program_for(design)
        streams = design.hardware.streams
        self.has_second = bool(design.cell.second_phase)
        self.reads_x = design.cell.second_reads_x
        self.second_x_page = 0
        self.age = 0  # cycles since the reset
        self.gate = 0
        self.base = self.second = self.program.gate_length if self.has_second else 0
        self.inside = ""  # the part of the program that a pass was begun of
        self.busy = self.outstanding = self.x = self.m = self.x_page = 0
        self.y = [self.program.output_groups] * streams
        self.page = [1] * streams  # of the latest y
        self.arrived: deque[tuple[int, int]] = deque()  # fresh, stream
        self.owed: deque[tuple[int, int]] = deque()  # tag, number of frames before it
        self.now = (0, 0, 0)  # fresh, stream, page of y that is read
        self.started = 0
        self.coming = {"x_coming": 0, "m_coming": 0, "y_coming": 0, "y_coming_stream": 0}

    def decide(self) -> str:
        """The part whose operation is issued, or nothing."""
        gate = self.program.operations[self.gate]
        row = self.program.operations[self.second]
        have = self.x if gate.source == X else self.y[self.now[1]]
        pages = self.design.hardware.frames_in_flight
        gate_ready = (
            self.age >= operands.READY and gate.need <= have and not (gate.last and self.busy)
        )
        gate_ready &= not (gate.start and self.outstanding == pages)
        row_ready = bool(self.owed) and row.need <= self.m and not (row.last and self.busy)
        if self.inside == "gate":
            return "gate" if gate_ready else ""
        if self.inside == "second" or (self.owed and self.m >= self.program.cell_groups):
            return "second" if row_ready else ""
        if gate_ready and self.owed:
            gate_ready = self._complete(gate)
        return "gate" if gate_ready else "second" if row_ready else ""

    def _complete(self, gate: Operation) -> bool:
        """Whether all is there that a pass which begins with this operation reads."""
        x = self.x >= self.design.cell.input_blocks or not gate.start
        if self.design.cell.split:
            return x if gate.source == X else self.y[self.now[1]] >= self.program.output_groups
        if not gate.start:
            return True
        return x and self.y[self.arrived[0][1]] >= self.program.output_groups

    def fetches(self) -> Values:
        """Addresses of the words that are read, ahead of the operations."""
        ahead = min(self.age, prefetch.AHEAD)
        rows = self.program.length - self.base
        return {
            "gate_fetch": (self.gate + ahead) % self.program.gate_length,
            "second_fetch": self.base + (self.second - self.base + ahead) % rows,
        }

    def operation(self, issued: str) -> Operation:
        return self.program.operations[self.gate if issued == "gate" else self.second]

    def outputs(self, issued: str) -> Values:
        """The outputs one cycle later; tag and page of y only where they count."""
        if not issued:
            return {"op_valid": 0, "op_first": 0, "op_last": 0, "x_release": 0}
        operation = self.operation(issued)
        made = {
            "op_valid": 1,
            "op_first": int(operation.first),
            "op_last": int(operation.last),
            "x_release": int(operation.x_done and (issued == "second") == self.reads_x),
            "op_second": int(issued == "second"),
            "op_index": operation.index,
            "op_address": self.gate if issued == "gate" else self.second,
        }
        if self.design.cell.split:
            made["op_part"] = int(operation.part)
        if issued == "second":
            tag, number = self.owed[0]
            pages = self.design.hardware.frames_in_flight
            made |= {"op_tag": tag, "m_page": number % pages}
            if self.reads_x:
                made["op_second_x"] = int(operation.source == X)
                made["second_x_page"] = self.second_x_page
            return made
        if self.reads_x:
            made["op_second_x"] = 0
        made |= {"op_recurrent": int(operation.source == Y), "x_page": self.x_page}
        if operation.start:
            return made | {"op_tag": self._tag(self._arrived(), self.started)}
        _, stream, page = self.now
        return made | {"op_tag": self._tag(self.now), "y_page": 2 * stream + page}

    def advance(self, issued: str, inputs: Values) -> None:
        """The end of the cycle."""
        self.age += 1
        self.busy = max(self.busy - 1, 0)
        if issued:
            operation = self.operation(issued)
            self.inside = "" if operation.last else issued
            if operation.last:
                self.busy = operation.chunks
            if issued == "gate":
                self._gate_issued(operation)
            else:
                self.second_x_page ^= operation.x_done
                if operation.final:
                    self.m -= self.program.cell_groups
                    self.owed.popleft()
        if issued == "gate":
            self.gate = (self.gate + 1) % self.program.gate_length
        elif issued == "second":
            self.second = self.base if self.second == self.program.length - 1 else self.second + 1
        written, self.coming = self.coming, {name: inputs[name] for name in self.coming}
        self.x += written["x_coming"]
        self.m += written["m_coming"]
        self.y[written["y_coming_stream"]] += written["y_coming"]
        self.outstanding -= inputs["output_release"]
        if inputs["frame_start"]:
            self.arrived.append((inputs["frame_fresh"], inputs["frame_stream"]))

    def _gate_issued(self, operation: Operation) -> None:
        if operation.start:
            self.now = self._arrived()
            self.arrived.popleft()
            self.page[self.now[1]] ^= 1
            self.outstanding += 1
            self.started += 1
        if operation.x_done:
            self.x -= self.design.cell.input_blocks
            self.x_page ^= 1
        if operation.y_done:
            self.y[self.now[1]] -= self.program.output_groups
        if operation.final:
            self.owed.append((self._tag(self.now), self.started - 1))

    def _arrived(self) -> tuple[int, int, int]:
        """The next frame: fresh, stream, page of y that it reads."""
        fresh, stream = self.arrived[0]
        return fresh, stream, self.page[stream]

    def _tag(self, frame: tuple[int, int, int], number: int | None = None) -> int:
        """Tag of a frame; number: of frames before it, that of the latest when None."""
        fresh, stream, page = frame
        tag = fresh | (1 - page) << 1 | stream << 2
        if self.reads_x:  # then z and h wait for the second phase in a page of their own
            hw = self.design.hardware
            number = (self.started - 1 if number is None else number) % hw.frames_in_flight
            tag |= number << 2 + max(1, (hw.streams - 1).bit_length())
        return tag
