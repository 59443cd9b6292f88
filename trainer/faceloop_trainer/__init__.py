"""Turns annotations into a face model, and measures how good it is."""

from faceloop_trainer.evaluation.measure import evaluate, evaluate_models
from faceloop_trainer.evaluation.paired import PairedTest, compare_models
from faceloop_trainer.evaluation.protocol import EvaluationProtocol
from faceloop_trainer.evaluation.result import Evaluation

from .config import TrainingConfig
from .cross_validation import CrossValidation, cross_validate
from .learning_curve import LearningStep, learning_curve
from .train import TrainingResult, train

__all__ = [
    "CrossValidation",
    "Evaluation",
    "EvaluationProtocol",
    "LearningStep",
    "PairedTest",
    "TrainingConfig",
    "TrainingResult",
    "compare_models",
    "cross_validate",
    "evaluate",
    "evaluate_models",
    "learning_curve",
    "train",
]
