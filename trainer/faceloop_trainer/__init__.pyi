from .config import TrainingConfig
from .cross_validation import CrossValidation, cross_validate
from .estimator import LandmarkEstimator
from .evaluation.measure import evaluate, evaluate_models
from .evaluation.paired import PairedTest, compare_models
from .evaluation.protocol import EvaluationProtocol
from .evaluation.result import Evaluation
from .learning_curve import LearningStep, learning_curve
from .train import TrainingResult, train

__all__ = [
    "CrossValidation",
    "Evaluation",
    "EvaluationProtocol",
    "LandmarkEstimator",
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
