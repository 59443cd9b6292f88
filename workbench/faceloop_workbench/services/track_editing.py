"""Edits of a track that need the model and the video, and the way from a track back to fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import FaceloopError, FrameKind, InputError, Verdict
from faceloop_datasets.wording import counted
from faceloop_runtime import FaceModel, Fit, FrameResult, HeadPose
from faceloop_runtime.geometry import Similarity, has_extent
from faceloop_runtime.pdm3d import head_pose
from faceloop_runtime.quality.thresholds import POOR_ERROR
from faceloop_runtime.track.results import TrackedFace
from faceloop_runtime.track.spreading import Spreading

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_datasets import FaceTrack, ProgressLike, Track
    from faceloop_runtime.clmtrackr import ClmtrackrModel
    from faceloop_runtime.pdm3d import ShapeModel3D
    from faceloop_runtime.track.spreading import Frames


def spread(
    track: Track,
    face: int,
    frame: int,
    model: FaceModel | ClmtrackrModel,
    *,
    video: Frames,
    progress: ProgressLike = None,
) -> tuple[Track, str]:
    """Let a face in a frame spread to the frames around it until the fits agree again.

    Parameters
    ----------
    track : Track
        What to edit.
    face : int
        Id of the face.
    frame : int
        A frame in which it is right, usually a corrected one.
    model : FaceModel or ClmtrackrModel
        What to fit.
    video : Video
        The video of the track, or its frames by number.
    progress : Monitor or callable, optional
        Told each frame; a monitor may stop the work.

    Returns
    -------
    track : Track
        The same one if all around agrees already.
    said : str
        What was done, for people.

    Raises
    ------
    InputError
        If the face is not in this frame, or the video cannot be read.
    FaceloopError
        If the model is one of clmtrackr's.
    Cancelled
        If the monitor stopped it.
    """
    before = track.face(face)
    if not 0 <= frame < track.frames or not before.present[frame]:
        raise InputError(f"Frame {frame} has no points of face {face}. Correct it first.")
    if not isinstance(model, FaceModel):
        raise FaceloopError("A model of clmtrackr's cannot spread corrections. Train a model.")
    found = Spreading(model, video).spread(
        frame,
        before.points[frame],
        before.points,
        before.predicted_error,
        settled=before.settled,
        progress=progress,
    )
    if not found:
        said = f"The frames around {frame} agree with it already"
        if before.kind[frame] != FrameKind.CORRECTED:
            said = f"Frame {frame} is not corrected, and the frames around it agree with it"
        return track, said
    wide = track.with_room(model.expression_names)
    rows = {
        "points": np.stack([one.points for one in found]).astype(np.float32),
        "predicted_error": [one.fit.predicted_error for one in found],
        "kind": FrameKind.SPREAD,
        "verdict": Verdict.NONE,
        "head_pose": [_angles(one.fit) for one in found],
        "expressions": [
            [(one.fit.expressions or {}).get(word, np.nan) for word in wide.expressions]
            for one in found
        ],
    }
    frames = [one.frame for one in found]
    said = f"spread frame {frame} to {counted(len(frames), 'frame')}, {min(frames)}..{max(frames)}"
    return wide.with_face(wide.face(face).with_rows(frames, **rows)), said


def _angles(fit: Fit) -> tuple[float, float, float]:
    head = fit.head_pose
    return (np.nan,) * 3 if head is None else (head.yaw, head.pitch, head.roll)


def with_head_poses(track: Track, model: FaceModel | ClmtrackrModel) -> Track:
    """Return a track in which corrected and interpolated faces have a head pose, by their points.

    Without a shape in space the model cannot tell, and they stay unknown; so do faces of which
    points are missing.

    Parameters
    ----------
    track : Track
        What to fill.
    model : FaceModel or ClmtrackrModel
        One of the same scheme.
    """
    if not isinstance(model, FaceModel) or model.shape3d is None:
        return track
    for face in track.faces:
        if face.head_pose is None:
            continue
        placed = np.isin(face.kind, (FrameKind.CORRECTED, FrameKind.INTERPOLATED))
        unknown = np.isnan(face.head_pose).any(axis=1) & ~np.isnan(face.points).any(axis=(1, 2))
        frames = np.flatnonzero(placed & unknown)
        if len(frames):
            angles = [_angles_of(model.shape3d, model, face, frame) for frame in frames.tolist()]
            track = track.with_face(face.with_rows(frames, head_pose=angles))
    return track


def _angles_of(
    shape: ShapeModel3D, model: FaceModel, face: FaceTrack, frame: int
) -> tuple[float, float, float]:
    error = float(np.nan_to_num(face.predicted_error[frame]))
    points = face.points[frame].astype(np.float64)
    head = head_pose(shape, model.pose_correction, points, error)
    return head.yaw, head.pitch, head.roll


def kept_result(track: Track, frame: int, model: FaceModel | None) -> FrameResult | None:
    """Return the faces of a frame as a tracker would; None if nobody has looked at it.

    A track keeps less than a fit has: confidences tell of the whole face only, by its predicted
    error, and what it does not keep is NaN. Rejected faces are left out, and those of which too few
    points are known to have a size.

    Parameters
    ----------
    track : Track
        What is kept.
    frame : int
        Number of the frame.
    model : FaceModel or None
        One of the same scheme: it fills in missing points. Without one they stay NaN, and so does
        the pose.
    """
    if not any(face.kind[frame] != FrameKind.UNSEEN for face in track.faces):
        return None
    there = [
        face
        for face in track.faces
        if face.verdict[frame] != Verdict.REJECTED and has_extent(face.points[frame])
    ]
    faces = tuple(
        TrackedFace(face.id, _as_fit(face, frame, model, track.expressions), 1.0) for face in there
    )
    return FrameResult(frame, float(track.times[frame]), faces)


def _as_fit(face: FaceTrack, frame: int, model: FaceModel | None, names: tuple[str, ...]) -> Fit:
    points = face.points[frame].astype(np.float64)
    pose, b = Similarity(*[np.nan] * 4), np.zeros(0)
    if model is not None:
        pose, b = model.pdm.parameters(points)
        points = np.where(np.isnan(points), pose.apply(model.pdm.shape(b)), points)
    error = float(np.nan_to_num(face.predicted_error[frame]))
    sure = float(np.clip(1 - error / (2 * POOR_ERROR), 0, 1))
    return Fit(
        points=points,
        confidence=np.full(len(points), sure / 2),
        score=np.nan,
        predicted_error=error,
        error_bound=np.nan,
        visibility=np.full(len(points), np.nan),
        converged=True,
        iterations=0,
        pose=pose,
        b=b,
        features=np.zeros(0, np.float32),
        start="points",
        head_pose=_head_pose(face, frame),
        expressions=_expressions(face, frame, names),
    )


def _head_pose(face: FaceTrack, frame: int) -> HeadPose | None:
    angles = None if face.head_pose is None else face.head_pose[frame]
    if angles is None or np.isnan(angles).any():
        return None
    yaw, pitch, roll = angles.tolist()
    return HeadPose(yaw, pitch, roll, float("nan"))


def _expressions(face: FaceTrack, frame: int, names: tuple[str, ...]) -> dict[str, float] | None:
    shares: NDArray[np.float32] | None = None
    if face.expressions is not None:
        shares = face.expressions[frame]
    if shares is None:
        return None
    known = {name: s for name, s in zip(names, shares.tolist(), strict=True) if not np.isnan(s)}
    return known or None
