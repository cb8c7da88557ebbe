"""The table `[host]` of design.toml and of network.toml: what the host does to x in front of a core and to y behind it."""

from __future__ import annotations

import tomlkit
from tomlkit.items import Table

from ernn_myhdl.design.host_steps import HostStep, step_of
from ernn_myhdl.design.input_scaling import InputScaling, scaling_of
from ernn_myhdl.errors import DesignError

HOST, OUTPUT_STEPS = "host", "output_steps"


def host_table(scaling: InputScaling | None, steps: tuple[HostStep, ...]) -> Table:
    """The table of what is done to x, None for nothing, and to y, one after the other."""
    table = tomlkit.table()
    if scaling is not None:
        scale = " * scale" if scaling.scales else ""
        formula = f"x enters the core as (x - offset){scale} * 2**shift, then rounded"
        table.add(tomlkit.comment(formula))
        for key, numbers in scaling.record().items():
            table.add(key, tomlkit.item(numbers))
    if steps:
        table.add(tomlkit.comment("what is done to y behind the core, one after the other"))
        items = tomlkit.array()
        for step in steps:
            inline = tomlkit.inline_table()
            inline.update(step.record())
            items.append(inline)
        table.add(OUTPUT_STEPS, items)
    return table


def host_of_table(table: object) -> tuple[InputScaling | None, tuple[HostStep, ...]]:
    """The scaling and the steps of a table; DesignError where it holds anything else."""
    if not isinstance(table, dict):
        raise DesignError(f"{HOST} = {table!r}: must be a table [{HOST}]")
    steps = table.get(OUTPUT_STEPS, [])
    if not isinstance(steps, list):
        raise DesignError(f"{HOST} {OUTPUT_STEPS} = {steps!r}: must be a list of steps")
    scaling = {key: value for key, value in table.items() if key != OUTPUT_STEPS}
    known = scaling_of(scaling) if scaling or not steps else None
    return known, tuple(map(step_of, steps))
