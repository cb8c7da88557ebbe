"""Signals of simulated cores do what MyHDL's own do, for every operand and with the same types and errors."""

from __future__ import annotations

import operator

import pytest
from myhdl import Signal, intbv
from myhdl._simulator import _siglist

from ernn_myhdl.hdl.quick_signals import QuickBit, QuickVariable, QuickWord, quicken, readers
from ernn_myhdl.hdl.types import signed, unsigned

OPERATORS = [
    getattr(operator, name)
    for name in ("add", "sub", "mul", "floordiv", "mod", "rshift", "lshift", "and_", "or_", "xor",
                 "eq", "ne", "lt", "le", "gt", "ge")
]  # fmt: skip
KINDS = {
    "bit": lambda: Signal(False),
    "signed": lambda: signed(6),
    "unsigned": lambda: unsigned(6),
    "bounded": lambda: Signal(intbv(2, min=1, max=40)),
}
VALUES = {
    "bit": (0, 1),
    "signed": (-32, -1, 0, 5, 31),
    "unsigned": (0, 1, 42, 63),
    "bounded": (1, 39),
}


def pair(kind: str, value: int):
    """A Signal of MyHDL and a quick one, which hold the value."""
    both = KINDS[kind](), KINDS[kind]()
    quicken(both[1])
    for signal in both:
        signal.next = value
        signal._update()
    return both


def told(action):
    """Type and value of what comes out, or the error."""
    try:
        value = action()
    except (TypeError, ValueError, ZeroDivisionError, AttributeError, IndexError) as error:
        return type(error), str(error)
    bounds = (value.min, value.max, len(value)) if isinstance(value, intbv) else None
    return type(value), value if isinstance(value, str) else int(value), bounds


CASES = [(kind, value) for kind, values in VALUES.items() for value in values]


@pytest.mark.parametrize(("kind", "value"), CASES)
def test_every_operator_gives_what_myhdl_gives(kind, value):
    plain, quick = pair(kind, value)
    assert type(quick) is (QuickBit if kind == "bit" else QuickWord)
    operands = [
        0,
        1,
        3,
        True,
        intbv(2),
        intbv(5)[4:],
        Signal(True),
        *(o for k in VALUES for o in pair(k, 1)),
    ]
    for apply in OPERATORS:
        for other in operands:
            assert told(lambda: apply(quick, other)) == told(lambda: apply(plain, other)), apply
            assert told(lambda: apply(other, quick)) == told(lambda: apply(other, plain)), apply
    for apply in (
        operator.neg,
        operator.abs,
        operator.invert,
        operator.index,
        int,
        bool,
        hash,
        len,
        str,
        repr,
    ):
        assert str(told(lambda: apply(quick))) == str(told(lambda: apply(plain))), apply
    keys = [
        0,
        3,
        7,
        True,
        -1,
        intbv(2),
        *(
            slice(*k)
            for k in ((4, 1), (4, None), (None, 2), (None, None), (1, 4), (3, -1), (intbv(4), 2))
        ),
    ]
    for key in keys:
        assert told(lambda: quick[key]) == told(lambda: plain[key]), key
    for name in ("signed", "unsigned"):
        assert told(lambda: getattr(quick, name)()) == told(lambda: getattr(plain, name)()), name


@pytest.mark.parametrize("kind", KINDS)
def test_every_assignment_is_that_of_myhdl(kind):
    values = [
        0,
        1,
        True,
        5,
        31,
        32,
        39,
        40,
        63,
        64,
        -1,
        -32,
        -33,
        1.0,
        None,
        "1",
        intbv(1),
        intbv(70),
        Signal(True),
        unsigned(3),
        Signal(intbv(9)),
    ]
    for first in values:
        for second in values:
            plain, quick = pair(kind, 1)
            for value in (first, second):  # the last one in a delta cycle counts
                results = [
                    str(told(lambda: setattr(s, "next", value) or 0)) for s in (plain, quick)
                ]
                assert results[0] == results[1], (first, second)
            waiting = readers(quick)
            waiting.append("waits")
            plain._eventWaiters.append("waits")
            expected = plain._update()
            found = list(quick._update()) if any(s is quick for s in _siglist) else []
            assert (int(quick.val), found) == (int(plain.val), expected), (first, second)
            del _siglist[:]


def test_edges_wake_who_waits_for_them():
    for kind in ("bit", "unsigned"):
        _, quick = pair(kind, 0)
        quick.posedge.append("rise")
        quick.negedge.append("fall")
        for value, expected in (0, []), (1, ["rise"]), (1, []), (0, ["fall"]), (1, []):
            quick.next = value
            assert list(quick._update()) == expected, (kind, value)
    del _siglist[:]


def test_a_value_taken_back_is_no_event():
    _, quick = pair("unsigned", 7)
    quick.next = 9
    quick.next = 7
    assert list(quick._update()) == [] and quick == 7
    quick.next = 9
    del _siglist[:]  # as MyHDL does where a simulation begins
    quick.next = 9
    assert any(s is quick for s in _siglist)
    del _siglist[:]


def test_a_part_that_is_assigned_changes_the_whole():
    for signal in pair("unsigned", 0):
        signal.next[3:1] = 2
        signal._update()
        assert signal == 4
    del _siglist[:]


@pytest.mark.parametrize("value", [0, 5, -32, 31, 32, -33, True, intbv(3), 2.5, "x"])
def test_variables_are_assigned_as_in_myhdl(value):
    plain, quick = intbv(1, min=-32, max=32), intbv(1, min=-32, max=32)
    quick.__class__ = QuickVariable

    def assign(variable, key):
        variable[key] = value
        return variable._val

    for key in (slice(None), slice(3, 1), slice(4, None), 2):
        results = [
            str(told(lambda: assign(v, key))).replace("QuickVariable", "intbv")
            for v in (plain, quick)
        ]
        assert results[0] == results[1], key


def test_other_signals_stay_as_they_are():
    for value in (5, None, "text"):
        signal = Signal(value)
        kind = type(signal)
        quicken(signal)
        assert type(signal) is kind
