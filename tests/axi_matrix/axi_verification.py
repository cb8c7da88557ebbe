"""Runs in the simulator: the AXI system under cocotb, with the masters, sinks and monitors of cocotbext-axi.

AXI_CASES names the file of cases and AXI_RESULT that of the results; AXI_LONG_STALL has the cycles of the longest stall.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, SimTimeoutError, with_timeout
from cocotbext.axi import (
    AxiLiteBus,
    AxiLiteMaster,
    AxiResp,
    AxiStreamBus,
    AxiStreamFrame,
    AxiStreamMonitor,
    AxiStreamSink,
    AxiStreamSource,
)

from ernn_myhdl.host.registers import register

#: Until a packet must have come, more than the longest stall takes.
PATIENCE = 2000


class Bench:
    """The ports with their masters, and counters of what was checked and what was wrong."""

    def __init__(self, dut) -> None:
        self.dut = dut
        cocotb.start_soon(Clock(dut.aclk, 10, unit="ns").start())
        common = {"reset": dut.aresetn, "reset_active_level": False}
        self.registers = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.aclk, **common)
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), dut.aclk, **common)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), dut.aclk, **common)
        self.monitor = AxiStreamMonitor(AxiStreamBus.from_prefix(dut, "m_axis"), dut.aclk, **common)
        self.violations: list[str] = []
        self.packets = 0
        cocotb.start_soon(self._stable())

    async def _stable(self) -> None:
        """What is offered on any channel stays until it is taken."""
        channels = {
            "m_axis": ("tvalid", "tready", ("tdata", "tkeep", "tlast")), "s_axi": ("bvalid", "bready", ("bresp",)),
            "s_axi r": ("rvalid", "rready", ("rdata", "rresp")),
        }  # fmt: skip
        waited: dict[str, tuple | None] = dict.fromkeys(channels)
        while True:
            await RisingEdge(self.dut.aclk)
            resets = str(self.dut.aresetn.value) != "1"
            for name, (valid, ready, fields) in channels.items():
                prefix = name.split()[0]
                signals = [getattr(self.dut, f"{prefix}_{f}") for f in (valid, ready, *fields)]
                is_valid, is_ready, *payload = [str(s.value) for s in signals]
                if resets:
                    waited[name] = None
                    continue
                if is_valid not in "01":
                    self.violations.append(f"{name}: {valid} is {is_valid}")
                if waited[name] is not None and (is_valid != "1" or tuple(payload) != waited[name]):
                    self.violations.append(f"{name}: changed while it waited")
                if is_valid == "1" and any(c not in "01" for field in payload for c in field):
                    self.violations.append(f"{name}: undefined bits {payload}")
                waited[name] = tuple(payload) if is_valid == "1" and is_ready != "1" else None

    async def reset(self, cycles: int = 3) -> None:
        self.dut.aresetn.value = 0
        await ClockCycles(self.dut.aclk, cycles)
        self.dut.aresetn.value = 1
        await ClockCycles(self.dut.aclk, 2)
        for queue in (self.source, self.sink, self.monitor):
            queue.clear()

    async def write(self, name: str, value: int) -> AxiResp:
        return (
            await self.registers.write(register(name).address, value.to_bytes(4, "little"))
        ).resp

    async def read(self, name: str) -> int:
        return int.from_bytes((await self.registers.read(register(name).address, 4)).data, "little")

    def traffic(self, idle: float, stall: float, seed: int) -> None:
        def pauses(share: float, seed: int):
            generator = random.Random(seed)
            while True:
                yield generator.random() < share

        for end, share in ((self.source, idle), (self.sink, stall)):
            if share:
                end.set_pause_generator(pauses(share, seed))
            else:
                end.clear_pause_generator()
                end.pause = False

    async def run_case(self, case: dict) -> str | None:
        """Send the packets of a case; returns what is wrong."""
        assert await self.write("PACKET", case["mode"]) == AxiResp.OKAY
        assert await self.write("SEQUENCE", case["sequence"]) == AxiResp.OKAY
        await self.write("CONTROL", register("CONTROL").field("start").mask)
        for packet in case["sent"]:
            await self.source.send(AxiStreamFrame(bytes.fromhex(packet)))
        for number, expected in enumerate(case["expected"]):
            try:
                got = await with_timeout(self.sink.recv(), PATIENCE, "us")
            except SimTimeoutError:
                return f"packet {number}: has not come in {PATIENCE} us"
            seen = self.monitor.recv_nowait() if not self.monitor.empty() else None
            self.packets += 1
            if bytes(got.tdata).hex() != expected:
                return f"packet {number}: {bytes(got.tdata).hex()}, not {expected}"
            if seen is not None and bytes(seen.tdata) != bytes(got.tdata):
                return f"packet {number}: the monitor saw another"
        errors = await self.read("ERRORS")
        await self.write("ERRORS", 31)
        return None if errors == case["errors"] else f"ERRORS {errors:#x}, not {case['errors']:#x}"


@cocotb.test()
async def matrix(dut):
    """All cases with all traffics; resets while stalled, long stalls and interrupts between them."""
    job = json.loads(Path(os.environ["AXI_CASES"]).read_text())
    bench = Bench(dut)
    await bench.reset()
    wrong, runs = [], 0
    for number, case in enumerate(job["cases"]):
        for traffic, (idle, stall) in job["traffics"].items():
            bench.traffic(idle, stall, seed=number)
            if problem := await bench.run_case(case):
                wrong.append(f"{case['name']}, {traffic}: {problem}")
                await bench.reset()
            runs += 1
    bench.traffic(0, 0, 0)
    for reason in (
        await interrupts(bench, job["cases"]),
        await stalled_reset(bench, job["cases"], job["stall"]),
    ):
        if reason:
            wrong.append(reason)
    result = {
        "runs": runs, "packets": bench.packets, "wrong": wrong, "violations": bench.violations[:10],
        "violation_count": len(bench.violations),
    }  # fmt: skip
    Path(os.environ["AXI_RESULT"]).write_text(json.dumps(result))
    assert not wrong and not bench.violations, f"{wrong[:3]} {bench.violations[:3]}"


async def interrupts(bench: Bench, cases: list[dict]) -> str | None:
    """The interrupt rises with a packet and falls with the clear of its cause."""
    whole = next(c for c in cases if not c["errors"])
    await bench.write("IRQ_STATUS", 7)
    await bench.write("IRQ_ENABLE", 1)
    if int(bench.dut.irq.value):
        return "interrupt: is high without a cause"
    problem = await bench.run_case(whole)
    if problem:
        return f"interrupt: {problem}"
    await ClockCycles(bench.dut.aclk, 3)
    if not int(bench.dut.irq.value):
        return "interrupt: stays low behind a packet"
    await bench.write("IRQ_STATUS", 1)
    await ClockCycles(bench.dut.aclk, 2)
    return "interrupt: stays high behind its clear" if int(bench.dut.irq.value) else None


async def stalled_reset(bench: Bench, cases: list[dict], cycles: int) -> str | None:
    """A long stall loses nothing; a reset while the sink is stalled, and pauses through it, leave nothing behind."""
    whole = next(c for c in cases if not c["errors"])
    bench.sink.pause = True
    run = cocotb.start_soon(bench.run_case(whole | {"sent": whole["sent"]}))
    await ClockCycles(bench.dut.aclk, cycles)
    bench.sink.pause = False
    if problem := await run:
        return f"behind a stall of {cycles} cycles: {problem}"
    bench.sink.pause = True
    for packet in whole["sent"] * 3:
        await bench.source.send(AxiStreamFrame(bytes.fromhex(packet)))
    await ClockCycles(bench.dut.aclk, 300)
    bench.source.clear()
    await bench.reset(1)
    bench.sink.pause = False
    if problem := await bench.run_case(whole):
        return f"behind a reset while stalled: {problem}"
    return None
