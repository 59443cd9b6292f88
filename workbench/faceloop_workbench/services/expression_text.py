"""How well a model names expressions, in a sentence."""

from __future__ import annotations

from faceloop_datasets.wording import counted, enumerated
from faceloop_trainer.expressions import ExpressionAssessment

_MOST_NAMES = 6


def expressions_text(found: object) -> str:
    """Say what was found out in a training; empty if it learned no expressions.

    Parameters
    ----------
    found : object
        What the provenance of a model, or the metrics of a project's, has under ``expressions``;
        of a stranger's file that may be anything.
    """
    assessed = ExpressionAssessment.from_dict(found)
    if assessed is None:
        return ""
    names = enumerated(list(assessed.names), _MOST_NAMES)
    return (
        f"Expressions ({names}): of {counted(assessed.faces, 'face')} "
        f"{assessed.accuracy:.0%} are named as they are labelled, {assessed.accuracy_known:.0%} "
        "where other faces of the person are known; by classifiers that have not seen the person."
    )
