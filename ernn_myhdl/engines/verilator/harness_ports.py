"""harness_ports.h: what the compiled bench, harness.cpp, knows of the ports of one core."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ernn_myhdl.design.design import CoreSpecification
from ernn_myhdl.engines import liveness
from ernn_myhdl.engines.trace import SAMPLES, STAGE_VALID, traced
from ernn_myhdl.engines.verilator.compiled_hdl import memory_function
from ernn_myhdl.hdl.netlist import Net
from ernn_myhdl.hdl.stream_port import StreamPort
from ernn_myhdl.hdl.types import Array
from ernn_myhdl.rtl.core.view import CoreView
from ernn_myhdl.streams.traffic import BEAT_FIELDS


@dataclass(frozen=True)
class BeatLayout:
    """Order of what the harness gives back.

    source, loader, sink: (attribute of a beat, bits) of what the streams of x, of initial states and of y
    carry, each in limbs of 32 bits. stages, trace, state: names in the order of the harness. kept: the stages
    that are states of the layers (`state_sizes` of their cells), layer by layer.
    """

    source: list[tuple[str, int]]
    loader: list[tuple[str, int]]
    sink: list[tuple[str, int]]
    stages: list[str]
    trace: list[str]
    state: list[str]
    kept: list[str]


def limbs(bits: int) -> int:
    """Words of 32 bits that hold `bits`."""
    return -(-bits // 32)


def layout(design: CoreSpecification, view: CoreView) -> BeatLayout:
    """The layout of the harness of a core; follows from its ports."""
    return BeatLayout(
        source=_fields(view.source),
        loader=_fields(view.loader),
        sink=_fields(view.sink),
        stages=list(dict.fromkeys(stage for stage, *_ in view.probes)),
        trace=[c[0] for c in _trace_columns(design, view)],
        state=[name for name in liveness.nets(design) if name in view.nets],
        kept=[
            prefix + name
            for prefix, layer in zip(design.layer_prefixes, design.layers, strict=True)
            for name in layer.cell.state_sizes
        ],
    )


def _fields(stream: StreamPort | None) -> list[tuple[str, int]]:
    """What a beat of the stream carries."""
    fields = stream.fields if stream else {}
    return [(BEAT_FIELDS[field], kind.bits) for field, kind in fields.items()]


def _trace_columns(design: CoreSpecification, view: CoreView) -> list[tuple[str, str, int, bool]]:
    """(name, port, bits, signed) of the columns of `trace.CycleTrace`, in its order."""
    nets = view.netlist.nets
    columns = [
        (name, view.nets[net], nets[view.nets[net]].type.bits, False)
        for name, net in traced(design).items()
        if net in view.nets
    ]
    return (
        columns
        + [(name, name, 0, True) for name in SAMPLES]
        + [column for stage in _first_probes(view) for column in stage]
    )


def _first_probes(view: CoreView):
    seen = set()
    for stage, valid, data in view.probes:
        if stage in seen:
            continue
        seen.add(stage)
        kind = view.netlist.nets[data[0]].type
        is_array = isinstance(kind, Array)
        yield (
            (stage, data[0], kind.width if is_array else kind.bits, is_array),
            (stage + STAGE_VALID, valid, 1, False),
        )


def _access(function: str, kind: str, argument: str, stream: StreamPort | None) -> list[str]:
    """A function that sets or gets what a beat carries."""
    lines, at = [f"inline void {function}(Model &model, {argument} *limbs) {{"], 0
    for port, count in _ports_with_limbs(stream):
        lines.append(f"    {kind}_port(model.{port}, limbs + {at}, {count});")
        at += count
    return [*lines, "}"]


def _ports_with_limbs(stream: StreamPort | None) -> list[tuple[str, int]]:
    """Ports of what a beat of the stream carries."""
    if stream is None:
        return []
    return [(stream.signal(field), limbs(kind.bits)) for field, kind in stream.fields.items()]


def _handshake(name: str, stream: StreamPort | None) -> list[str]:
    """Functions for the handshake of a stream, whose own side is set; one that is not there never moves."""
    if stream is None:
        return [
            f"inline void set_{name}_valid(Model &, bool) {{}}",
            f"inline bool {name}_valid(const Model &) {{ return false; }}",
            f"inline bool {name}_ready(const Model &) {{ return false; }}",
        ]
    ours, port = ("valid", stream.valid) if stream.direction == "in" else ("ready", stream.ready)
    return [
        f"inline void set_{name}_{ours}(Model &model, bool on) {{ model.{port} = on; }}",
        f"inline bool {name}_valid(const Model &model) {{ return model.{stream.valid}; }}",
        f"inline bool {name}_ready(const Model &model) {{ return model.{stream.ready}; }}",
    ]


def ports_header(design: CoreSpecification, view: CoreView) -> str:
    """harness_ports.h: access to the ports of one core; see harness.cpp."""
    shape, nets = layout(design, view), view.netlist.nets
    roms = view.memories
    lines = [_ACCESS]
    for rom in roms:
        lines.append(
            f'extern "C" void {memory_function(rom)}(int contents, int address, svBitVecVal *word) {{\n'
            f"    const uint32_t *from = memories[{roms.index(rom)}] +\n"
            f"        (size_t(contents) * {rom.depth} + address) * {limbs(rom.type.bits)};\n"
            f"    for (int i = 0; i < {limbs(rom.type.bits)}; i++) word[i] = from[i];\n}}"
        )
    lines.append(f"constexpr int SOURCE_LIMBS = {sum(limbs(b) for _, b in shape.source)};")
    lines.append(f"constexpr int LOADER_LIMBS = {sum(limbs(b) for _, b in shape.loader)};")
    lines.append(f"constexpr int SINK_LIMBS = {sum(limbs(b) for _, b in shape.sink)};")
    lines.append(f"constexpr int STAGES = {len(shape.stages)};")
    lines.append(f"constexpr int KEPT = {len(shape.kept)};")
    lines.append(f"constexpr int TRACE_COLUMNS = {len(shape.trace)};")

    lines += _access("set_source", "set", "const uint32_t", view.source)
    lines += _access("set_loader", "set", "const uint32_t", view.loader)
    lines += _access("get_sink", "get", "uint32_t", view.sink)
    lines += _handshake("source", view.source) + _handshake("loader", view.loader)
    lines += _handshake("sink", view.sink)
    lines.append(f"inline bool sink_last(const Model &model) {{ return model.{view.sink.last}; }}")
    lines.append(
        "inline void record_stages(Model &model, int64_t cycle, std::vector<int64_t> *cycles,\n"
        "                          std::vector<int64_t> *values) {"
    )
    for stage, valid, data in view.probes:
        number = shape.stages.index(stage)
        lines.append(f"    if (model.{valid}) {{\n        cycles[{number}].push_back(cycle);")
        lines += [*_appends(nets, f"values[{number}]", data), "    }"]
    lines.append("}\ninline void record_kept(Model &model, std::vector<int64_t> *values) {")
    for stage, valid, data in view.probes:
        if stage in shape.kept:
            lines.append(f"    if (model.{valid}) {{")
            lines += [*_appends(nets, f"values[{shape.kept.index(stage)}]", data), "    }"]
    lines.append("}\ninline void trace_row(Model &model, int64_t *row) {")
    for i, (_, port, bits, signed) in enumerate(_trace_columns(design, view)):
        width = bits or design.stream_shape.sample_bits
        lines.append(
            f"    row[{i}] = element(model.{port}, 0, {width}, {'true' if signed else 'false'});"
        )
    lines.append("}\ninline void state_row(Model &model, int64_t *row) {")
    for i, name in enumerate(shape.state):
        port = view.nets[name]
        lines.append(f"    row[{i}] = element(model.{port}, 0, {nets[port].type.bits}, false);")
    return "\n".join(lines) + "\n}\n"


def _appends(nets: Mapping[str, Net], values: str, data: Iterable[str]) -> list[str]:
    """Lines that append the elements of ports to a vector."""
    lines = []
    for port in data:
        kind = nets[port].type
        count, width = (kind.count, kind.width) if isinstance(kind, Array) else (1, kind.bits)
        sign = "true" if isinstance(kind, Array) else "false"
        lines.append(f"        append({values}, model.{port}, {count}, {width}, {sign});")
    return lines


_ACCESS = """\
// Access to the ports of one core; written by ernn_myhdl.engines.verilator.harness_ports.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "Model.h"
#include "svdpi.h"
#include "verilated.h"

