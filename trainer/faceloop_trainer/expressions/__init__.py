"""What faces express: a classifier trained on the out-of-fold fits of labelled faces."""

from .assessment import ExpressionAssessment
from .training import TrainedExpressions, train_expressions

__all__ = ["ExpressionAssessment", "TrainedExpressions", "train_expressions"]
