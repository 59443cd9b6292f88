from .detect.boxes import FaceBox
from .detect.detector import Detector
from .fit.fitter import Fitter
from .fit.result import Fit
from .model import FaceModel
from .pdm3d import HeadPose
from .track.results import FrameResult, TrackedFace
from .track.smoothing import OneEuro
from .track.tables import tracking_table
from .track.tracker import Tracker, TrackingSession

__all__ = [
    "Detector",
    "FaceBox",
    "FaceModel",
    "Fit",
    "Fitter",
    "FrameResult",
    "HeadPose",
    "OneEuro",
    "TrackedFace",
    "Tracker",
    "TrackingSession",
    "tracking_table",
]
