"""The rows of the comparison: published cores and ours, by the same columns."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache

from ernn_myhdl.calibration.presets import PRESETS, preset_arguments, preset_design
from ernn_myhdl.compare import baselines, publications
from ernn_myhdl.compare.energy import circulant_work, complex_products, ese_work, our_work
from ernn_myhdl.design.cells import Cell, make_cell
from ernn_myhdl.design.design import Design
from ernn_myhdl.explore.goal import Goal
from ernn_myhdl.explore.hardware import Choices, explore
from ernn_myhdl.synthesis.devices import device_named

DEVICES = ("xc7vx690t", "xcku060")
BATCHES = (1, 32)
#: What is tried where a preset does not fit.
SMALLER = Choices(
    lanes=(96, 112, 128, 160, 192, 224),
    ifft_units=(4, 8, 16),
    element_width=(1, 2, 4, 8),
    streams=(4,),
)


@dataclass(frozen=True)
class ComparisonRow:
    """A core on a device. None: not known. Interleaved: with all the sequences that the core holds.

    source: "computed" or the label of a recalled row. energy_nj: per frame by batch, of the energy model.
    modelled_interval: of a cycle model of the core, where there is one.
    """

    core: str
    cell: str
    block: int
    device: str
    source: str
    parameters: int | None
    compression: float | None
    bits: int
    dsp: int | None
    bram36: int | None
    lut: int | None
    ff: int | None
    latency_cycles: float
    latency_us: float
    interval_cycles_single: float
    interval_cycles_interleaved: float
    frames_per_second_single: float
    frames_per_second_interleaved: float
    modelled_interval: float | None
    energy_nj: dict[int, float]
    energy_parts_nj: dict[int, dict[str, float]]
    note: str = ""

    def as_json(self) -> dict:
        return asdict(self)


@cache
def paper_cell(cell: str, block: int) -> Cell:
    """The paper's layer."""
    return preset_cell(f"paper-{cell}-k{block}")


def preset_cell(name: str) -> Cell:
    """The cell of a preset, without its weights."""
    arguments = preset_arguments(name)
    names = ("inputs", "hidden", "projection", "block", "peepholes", "reset")
    return make_cell(
        arguments.get("cell", "lstm"), **{n: arguments[n] for n in names if n in arguments}
    )


def dense_matrix_weights(cell: Cell) -> int:
    """Weights of the dense matrices, without biases and peepholes."""
    columns = cell.inputs + cell.outputs
    return len(cell.gates) * cell.hidden * columns + cell.projection * cell.hidden


def stored_weights(cell: Cell) -> int:
    """Weights of the block-circulant matrices."""
    return sum(count * k for k, count in cell.stored_blocks.items())


def published_row(row: publications.Published) -> ComparisonRow:
    """A recalled row, completed by what follows from it."""
    cell = paper_cell(row.cell, row.block or 8)
    dense = dense_matrix_weights(cell)
    modelled = None
    if row.core == "ESE":
        work = ese_work(cell, row.bits, dense, baselines.ESE_DENSITY)
        stored = round(dense * baselines.ESE_DENSITY)
        modelled = baselines.ese_ideal_cycles(dense)
        note = (
            f"published frames/s ({row.frames_per_second:,.0f}) are of one of "
            f"{publications.ESE_CHANNELS} channels"
        )
    else:
        work = circulant_work(cell, row.bits, complex_products(row.block))
        stored = stored_weights(cell)
        note = f"published frames/s hold {publications.FRAMES_IN_FLIGHT} frames in flight"
        if row.core == "C-LSTM":
            modelled = float(baselines.clstm_stages(cell).interval)
    full = row.full_frames_per_second
    return ComparisonRow(
        row.core, row.cell, row.block, row.device, publications.LABEL, stored, dense / stored, row.bits,
        None, None, None, None, row.latency_cycles, row.latency_us, row.latency_cycles,
        publications.CLOCK_MHZ * 1e6 / full, row.single_frames_per_second, full, modelled,
        {b: work.energy(b) for b in BATCHES}, {b: work.energies(b) for b in BATCHES}, note,
    )  # fmt: skip


def our_row(design: Design, device_name: str, clock_mhz: float) -> ComparisonRow:
    """This core on a device: the preset, or where it does not fit the fastest that does."""
    device = device_named(device_name)
    hw = design.hardware
    as_is = Choices((hw.lanes,), (hw.ifft_units,), (hw.element_width,), (hw.streams,))
    goal = Goal("latency", clock_mhz=clock_mhz)
    result, note = explore(design, device, goal, as_is), "preset"
    if result.chosen is None:
        result = explore(design, device, goal, SMALLER)
        note = "the preset does not fit; lowest latency of those that do"
    best = result.chosen
    if best is None:
        raise ValueError(f"nothing fits {device_name}")
    cell, bits = design.cell, design.formats.weight_word
    work, stored = our_work(cell, bits), stored_weights(cell)
    values = result.row(best)
    return ComparisonRow(
        "ours", cell.kind, cell.block, device.name, "computed", stored,
        dense_matrix_weights(cell) / stored, bits, values["dsp"], values["bram36"], values["lut"], values["ff"],
        best.latency, best.latency / clock_mhz, best.interval_single, best.interval,
        clock_mhz * 1e6 / best.interval_single, clock_mhz * 1e6 / best.interval, None,
        {b: work.energy(b) for b in BATCHES}, {b: work.energies(b) for b in BATCHES},
        f"{note}: {best.layers[0].lanes} lanes, {best.streams} streams",
    )  # fmt: skip


def comparison(clock_mhz: float = publications.CLOCK_MHZ, devices=DEVICES) -> list[ComparisonRow]:
    """All rows; LSTM before GRU, k = 8 before 16."""
    rows = [published_row(row) for row in publications.ROWS]
    for name in PRESETS:
        design = preset_design(name)
        rows += [our_row(design, device, clock_mhz) for device in devices]
    order = {"lstm": 0, "gru": 1}
    return sorted(rows, key=lambda row: (order[row.cell], row.block))


def recalled_arithmetic() -> dict[str, float]:
    """Where the 37.4x comes from, by the watts of boards as recalled; no part of the energy model."""
    return {
        "published_ratio": publications.ratio_of_board_energy(),
        "ratio_with_all_channels_of_ese": publications.ratio_with_all_channels(),
    }
