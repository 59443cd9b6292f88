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
from .face import Face
from .media import Media
from .progress import CancelCheck, Monitor, Progress, ProgressCallback, ProgressLike
from .project import Project
from .queue import FrameCandidate, QueueEntry, ReviewQueue
from .report import ImportReport
from .scheme import Contour, Scheme
from .store.bulk import Batch, NewRevision
from .store.items import Item, Revision
from .store.models import ModelRecord
from .store.overview import Summary
from .store.reasons import QueueReason, Reason
from .video import ShotCounter, Video, VideoFrame, VideoWriter, write_video

__all__ = [
    "Annotation",
    "Batch",
    "CancelCheck",
    "Cancelled",
    "Contour",
    "Conversion",
    "Face",
    "FaceloopError",
    "FrameCandidate",
    "ImportReport",
    "InputError",
    "Item",
    "Media",
    "ModelFileError",
    "ModelRecord",
    "Monitor",
    "NewRevision",
    "PointState",
    "Progress",
    "ProgressCallback",
    "ProgressLike",
    "Project",
    "ProjectError",
    "QueueEntry",
    "QueueReason",
    "Reason",
    "ReviewQueue",
    "Revision",
    "RevisionConflict",
    "Scheme",
    "SchemeError",
    "ShotCounter",
    "Summary",
    "TrainingError",
    "Video",
    "VideoFrame",
    "VideoWriter",
    "write_video",
]
