"""Training of the classifier of expressions, on the out-of-fold fits of labelled faces.

It has to learn from what a fit gives, which is smoother than what a person places, and of people
that the fit does not know.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceloop_trainer.cache import key_of

from .assessment import ExpressionAssessment
from .examples import ExpressionExamples
from .regression import Settings

if TYPE_CHECKING:
    from faceloop_runtime.expressions import ExpressionClassifier
    from faceloop_trainer.crossfit.crossfit import CrossFit
    from faceloop_trainer.crossfit.training_set import TrainingSet


@dataclass(frozen=True, eq=False)
class TrainedExpressions:
    """What a training makes of the labels.

    Parameters
    ----------
    classifier : ExpressionClassifier
        Says what a face expresses.
    assessment : ExpressionAssessment
        How well it does that on people it has not seen; has the names, too.
    """

    classifier: ExpressionClassifier
    assessment: ExpressionAssessment


def train_expressions(current: TrainingSet, crossfit: CrossFit) -> TrainedExpressions | None:
    """Train the classifier of a training set; None if too few of its faces are labelled.

    Parameters
    ----------
    current : TrainingSet
        The faces.
    crossfit : CrossFit
        Makes their fits, and keeps the settings that were chosen on its own faces.
    """
    examples = ExpressionExamples.of(current, crossfit)
    if examples is None:
        return None
    regression, settings = examples.regression, _settings(examples, current, crossfit)
    return TrainedExpressions(
        examples.classifier(regression.calibrated(settings)),
        ExpressionAssessment.of(
            examples.names,
            regression.labels,
            regression.probabilities(settings, known=False),
            regression.probabilities(settings, known=True),
            len(set(examples.people)),
        ),
    )


def _settings(examples: ExpressionExamples, current: TrainingSet, crossfit: CrossFit) -> Settings:
    """Return the settings that are best for the cross-fitted faces: they hardly ever change."""
    name = f"expressions-{key_of(*crossfit.labels)}"
    found = crossfit.load(name, Settings)
    if found is None:
        own: ExpressionExamples | None = examples
        if not crossfit.is_of(current):
            own = ExpressionExamples.of(crossfit.training_set, crossfit)
        found = Settings() if own is None else own.regression.best_settings()
        crossfit.save(name, found)
    return found
