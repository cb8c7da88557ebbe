"""The report of a place and route: numbers of all seeds, paths and slacks of the best."""

from __future__ import annotations

from statistics import median

from ernn_myhdl.synthesis.devices import Device
from ernn_myhdl.synthesis.place_and_route.families import Family

LABELS = {"lut": "LUT", "ff": "FF", "multiplier": "multipliers", "block_ram": "block RAM"}


def utilisation(used: dict, device: Device, family: Family) -> dict:
    """resource -> {used, available, percent}, from nextpnr's list."""
    found = {}
    for name, cells in family.used.items():
        number = sum(used.get(cell, {"used": 0})["used"] for cell in cells)
        available = getattr(device, name)
        percent = round(100 * number / available, 1)
        found[name] = {"used": number, "available": available, "percent": percent}
    return found


def summary(runs: list[dict], device: Device, family: Family) -> dict:
    """What the report says of all seeds.

    fmax_mhz: the median; paths and blocks are those of the best seed.
    """
    clocks = [run["fmax_mhz"] for run in runs]
    best = max(runs, key=lambda run: (run["fmax_mhz"], -run["seed"]))
    return {
        "fmax_mhz": round(median(clocks), 2),
        "fmax_best_mhz": best["fmax_mhz"],
        "best_seed": best["seed"],
        "seeds": [
            {"seed": run["seed"], "fmax_mhz": run["fmax_mhz"], "nextpnr_mhz": run["nextpnr_mhz"]}
            for run in runs
        ],
        "utilisation": utilisation(best["used"], device, family),
        "paths": best["paths"],
        "blocks": best["blocks"],
    }


def _place(end: dict) -> str:
    return f"{end['block']}.{end['signal']}"


def format_report(report: dict) -> str:
    """The report as text."""
    device = report["device"]["name"]
    seeds = ", ".join(f"{s['fmax_mhz']:.1f}" for s in report["seeds"])
    lines = [
        f"{report['top']} on {device}, {report['tool']}, placed for {report['target_mhz']:g} MHz",
        f"Fmax {report['fmax_mhz']:.1f} MHz (median of {len(report['seeds'])}: {seeds}), best "
        f"{report['fmax_best_mhz']:.1f} MHz with seed {report['best_seed']}",
        "",
    ]
    for name, u in report["utilisation"].items():
        lines.append(
            f"{LABELS[name]:12} {u['used']:>7,} of {u['available']:>7,}  {u['percent']:5.1f} %"
        )
    if moved := report["moved_registers"]:
        lines += [
            "",
            f"moved into {moved['multipliers']} multipliers: the registers of {moved['operands']} operands "
            f"and {moved['products']} products, {moved['flip_flops']:,} flip-flops",
        ]
    if folded := report["folded_operands"]:
        lines.append(
            f"folded into {folded['folded']:,} of {folded['carry_bits']:,} bits of carry chains: {folded['luts']:,} LUTs"
        )
    if made := report.get("bitstream"):
        lines += ["", f"{made['file']} for {report['board']}, {made['bytes']:,} bytes"]
    lines += ["", f"longest paths with seed {report['best_seed']} (logic + routing)"]
    for path in report["paths"]:
        cells = ", ".join(f"{n} {kind}" for kind, n in path["cells"].items()) or "no cell between"
        lines.append(
            f"{path['ns']:7.2f} ns ({path['logic_ns']:.2f} + {path['routing_ns']:.2f})  "
            f"{_place(path['from'])} -> {_place(path['to'])}: {cells}"
            + (f", through {', '.join(path['through'])}" if path["through"] else "")
        )
    lines += ["", f"least slack of paths that end in a block, at {report['target_mhz']:g} MHz"]
    lines += [f"{b['slack_ns']:7.2f} ns  {b['block']}: {b['worst']}" for b in report["blocks"]]
    return "\n".join(lines)
