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
        self.weights = None
        if hasattr(dut, "s_weights_tdata"):
            bus = AxiStreamBus.from_prefix(dut, "s_weights")
            self.weights = AxiStreamSource(bus, dut.aclk, byte_size=32, **common)
        self.states = None
        if hasattr(dut, "s_states_tdata"):
            bus = AxiStreamBus.from_prefix(dut, "s_states")
            self.states = AxiStreamSource(bus, dut.aclk, byte_size=32, **common)
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
        for queue in (self.source, self.sink, self.monitor, self.weights, self.states):
            if queue is not None:
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
        assert await self.write("STREAMS", case["streams"]) == AxiResp.OKAY
        assert await self.write("STATES", bool(self.states)) == AxiResp.OKAY
        control = register("CONTROL")
        await self.write(
            "CONTROL", control.field("start").mask | control.field("clear_counters").mask
        )
        *others, end = [AxiStreamFrame(bytes.fromhex(packet)) for packet in case["sent"]]
        for packet in others if case["finish"] else [*others, end]:
            await self.source.send(packet)
        await self.send_states(case)
        if case["finish"]:
            for _ in range(PATIENCE):
                if await self.read("FRAMES_IN") >= case["before"]:
                    break
            else:
                return "frames of x before the last packet have not entered the core"
            await self.write("CONTROL", control.field("finish").mask)
            await self.source.send(end)
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
        # of frames without a y, which the next case must not hit
        await with_timeout(self.source.wait(), PATIENCE, "us")
        for _ in range(PATIENCE):
            if await self.read("FRAMES_IN") > case["before"] and not await self.read("STATUS") & 2:
                break
        else:
            return "frames of x have not entered the core"
        errors = await self.read("ERRORS")
        await self.write("ERRORS", (1 << 32) - 1)
        return None if errors == case["errors"] else f"ERRORS {errors:#x}, not {case['errors']:#x}"

    async def send_states(self, case: dict) -> None:
        """The states before the sequences of a case."""
        for words in case["states"]:
            if case["by_stream"]:
                await self.states.send(AxiStreamFrame(words))
                continue
            for i, word in enumerate(words):
                name = "STATE_LAST" if i + 1 == len(words) else "STATE_DATA"
                while await self.write(name, word) != AxiResp.OKAY:
                    pass  # the core had no room for 1024 cycles


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
    await bench.reset()  # a sequence of another stream that goes on would use a bank of weights
    for reason in (
        await weights(bench, job["loads"], job["traffics"]),
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


LOADED, PENDING, BANKS = 2, 4, "WEIGHT_BANKS"


async def weights(bench: Bench, loads: list[dict], traffics: dict) -> str | None:
    """Images of weights by registers and by the stream, between frames and while they run, and damaged ones."""
    if not loads:  # weights are fixed
        return None
    two, before = await bench.read(BANKS) == 2, loads[0]["case"]
    for number, load in enumerate(loads[1:] + loads[:1]):
        for turn, (idle, stall) in enumerate(traffics.values()):
            bench.traffic(idle, stall, seed=number)
            words, during = load["words"], two and (number + turn) % 2 == 0
            damaged = [*words[:-2], words[-2] ^ 1 << number, words[-1]]
            await send_image(bench, damaged, by_stream=turn == 1)
            if (await ended(bench)) & LOADED or await bench.read("ERRORS") != 32:
                return f"{load['case']['name']}: a damaged image was taken"
            await bench.write("ERRORS", 32)
            if not two:  # which has no whole weights now
                before = load["case"]
            if during:
                sending = cocotb.start_soon(send_image(bench, words, by_stream=True))
                if problem := await switching(bench, before, load["case"]):
                    return f"{load['case']['name']}, while it loads: {problem}"
                await sending
            else:
                await send_image(bench, words, by_stream=turn == 2)
            if not (await ended(bench)) & LOADED:
                return f"{load['case']['name']}: the image was not taken"
            if problem := await bench.run_case(load["case"]):
                return f"{load['case']['name']}: {problem}"
            if await bench.read("WEIGHTS") & PENDING:
                return f"{load['case']['name']}: is pending behind the start of a sequence"
            before = load["case"]
    return None


async def send_image(bench: Bench, words: list[int], by_stream: bool) -> None:
    if by_stream:
        await bench.weights.send(AxiStreamFrame(words))
        await with_timeout(bench.weights.wait(), PATIENCE, "us")
        return
    for i, word in enumerate(words):
        name = "WEIGHT_LAST" if i + 1 == len(words) else "WEIGHT_DATA"
        assert await bench.write(name, word) == AxiResp.OKAY


async def ended(bench: Bench) -> int:
    """WEIGHTS when no image is on its way."""
    for _ in range(PATIENCE):
        word = await bench.read("WEIGHTS")
        if not word & 1:
            return word
    return 0


async def switching(bench: Bench, old: dict, new: dict) -> str | None:
    """Sequences of the old weights, and from one of them on of the new ones."""
    for name in ("PACKET", "SEQUENCE", "STREAMS"):
        await bench.write(name, old[name.lower()] if name != "PACKET" else old["mode"])
    for packet in old["sent"]:
        await bench.source.send(AxiStreamFrame(bytes.fromhex(packet)))
    switched = False
    for number, (before, after) in enumerate(zip(old["expected"], new["expected"], strict=True)):
        got = bytes((await with_timeout(bench.sink.recv(), PATIENCE, "us")).tdata).hex()
        if not bench.monitor.empty():
            bench.monitor.recv_nowait()
        bench.packets += 1
        switched = switched or got != before
        if switched and got != after:
            return f"packet {number}: is of neither"
    return None


async def interrupts(bench: Bench, cases: list[dict]) -> str | None:
    """The interrupt rises with a packet and falls with the clear of its cause."""
    whole = next(c for c in cases if c["expected"] and not c["errors"])
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
    whole = next(c for c in cases if c["expected"] and not c["errors"])
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
