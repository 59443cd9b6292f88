"""300W-LP and AFLW2000-3D: a ``.mat`` file a face, beside its picture, with 68 points of iBUG.

Three kinds of points are in them, and the first that is there is read:

- ``pts_2d`` of 300W-LP's folder ``landmarks`` (68 x 2): the outline is the visible one, as that
  of 300-W;
- ``pt2d`` of a file beside a picture, if it has 68 points (AFLW2000's has AFLW's 21, -1 where
  invisible, which are not read);
- ``pt3d_68`` (3 x 68, its x and y): points of a shape in space. On a turned head those of the far
  side of the contour lie behind the face: they are occluded, not on the outline.

Where a folder has both files of a face, only the one of ``landmarks`` is read. Positions are
Matlab's, the top-left pixel is (1, 1): 3DDFA's demo draws them with ``imshow`` and ``plot`` as
they are, and its code turns y over by ``height + 1 - y``. ``Pose_Para`` begins with pitch, yaw and
roll in radians (3DDFA, Hopenet). All variants of a photograph (``AFW_134212_1_0`` to ``_17``, and
the mirrored ones) show one subject.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.annotation import PointState
from faceloop_datasets.errors import InputError
from faceloop_datasets.matlab import MAT_SUFFIX, mat_version, small_arrays
from faceloop_datasets.schemes.scheme import Scheme

from ._places import Source, annotation_files, has_suffix
from ._rows import BadRow, positions
from .format import Format, Reader
from .rows import FaceRow, row_reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

COUNT = 68
_WANTED = ("pts_2d", "pt2d", "pt3d_68", "Pose_Para")
_PTS = "_pts"
_VARIANT = re.compile(r"((?:AFW|HELEN|IBUG|LFPW)_.+)_\d{1,2}")
_FEW = 5
_TURNED, _PROFILE = np.deg2rad([15.0, 60.0])
"""Yaw from which the far side of the contour is behind the face, and that of eyes and brows."""
_LEFT, _RIGHT, _TIP = 0, 16, 30
_FAR_CONTOUR = {_LEFT: range(8), _RIGHT: range(9, 17)}
_FAR_EYE = {_LEFT: (*range(17, 22), *range(36, 42)), _RIGHT: (*range(22, 27), *range(42, 48))}


def _files(sources: Sequence[Path]) -> list[Source]:
    found = annotation_files(sources, MAT_SUFFIX)
    # a folder beside the pictures that are mirrored has files of the same names
    better = {
        (source.file.parent.name, source.file.stem.removesuffix(_PTS))
        for source in found
        if source.file.stem.endswith(_PTS)
    }
    return [s for s in found if (s.file.parent.name, s.file.stem) not in better]


def _recognise(files: Sequence[Path], _named: Sequence[Path]) -> float:
    small = [path for path in files if has_suffix(path.name, MAT_SUFFIX)]
    few = [path for path in small[:: max(1, len(small) // _FEW)] if mat_version(path) == "5"][:_FEW]
    return sum(map(_has_points, few)) / len(few) if few else 0.0


def _has_points(path: Path) -> float:
    try:
        found = small_arrays(path, _WANTED[:3])
        return 1.0 if _chosen(found) else 0.0
    except InputError:  # who reads it says more
        return 0.0


def _chosen(found: dict[str, NDArray[np.float64]]) -> str:
    """Name of the points to read; empty if none has 68."""
    wanted = {"pts_2d": (COUNT, 2), "pt2d": (2, COUNT), "pt3d_68": (3, COUNT)}
    return next((k for k, shape in wanted.items() if k in found and found[k].shape == shape), "")


def _read_file(source: Source, _scheme: Scheme) -> Iterator[FaceRow]:
    try:
        found = small_arrays(source.file, _WANTED)
    except InputError as error:  # of this face only
        raise BadRow(str(error)) from None
    chosen = _chosen(found)
    if not chosen:
        shapes = ", ".join(f"{k} of {'x'.join(map(str, v.shape))}" for k, v in found.items())
        raise BadRow(
            f"found {shapes or 'no points'}; expected pts_2d of 68x2, pt2d of 2x68 or pt3d_68 of "
            "3x68"
        )
    raw = found[chosen] if chosen == "pts_2d" else found[chosen][:2].T
    gone = (raw == -1).all(axis=1, keepdims=True)
    points = positions(np.where(gone, np.nan, raw)) - 1.0
    stem = source.file.stem.removesuffix(_PTS)
    variant = _VARIANT.fullmatch(stem)
    yield FaceRow(
        stem,
        f"{stem}.jpg",
        points,
        _states(points, found.get("Pose_Para"), in_space=chosen == "pt3d_68"),
        subject="" if variant is None else f"300w-{variant[1]}",
    )


def _states(
    points: NDArray[np.float64], pose: NDArray[np.float64] | None, *, in_space: bool
) -> list[PointState]:
    """Tell what the head itself hides: which side is the far one is seen by the nose's tip."""
    states = [PointState.VISIBLE] * COUNT
    if pose is None or pose.size < 3 or np.isnan(points[[_LEFT, _TIP, _RIGHT]]).any():
        return states
    yaw = abs(float(pose.ravel()[1]))
    left, right = (np.linalg.norm(points[_TIP] - points[k]) for k in (_LEFT, _RIGHT))
    far = _LEFT if left < right else _RIGHT
    hidden = [
        *(_FAR_CONTOUR[far] if in_space and yaw > _TURNED else ()),
        *(_FAR_EYE[far] if yaw > _PROFILE else ()),
    ]
    for k in hidden:
        states[k] = PointState.OCCLUDED
    return states


FORMAT = Format(
    "300w-lp",
    "300W-LP, AFLW2000-3D (.mat)",
    "Choose the folder with the .mat files, beside their pictures. Of AFLW2000-3D the points of "
    "the shape in space are read: on turned heads its far contour is not the outline, and is "
    "taken for occluded. All variants of a photograph count as one subject.",
    ("*.mat",),
    Reader(
        row_reader("300w-lp", _files, _read_file, lambda _sources: Scheme.load("ibug68")),
        "ibug68",
        lambda sources: len(_files(sources)),
        _recognise,
        "a .mat file of 68 points",
    ),
)
