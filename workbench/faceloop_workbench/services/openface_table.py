"""Fits of a video as a table of OpenFace's columns and units (docs/reference/openface.md)."""

from __future__ import annotations

import csv
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from faceloop_datasets import InputError
from faceloop_datasets.faults import in_words
from faceloop_datasets.files import part_of, put_in_place
from faceloop_datasets.outputs import require_ending

from .openface_points import openface_weights

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType
    from typing import Self

    from numpy.typing import NDArray

    from faceloop_datasets import Scheme
    from faceloop_runtime import Fit

    Floats = NDArray[np.float64]

_FRAME = ("frame", "face_id", "timestamp", "confidence", "success")
_POSE = ("pose_Tx", "pose_Ty", "pose_Tz", "pose_Rx", "pose_Ry", "pose_Rz")
_FOCAL, _USUAL = 500.0, (640.0, 480.0)
"""OpenFace takes a camera for one of this focal length in pixels, if pictures had this size."""
_IOD_MM = 92.0
"""The outer corners of the eyes are so far apart where the pupils are 65 mm apart."""


class Camera(NamedTuple):
    """A camera whose pictures have this size, as OpenFace guesses it.

    Parameters
    ----------
    width, height : int
        Of its pictures, in pixels.
    """

    width: int
    height: int

    @property
    def focal(self) -> float:
        """Focal length in pixels."""
        return _FOCAL * (self.width / _USUAL[0] + self.height / _USUAL[1]) / 2

    def ray(self, place: Floats) -> Floats:
        """Return where a place (2,) of the picture is, as seen from the camera, at a depth of 1."""
        x, y = (place - [self.width / 2, self.height / 2]) / self.focal
        return np.array([x, y, 1.0])


def openface_pose(fit: Fit, size: float, camera: Camera) -> Floats:
    """Return a head's place and turn as OpenFace writes them.

    Parameters
    ----------
    fit : Fit
        Its points and head pose.
    size : float
        IOD that it would have if it looked ahead, in pixels.
    camera : Camera
        What took the picture.

    Returns
    -------
    ndarray, shape (6,)
        Place in millimetres, x right, y down, z away from the camera; then turns about x, y and z
        in radians, ``R = Rx Ry Rz``, against the camera's axes. Zeros where no head pose is known.
    """
    if fit.head_pose is None:
        return np.zeros(6)
    ray = camera.ray(np.nanmean(fit.points, axis=0))
    place = ray * camera.focal / size * _IOD_MM
    away = np.diag([1.0, 1.0, -1.0])  # our z points to the viewer, theirs away
    turn = _toward(ray) @ (away @ fit.head_pose.rotation @ away)
    about_x = np.arctan2(-turn[1, 2], turn[2, 2])
    about_y = np.arcsin(np.clip(turn[0, 2], -1.0, 1.0))
    about_z = np.arctan2(-turn[0, 1], turn[0, 0])
    return np.array([*place, about_x, about_y, about_z])


def _toward(ray: Floats) -> Floats:
    """Return the least rotation that brings the camera's axis to a ray.

    A head beside the middle of the picture is seen from aside: a pose by weak perspective is
    against the line of sight.
    """
    x, y, z = ray / np.linalg.norm(ray)
    return np.array(
        [
            [1 - x * x / (1 + z), -x * y / (1 + z), x],
            [-x * y / (1 + z), 1 - y * y / (1 + z), y],
            [-x, -y, z],
        ]
    )


class OpenFaceTable:
    """Write fits to a CSV file, one row a face and frame, with OpenFace's names of columns.

    Used as `faceloop_workbench.services.points_table.PointsTable` is. A frame without a face is one
    row without success, whose other columns are 0.

    Parameters
    ----------
    path : Path
        The file to make, ``.csv``; an existing one is replaced at the end.
    scheme : Scheme
        The model's points, see `openface_weights`.
    camera : Camera
        What took the video.

    Raises
    ------
    InputError
        If the name does not end in ``.csv``, or the file cannot be written.
    """

    def __init__(self, path: Path, scheme: Scheme, camera: Camera) -> None:
        require_ending(path, (".csv",), "a table of OpenFace")
        self.path, self._camera, self._scheme = path, camera, scheme
        self._weights = openface_weights(scheme)
        self._part = part_of(path)
        numbers = range(len(self._weights))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._part.open("w", encoding="utf-8", newline="")
            self._rows = csv.writer(self._file, lineterminator="\n")
            self._rows.writerow(
                [*_FRAME, *_POSE, *(f"x_{k}" for k in numbers), *(f"y_{k}" for k in numbers)]
            )
        except OSError as error:
            with suppress(OSError):  # a full disk may have left an empty file
                self._part.unlink()
            raise self._failed(error) from error

    def write(self, source: Sequence[float], faces: Iterable[tuple[int, Fit]]) -> None:
        """Append one frame.

        Parameters
        ----------
        source : sequence of float
            Number of the frame, from 0, and its time in seconds.
        faces : iterable of (int, Fit)
            Number and fit of each face; none while there is no face.
        """
        frame, time = source
        rows = [[number, *self._numbers(fit)] for number, fit in faces]
        lost = [0] * (len(_POSE) + 2 * len(self._weights))
        try:
            for face, confidence, *values in rows or [[0, 0.0, *lost]]:
                found = [int(bool(rows)), *(f"{value:.6g}" for value in values)]
                head = [int(frame) + 1, face, f"{time:.3f}", f"{confidence:.3f}"]
                self._rows.writerow([*head, *found])
        except OSError as error:
            self._file.close()
            self._part.unlink()
            raise self._failed(error) from error

    def close(self) -> None:
        """Complete the file and give it its name."""
        if self._file.closed:
            return
        try:
            self._file.close()
            put_in_place(self._part, self.path)
        except OSError as error:
            raise self._failed(error) from error
        finally:
            with suppress(OSError):  # renamed, if all went well
                self._part.unlink()

    def _numbers(self, fit: Fit) -> list[float]:
        pose = openface_pose(fit, self._scheme.frontal_iod(fit.points), self._camera)
        # what is missing, and what would be made of it, is nan
        missing = np.asarray(np.isnan(fit.points).any(axis=1))
        points = self._weights @ np.where(missing[:, None], 0, fit.points)
        points[(self._weights[:, missing] != 0).any(axis=1)] = np.nan
        return [fit.score, *pose, *points[:, 0], *points[:, 1]]

    def _failed(self, error: OSError) -> InputError:
        return InputError(
            f"{self.path} cannot be written ({in_words(error)}). Choose a folder that can "
            "be written and has room."
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
