"""Sections of the page on the evaluation of a model, and on the comparison of two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from faceloop_datasets.subjects import count_of, plural, singular
from faceloop_runtime.quality.thresholds import FAILURE
from faceloop_trainer.evaluation.plots import ced_figure
from faceloop_trainer.pdm3d.words import space_words

from .charts import (
    calibration_figure,
    difference_figure,
    face_figure,
    groups_figure,
    points_figure,
)
from .markup import Markup, element, joined, name_of, table
from .shared_elements import cell, faces_of, metrics_table, small_sample_warning

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .report_data import EvaluationSummary, Report

    AddChart = Callable[[str, Figure, str, object], Markup]

_V = TypeVar("_V")
_WORST_POINTS = 10


def heading(report: Report, _chart: AddChart) -> Markup:
    """Give the model's name, and the data that it was trained and measured on."""
    named = report.model is not None
    title = name_of(report.model.name) if report.model else "Cross-validation of the training"
    facts: list[tuple[str, object]] = [("project", name_of(report.project))]
    known = report.provenance
    if known and named:
        people = plural(str(known.get("subject_kind", "person")))
        on = f"{known.get('pictured', '?')} faces of {known.get('subjects', '?')} {people}"
        facts.append(("trained on", on))
        if "snapshot" in known:
            facts.append(("training snapshot", _short(str(known["snapshot"]))))
        facts.append(("shape in space", space_words(known)))
    if report.other is not None:
        facts.append(("compared with", name_of(report.other.name)))
    facts += [
        ("points", f"{len(report.scheme)} ({report.scheme.name})"),
        ("annotated", f"{faces_of(report.faces)} of {count_of(report.people, report.kind)}"),
        ("data snapshot", _short(report.snapshot)),
        ("made", f"{report.made:%Y-%m-%d %H:%M} UTC"),
    ]
    rows = joined(joined((element("dt", key), element("dd", value))) for key, value in facts)
    return element(
        "header",
        element("p", "Face model report", class_="kind"),
        element("h1", title),
        element("dl", rows, class_="facts"),
        *(element("p", said, class_="warning") for said in report.warnings),
    )


def _short(digest: str) -> Markup:
    return element("span", digest[:16], title=digest)


def accuracy(report: Report, chart: AddChart) -> Markup:
    """Show the error metrics of the model."""
    if report.unmeasured:
        return element("p", report.unmeasured, class_="warning")
    summary, other = report.model, report.other
    if summary is None:
        return Markup()
    both = [m for m in (summary, other) if m is not None]
    errors = _by_name(both, [m.evaluation.errors for m in both])
    return joined(
        (
            element("h2", "How far off it is"),
            _key_result(summary),
            small_sample_warning(summary.evaluation),
            metrics_table(both),
            chart(
                "faces",
                ced_figure(errors),
                "Cumulative distribution of the error of the faces.",
                "Cumulative error distribution: how many of the faces are fitted at least as "
                "well. Further up and to the left is better.",
            ),
        )
    )


def error_details(report: Report, chart: AddChart) -> Markup:
    """Show the error by point and by face, and how well the model predicts it."""
    summary = report.model
    if summary is None or not summary.groups:
        return Markup()
    both = [m for m in (summary, report.other) if m is not None]
    points = [np.array([point.value for point in m.points]) for m in both]
    means = ", ".join(
        f"{name.replace('_', ' ')} {i.value:.4f}" for name, i in summary.groups.items()
    )
    return joined(
        (
            element("h2", "Where it is off"),
            chart(
                "points",
                points_figure(report.scheme, report.shape, _by_name(both, points)),
                "The mean error of each point as a circle on a face.",
                "Each point's mean error as the radius of its circle, to scale; the largest are "
                "numbered.",
            ),
            chart(
                "groups",
                groups_figure(_by_name(both, [m.groups for m in both])),
                f"Mean error by part of the face: {means}.",
                "Mean error by part of the face, with 95 % confidence intervals.",
            ),
            _worst_points(summary),
            _calibration(summary, chart),
            _worst_faces(report, summary, chart),
        )
    )


def _key_result(summary: EvaluationSummary) -> Markup:
    found = summary.evaluation
    people = len(set(found.subjects))
    on = f"{faces_of(len(found.errors))} of {count_of(people, found.kind)}"
    if "nme_mean" not in summary.metrics:
        return element("p", f"None of {on} was found.", class_="lead")
    mean = summary.metrics["nme_mean"]
    failed = int((found.errors > FAILURE).sum())
    said = (
        f"On {on} it was never trained on, a point is on average {mean.value:.3f} IOD off: "
        f"{mean.value * 60:.1f} pixels where the outer corners of the eyes are 60 pixels apart, "
        f"the IOD. {failed or 'None'} of the fits failed."
    )
    return element("p", said, class_="lead")


