"""The report of a design (`ernn_myhdl.runs.report`) as text for a terminal."""

from __future__ import annotations

from ernn_myhdl.design.host_steps import step_of
from ernn_myhdl.numerics.formats import Format

#: Numbers of a list that are printed.
LISTED = 24


def _cell_options(cell: dict, blocks: str) -> list[str]:
    """What is told of a cell beside its sizes."""
    options = [f"block {blocks}"]
    if cell.get("projection"):
        options.insert(0, f"projection {cell['projection']}")
    if "reset" in cell:
        options.append(f"reset {cell['reset']}")
    if cell.get("activation", "none") != "none":
        options.append(cell["activation"])
    options += [f"{name} {cell[name]:g}" for name in ("slope", "limit") if cell.get(name)]
    if "g_activation" in cell:
        options.append(f"g {cell['g_activation']}")
    if cell.get("peepholes"):
        options.append("peepholes")
    return options


def _options_text(hardware: dict) -> str:
    """What a core can do beside running sequences from states of zeros with fixed weights."""
    text = ", initial states" if hardware["initial_states"] else ""
    text += ", ends of sequences" if hardware.get("sequence_ends") else ""
    if "weights" not in hardware:
        return text
    banks = hardware.get("weight_banks", 1)
    return f"{text}, {hardware['weights']} weights in {banks} bank{'s' if banks > 1 else ''}"


def _activations_text(activation: dict, errors: dict) -> str:
    """Segments and errors of the piecewise linear functions."""
    told = (
        f"{name} {activation[f'{name}_segments']} segments"
        + ("" if error is None else f" (largest error {error:.2g})")
        for name, error in errors.items()
    )
    return ", ".join(told) or "none"


def _latency_text(info: dict) -> str:
    return (
        f"{info['latency_cycles']} cycles, {info['latency_us']:.3f} us at "
        f"{info['clock_mhz']:g} MHz ({info['clock_origin']})"
    )


def _speed_text(info: dict) -> str:
    text = f"{info['frames_per_second_single']:,.0f} frames/s with one stream"
    if info["streams"] > 1:
        text += f", {info['frames_per_second_interleaved']:,.0f} with {info['streams']}"
    return text


def info_text(info: dict) -> str:
    """`design_info` for a terminal."""
    if "layers" in info:
        return _network_text(info)
    cell, hw = info["cell"], info["hardware"]
    options = _cell_options(cell, info["block_text"])
    parts = ", ".join(f"{n.replace('_', ' ')} {v}" for n, v in info["multipliers_by_unit"].items())
    busy = ", ".join(f"{unit} {100 * v:.0f} %" for unit, v in info["utilisation"].items())
    lines = [
        ("design", f"{info['name']} ({info['digest'][:12]})"),
        (
            "cell",
            f"{cell['kind']}, {cell['inputs']} inputs, {cell['hidden']} hidden, {', '.join(options)}",
        ),
        *_source_line(info),
        *_host_lines(info["host"], info["formats"]["input"]),
        (
            "hardware",
            f"{hw['lanes']} lanes, {hw['ifft_units']} IFFT units, element width "
            f"{hw['element_width']}, beats of {hw['samples_per_beat']} x {hw['sample_bits']} bits, "
            f"{hw['streams']} stream{'s' if hw['streams'] > 1 else ''}" + _options_text(hw),
        ),
        (
            "parameters",
            f"{info['parameters']} stored, {info['dense_parameters']} dense: compression "
            f"{info['compression_ratio']:.2f}",
        ),
        (
            "weight memory",
            f"{info['weight_bits']} bits of weights in {info['weight_memory_bits']} bits",
        ),
        ("multipliers", f"{info['multipliers']}: {parts}"),
        ("accumulator", f"{info['accumulator_bits']} bits"),
        ("activations", _activations_text(info["activation"], info["activation_errors"])),
        ("latency", _latency_text(info)),
        (
            "interval",
            f"{info['interval_cycles']} cycles with one stream, of which {info['product_cycles']} "
            "of products",
        ),
        *(
            [("", f"{info['interval_cycles_interleaved']} cycles with {info['streams']} streams")]
            if info["streams"] > 1
            else []
        ),
        (
            "",
            f"{info['interval_to_bound']:.2f} times the {info['multiplier_bound_cycles']:g} cycles "
            f"of that many multipliers; bound by {info['bottleneck']}",
        ),
        ("busy", busy),
        ("speed", _speed_text(info)),
    ]
    text = [f"{label:<15}{value}" for label, value in lines]
    text.append("formats        tensor                word  fraction  range")
    for name, fmt in info["formats"].items():
        low, high = Format(**fmt).range
        text.append(f"{'':<15}{name:<22}{fmt['word']:>4}{fmt['frac']:>10}  {low:.6g} .. {high:.6g}")
    return "\n".join(text)


