"""What a format is: its words, how it is read, how it is written, and what it cannot hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from faceloop_datasets.annotation import PointState
from faceloop_datasets.schemes.scheme import Scheme

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ._names import PictureNames
    from .record import Entry, FaceRecord


class ReadFunction(Protocol):
    """Yields what stands in the sources, in their order."""

    def __call__(self, sources: Sequence[Path], images: Path | None) -> Iterator[Entry]:
        """Read lazily; a broken row is a `Refusal`, a broken file an `InputError`."""
        ...


class RecogniseFunction(Protocol):
    """Says how sure a format is that files are its own."""

    def __call__(self, files: Sequence[Path], named: Sequence[Path], /) -> float:
        """Look at some files, of which ``named`` were named themselves; 0 to 1."""
        ...


@dataclass(frozen=True)
class Reader:
    """How a format is read.

    Parameters
    ----------
    read : ReadFunction
        Yields the faces. `faceloop_datasets.formats.rows.row_reader` makes one of a function that
        reads a single file.
    scheme : str or callable
        Scheme of the annotations that it yields: its name where the format has one, else what
        says for given sources which points they name, see
        `faceloop_datasets.schemes.named.scheme_of_names`.
    count : callable
        Cheap number of entries in the sources, for a progress bar.
    recognise : RecogniseFunction
        Cheap look at a few files: how sure it is that they are of this format.
    looks_for : str
        What that looks for, as a message names it.
    """

    read: ReadFunction
    scheme: str | Callable[[Sequence[Path]], Scheme]
    count: Callable[[Sequence[Path]], int]
    recognise: RecogniseFunction
    looks_for: str

    def scheme_of(self, sources: Sequence[Path]) -> Scheme:
        """Scheme of the annotations in some sources.

        Raises
        ------
        InputError
            If it stands in the sources, and they cannot be read.
        """
        return Scheme.load(self.scheme) if isinstance(self.scheme, str) else self.scheme(sources)


@dataclass(frozen=True)
class Holds:
    """What a format can hold of a face besides the coordinates of its points.

    Parameters
    ----------
    states : mapping of PointState to str
        States that are not told apart when the file is read again, each with what becomes of such
        a point: ``{PointState.ESTIMATED: "occluded"}``.
    subject, expression, source : bool
        Whether it says whom a face shows, what it expresses, and where its points are from.
    frame : bool
        Whether a frame of a video stays one; otherwise it is called like a picture of it.
    unplaced : bool
        Whether a face without its picture can be written; otherwise it is left out.
    several : bool
        Whether a picture may have several faces; otherwise only the first of it is read again.
    whole_pixels : bool
        Whether positions are rounded to whole pixels.
    """

    states: Mapping[PointState, str] = field(default_factory=dict)
    subject: bool = False
    expression: bool = False
    source: bool = False
    frame: bool = False
    unplaced: bool = True
    several: bool = True
    whole_pixels: bool = False

    @property
    def lost(self) -> list[str]:
        """What a file does not say any more, a few words each."""
        states = [f"{state.name.lower()} becomes {what}" for state, what in self.states.items()]
        kinds = {"subjects": self.subject, "expressions": self.expression}
        said = [*states, *(kind for kind, there in kinds.items() if not there)]
        frames = [] if self.frame else ["frames of videos become pictures"]
        second = [] if self.several else ["further faces of a picture"]
        rounded = ["parts of a pixel"] if self.whole_pixels else []
        return (
            said
            + frames
            + second
            + rounded
            + ([] if self.unplaced else ["faces without their picture"])
        )


@dataclass(frozen=True)
class NamedFace:
    """A face to write, and what its picture is called in the file."""

    record: FaceRecord
    picture: str


class WriteFunction(Protocol):
    """Writes faces of one scheme; each file appears complete or not at all."""

    def __call__(self, faces: Sequence[NamedFace], dest: Path, scheme: Scheme, /) -> None:
        """Write; `faceloop_datasets.files.atomic_path` makes a file appear complete."""
        ...


def _one_file(dest: Path, _faces: Sequence[NamedFace]) -> Sequence[Path]:
    return [dest]


@dataclass(frozen=True)
class Writer:
    """How a format is written.

    Parameters
    ----------
    write : WriteFunction
        Writes the faces.
    holds : Holds
        What comes back when the file is read again.
    names : callable
        Names of the pictures: `PictureNames.files` where a face says which frame it is of,
        `PictureNames.pictures` where a frame is called like a picture, `PictureNames.stems` for
        files of one's own for each face.
    suffix : str
        Ending of the file, with its dot; empty if it is a folder.
    scheme : str, optional
        Scheme that faces are converted to; otherwise any can be written.
    files : callable
        Files that will be written, before any work is done: none is ever written over one that is
        read.
    """

    write: WriteFunction
    holds: Holds
    names: Callable[[PictureNames], list[str]]
    suffix: str
    scheme: str | None = None
    files: Callable[[Path, Sequence[NamedFace]], Sequence[Path]] = _one_file


@dataclass(frozen=True)
class Format:
    """A format of annotations.

    Other packages offer theirs as entry points of the group ``faceloop.formats``.

    Parameters
    ----------
    name : str
        What a person types.
    title : str
        What lists call it.
    explanation : str
        Which files to choose, and what becomes of them, in a few sentences.
    patterns : tuple of str
        Names of its files, as a file dialog takes them: ``("*.json",)``.
    reader : Reader, optional
        How it is read, if it can be.
    writer : Writer, optional
        How it is written, if it can be.
    """

    name: str
    title: str
    explanation: str
    patterns: tuple[str, ...]
    reader: Reader | None = None
    writer: Writer | None = None

    @property
    def points(self) -> str:
        """Scheme of its points; empty where a file names its own."""
        read = "" if self.reader is None else self.reader.scheme
        written = "" if self.writer is None else self.writer.scheme
        return read if isinstance(read, str) and read else written or ""
