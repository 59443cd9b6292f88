"""Sections of the page on the training, and on how everything was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceloop_datasets.subjects import count_of, plural, singular
from faceloop_runtime.quality.thresholds import FAILURE
from faceloop_trainer.evaluation.bootstrap import metric_intervals
from faceloop_trainer.evaluation.metrics import AUC_LIMIT
from faceloop_trainer.evaluation.plots import ced_figure

from .charts import learning_figure
from .markup import Markup, element, joined, table
from .shared_elements import cell, faces_of, metrics_table, small_sample_warning

if TYPE_CHECKING:
    from .model_sections import AddChart
    from .report_data import Report

_NME = (
    "NME: mean distance of a face's points from their annotation, divided by the distance of "
    "the outer corners of the eyes. Points that were only estimated are not measured."
)
_AUC = (
    f"AUC: area under the cumulative error distribution up to {AUC_LIMIT}, as a share; 1 is "
    f"perfect. A fit with an NME over {FAILURE:.2f} has failed; a face that was not found too. "
    "Mean, median and percentile are over the faces that were found."
)
_INTERVALS = (
    "Confidence intervals: bootstrap over {people}, each with all its faces (Davison & Hinkley "
    "1997, section 3.8), bias-corrected and accelerated (Efron 1987), 2000 draws. Where "
    "no fit failed, the upper end is that of as many trials as there are {people}."
)
_PAIRED = (
    "The comparison: paired permutation test that flips whole {people} (Good 2005, chapter "
    "3); p is how often chance alone makes a difference as large."
)
_STARTS = {
    "jitter": "the mean face on the true points, turned (6°), scaled (7 %) and shifted (8 % of the "
    "eye distance) at random",
    "detector": "the box of the face detector",
}


def cross_validation(report: Report, chart: AddChart) -> Markup:
    """Show the error of models on the people that their training left out."""
    pooled = report.pooled
    if report.validation is None or pooled is None:
        return Markup()
    folds = report.validation.folds
    rows: list[tuple[object, ...]] = []
    for number, fold in enumerate(folds, 1):
        m = fold.metrics()
        rows.append(
            (
                f"part {number}",
                m["faces"],
                m["subjects"],
                f"{m['nme_mean']:.4f}",
                f"{m['nme_median']:.4f}",
                f"{m['auc_08']:.3f}",
                m["failures"],
            )
        )
    unused = len(report.validation.unusable)
    said = (
        f"The training was repeated {len(folds)} times, each time without the "
        f"{plural(pooled.evaluation.kind)} of one part, and measured on those: every face by a "
        f"model that has never seen its {singular(pooled.evaluation.kind)}."
        + (f" {faces_of(unused)} could not be used." if unused else "")
    )
    return joined(
        (
            element("h2", f"Cross-validation in {len(folds)} parts"),
            element("p", said),
            small_sample_warning(pooled.evaluation),
            metrics_table([pooled]),
            chart(
                "cross-validation",
                ced_figure({"all parts": pooled.evaluation.errors}, [f.errors for f in folds]),
                "Cumulative distribution of the errors of all parts.",
                "All faces together, and each part in gray.",
            ),
            table(
                (
                    "",
                    "faces",
                    plural(pooled.evaluation.kind),
                    "NME mean",
                    "median",
                    "AUC",
                    "failures",
                ),
                rows,
                6,
            ),
        )
    )


def learning_curve(report: Report, chart: AddChart) -> Markup:
    """Show the error against the number of faces trained on."""
    if not report.curve:
        return Markup()
    figures = [metric_intervals(step.evaluation, report.seed) for step in report.curve]
    rows = [
        (
            step.faces,
            step.people,
            step.seed,
            cell(own["nme_mean"]),
            cell(own["auc_08"], ".3f"),
            int((step.evaluation.errors > FAILURE).sum()),
            f"{step.seconds:.1f}",
        )
        for step, own in zip(report.curve, figures, strict=True)
    ]
    tested = report.curve[0].evaluation
    people = count_of(len(set(tested.subjects)), tested.kind)
    said = (
        f"Trained on more and more faces, and measured each time on the same "
        f"{faces_of(len(tested.errors))} of {people}. "
        "Where the curve still falls, more annotations help."
    )
    head = (
        "faces",
        plural(report.curve[0].kind),
        "seed",
        "NME mean",
        "AUC",
        "failures",
        "training, s",
    )
    return joined(
        (
            element("h2", "Learning curve"),
            element("p", said),
            small_sample_warning(tested),
            chart(
                "learning",
                learning_figure(report.curve, [own["nme_mean"] for own in figures]),
                "Mean error against the number of faces trained on.",
                "One dot a training, with its 95 % confidence interval; the line joins the means "
                "of trainings on as many faces.",
            ),
            table(head, rows, len(head)),
        )
    )


def method(report: Report, _chart: AddChart) -> Markup:
    """Explain the metrics, the intervals and the tests."""
    start = None if report.model is None else report.model.evaluation.start
    one, people = singular(report.kind), plural(report.kind)
    said = [
        "" if start is None else f"Fits start from {_STARTS[start]}.",
        _NME,
        _AUC,
        f"No model is measured on a {one} it was trained on, whoever annotated it.",
        _INTERVALS.format(people=people),
        "" if report.test is None else _PAIRED.format(people=people),
        f"Seed of all random choices: {report.seed}.",
    ]
    return joined(
        (
            element("h2", "How this was measured"),
            element("ul", *(element("li", item) for item in said if item), class_="note"),
        )
    )
