"""Readers of files that name pictures and their faces: a format only says what a file holds."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import partial, wraps
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from faceloop_datasets.errors import InputError
from faceloop_datasets.expressions import check_expression

from ._pictures import PictureFinder, PictureRequest
from ._rows import BadRow, annotation, muct_subject
from ._sizes import shown_size
from .record import Entry, FaceRecord, ImageRef, Refusal, Skip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

    from faceloop_datasets.schemes.scheme import Scheme
    from faceloop_datasets.subjects import SubjectSource

    from ._places import Source
    from .format import ReadFunction

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class FaceRow:
    """One face as it stands in an annotation file.

    Parameters
    ----------
    key : str
        Its place in the file: what it is known by when the file is read again. The picture's name,
        with the number of the face behind it where a picture may have several.
    picture : str
        Name of the picture, with the folders that the file gives.
    points : array_like, shape (N, 2)
        ``(x, y)`` in the order of the scheme, in pixels whose top-left one has its centre at
        ``(0, 0)``; NaN where missing.
    states : array_like of PointState, shape (N,), optional
        All that are not missing are visible if it is not given.
    line : int
        Line of the file, for messages; 0 if that says nothing.
    frame : int, optional
        Frame, from 0, if the picture is a video.
    subject, expression : str
        Whom it shows and what it expresses; empty if the file does not say.
    subject_source : SubjectSource
        How the subject is known.
    name : str
        What people call it; the key if it is empty.
    problem : str
        Why the row cannot be used, if that is known already.
    other_pictures : sequence of str
        What else the picture may be called, where a tool changes names: tried in order if there is
        none of its name.
    instead : tuple of (sequence of str, int or None), optional
        Where else the face may be if there is no such picture: names to try in order, and the
        frame if they are those of a video.
    image : ImageRef, optional
        The picture, where the format has it itself; else it is looked for by its name.
    shares : bool
        Whether points are shares of the picture's width and height, (0, 0) to (1, 1) from its
        left top corner to the right bottom one. A row without a picture is refused then.
    """

    key: str
    picture: str
    points: ArrayLike = ()
    states: ArrayLike | None = None
    line: int = 0
    frame: int | None = None
    subject: str = ""
    expression: str = ""
    subject_source: SubjectSource = "format"
    name: str = ""
    problem: str = ""
    other_pictures: Sequence[str] = ()
    instead: tuple[Sequence[str], int | None] = ((), None)
    image: ImageRef | None = None
    shares: bool = False


def row_reader(
    name: str,
    find: Callable[[Sequence[Path]], Sequence[Source]],
    read_file: Callable[[Source, Scheme], Iterator[FaceRow | Skip | Refusal]],
    scheme_of: Callable[[Sequence[Path]], Scheme],
) -> ReadFunction:
    """Make the reader of a format of a function that reads one file.

    Parameters
    ----------
    name : str
        Of the format.
    find : callable
        The annotation files in the sources; `annotation_files` for those of a suffix.
    read_file : callable
        Yields the faces of a file whose points are in the order of the scheme. It may raise
        `BadRow` where nothing more of the file can be used, and `InputError`.
    scheme_of : callable
        Scheme of the sources.
    """

    def read(sources: Sequence[Path], images: Path | None) -> Iterator[Entry]:
        scheme = scheme_of(sources)
        found = find(sources)
        several = len(found) > 1
        files = [
            (source, deque(_read(read_file, source, scheme, several=several))) for source in found
        ]
        wanted = [
            PictureRequest(source, posix(row.picture))
            for source, rows in files
            for row in rows
            if isinstance(row, FaceRow) and row.picture and row.image is None
        ]
        roots = {path if path.is_dir() else path.parent: None for path in sources}
        deep = any(path.is_dir() for path in sources)
        finder = PictureFinder(images, roots, dict.fromkeys(wanted), deep=deep)
        for source, rows in files:
            entry = partial(_Entries(name, scheme.name, source, finder).entry)
            while rows:  # given up as they go: a file may have a hundred thousand faces
                yield entry(rows.popleft())

    return read


def _read(
    read_file: Callable[[Source, Scheme], Iterator[FaceRow | Skip | Refusal]],
    source: Source,
    scheme: Scheme,
    *,
    several: bool,
) -> Iterator[FaceRow | Skip | Refusal]:
    try:
        yield from read_file(source, scheme)
    except BadRow as error:
        yield Refusal(source.file, 0, str(error))
    except InputError as error:
        if not several:
            raise
        yield _refusal_of(source.file, str(error))


def _refusal_of(file: Path, error: str) -> Refusal:
    """Refusal of a whole file, of whose name and line the error speaks already."""
    said = error.removeprefix(f"{file}:")
    line, colon, text = said.partition(":")
    if said != error and colon and line.isdecimal():
        return Refusal(file, int(line), text.strip())
    return Refusal(file, 0, said.strip())


def of_readable(
    find: Callable[[Sequence[Path]], Sequence[Source]],
) -> Callable[[Callable[[Sequence[Path]], T]], Callable[[Sequence[Path]], T]]:
    """Make a function of sources one of the files that it can be told of, where others are broken.

    Their rows are refused when they are read; where all are broken, the function says why.

    Parameters
    ----------
    find : callable
        The annotation files in the sources.
    """

    def decorate(function: Callable[[Sequence[Path]], T]) -> Callable[[Sequence[Path]], T]:
        def works(file: Path) -> bool:
            try:
                function([file])
            except InputError:
                return False
            return True

        @wraps(function)
        def of(sources: Sequence[Path]) -> T:
            try:
                return function(sources)
            except InputError:
                files = [source.file for source in find(sources)]
                whole = [file for file in files if len(files) > 1 and works(file)]
                if not whole:
                    raise
                return function(whole)

        return of

    return decorate


def posix(name: str) -> str:
    """Name of a picture with its folders, which may be written in the way of either system."""
    return name.replace("\\", "/")


class _Entries:
    """What becomes of the rows of one file."""

    def __init__(self, name: str, scheme: str, source: Source, finder: PictureFinder) -> None:
        self._name, self._scheme, self._source, self._finder = name, scheme, source, finder
        self._seen: dict[str, int] = {}
        self._images: dict[str, ImageRef | None] = {}

    def entry(self, row: FaceRow | Skip | Refusal) -> Entry:
        if not isinstance(row, FaceRow):
            return row
        try:
            return self._record(row)
        except (BadRow, InputError) as error:
            where = "" if row.line else f"{row.key}: "
            return Refusal(self._source.file, row.line, f"{where}{error}")

    def _record(self, row: FaceRow) -> FaceRecord:
        source, picture = self._source, posix(row.picture)
        if row.problem:
            raise BadRow(row.problem)
        if not PurePosixPath(picture).name:
            raise BadRow("the name of the picture is empty")
        if row.key in self._seen:
            before = self._seen[row.key]
            raise BadRow(f"{row.key} is there already" + (f", on line {before}" if before else ""))
        self._seen[row.key] = row.line
        image, called, frame = self._place(row, picture)
        points = np.asarray(row.points, float)
        if row.shares:
            points = _in_pixels(points, image, picture)
        face = annotation(self._scheme, points, f"import:{self._name}", row.states)
        subject = row.subject or muct_subject(PurePosixPath(picture).stem)
        known: SubjectSource = row.subject_source if row.subject else "format"
        return FaceRecord(
            name=row.name or row.key,
            subject=subject or f"{source.root.name}/{picture}",
            image=image,
            image_name=called,
            annotation=face,
            origin=f"{source.file}:{row.line}" if row.line else str(source.file),
            frame=frame,
            subject_source=known if subject else "picture",
            root=str(source.root),
            path=f"{source.path}:{row.key}",
            expression=check_expression(row.expression),
        )

    def _place(self, row: FaceRow, name: str) -> tuple[ImageRef | None, str, int | None]:
        """Where a face is: its picture, what that is called, and its frame."""
        image = row.image or self._image(name, row.other_pictures)
        names, frame = row.instead
        if image is None and names:
            found = self._image(names[0], names[1:])
            if found is not None:
                return found, names[0] if frame is not None else found.name, frame
        return image, row.picture, row.frame

    def _image(self, name: str, others: Sequence[str]) -> ImageRef | None:
        if name not in self._images:  # a picture may have a thousand faces
            names = [posix(one) for one in (name, *others)]
            requests = [PictureRequest(self._source, one) for one in names]
            whole = [one for one in requests if f"/{one.name}".endswith(f"/{name}")]
            # a tool's own folder beside the file says more than a name found anywhere
            found = chain(map(self._finder.at_its_place, whole), map(self._finder.find, requests))
            self._images[name] = next(filter(None, found), None)
        return self._images[name]


def _in_pixels(
    points: NDArray[np.float64], image: ImageRef | None, name: str
) -> NDArray[np.float64]:
    if image is None:
        raise BadRow(f"the picture {name} is not there, and the points are shares of its size")
    return points * shown_size(image.path) - 0.5  # the centre of the first pixel is (0, 0)
