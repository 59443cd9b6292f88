"""Rendered faces on disk: pictures, the 70 points of face70, and how each head is turned."""

from __future__ import annotations

import hashlib
import io
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from faceloop_datasets.errors import InputError
from faceloop_datasets.faults import in_words
from faceloop_datasets.media.images import read_image
from faceloop_runtime.start_network.network import POINTS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Rows = NDArray[np.float32]

_COLUMNS = {axis: [f"{axis}{k:02d}" for k in range(POINTS)] for axis in "xyv"}
_TURNS = ["yaw", "pitch", "roll"]
_TENTHS, _ASIDE = 10, 9
"""Of ten people, by the hash of what they are called, the last is never trained on."""


@dataclass(frozen=True, eq=False)
class RenderedTable:
    """What is known of rendered faces: everything, but for their pictures.

    Parameters
    ----------
    files : tuple of Path
        The picture of each.
    points : ndarray of float32, shape (N, 70, 2)
        Of face70, in pixels of the picture; hidden ones are where they are on the head.
    seen : ndarray of float32, shape (N, 70)
        1 where a point is seen, 0 where the head itself, hair or glasses hide it.
    turns : ndarray of float32, shape (N, 3)
        Yaw, pitch and roll of the head, in degrees, with the signs of `FaceDescription`.
    people : tuple of str
        Whom each face shows.
    expressions : tuple of str
        What each expresses; empty texts where the table does not say.
    digest : str
        SHA-256 of the file of the annotations.
    """

    files: tuple[Path, ...]
    points: Rows
    seen: Rows
    turns: Rows
    people: tuple[str, ...]
    expressions: tuple[str, ...]
    digest: str

    @classmethod
    def read(cls, folder: Path) -> RenderedTable:
        """Read ``annotations.csv`` of a folder.

        Raises
        ------
        FaceloopError
            If the table cannot be read, lacks a column or has no row.
        """
        path = folder / "annotations.csv"
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InputError(
                f"{path} cannot be read ({in_words(error)}); a folder of rendered faces has "
                "annotations.csv and pictures/. Name such a folder."
            ) from error
        table = _table(path, content)
        return RenderedTable(
            files=tuple(folder / file for file in table["file"].astype(str)),
            points=np.stack([_numbers(path, table, _COLUMNS[axis]) for axis in "xy"], axis=2),
            seen=_numbers(path, table, _COLUMNS["v"]),
            turns=_numbers(path, table, _TURNS),
            people=tuple(table["identity"].astype(str)),
            expressions=_expressions(table),
            digest=hashlib.sha256(content).hexdigest(),
        )

    @property
    def aside(self) -> NDArray[np.bool_]:
        """Which faces show people who are never trained on, (N,)."""
        return np.array([is_aside(person) for person in self.people], bool)


@dataclass(frozen=True, eq=False)
class RenderedFaces(RenderedTable):
    """Rendered faces with their pictures; the other parameters are those of `RenderedTable`.

    Parameters
    ----------
    pictures : ndarray of uint8, shape (N, H, W, 3)
        RGB. One array, so that processes that were forked share its memory.
    """

    pictures: NDArray[np.uint8]

    @classmethod
    def read(cls, folder: Path) -> RenderedFaces:
        """Read ``annotations.csv`` of a folder, and the pictures that it names.

        Raises
        ------
        FaceloopError
            As `RenderedTable.read`, and if a picture cannot be read or is not as large as the
            others.
        """
        table = RenderedTable.read(folder)
        return cls(**vars(table), pictures=_pictures(table.files))


def is_aside(person: str) -> bool:
    """Say whether a person is kept aside to judge a network by."""
    return zlib.crc32(person.encode()) % _TENTHS == _ASIDE


def _table(path: Path, content: bytes) -> pd.DataFrame:
    try:
        table = pd.read_csv(io.BytesIO(content))
    except ValueError as error:
        raise InputError(f"{path} is not a table ({error}). Name a folder of faces.") from error
    needed = ["file", "identity", *_TURNS, *(name for axis in "xyv" for name in _COLUMNS[axis])]
    missing = [name for name in needed if name not in table.columns]
    if missing:
        raise InputError(f"{path} has no column {missing[0]}; points of face70 need x, y and v.")
    if table.empty:
        raise InputError(f"{path} has no rows; a network is trained on one face at least.")
    return table


def _expressions(table: pd.DataFrame) -> tuple[str, ...]:
    if "expression" not in table.columns:
        return ("",) * len(table)
    return tuple(table["expression"].fillna("").astype(str))


def _numbers(path: Path, table: pd.DataFrame, columns: list[str]) -> Rows:
    numbers = table[columns].apply(pd.to_numeric, errors="coerce").to_numpy(np.float32)
    wrong = np.argwhere(~np.isfinite(numbers))
    if len(wrong):
        row, column = map(int, wrong[0])
        raise InputError(
            f"{path}, line {row + 2}: {columns[column]} is {table[columns[column]].iloc[row]!s}, "
            "not a number. Mend or remove the line."
        )
    return np.asarray(numbers)


def _pictures(files: Sequence[Path]) -> NDArray[np.uint8]:
    first = read_image(files[0], "rgb")
    pictures = np.empty((len(files), *first.shape), np.uint8)
    for k, file in enumerate(files):
        picture = read_image(file, "rgb")
        if picture.shape != first.shape:
            raise InputError(
                f"{file} has {picture.shape[1]} x {picture.shape[0]} pixels, others "
                f"{first.shape[1]} x {first.shape[0]}. Render all faces in one size."
            )
        pictures[k] = picture
    return pictures