def _source_line(info: dict) -> list[tuple[str, str]]:
    """What the design was made of; nothing where that is not known."""
    source = info["source"]
    if source is None:
        return []
    digest = f", sha256 {source['sha256'][:12]}" if source["sha256"] else ""
    weights = "its weights" if source["exact"] else "its weights projected"
    if not source["unchanged"]:
        weights = "but the weights were changed since"
    return [("source", f"{source['name']} ({source['kind']}{digest}), {weights}")]


def _host_lines(host: dict | None, input_format: dict) -> list[tuple[str, str]]:
    """What the host does to x and y; nothing where it only rounds."""
    if host is None:
        return []
    steps = [str(step_of(record)) for record in host.get("output_steps", ())]
    behind = [("host", f"y: {', then '.join(steps)}")] if steps else []
    if "input_shifts" not in host:
        return behind
    fmt = Format(**input_format)
    value = "(x - offset)" if "input_offsets" in host else "x"
    scale = " * scale" if "input_scales" in host else ""
    formula = f"word of x = floor({value}{scale} * 2^(shift + {fmt.frac}) + 0.5), saturated to {fmt.word} bits"
    lines = [("host", formula)]
    for name in ("shift", "offset", "scale"):
        if numbers := host.get(f"input_{name}s"):
            lines.append(("", f"{name} {_listed(numbers)}"))
    return [*lines, *behind]


def _listed(values: list) -> str:
    """The values, the first LISTED of more."""
    text = " ".join(f"{value:g}" for value in values[:LISTED])
    return text if len(values) <= LISTED else f"{text} ... ({len(values)}; all with --json)"


def _graph_lines(info: dict) -> list[tuple[str, str]]:
    """The graph of a network, its heads and the steps of the host."""
    graph = info["graph"]
    taken = ", ".join(f"layer {i} takes {source}" for i, source in enumerate(graph["sources"]))
    lines = [("graph", f"{taken}; y is {graph['output']}")]
    for i, join in enumerate(graph["joins"]):
        fmt = Format(**join["format"])
        fifos = ", ".join(
            f"{words} words for {name}"
            for name, words in zip(join["inputs"], join["fifo_words"], strict=True)
            if words
        )
        counted = f" {join['frames']} frames" if "frames" in join else ""
        counted += f" {join['rows']} rows" if "rows" in join else ""
        lines.append(
            (
                f"join {i}",
                f"{join['kind']}{counted} of {', '.join(join['inputs'])}: {join['elements']} elements, {fmt} "
                f"({fmt.word} bit); FIFOs: {fifos or 'none'}",
            )
        )
    for name, (start, stop) in graph["heads"].items():
        lines.append(("head", f"{name}: elements {start} to {stop - 1} of y"))
    return lines + _host_lines(info["host"], info["input_format"])


def _network_text(info: dict) -> str:
    slowest, streams = info["bottleneck_layer"], info["streams"]
    lines = [
        ("network", f"{info['name']} ({info['digest'][:12]}), {len(info['layers'])} layers"),
        *_source_line(info),
        ("parameters", f"{info['parameters']} stored, {info['dense_parameters']} dense"),
        ("multipliers", f"{info['multipliers']}"),
        ("latency", _latency_text(info)),
        ("interval", f"{info['interval_cycles']} cycles with one stream"),
    ]
    if streams > 1:
        lines.append(("", f"{info['interval_cycles_interleaved']} cycles with {streams} streams"))
    lines += [
        ("bottleneck", f"layer {slowest}, bound by {info['bottleneck']}"),
        ("speed", _speed_text(info)),
    ]
    if "graph" in info:
        lines += _graph_lines(info)
    text = [f"{label:<15}{value}" for label, value in lines]
    for i, layer in enumerate(info["layers"]):
        text += ["", f"layer {i}", info_text(layer)]
    return "\n".join(text)
