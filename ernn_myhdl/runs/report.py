"""What `ernn info` tells about a design: sizes, formats, memories, multipliers, cycles, speed."""

from __future__ import annotations

from dataclasses import asdict, fields

import numpy as np

from ernn_myhdl.cycle_model.network_schedule import NetworkSchedule, network_schedule
from ernn_myhdl.cycle_model.schedule import schedule_for
from ernn_myhdl.design.cells import cell_fields
from ernn_myhdl.design.design import CoreSpecification, Design, Structure
from ernn_myhdl.design.embedding import Embedding
from ernn_myhdl.design.hardware import told
from ernn_myhdl.design.network import Network
from ernn_myhdl.design.source_model import weights_digest
from ernn_myhdl.design.tables import tables
from ernn_myhdl.design.time_joins import TimeJoin
from ernn_myhdl.errors import DesignError
from ernn_myhdl.numerics.formats import Format
from ernn_myhdl.numerics.transform import spectral_products
from ernn_myhdl.program.program import program_for
from ernn_myhdl.rtl.cells.units import units_for

#: Words of activations' inputs up to this are looked at code by code.
LOOKED_AT_BITS = 20


def multipliers(design: Structure) -> dict[str, int]:
    """Multipliers of the core by unit; transforms and activations are made of adders."""
    hw, program = design.hardware, program_for(design)
    return {
        "lanes": hw.lanes * design.lane_products,
        "element_wise": sum(
            width * unit.cells * unit.multipliers
            for unit, width in zip(
                units_for(design), (hw.cell_blocks, program.output_width), strict=False
            )
        ),
    }


def formats_table(design: Structure) -> dict[str, Format]:
    """Formats of the tensors that the design has, by name."""
    values = {f.name: getattr(design.formats, f.name) for f in fields(design.formats)}
    return {name: fmt for name, fmt in values.items() if fmt is not None}


def _activation_errors(design: Structure) -> dict[str, float | None]:
    """Largest error of each function; None where its input has too many codes to look at all."""
    errors: dict[str, float | None] = {}
    for table in tables(design).values():
        error = table.max_error() if table.input.word <= LOOKED_AT_BITS else None
        before = errors.get(table.function, 0.0)
        errors[table.function] = None if error is None or before is None else max(error, before)
    return errors


def checked_clock(clock_mhz: float) -> float:
    """The clock; DesignError unless frame rates can be computed with it."""
    if not (np.isfinite(clock_mhz) and 0 < clock_mhz <= 10000):
        raise DesignError(f"clock_mhz = {clock_mhz}: must be above 0, at most 10000")
    return clock_mhz


def design_info(
    design: CoreSpecification, clock_mhz: float = 200.0, clock_origin: str = "assumed"
) -> dict:
    """Everything that can be told without simulation or synthesis, ready for JSON.

    Parameters
    ----------
    design : Design or Network
    clock_mhz : float
        Of times and rates, in MHz.
    clock_origin : str
        Where the clock is from, "assumed" or the words of `measured_clock`.

    Returns
    -------
    dict
        Of a design `layer_info`; of a network the totals and, under "layers", that of each layer.

    Raises
    ------
    DesignError
        Where the clock is no positive number.
    """
    checked_clock(clock_mhz)
    if isinstance(design, Design):
        return layer_info(design, clock_mhz, clock_origin)
    layers = [layer_info(layer, clock_mhz, clock_origin) for layer in design.layers]
    shape = design.stream_shape
    alone, together = network_schedule(design), network_schedule(design, shape.streams)
    totals = ("parameters", "dense_parameters", "weight_bits", "weight_memory_bits", "multipliers")
    return {
        "name": design.name,
        "digest": design.digest,
        "source": _source_record(design),
        **{name: sum(layer[name] for layer in layers) for name in totals},
        "latency_cycles": alone.latency,
        "interval_cycles": _whole(alone.interval),
        "interval_cycles_interleaved": _whole(together.interval),
        "bottleneck_layer": together.bottleneck,
        "bottleneck": layers[together.bottleneck]["bottleneck"],
        "streams": shape.streams,
        "clock_mhz": clock_mhz,
        "clock_origin": clock_origin,
        "latency_us": alone.latency / clock_mhz,
        "frames_per_second_single": clock_mhz * 1e6 / alone.interval,
        "frames_per_second_interleaved": clock_mhz * 1e6 / together.interval,
        "tdata_bits": shape.data_bits,
        **_graph_record(design, together),
        "layers": layers,
    }