def _by_name(models: Sequence[EvaluationSummary], values: Sequence[_V]) -> dict[str, _V]:
    """Return the values by name; of two models of the same name the second is marked."""
    found: dict[str, _V] = {}
    for model, value in zip(models, values, strict=True):
        found[model.name if model.name not in found else f"{model.name} (2)"] = value
    return found


def _worst_points(summary: EvaluationSummary) -> Markup:
    per_point = summary.evaluation.per_point.dropna().sort_values("error", ascending=False)
    rows = [
        (
            row["point"],
            name_of(row["name"]),
            name_of(row["group"].replace("_", " ")),
            cell(summary.points[row["point"]]),
        )
        for row in per_point.head(_WORST_POINTS).to_dict("records")
    ]
    made = table(("point", "name", "part", "mean error"), rows, 1)
    return joined((element("h3", "The points that are most off"), made))


def _calibration(summary: EvaluationSummary, chart: AddChart) -> Markup | None:
    found = summary.evaluation
    known = np.isfinite(found.predicted) & np.isfinite(found.errors)
    ranks = found.metrics().get("prediction_rank_correlation")
    if ranks is None or not np.isfinite(ranks):
        return None
    ratio = float(np.median(found.predicted[known]) / np.median(found.errors[known]))
    said = (
        f"For each fit the model predicts its own error. The ranks of predicted and true errors "
        f"correlate by {ranks:.2f} (1 is perfect); the median prediction is {ratio:.2f} times the "
        "median error."
    )
    drawn = chart(
        "prediction",
        calibration_figure(found.predicted[known], found.errors[known]),
        "Predicted against true error of each face.",
        "One dot a face; on the dashed line the prediction is right.",
    )
    return joined((element("h2", "Whether it knows its error"), element("p", said), drawn))


def _worst_faces(report: Report, summary: EvaluationSummary, chart: AddChart) -> Markup:
    found = summary.evaluation
    rows = []
    for k in summary.worst:
        error, guess = found.errors[k], found.predicted[k]
        rows.append(
            (
                "" if found.items[k] is None else found.items[k],
                name_of(found.names[k]),
                name_of(found.subjects[k]),
                f"{error:.4f}" if np.isfinite(error) else "not found",
                f"{guess:.4f}" if np.isfinite(guess) else "\N{EN DASH}",
            )
        )
    faces = [
        chart(
            f"worst-{place}",
            face_figure(report.scheme, picture, truth, found.fitted[k]),
            f"Item {found.items[k]} with annotation and fit.",
            name_of(found.names[k]),
        )
        for place, (k, (picture, truth)) in enumerate(
            zip(summary.worst, report.pictures, strict=False), 1
        )
    ]
    shown = None
    if faces:
        said = "White: the annotation. Yellow: the fit."
        shown = joined((element("p", said), element("div", joined(faces), class_="faces")))
    return joined(
        (
            element("h2", "The worst faces"),
            table(("item", "name", singular(found.kind), "error (NME)", "predicted"), rows, 2),
            shown,
        )
    )


def comparison(report: Report, chart: AddChart) -> Markup:
    """Say whether one of two models is better."""
    if report.test is None or report.model is None or report.other is None:
        return Markup()
    test, names = report.test, (report.model.name, report.other.name)
    left = f" {faces_of(test.left_out)} that one did not find count for neither."
    said = (
        f"Both models fitted the same {faces_of(test.faces)} of "
        f"{count_of(test.people, test.kind)} from the same starts.{left if test.left_out else ''}"
    )
    rows = [
        # The same way round as the sentence and the chart: above 0, the first one is better.
        (
            name_of(name.replace("_", " ")),
            cell(replace(i, value=-i.value, low=-i.high, high=-i.low)),
        )
        for name, i in test.by_group.items()
    ]
    return joined(
        (
            element("h2", f"Compared with {names[1]}"),
            element("p", test.sentence(*names), class_="verdict"),
            element("p", said),
            chart(
                "difference",
                difference_figure(test, names),
                f"Difference of the two models' errors for each {singular(test.kind)}.",
                f"One bar a {singular(test.kind)}, in order: by how much the mean error of its "
                "faces differs. The gray band is the 95 % confidence interval of the mean.",
            ),
            element("h3", "By part of the face"),
            table(("part", "mean error less by"), rows, 1),
            element("p", f"Above 0, {names[0]} is better; below, {names[1]}.", class_="note"),
        )
    )
