"""Turns annotations into a face model, and measures how good it is."""

from .config import TrainingConfig
from .evaluate import Evaluation, evaluate
from .train import TrainingResult, train

__all__ = ["Evaluation", "TrainingConfig", "TrainingResult", "evaluate", "train"]
