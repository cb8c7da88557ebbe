"""What `ernn evaluate` prints: lines of text, and parts of its JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ernn_myhdl.console import note_line
from ernn_myhdl.errors import WARNING

if TYPE_CHECKING:
    from ernn_myhdl.corpus.data_set import DataSet
    from ernn_myhdl.corpus.trained_data import TrainedData

#: Outputs that are listed, the worst ones first.
LISTED = 8
#: Part of the source's span by which the float model may differ before a warning.
LARGEST_DIFFERENCE = 0.05
#: Of x that a training has normalised: means and deviations of its elements are within these, even of data that differ from its own.
MOST_MEAN, MOST_STD = 1.0, 3.0

LABEL_ERRORS = "label_error_rate"
_NAMES = {"source": "source model", "float": "float model", "fixed point": "fixed point"}


def heading(result: dict) -> str:
    text = f"{result['design']}: {result['sequences']} sequences, {result['frames']} frames"
    if result.get("one_stream"):
        text += ", as one stream without a reset"
    if result.get("labels") == "label sequences":
        return f"{text}, labels in their order"
    if result.get("labels") == "frames":
        return f"{text}, a label for each frame"
    if "labels" in result:
        return f"{text}, class by the {result['pooling']} output"
    return text


def source_line(core) -> str:
    from ernn_myhdl.design.source_model import SOURCE_NAME
    from ernn_myhdl.runs.references import known_source

    source = known_source(core)
    if source is not None:
        how = (
            "its matrices are the design's"
            if source.exact
            else "with other matrices than the design"
        )
        return f"source model: {source}, {how}"
    if core.source is not None:
        return "source model: not known, since the weights are not those that were imported"
    return f"source model: not known, since the design has no {SOURCE_NAME}"


def as_they_stand(trained: TrainedData, data: DataSet) -> list[str]:
    """What is to be told of x of a file that was not normalised, for a design whose training normalised its own."""
    frames = np.concatenate(data.sequences)
    mean, std = frames.mean(axis=0), frames.std(axis=0)
    far = bool((np.abs(mean) > MOST_MEAN).any() or (std > MOST_STD).any())
    text = (
        f"x is taken as it stands, all {len(data.sequences)} sequences, those that were trained on too; the design takes "
        f"(frame - mean) / std of {trained.file}: --part splits and normalises as the training did"
    )
    if not far:
        return [text]
    return [
        f"{WARNING}{text}; the means of x are up to {np.abs(mean).max():.3g}, its deviations up to {std.max():.3g}"
    ]


def projection_notes(evaluation) -> list[str]:
    """A warning where the design's matrices give other outputs than the source's."""
    source = evaluation.source
    if source is None or source.projection.relative <= LARGEST_DIFFERENCE:
        return []
    return [
        f"{WARNING}the design computes something else than its source model, whatever the words: "
        f"{source.projection}; its matrices were made block-circulant without training"
    ]


def comparisons(evaluation) -> list[dict]:
    """For JSON: a model against another one, with accuracies where there are labels."""
    source, found = evaluation.source, []
    if source is not None:
        found.append(("float", "source", source.projection))
    found.append(("fixed point", "float", evaluation.rounding))
    if source is not None:
        found.append(("fixed point", "source", source.total))
    errors = evaluation.label_error_rate is not None
    measure = LABEL_ERRORS if errors else "accuracy"
    scores = {
        "float": getattr(evaluation, f"float_{measure}"), "fixed point": getattr(evaluation, measure)
    }  # fmt: skip
    if source is not None:
        scores["source"] = getattr(source, measure)
    rows = []
    for model, against, loss in found:
        row = {"model": model, "against": against} | loss.as_dict()
        if evaluation.loss is not None:
            row[measure] = scores[model]
            better, worse = (model, against) if errors else (against, model)
            row["loss_points"] = 100.0 * (scores[better] - scores[worse])
        rows.append(row)
    return rows


def _comparison_line(row: dict) -> str:
    text = f"{_NAMES[row['model']]} against {_NAMES[row['against']]}: "
    for measure in ("accuracy", LABEL_ERRORS):
        if measure in row:
            name = measure.replace("_", " ")
            text += f"{name} {100 * row[measure]:.2f} %, loss {row['loss_points']:.2f} points, "
    return text + (
        f"SQNR {row['sqnr_db']:.1f} dB, largest error {row['largest_error']:.4g} "
        f"({100 * row['largest_error_of_span']:.3g} % of the span)"
    )


def source_of_sweep(made: dict):
    for row in comparisons(next(iter(made.values()))):
        if row["model"] == "float":
            yield _comparison_line(row)


def numbers(evaluation) -> dict:
    accuracy = {}
    if evaluation.accuracy is not None:
        accuracy = {
            "accuracy_float": evaluation.float_accuracy,
            "accuracy_fixed": evaluation.accuracy,
            "loss_points": evaluation.loss,
        }
    if evaluation.phone_error_rate is not None:
        accuracy["phone_error_rate_float"] = evaluation.float_phone_error_rate
        accuracy["phone_error_rate_fixed"] = evaluation.phone_error_rate
    if evaluation.label_error_rate is not None:
        accuracy["label_error_rate_float"] = evaluation.float_label_error_rate
        accuracy["label_error_rate_fixed"] = evaluation.label_error_rate
        accuracy["loss_points"] = evaluation.loss
    return accuracy | {
        "sqnr_db": evaluation.sqnr,
        "largest_error": evaluation.error,
        "saturations": evaluation.saturations,
    }


def predictions_json(evaluation) -> dict:
    """Confusions and accuracy by group, where there are labels."""
    predictions = evaluation.predictions
    if predictions is None:
        return {}
    groups = predictions.by_group()
    if evaluation.label_error_rate is not None:
        return {"classes": list(predictions.data.classes)} | ({"groups": groups} if groups else {})
    found = {"classes": predictions.names, "confusion": predictions.confusion.tolist()}
    return found | ({"groups": groups} if groups else {})


def _group_lines(predictions, errors: bool = False):
    """The worst groups, and what is most often confused. errors: whether the figures of groups are error rates."""
    groups = predictions.by_group()
    if groups:
        worst = sorted(groups, key=lambda g: groups[g]["fixed_point"], reverse=errors)
        yield f"{'group':>16}  {'labels':>6}  {'float (%)':>9}  {'fixed point (%)':>15}"
        for name in worst[:LISTED]:
            row = groups[name]
            yield (
                f"{name:>16}  {row['labels']:>6}  {100 * row['float']:>9.2f}  {100 * row['fixed_point']:>15.2f}"
            )
        if len(worst) > LISTED:
            yield f"the {LISTED} worst of {len(worst)} groups; all of them with --json"
    if predictions.data.classes is None or errors:
        return
    wrong = [
        (count, label, named)
        for label, row in enumerate(predictions.confusion.tolist())
        for named, count in enumerate(row)
        if count and label != named
    ]
    names = predictions.names
    for count, label, named in sorted(wrong, key=lambda w: -w[0])[:LISTED]:
        yield f"{names[label]} taken for {names[named]}: {count}"


def lines(evaluation, result: dict):
    """The report of one design."""
    source = evaluation.source
    yield source_line(evaluation.core)
    if evaluation.accuracy is not None:
        known = "" if source is None else f"source {100 * source.accuracy:.2f} %, "
        yield (
            f"accuracy: {known}float {100 * evaluation.float_accuracy:.2f} %, fixed point "
            f"{100 * evaluation.accuracy:.2f} %"
        )
    if evaluation.phone_error_rate is not None:
        known = "" if source is None else f"source {100 * source.phone_error_rate:.2f} %, "
        yield (
            f"phone error rate: {known}float {100 * evaluation.float_phone_error_rate:.2f} %, fixed point "
            f"{100 * evaluation.phone_error_rate:.2f} %"
        )
    if evaluation.label_error_rate is not None:
        known = "" if source is None else f"source {100 * source.label_error_rate:.2f} %, "
        yield (
            f"label error rate: {known}float {100 * evaluation.float_label_error_rate:.2f} %, fixed point "
            f"{100 * evaluation.label_error_rate:.2f} %"
        )
    if evaluation.predictions is not None:
        yield from _group_lines(evaluation.predictions, evaluation.label_error_rate is not None)
    yield from map(_comparison_line, result["comparisons"])
    fmt = evaluation.core.output_format
    yield f"largest error of fixed point: {evaluation.error / fmt.lsb:.1f} LSB of {fmt}"
    counts = {n: c for n, c in evaluation.saturations.items() if c}
    text = ", ".join(f"{n} {c}" for n, c in counts.items()) or "none"
    yield f"saturated elements: {text}"
    yield from map(note_line, result["notes"])
    yield f"{'output':>6}  {'SQNR (dB)':>9}  {'largest error':>13}"
    order = evaluation.output_sqnr.argsort(kind="stable")
    listed = order if len(order) <= 2 * LISTED else order[:LISTED]
    for i in sorted(listed):
        error = evaluation.output_error[i]
        yield f"{i:>6}  {evaluation.output_sqnr[i]:>9.1f}  {error:>13.4g}"
    if len(listed) < len(order):
        yield f"the {LISTED} worst of {len(order)} outputs; all of them with --json"


def table(made: dict):
    """A line for each word length."""
    first = next(iter(made.values()))
    labelled, spoken = first.accuracy is not None, first.phone_error_rate is not None
    in_order = first.label_error_rate is not None
    accuracy = f"  {'accuracy (%)':>12}  {'loss (points)':>13}" if labelled else ""
    phones = f"  {'phone errors (%)':>16}" if spoken else ""
    labels = f"  {'label errors (%)':>16}" if in_order else ""
    yield f"{'word':>5}{accuracy}{phones}{labels}  {'SQNR (dB)':>9}  {'largest error':>13}  {'saturated':>9}"
    if labelled:
        phones = f"  {'':>13}  {100 * first.float_phone_error_rate:>16.2f}" if spoken else ""
        yield f"{'float':>5}  {100 * first.float_accuracy:>12.2f}{phones}"
    if in_order:
        yield f"{'float':>5}  {100 * first.float_label_error_rate:>16.2f}"
    for word, e in made.items():
        accuracy = f"  {100 * e.accuracy:>12.2f}  {e.loss:>13.2f}" if labelled else ""
        phones = f"  {100 * e.phone_error_rate:>16.2f}" if spoken else ""
        labels = f"  {100 * e.label_error_rate:>16.2f}" if in_order else ""
        yield f"{word:>5}{accuracy}{phones}{labels}  {e.sqnr:>9.1f}  {e.error:>13.4g}  {e.saturated:>9}"