def _graph_record(design: CoreSpecification, schedule: NetworkSchedule) -> dict:
    """How the signals of a graph go, its heads, and what the host does behind it; nothing of layers in a row."""
    graph, signals = design.graph, design.signals
    if graph is None or signals is None:
        return {}
    joins = []
    for i, join in enumerate(graph.joins):
        name, fmt = f"join_{i}", signals.formats[f"join_{i}"]
        joins.append(
            {
                "kind": join.kind,
                "inputs": list(join.inputs),
                "elements": signals.sizes[name],
                "format": {"word": fmt.word, "frac": fmt.frac},
                "fifo_words": [schedule.depths[name, place] for place in range(len(join.inputs))],
                **({"frames": join.frames} if isinstance(join, TimeJoin) and join.counts else {}),
                **({"rows": join.rows} if isinstance(join, Embedding) else {}),
            }
        )
    record: dict = {"sources": list(graph.sources), "joins": joins, "output": graph.output}
    record["heads"] = {name: [part.start, part.stop] for name, part in design.heads.items()}
    assert isinstance(design, Network)
    fmt = design.input_format
    return {
        "graph": record,
        "host": _host_record(design),
        "input_format": {"word": fmt.word, "frac": fmt.frac},
    }


def layer_info(design: Design, clock_mhz: float, clock_origin: str) -> dict:
    """Sizes, formats, multipliers, cycles and speed of a layer.

    latency_cycles: from the first beat of x accepted to the last beat of y delivered, both counted
    as the cycle of the transfer. interval_cycles, interval_cycles_interleaved: between frames in
    steady state, of one stream and of all streams in turn. multiplier_bound_cycles: multiplications
    of a frame by multipliers; interval_to_bound: interleaved interval by that bound.
    bottleneck, utilisation: with all streams.
    weight_bits: words of the weight memories that hold weights; weight_memory_bits: all of them.
    """
    cell, hw, f = design.cell, design.hardware, design.formats
    program, schedule = program_for(design), schedule_for(design)
    together = schedule_for(design, hw.streams)
    stored = sum(count * k for k, count in cell.stored_blocks.items())
    parts = multipliers(design)
    products = sum(count * spectral_products(k) for k, count in cell.stored_blocks.items())
    bound = products / sum(parts.values())
    errors = _activation_errors(design)
    return {
        "name": design.name,
        "digest": design.digest,
        "source": _source_record(design),
        "cell": {"kind": cell.kind} | {n: getattr(cell, n) for n in cell_fields(type(cell))},
        "host": _host_record(design),
        "hardware": told(hw),
        "activation": asdict(design.activations),
        "activation_errors": errors,
        "formats": {
            name: {"word": fmt.word, "frac": fmt.frac}
            for name, fmt in formats_table(design).items()
        },
        "blocks": {
            "input": cell.input_blocks,
            "hidden": cell.hidden_blocks,
            "output": cell.output_blocks,
        },
        "block_text": cell.block_text,
        "parameters": cell.parameters,
        "dense_parameters": cell.dense_parameters,
        "compression_ratio": cell.dense_parameters / cell.parameters,
        "weight_bits": stored * f.weight_word,
        "weight_memory_bits": hw.lanes * program.length * cell.tile * f.weight_word,
        "accumulator_bits": design.accumulator_word,
        "multipliers": sum(parts.values()),
        "multipliers_by_unit": parts,
        "product_cycles": program.length,
        "latency_cycles": schedule.latency,
        "interval_cycles": _whole(schedule.interval),
        "interval_cycles_interleaved": _whole(together.interval),
        "multiplier_bound_cycles": round(bound, 1),
        "interval_to_bound": round(together.interval / bound, 3),
        "bottleneck": together.bottleneck,
        "utilisation": {unit: round(v, 4) for unit, v in together.utilisation().items()},
        "streams": hw.streams,
        "clock_mhz": clock_mhz,
        "clock_origin": clock_origin,
        "latency_us": schedule.latency / clock_mhz,
        "frames_per_second_single": clock_mhz * 1e6 / schedule.interval,
        "frames_per_second_interleaved": clock_mhz * 1e6 / together.interval,
        "tdata_bits": hw.samples_per_beat * hw.sample_bits,
    }


def _host_record(design: Design | Network) -> dict | None:
    """What the host does to x and y, as the files of the design hold it; None where it does nothing."""
    record: dict = {} if design.input_scaling is None else dict(design.input_scaling.record())
    if design.output_steps:
        record["output_steps"] = [step.record() for step in design.output_steps]
    return record or None


def _whole(value: float) -> int | float:
    return int(value) if float(value).is_integer() else value


def _source_record(design: CoreSpecification) -> dict | None:
    """What the design was made of, and whether its weights are still those; None where that is not known."""
    source = design.source
    if source is None:
        return None
    weights = [layer.weights for layer in design.layers]
    return source.as_dict() | {"unchanged": weights_digest(weights) == source.weights_digest}
