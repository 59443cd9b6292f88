"""What a tracker found, as a table for analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from faceloop_datasets import Scheme

    from .results import FrameResult, TrackedFace


def tracking_table(frames: Iterable[FrameResult], scheme: Scheme) -> pd.DataFrame:
    """Return what was found in the frames of a video, a row a point of a face.

    The columns are named as in the tables that ``faceloop track`` writes. A frame without a face
    has no row.

    Parameters
    ----------
    frames : iterable of FrameResult
        What `Tracker.track` yields.
    scheme : Scheme
        That of the model.

    Returns
    -------
    DataFrame
        ``frame``, ``time`` (seconds), ``face``, ``point``, ``name``, ``x`` and ``y`` (pixels of
        the frame), ``confidence`` and ``visibility`` (0 to 1), ``score``, ``predicted_error`` and
        ``error_bound`` (NME), ``yaw``, ``pitch`` and ``roll`` (degrees, NaN where the model does
        not know), ``scale`` (IOD of the mean shape, pixels).

    Raises
    ------
    InputError
        If a face has other points than the scheme.
    """
    import pandas as pd  # noqa: PLC0415 - its import takes half a second

    parts = [
        pd.DataFrame({"frame": frame.index, "time": frame.time, **_columns(face, scheme)})
        for frame in frames
        for face in frame.faces
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(_COLUMNS))


_COLUMNS = (
    "frame", "time", "face", "point", "name", "x", "y", "confidence", "visibility", "score",
    "predicted_error", "error_bound", "yaw", "pitch", "roll", "scale",
)  # fmt: skip


def _columns(face: TrackedFace, scheme: Scheme) -> dict[str, Any]:
    fit, points, turned = face.fit, face.points, face.fit.head_pose
    if len(points) != len(scheme):
        raise InputError(
            f"Expected faces of the {len(scheme)} points of {scheme.name} but got {len(points)}."
        )
    return {
        "face": face.id,
        "point": np.arange(len(scheme)),
        "name": scheme.names,
        "x": points[:, 0],
        "y": points[:, 1],
        "confidence": fit.confidence,
        "visibility": fit.visibility,
        "score": fit.score,
        "predicted_error": fit.predicted_error,
        "error_bound": fit.error_bound,
        "yaw": np.nan if turned is None else turned.yaw,
        "pitch": np.nan if turned is None else turned.pitch,
        "roll": np.nan if turned is None else turned.roll,
        "scale": face.scale,
    }
