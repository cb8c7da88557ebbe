"""The longest paths of a placed core and the slack of each block, by block and signal."""

from __future__ import annotations

from ernn_myhdl.synthesis.place_and_route.delays import Delays, TimedPath
from ernn_myhdl.synthesis.place_and_route.names import WRAPPER, Names

#: Cells that a path may pass, by what the report calls them.
KINDS = {
    "TRELLIS_COMB": "LUT",
    "OXIDE_COMB": "LUT",
    "MULT18X18D": "multiplier",
    "MULT18_CORE": "multiplier",
    "DP16KD": "block RAM",
}
SHOWN = 10


def within_wrapper(path: TimedPath, names: Names) -> bool:
    """Does the path begin and end outside the core?"""
    ends = (path.pins[0][0], path.pins[-1][0])
    return all(names.block(cell)[0] == WRAPPER for cell in ends)


def described(path: TimedPath, delays: Delays, names: Names, period_ns: float) -> dict:
    """One path for the report; ns. logic: inside cells, with clock-to-output and set-up; routing: wires."""
    routing = sum(delays.wires[pin][1] for pin in path.pins if pin in delays.wires)
    start = names.place(path.pins[0][0], path.pins[0][1])
    end = names.place(path.pins[-1][0], path.pins[-1][1])
    inside = list(dict.fromkeys(names.block(cell)[0] for cell, _ in path.pins))
    passed: dict[str, int] = {}
    for cell in dict.fromkeys(cell for cell, _ in path.pins[1:-1]):
        if cell not in (path.pins[0][0], path.pins[-1][0]):
            kind = KINDS.get(delays.kinds[cell], delays.kinds[cell])
            passed[kind] = passed.get(kind, 0) + 1
    return {
        "ns": round(path.ns, 3),
        "slack_ns": round(period_ns - path.ns, 3),
        "logic_ns": round(path.ns - routing, 3),
        "routing_ns": round(routing, 3),
        "from": {"block": start.block, "signal": start.signal},
        "to": {"block": end.block, "signal": end.signal},
        "through": [b for b in inside if b not in (start.block, end.block)],
        "cells": passed,
    }


def worst_paths(
    paths: list[TimedPath], delays: Delays, names: Names, period_ns: float, most: int = SHOWN
) -> list[dict]:
    """The longest paths between different pairs of signals, the longest first.

    The bits of a word are alike, so that without this one word would fill the list.
    """
    found: dict[tuple[str, str], dict] = {}
    for path in paths:
        if within_wrapper(path, names):
            continue
        entry = described(path, delays, names, period_ns)
        ends = tuple(
            f"{e['block']}.{e['signal'].partition('[')[0]}" for e in (entry["from"], entry["to"])
        )
        found.setdefault((ends[0], ends[1]), entry)
        if len(found) == most:
            break
    return list(found.values())


def block_slacks(paths: list[TimedPath], names: Names, period_ns: float) -> list[dict]:
    """For each kind of block the least slack of a path that ends in one, the least first; ns."""
    found: dict[str, dict] = {}
    for path in paths:
        if within_wrapper(path, names):
            continue
        end = names.place(path.pins[-1][0], path.pins[-1][1])
        if end.module not in found:
            slack = round(period_ns - path.ns, 3)
            found[end.module] = {"block": end.module, "slack_ns": slack, "worst": str(end)}
    return list(found.values())
