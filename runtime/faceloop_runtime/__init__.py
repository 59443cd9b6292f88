"""The face model, patch responses, fitting, tracking and validation."""

from .detector import Detector
from .fitter import Fit, Fitter
from .model import FaceModel
from .tracker import FrameResult, Pursuit, TrackedFace, Tracker

__all__ = [
    "Detector",
    "FaceModel",
    "Fit",
    "Fitter",
    "FrameResult",
    "Pursuit",
    "TrackedFace",
    "Tracker",
]
