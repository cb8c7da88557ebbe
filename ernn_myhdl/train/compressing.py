"""`compress` and `fit`: a model trained to block-circulant matrices, or as it is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict

from torch import nn

from ernn_myhdl.errors import DesignError
from ernn_myhdl.train.admm import AdmmPhase, AdmmSchedule
from ernn_myhdl.train.arguments import check_arguments, settings_of
from ernn_myhdl.train.compressed import Compressed
from ernn_myhdl.train.design import check_matrices
from ernn_myhdl.train.generators import Data
from ernn_myhdl.train.hardware_modules import check_modules
from ernn_myhdl.train.loop import Step, Training
from ernn_myhdl.train.matrices import Blocks, Matrix, find_matrices, stored_numbers
from ernn_myhdl.train.phases import CirculantPhase, Phase
from ernn_myhdl.train.quantisation import Quantisation, QuantisedPhase
from ernn_myhdl.train.scaled_input import input_shifts, saved_shifts, warn_of_uneven
from ernn_myhdl.train.trial import Trial

METHODS = ("admm", "direct", "projection")


def compress(
    model: nn.Module,
    blocks: Blocks,
    step: Step,
    data: Data,
    method: str = "admm",
    schedule: AdmmSchedule | None = None,
    epochs: int = 10,
    quantise: Quantisation | None = None,
    modules: Sequence[str] | None = None,
    calibration=None,
    input_scales: bool = True,
    **settings,
) -> Compressed:
    """Train `model`, in place, until its matrices are block-circulant.

    blocks: size of the blocks of each matrix: `find_matrices`. step: step(model, batch) gives the loss of a
    batch; `supervised(loss)` makes one. data: batches: `ernn_myhdl.train.generators`. method:

        "admm"        ADMM (schedule), hard projection, `epochs` inside the structure
        "projection"  the hard projection, `epochs` inside the structure
        "direct"      `epochs` inside the structure from the beginning; the weights of the model are
                      taken as random ones: C-LSTM's way

    The first two are for a model that is trained already (`fit`). quantise: fine-tuning with rounded
    weights at the end. modules: names of the modules of the design one after the other, where the model has others,
    which are the host's; None: all that have weights. input_scales: where the elements of x differ in size, the
    matrix of x is trained for x times powers of two (`ernn_myhdl.train.scaled_input`), which the design records; False: for x as it
    is. calibration: sequences (frames, inputs) of x on which they are chosen; None: the data of the training. settings: `Settings`. DesignError before the training where the
    model is no chain of modules that the hardware has (`ernn_myhdl.train.trial`). With the same arguments on the same machine and number of
    threads the result is the same to the bit, also after interruptions with `checkpoint`.
    """
    if method not in METHODS:
        raise DesignError(
            f"method = {method!r}: must be {', '.join(METHODS[:-1])} or {METHODS[-1]}"
        )
    if method != "admm" and schedule is not None:
        raise DesignError(f"schedule: is for method 'admm', the method is {method!r}; leave it out")
    check_arguments(model, step, data, epochs, quantise, schedule)
    matrices = find_matrices(model, blocks)
    if not any(m.block > 1 for m in matrices):
        raise DesignError("blocks: all are 1, so nothing is compressed; `fit` trains a dense model")
    trains = bool(epochs or quantise or method == "admm")
    shifts = _shifts(
        model, step, data, modules, matrices, calibration, input_scales, trains, settings
    )
    matrices = find_matrices(model, blocks, shifts)
    phases: list[Phase] = []
    if method == "admm":
        phases.append(AdmmPhase(model, schedule or AdmmSchedule(), matrices))
    spread = method == "direct"
    name = "direct" if spread else "retrain"
    phases.append(CirculantPhase(name, model, epochs, matrices, spread))
    return _run(method, model, phases, matrices, step, data, quantise, modules, settings)


def fit(
    model: nn.Module,
    step: Step,
    data: Data,
    epochs: int = 10,
    quantise: Quantisation | None = None,
    modules: Sequence[str] | None = None,
    calibration=None,
    input_scales: bool = True,
    **settings,
) -> Compressed:
    """Train `model` as it is, in place, by the same loop: arguments of `compress`."""
    check_arguments(model, step, data, epochs, quantise)
    matrices = find_matrices(model)
    trains = bool(epochs or quantise)
    shifts = _shifts(
        model, step, data, modules, matrices, calibration, input_scales, trains, settings
    )
    matrices = find_matrices(model, shifts=shifts)
    phases = [Phase("train", model, epochs)]
    return _run("dense", model, phases, matrices, step, data, quantise, modules, settings)


def _shifts(
    model: nn.Module,
    step: Step,
    data: Data,
    modules: Sequence[str] | None,
    matrices: Sequence[Matrix],
    calibration,
    wanted: bool,
    trains: bool,
    settings: dict,
) -> dict[str, tuple[int, ...]]:
    """Shifts of the matrix of x (`input_shifts`); without any training the step need not fit the data."""
    if not isinstance(wanted, bool):
        raise DesignError(f"input_scales = {wanted!r}: must be True or False")
    if not wanted:
        if calibration is not None:
            raise DesignError(
                "calibration: scales of x are chosen on it, but input_scales is False; leave one of them out"
            )
        return {}
    chosen = settings_of(settings)
    check_modules(model, modules)
    if calibration is None:
        saved = saved_shifts(chosen.checkpoint)
        if saved is not None:
            return saved
    try:
        return input_shifts(model, step, data, modules, matrices, calibration, chosen.seed)
    except Exception:
        if trains or calibration is not None:
            raise
        return {}


def _run(
    method: str,
    model: nn.Module,
    phases: list[Phase],
    matrices: Sequence[Matrix],
    step: Step,
    data: Data,
    quantise: Quantisation | None,
    names: Sequence[str] | None,
    settings: dict,
) -> Compressed:
    if quantise is not None:
        phases.append(QuantisedPhase(model, quantise, matrices))
    chosen = settings_of(settings)
    check_modules(model, names)
    blocks = {m.name: m.block for m in matrices}
    shifts = {m.name: m.shifts for m in matrices if m.shifts}
    identity = {
        "method": method,
        "blocks": blocks,
        "seed": chosen.seed,
        "clip": chosen.clip,
        "epochs": {phase.name: phase.epochs for phase in phases},
        "schedule": next((asdict(p.schedule) for p in phases if isinstance(p, AdmmPhase)), None),
        "quantise": None if quantise is None else asdict(quantise),
        "parameters": {name: list(p.shape) for name, p in model.named_parameters()},
    }
    if shifts:  # checkpoints without any hold none
        identity["shifts"] = {name: " ".join(map(str, each)) for name, each in shifts.items()}
    training = Training(model, phases, step, data, chosen, identity)
    trial = Trial(model, step, training.batches, names)
    host: list[list[str]] = []

    def check() -> None:
        try:
            calls = trial.calls()
        except Exception:
            if any(phase.epochs for phase in phases):
                raise
            return  # nothing is trained, so the step need not fit the data; it must where a design is made
        if not calls.layers:
            return  # the loss tells
        warn_of_uneven(matrices, calls, names)
        checked = trial.check(calls)
        check_matrices(model, blocks, checked.chain)
        host.append(checked.host)

    begun = time.perf_counter()
    training.run(check)
    found = training.found
    report = {
        "method": method,
        "phases": {p["name"]: p["last_step"] - p["first_step"] for p in training.history.phases},
        "distance": {p["name"]: p["distance"] for p in training.history.phases if "distance" in p},
        "converged": found.get("admm", {}).get("converged"),
        "numbers": stored_numbers(matrices),
        "dense_numbers": sum(m.parameter.numel() for m in matrices),
        "host": host[0] if host else None,
        "resumed": training.resumed,
        "seconds": time.perf_counter() - begun,
    }
    vectors: dict = next((f["vectors"] for f in reversed(found.values()) if "vectors" in f), {})
    history = training.history.as_dict()
    return Compressed(model, vectors, blocks, history, report, quantise, trial, shifts)
