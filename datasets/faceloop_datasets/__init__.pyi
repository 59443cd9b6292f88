from .annotation import Annotation, PointState
from .errors import (
    Cancelled,
    FaceloopError,
    InputError,
    ModelFileError,
    ProjectError,
    RevisionConflict,
    SchemeError,
    TrackConflict,
    TrainingError,
)
from .face import Face
from .importing.report import ImportReport
from .importing.subject_plan import PlannedSubject, SubjectPlan
from .media.display import PictureDisplay
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
from .store.removals import Removal
from .store.subject_changes import SubjectChange
from .tracks.face_track import FaceTrack, FrameKind, Verdict
from .tracks.track import Track
from .workers.base import Workers, WorkersLost
from .workers.opening import SchedulerLike, use_scheduler

__all__ = [
    "Annotation",
    "Approval",
    "Batch",
    "CancelCheck",
    "Cancelled",
    "Contour",
    "Conversion",
    "Face",
    "FaceTrack",
    "FaceloopError",
    "FrameCandidate",
    "FrameKind",
    "ImportReport",
    "InputError",
    "Item",
    "ItemSummary",
    "Media",
    "ModelFileError",
    "ModelRecord",
    "Monitor",
    "NewRevision",
    "PictureDisplay",
    "PlannedSubject",
    "PointState",
    "Progress",
    "ProgressCallback",
    "ProgressLike",
    "Project",
    "ProjectError",
    "QueueEntry",
    "QueueReason",
    "Reason",
    "Removal",
    "ReviewQueue",
    "Revision",
    "RevisionConflict",
    "SchedulerLike",
    "Scheme",
    "SchemeError",
    "ShotCounter",
    "SubjectChange",
    "SubjectPlan",
    "Track",
    "TrackConflict",
    "TrainingError",
    "Verdict",
    "Video",
    "VideoFrame",
    "VideoWriter",
    "Workers",
    "WorkersLost",
    "use_scheduler",
    "write_video",
]
