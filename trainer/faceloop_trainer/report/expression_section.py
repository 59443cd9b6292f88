"""The section of the page on expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceloop_datasets.subjects import count_of, plural, singular
from faceloop_trainer.expressions import ExpressionAssessment

from .expression_charts import confusion_figure, reliability_figure
from .markup import Markup, element, joined
from .shared_elements import faces_of

if TYPE_CHECKING:
    from .model_sections import AddChart
    from .report_data import Report


def expressions(report: Report, chart: AddChart) -> Markup:
    """Show how well the model tells expressions apart; nothing of a model that knows none."""
    found = ExpressionAssessment.from_dict(report.provenance.get("expressions"))
    if found is None or report.model is None:
        return Markup()
    kind = str(report.provenance.get("subject_kind", "person"))
    said = (
        f"{faces_of(found.faces)} of {count_of(found.people, kind)} are labelled. Each was named "
        f"by a classifier that has not seen its {singular(kind)}, from a fit that has not either: "
        f"{found.accuracy:.0%} were named as they are labelled, {found.balanced_accuracy:.0%} "
        "where each expression counts alike. Where the other faces of the same "
        f"{singular(kind)} are known, as in a video, it is {found.accuracy_known:.0%}."
    )
    note = (
        "These are the labels of this project, by whoever gave them; they are no action units, and "
        f"say nothing of what {plural(kind)} feel."
    )
    return joined(
        (
            element("h2", "Whether it knows expressions"),
            element("p", said),
            chart(
                "confusion",
                confusion_figure(found),
                "How many faces of each expression were called what.",
                "A row an expression, a column what its faces were called. The darker, the larger "
                "the share of the row.",
            ),
            chart(
                "reliability",
                reliability_figure(found),
                "How often what was said was right, against the probability given for it.",
                "On the dashed line probabilities are as often right as they say; they are off by "
                f"{found.calibration_error:.0%} on average. Bars: one standard deviation of so "
                "many faces.",
            ),
            element("p", note, class_="note"),
        )
    )
