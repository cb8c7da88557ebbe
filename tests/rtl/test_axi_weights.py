"""Weights through the AXI system in MyHDL: its registers and its stream before a stand-in of a core's port."""

from __future__ import annotations

from axi_bench import BusMaster, bench_netlist
from block_bench import run_myhdl
from weight_bench import stand_in_image as image
from weight_bench import weight_core as core
from weight_bench import weight_design as design

from ernn_myhdl.host.registers import BY_NAME, WEIGHT_FIELDS
from ernn_myhdl.system.loadable import loadable_weights
from ernn_myhdl.system.rtl.weight_port import FIFO_WORDS, MOST_WAIT

MASKS = {f.name: f.mask for f in WEIGHT_FIELDS}
WEIGHTS_ERROR = BY_NAME["ERRORS"].field("weights").mask
WEIGHTS_IRQ = BY_NAME["IRQ_STATUS"].field("weights").mask
REFUSED = BY_NAME["ERRORS"].field("refused").mask


def simulated(test, inner):
    bus, done = BusMaster(32, weights=True), []

    def steps():
        yield from bus.reset(2)
        yield from test(bus)
        done.append(True)

    run_myhdl(bench_netlist(design(), 32, core=inner), steps)
    assert done


def test_images_by_registers_are_taken_and_refused_and_told():
    weights = loadable_weights(design())

    def test(bus):
        digits = ""
        for i in range(8):
            digits += f"{(yield from bus.read(f'STRUCTURE_{i}'))[0]:08x}"
        assert digits == weights.structure
        assert (yield from bus.read("WEIGHT_BANKS")) == (2, 0)
        assert (yield from bus.read("WEIGHTS")) == (0, 0)
        yield from bus.write("IRQ_ENABLE", WEIGHTS_IRQ)
        words = image(1, 0xFFFFFFFF, 7, 0x80000001, 5)
        assert (yield from bus.load(words[:3]))[1] == {0}
        assert (yield from bus.write("WEIGHT_LAST", 9, strobe=3)) == 2
        assert (yield from bus.read("ERRORS")) == (REFUSED | WEIGHTS_ERROR, 0)  # words[2] ended it
        assert bus.irqs[-1]
        yield from bus.write("ERRORS", REFUSED | WEIGHTS_ERROR)
        yield from bus.write("IRQ_STATUS", 15)
        yield from bus.wait(2)
        assert not bus.irqs[-1]
        assert (yield from bus.read("WEIGHTS")) == (MASKS["damaged"], 0)
        for word in words[:-1]:
            yield from bus.write("WEIGHT_DATA", word)
        assert (yield from bus.read("WEIGHTS")) == (MASKS["loading"], 0) and not bus.irqs[-1]
        yield from bus.write("WEIGHT_LAST", words[-1])
        yield from bus.wait(8)
        assert (yield from bus.read("WEIGHTS")) == (MASKS["loaded"], 0) and bus.irqs[-1]
        assert (yield from bus.read("ERRORS")) == (0, 0)
        yield from bus.write("IRQ_STATUS", WEIGHTS_IRQ)
        assert (yield from bus.load(words))[1] == {0}  # the next one is told too
        yield from bus.wait(8)
        assert (yield from bus.read("IRQ_STATUS")) == (WEIGHTS_IRQ, 0)
        assert (yield from bus.read("WEIGHT_DATA")) == (0, 0)

    simulated(test, core())


def test_a_reset_tells_the_last_image_no_second_time():
    def test(bus):
        good = image(1, 2, 3)
        for words, name in (([*good[:-1], good[-1] ^ 1], "damaged"), (good, "loaded")):
            assert (yield from bus.load(words))[1] == {0}
            yield from bus.wait(8)
            assert (yield from bus.read("IRQ_STATUS"))[0] & WEIGHTS_IRQ
            yield from bus.write("ERRORS", WEIGHTS_ERROR)
            yield from bus.write("IRQ_STATUS", 15)
            for triggers in (2, 2 | 4 | 8):  # soft_reset, and what the driver writes with it
                yield from bus.write("CONTROL", triggers)
                yield from bus.wait(8)
                assert (yield from bus.read("WEIGHTS")) == (MASKS[name], 0)
                assert (yield from bus.read("ERRORS")) == (0, 0), name
                assert (yield from bus.read("IRQ_STATUS"))[0] & WEIGHTS_IRQ == 0, name

    simulated(test, core())


def test_a_write_waits_for_room_and_is_refused_when_there_is_none_for_long():
    def test(bus):
        longest, answers = yield from bus.load(image(*range(12)))
        assert answers == {0} and 9 <= longest <= 9 + 5
        yield from bus.wait(9 * FIFO_WORDS)
        assert (yield from bus.read("WEIGHTS")) == (MASKS["loaded"], 0)
        # from here on the stand-in takes nothing
        answers = []
        for _ in range(FIFO_WORDS + 4):
            before = len(bus.irqs)
            answers.append((yield from bus.write("WEIGHT_DATA", 1)))
            assert len(bus.irqs) - before <= MOST_WAIT + 5
        assert answers[:FIFO_WORDS] == [0] * FIFO_WORDS and answers[-2:] == [2, 2]
        assert (yield from bus.write("SEQUENCE", 3)) == 0  # other registers do not wait
        yield from bus.write("CONTROL", 2)
        yield from bus.wait(3)
        assert (yield from bus.load(image(4, 5)))[1] == {0}
        yield from bus.wait(9 * FIFO_WORDS)
        assert (yield from bus.read("WEIGHTS")) == (MASKS["loaded"], 0)

    simulated(test, core(pause=9, most=13))


def test_images_of_stream_and_registers_pass_one_after_the_other():
    def test(bus):
        first, second = image(*range(40)), image(*range(100, 120))
        bus.stream_image(first)
        yield from bus.wait(3)
        assert (yield from bus.load(second))[1] == {0}
        yield from bus.wait(20)
        assert not bus.image and (yield from bus.read("WEIGHTS")) == (MASKS["loaded"], 0)
        assert (yield from bus.read("ERRORS")) == (0, 0)
        bus.stream_image(first[:-1] + [0])
        yield from bus.wait(60)
        assert (yield from bus.read("WEIGHTS")) == (MASKS["damaged"], 0)
        assert (yield from bus.read("ERRORS")) == (WEIGHTS_ERROR, 0)

    simulated(test, core())
