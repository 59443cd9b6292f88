"""COFW: faces with what hides them, 29 points each, and the 68 points of its test faces.

``COFW_train_color.mat`` and its like have the pictures (``IsTr`` or ``IsT``, cells) and a row of 87
numbers a face (``phisTr`` or ``phisT``): all x, then all y, then whether each point is occluded,
as HRNet's, PIPNet's and OpenPose's loaders read them. They are Matlab's, so that the top-left pixel
is (1, 1): OpenPose draws them on ``imshow`` as they are, and 1 is taken off here. Which point is
which follows LFPW's 29 points; the pairs that loaders swap when they mirror a face agree. Whether
the numbers of a file are in that order is checked on the faces themselves: chins are below eyes,
and the corners of an eye on either side of its pupil.

``N_points.mat`` of COFW-68 (Ghiasi and Fowlkes) has ``Points`` (68 x 2) and ``Occ`` for the face N
of the test set, whose pictures are in ``COFW_test_color.mat``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.annotation import PointState
from faceloop_datasets.errors import InputError
from faceloop_datasets.matlab import (
    MAT_SUFFIX,
    cell_name,
    mat_version,
    numbers_73,
    opened_73,
    small_arrays,
)
from faceloop_datasets.schemes.scheme import Scheme

from ._places import Source, annotation_files, folded, has_suffix
from ._rows import BadRow, positions
from .format import Format, Reader
from .record import ImageRef
from .rows import FaceRow, row_reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

COUNT = 29
_SETS = {"phisTr": "IsTr", "phisT": "IsT"}
_MOST_FACES = 100_000
_LOOK = 1 << 16  # bytes in which the names of a file's variables are
_CHIN, _PUPILS, _OUTER, _INNER = 28, [16, 17], [8, 9], [10, 11]
_POINTS = re.compile(r"(\d+)_points\.mat", re.IGNORECASE)
_TEST = "cofw_test_color.mat"


def _is_set(path: Path) -> bool:
    if not has_suffix(path.name, MAT_SUFFIX) or mat_version(path) != "7.3":
        return False
    if "cofw" in folded(path.name):
        return True
    with path.open("rb") as file:
        return b"phisT" in file.read(_LOOK)


def _files(sources: Sequence[Path]) -> list[Source]:
    named = {path for path in sources if not path.is_dir()}
    found = annotation_files(sources, MAT_SUFFIX)
    wanted = [source for source in found if source.file in named or _is_set(source.file)]
    if not wanted:
        raise InputError(
            f"There is no COFW_train_color.mat or the like in {', '.join(map(str, sources))}."
        )
    return wanted


def _recognise(files: Sequence[Path], _named: Sequence[Path]) -> float:
    return 1.0 if any(_is_set(path) for path in files if has_suffix(path.name, MAT_SUFFIX)) else 0.0


def _count(sources: Sequence[Path]) -> int:
    return sum(len(_table(source.file)[1]) for source in _files(sources))


def _scheme(_sources: Sequence[Path]) -> Scheme:
    return Scheme.load("cofw29")


def _table(path: Path) -> tuple[str, NDArray[np.float64]]:
    """Name of the pictures' variable, and the rows of numbers, shape (F, 87)."""
    with opened_73(path) as file:
        name = next((name for name in _SETS if name in file), None)
        if name is None:
            raise InputError(f"{path} has no array phisTr or phisT; expected a file of COFW.")
        rows = numbers_73(file, name)
        pictures = _SETS[name] if _SETS[name] in file else ""
    if rows.ndim != 2 or rows.shape[1] != 3 * COUNT or len(rows) > _MOST_FACES:
        found = "x".join(map(str, rows.shape))
        raise InputError(f"{path}: {name} is {found}; expected rows of {3 * COUNT} numbers.")
    _check_order(path, rows)
    return pictures, rows


