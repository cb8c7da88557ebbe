"""`compress` and `fit`: a model trained to block-circulant matrices, or as it is."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from torch import nn

from ernn_myhdl.errors import DesignError, DesignWarning, alternatives
from ernn_myhdl.train.admm import AdmmPhase, AdmmSchedule
from ernn_myhdl.train.arguments import check_arguments, settings_of
from ernn_myhdl.train.call_forms import checked_call
from ernn_myhdl.train.compressed_model import Compressed
from ernn_myhdl.train.design import check_matrices
from ernn_myhdl.train.generators import Data
from ernn_myhdl.train.hardware_modules import check_modules
from ernn_myhdl.train.loop import Step, Training
from ernn_myhdl.train.matrices import Blocks, Matrix, find_matrices, stored_numbers
from ernn_myhdl.train.phases import CirculantPhase, TrainingPhase
from ernn_myhdl.train.quantisation import Quantisation, QuantisedPhase
from ernn_myhdl.train.scaled_input import input_shifts, saved_shifts, warn_of_uneven
from ernn_myhdl.train.trial import Trial

METHODS = ("admm", "direct", "projection")


@checked_call
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

    Parameters
    ----------
    model : nn.Module
        For "admm" and "projection" one that is trained already (`fit`), for "direct" one with random weights.
    blocks : int or dict of str to int
        Size of the blocks of each matrix, a power of two: `find_matrices`.
    step : function of (model, batch)
        Gives the loss of a batch, a tensor of one number; `supervised(loss)` makes one.
    data : iterable of batches, or function of an epoch's number that gives one
        `ernn_myhdl.train.generators`; such as a list, a DataLoader, `SequenceBatches`, `ChunkBatches`.
    method : str
        "admm": ADMM (schedule), hard projection, `epochs` inside the structure. "projection": the hard projection, `epochs`
        inside the structure. "direct": `epochs` inside the structure from the beginning; the weights of the model
        are taken as random ones: C-LSTM's way.
    schedule : AdmmSchedule or None
        Of "admm" only; None: its defaults.
    epochs : int
        Inside the structure, at least 0.
    quantise : Quantisation or None
        Fine-tuning with rounded weights at the end.
    modules : list of str or None
        Names of the modules of the design one after the other, where the model has others, which are the host's; None:
        all that have weights.
    calibration : sequences (frames, inputs) or None
        x on which the scales are chosen; None: the data of the training.
    input_scales : bool
        Where the elements of x differ in size, the matrix of x is trained for x times powers of two
        (`ernn_myhdl.train.scaled_input`), which the design records; False: for x as it is.
    **settings
        Fields of `Settings`: optimiser, scheduler, clip, seed, checkpoint, checkpoint_steps, validate, progress.

    Returns
    -------
    Compressed
        The model with what was trained, its history and report; `.design(calibration)` makes the design. With the same arguments
        on the same machine and number of threads it is the same to the bit, also after interruptions with `checkpoint`.

    Raises
    ------
    DesignError
        Before the training where an argument is none, or the model is no chain of modules that the hardware has
        (`ernn_myhdl.train.trial`), which names the module; in it where a loss is no finite number.

    Warns
    -----
    DesignWarning
        Where ADMM ended with |W - Z| above the bound of its schedule; `report` has "converged" and "residuals".
    """
    if method not in METHODS:
        raise DesignError(f"method = {method!r}: must be {alternatives(METHODS)}")
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
    phases: list[TrainingPhase] = []
    if method == "admm":
        phases.append(AdmmPhase(model, schedule or AdmmSchedule(), matrices))
    spread = method == "direct"
    name = "direct" if spread else "retrain"
    phases.append(CirculantPhase(name, model, epochs, matrices, spread))
    return _run(method, model, phases, matrices, step, data, quantise, modules, settings)


@checked_call
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
    """Train `model` as it is, in place, by the same loop.

    Parameters
    ----------
    model, step, data, quantise, modules, calibration, input_scales, **settings
        As in `compress`.
    epochs : int
        Of the phase "train", at least 0.

    Returns
    -------
    Compressed
        With `blocks` of 1 for every matrix.

    Raises
    ------
    DesignError
        As `compress`.
    """
    check_arguments(model, step, data, epochs, quantise)
    matrices = find_matrices(model)
    trains = bool(epochs or quantise)
    shifts = _shifts(
        model, step, data, modules, matrices, calibration, input_scales, trains, settings
    )
    matrices = find_matrices(model, shifts=shifts)
    phases = [TrainingPhase("train", model, epochs)]
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
    phases: list[TrainingPhase],
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
        check_matrices(model, blocks, checked)
        host.append(checked.host)

    begun = time.perf_counter()
    training.run(check)
    found = training.found
    report = {
        "method": method,
        "phases": {p["name"]: p["last_step"] - p["first_step"] for p in training.history.phases},
        "distance": {p["name"]: p["distance"] for p in training.history.phases if "distance" in p},
        "converged": found.get("admm", {}).get("converged"),
        "residuals": found.get("admm", {}).get("residuals"),
        "numbers": stored_numbers(matrices),
        "dense_numbers": sum(m.parameter.numel() for m in matrices),
        "host": host[0] if host else None,
        "resumed": training.resumed,
        "seconds": time.perf_counter() - begun,
    }
    if text := unconverged(report, phases):
        warnings.warn(text, DesignWarning, stacklevel=4)
    vectors: dict = next((f["vectors"] for f in reversed(found.values()) if "vectors" in f), {})
    history = training.history.as_dict()
    return Compressed(model, vectors, blocks, history, report, quantise, trial, shifts)


def unconverged(report: Mapping, phases: Sequence[TrainingPhase]) -> str:
    """What is to be told of ADMM that ended before its matrices were block-circulant; empty of other trainings."""
    if report["converged"] is not False or not report["residuals"]:
        return ""
    schedule = next(p.schedule for p in phases if isinstance(p, AdmmPhase))
    return not_converged(report["residuals"], schedule.primal)


def not_converged(residuals: Mapping[str, float], primal: float) -> str:
    """The text for residuals by the name of the matrix, of which the largest is told."""
    worst = max(residuals, key=lambda name: residuals[name])
    what = (
        f"{residuals[worst]:.3f} of its norm away from a block-circulant matrix, wanted at most {primal:g}"
        if residuals[worst] > primal
        else f"{residuals[worst]:.3f} of its norm away from a block-circulant matrix, but that still changes"
    )
    return (
        f"ADMM did not converge: {worst} is {what}; the projection behind it loses what was learned, and only the epochs "
        "inside the structure bring it back: give ADMM more epochs or a larger rho, or compare with the method direct"
    )
