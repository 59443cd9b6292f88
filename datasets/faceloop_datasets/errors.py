"""Errors that a user can cause, and can mend."""

from __future__ import annotations


class FaceloopError(Exception):
    """Base of every error a user can cause.

    The message names the file, line or item, what was found, what was expected and what to do.
    The command line and the workbench show it as it is, without a traceback.
    """


class InputError(FaceloopError):
    """A file that came from outside cannot be used as it is."""


class SchemeError(FaceloopError):
    """A landmark scheme or conversion is unknown or inconsistent."""


class ProjectError(FaceloopError):
    """A project cannot be created, opened or written."""


class RevisionConflict(ProjectError):  # noqa: N818 - named after what happened, as in the design
    """Somebody else saved this item since it was read; both revisions are kept."""


class TrackConflict(ProjectError):  # noqa: N818 - as RevisionConflict
    """Somebody else wrote the track of this video since it was read; theirs is kept."""


class ModelFileError(FaceloopError):
    """A model file is damaged, of another version, or does not fit."""


class TrainingError(FaceloopError):
    """These annotations or settings cannot be trained on."""


class Cancelled(FaceloopError):  # noqa: N818 - a request that was honoured, not a fault
    """The user asked for the work to stop; nothing half-written is left behind."""
