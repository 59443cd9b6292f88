"""What annotation tools have in common: faces numbered in their picture, and pictures renamed."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

from faceloop_datasets.annotation import PointState
from faceloop_datasets.files import is_text

from ._sizes import shown_size

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .record import FaceRecord

_UPLOADED = re.compile(r"[0-9a-f]{8}-(.+)")
"""How Label Studio renames what is uploaded: eight digits of a random number before the name."""


class FaceKeys:
    """Names of the faces of one file: their picture's, numbered from the second one on."""

    def __init__(self) -> None:
        self._faces: Counter[str] = Counter()

    def next(self, picture: str) -> str:
        """Name of the next face of a picture."""
        self._faces[picture] += 1
        count = self._faces[picture]
        return picture if count == 1 else f"{picture}#{count}"


def other_names(name: str) -> tuple[str, ...]:
    """Names that a picture may have had before a tool escaped or renamed it, the likeliest first.

    Label Studio's exports have its uploads' names, ``1a2b3c4d-name.jpg``, and escape blanks as
    addresses do (labelstud.io, "Export annotations").
    """
    plain = unquote(name.replace("\\", "/"))
    renamed = _UPLOADED.fullmatch(PurePosixPath(plain).name)
    found = [plain, PurePosixPath(plain).name, *([renamed[1]] if renamed else [])]
    return tuple(one for one in dict.fromkeys(found) if one and one != name)


def name_in_address(address: str) -> str:
    """Name of the picture that an address or a path leads to, with the folders that it gives.

    ``/data/local-files/?d=faces/a.jpg`` is the path in the parameter (labelstud.io, "Local
    storage"); of other addresses only the last part says something.
    """
    parts = urlsplit(address) if is_text(address) and _is_address(address) else None
    if parts is None:
        return address
    given = parse_qs(parts.query).get("d") if parts.path.rstrip("/").endswith("local-files") else []
    return given[0] if given else PurePosixPath(unquote(parts.path)).name


def _is_address(text: str) -> bool:
    return "://" in text or text.startswith("/data/") or "local-files" in text


class PictureSizes:
    """Width and height of the pictures of faces that are written; each file is opened once."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[int, int]] = {}

    def of(self, record: FaceRecord) -> tuple[int, int] | None:
        """Size of a face's picture; None if it is not there, or in an archive.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        if record.image is None or record.image.member is not None:
            return None
        path = record.image.path
        if path not in self._known:
            self._known[path] = shown_size(path)
        return self._known[path]


def own_subject(record: FaceRecord) -> str:
    """Whom a face shows; empty where that is only its picture."""
    return "" if record.subject_source == "picture" else record.subject


def estimated(record: FaceRecord) -> list[int]:
    """Numbers of the points that nobody has confirmed, from 0."""
    return np.flatnonzero(record.annotation.states == PointState.ESTIMATED).tolist()


def numbers_in(values: object, below: int) -> Iterator[int]:
    """Yield the whole numbers in what should be a list of them, from 0 on below a bound."""
    for value in values if isinstance(values, list) else ():
        if type(value) is int and 0 <= value < below:
            yield value
