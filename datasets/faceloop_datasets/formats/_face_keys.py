"""What annotation tools have in common: faces numbered in their picture, and pictures renamed."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

from faceloop_datasets.annotation import PointState
from faceloop_datasets.errors import InputError
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


@lru_cache(maxsize=4096)
def other_names(name: str, folders: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Names that a picture may have had before a tool escaped or renamed it, the likeliest first.

    Label Studio's exports have its uploads' names, ``1a2b3c4d-name.jpg``, and escape blanks as
    addresses do (labelstud.io, "Export annotations"). ``folders``, from the file of annotations,
    are those in which a tool puts pictures without saying so.
    """
    plain = unquote(name.replace("\\", "/"))
    renamed = _UPLOADED.fullmatch(PurePosixPath(plain).name)
    found = [f"{folder}/{name}" for folder in folders]
    found += [plain, PurePosixPath(plain).name, *([renamed[1]] if renamed else [])]
    return tuple(one for one in dict.fromkeys(found) if one and one != name)


def name_in_address(address: str) -> str:
    """Name of the picture that an address or a path leads to, with the folders that it gives.

    ``/data/local-files/?d=faces/a.jpg`` is the path in the parameter (labelstud.io, "Local
    storage"); of other addresses only the last part says something.
    """
    if not is_text(address) or not _is_address(address):
        return address
    try:
        parts = urlsplit(address)
    except ValueError:  # brackets where no address has them
        return address
    given = parse_qs(parts.query).get("d") if parts.path.rstrip("/").endswith("local-files") else []
    return given[0] if given else PurePosixPath(unquote(parts.path)).name


def _is_address(text: str) -> bool:
    return "://" in text or text.startswith("/data/") or "local-files" in text


class PictureSizes:
    """Width and height of the pictures of faces that are written; each file is opened once."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[int, int] | None] = {}

    def of(self, record: FaceRecord) -> tuple[int, int] | None:
        """Size of a face's picture; None if it is not there, in an archive, or cannot be read."""
        if record.image is None or record.image.member is not None:
            return None
        path = record.image.path
        if path not in self._known:
            self._known[path] = _size(path)
        return self._known[path]


def _size(path: Path) -> tuple[int, int] | None:
    try:
        return shown_size(path)
    except InputError:
        return None


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