def _check_order(path: Path, rows: NDArray[np.float64]) -> None:
    """Refuse a file whose numbers, in the order of the set, make no faces."""
    x, y = rows[:, :COUNT], rows[:, COUNT : 2 * COUNT]
    below = y[:, _CHIN] > y[:, _PUPILS].max(axis=1)
    beside = ((x[:, _OUTER] - x[:, _PUPILS]) * (x[:, _INNER] - x[:, _PUPILS]) < 0).all(axis=1)
    if len(rows) and (below & beside).mean() < 0.5:
        raise InputError(
            f"{path}: the numbers make no faces; expected all x, then all y, then what is occluded."
        )


def _read_file(source: Source, _scheme: Scheme) -> Iterator[FaceRow]:
    pictures, rows = _table(source.file)
    for number, row in enumerate(rows, start=1):
        member = cell_name(pictures or "face", number)
        name = f"{source.file.stem}/{member}"
        try:
            points = positions(row[: 2 * COUNT].reshape(2, COUNT).T) - 1.0
            states = _states(row[2 * COUNT :])
        except BadRow as error:
            yield FaceRow(member, name, line=number, problem=str(error))
            continue
        image = ImageRef(source.file, member) if pictures else None
        yield FaceRow(member, name, points, states, line=number, image=image)


def _states(occluded: NDArray[np.float64]) -> list[PointState]:
    if not np.isin(occluded, (0, 1)).all():
        raise BadRow("what is occluded is not 0 or 1 for each point")
    return [PointState.OCCLUDED if one else PointState.VISIBLE for one in occluded]


FORMAT = Format(
    "cofw",
    "COFW (29 points, .mat)",
    "Choose COFW_train_color.mat or COFW_test_color.mat, which needs h5py (pip install "
    '"faceloop[hdf5]"). The pictures are in the file and are unpacked into the project; points '
    "marked occluded are.",
    ("*.mat",),
    Reader(
        row_reader("cofw", _files, _read_file, _scheme),
        "cofw29",
        _count,
        _recognise,
        "a .mat file of COFW",
    ),
)


def _files68(sources: Sequence[Path]) -> list[Source]:
    found = annotation_files(sources, MAT_SUFFIX)
    wanted = [source for source in found if _POINTS.fullmatch(source.file.name)]
    if not wanted:
        raise InputError(f"There is no N_points.mat in {', '.join(map(str, sources))}.")
    return wanted


def _recognise68(files: Sequence[Path], _named: Sequence[Path]) -> float:
    points = [path for path in files if _POINTS.fullmatch(path.name) and mat_version(path) == "5"]
    return 1.0 if points else 0.0


def _read_file68(source: Source, _scheme: Scheme) -> Iterator[FaceRow]:
    match = _POINTS.fullmatch(source.file.name)
    number = int(match[1]) if match else 0
    try:
        values = small_arrays(source.file, ("Points", "Occ"))
    except InputError as error:  # of this face only
        raise BadRow(str(error)) from None
    points, occluded = values.get("Points"), values.get("Occ", np.zeros(68)).ravel()
    if points is None or points.shape != (68, 2) or len(occluded) != 68:
        raise BadRow("there are no Points of 68 rows x and y with an Occ for each")
    test = _test_pictures(source)
    yield FaceRow(
        source.file.stem,
        f"{number}.jpg",
        positions(points) - 1.0,
        _states(occluded),
        image=None if test is None else ImageRef(test, cell_name("IsT", number)),
    )


def _test_pictures(source: Source) -> Path | None:
    """Find the file with the pictures, in a folder up to the one that was named or above it."""
    for folder in (source.file.parent, *source.file.parent.parents[:3]):
        for file in folder.glob("*.mat"):
            if folded(file.name) == _TEST:
                return file
    return None


FORMAT68 = Format(
    "cofw68",
    "COFW-68 (N_points.mat)",
    "Choose the folder test_annotations with the files N_points.mat. The pictures are taken out of "
    "COFW_test_color.mat where that lies in the same folder or in one above.",
    ("*_points.mat",),
    Reader(
        row_reader("cofw68", _files68, _read_file68, lambda _sources: Scheme.load("ibug68")),
        "ibug68",
        lambda sources: len(_files68(sources)),
        _recognise68,
        "files N_points.mat of COFW-68",
    ),
)
