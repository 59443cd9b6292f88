"""What a face annotation is, where it is kept, and how it comes in and goes out."""

from .annotation import Annotation, PointState
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
from .importing.report import ImportReport
from .media.files import Media
from .media.video import ShotCounter, Video, VideoFrame, VideoWriter, write_video
from .progress import CancelCheck, Monitor, Progress, ProgressCallback, ProgressLike
from .project import Project
from .queue import ReviewQueue
from .review.entries import QueueEntry, QueueReason, Reason
from .review.frames import FrameCandidate
from .schemes.conversion import Conversion
from .schemes.scheme import Contour, Scheme
from .store.approvals import Approval
from .store.bulk import Batch, NewRevision
from .store.items import Item, Revision
from .store.models import ModelRecord
from .store.overview import ItemSummary

__all__ = [
    "Annotation",
    "Approval",
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
    "ItemSummary",
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
    "TrainingError",
    "Video",
    "VideoFrame",
    "VideoWriter",
    "write_video",
]
