"""What a face annotation is, where it is kept, and how it comes in and goes out."""

from .annotation import Annotation, PointState
from .conversion import Conversion
from .errors import (
    Cancelled,
    FaceloopError,
    InputError,
    ModelFileError,
    ProjectError,
    RevisionConflict,
    SchemeError,
    TrainingError,
)
from .scheme import Contour, Scheme

__all__ = [
    "Annotation",
    "Cancelled",
    "Contour",
    "Conversion",
    "FaceloopError",
    "InputError",
    "ModelFileError",
    "PointState",
    "ProjectError",
    "RevisionConflict",
    "Scheme",
    "SchemeError",
    "TrainingError",
]
