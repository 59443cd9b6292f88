"""Turns annotations into a face model, and measures how good it is."""

from .config import TrainingConfig
from .evaluate import evaluate, evaluate_models
from .evaluation import Evaluation
from .paired import PairedTest, compare_models
from .train import TrainingResult, train
from .validation import CrossValidation, LearningStep, cross_validate, learning_curve

__all__ = [
    "CrossValidation",
    "Evaluation",
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
