"""The face model, patch responses, fitting, tracking and validation."""

from .detector import Detector
from .fitter import Fit, Fitter
from .model import FaceModel
from .results import FrameResult, TrackedFace
from .smoothing import OneEuro
from .tracker import Pursuit, Tracker

__all__ = [
    "Detector",
    "FaceModel",
    "Fit",
    "Fitter",
    "FrameResult",
    "OneEuro",
    "Pursuit",
    "TrackedFace",
    "Tracker",
]