static thread_local const uint32_t *const *memories = nullptr;
inline void select_memories(const uint32_t *const *given) { memories = given; }

template <class T> inline uint32_t limb(const T &port, int i) {
    return i < 2 ? uint32_t(uint64_t(port) >> (32 * i)) : 0;
}
template <std::size_t N> inline uint32_t limb(const VlWide<N> &port, int i) {
    return i < int(N) ? port[i] : 0;
}
template <class T> inline void set_port(T &port, const uint32_t *limbs, int count) {
    uint64_t value = limbs[0];
    if (count > 1) value |= uint64_t(limbs[1]) << 32;
    port = T(value);
}
template <std::size_t N>
inline void set_port(VlWide<N> &port, const uint32_t *limbs, int count) {
    for (int i = 0; i < count; i++) port[i] = limbs[i];
}
template <class T> inline void get_port(const T &port, uint32_t *limbs, int count) {
    for (int i = 0; i < count; i++) limbs[i] = limb(port, i);
}
// Element of at most 62 bits whose lowest bit is bit `low` of the port.
template <class T> inline int64_t element(const T &port, int low, int width, bool is_signed) {
    const int i = low / 32, shift = low % 32;
    uint64_t value = limb(port, i) | uint64_t(limb(port, i + 1)) << 32;
    value >>= shift;
    if (shift && width > 64 - shift) value |= uint64_t(limb(port, i + 2)) << (64 - shift);
    value <<= 64 - width;
    return is_signed ? int64_t(value) >> (64 - width) : int64_t(value >> (64 - width));
}
template <class T>
inline void append(std::vector<int64_t> &values, const T &port, int count, int width, bool sign) {
    for (int i = 0; i < count; i++) values.push_back(element(port, i * width, width, sign));
}
"""
