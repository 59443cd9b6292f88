"""Finding the picture of an annotation."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from faceloop_datasets.archive import list_members
from faceloop_datasets.errors import InputError
from faceloop_datasets.images import IMAGE_SUFFIXES

from .record import ImageRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


class ImageIndex:
    """Pictures by file name and by stem; the first of a name is taken."""

    def __init__(self) -> None:
        self._by_name: dict[str, ImageRef] = {}
        self._by_stem: dict[str, ImageRef] = {}

    def add_folder(self, folder: Path, *, deep: bool = True) -> None:
        """Add the pictures of a folder, and of those inside it if ``deep``."""
        files = sorted(folder.rglob("*") if deep else folder.iterdir())
        self._add(ImageRef(f) for f in files if f.is_file())

    def add_archive(self, archive: Path) -> None:
        """Add the pictures of an archive."""
        self._add(ImageRef(archive, member) for member in list_members(archive))

    def _add(self, refs: Iterable[ImageRef]) -> None:
        for ref in refs:
            name = PurePosixPath(ref.name)
            if name.suffix.lower() in IMAGE_SUFFIXES:
                self._by_name.setdefault(ref.name, ref)
                self._by_stem.setdefault(name.stem, ref)

    def named(self, name: str) -> ImageRef | None:
        """Look a picture up by its file name; folders in the name are ignored."""
        return self._by_name.get(PurePosixPath(name.replace("\\", "/")).name)

    def stem(self, stem: str) -> ImageRef | None:
        """Look a picture up by its stem, whatever its suffix."""
        return self._by_stem.get(stem)


class ImagesBeside:
    """Pictures for formats with one annotation file a face.

    Parameters
    ----------
    images : Path, optional
        Where all pictures are; without it, each is looked for beside its annotation.
    """

    def __init__(self, images: Path | None) -> None:
        self._images = images
        self._indices: dict[Path, ImageIndex] = {}

    def of(self, file: Path) -> ImageIndex:
        """Return the pictures among which that of an annotation file is."""
        folder = self._images or file.parent
        if folder not in self._indices:
            index = ImageIndex()
            index.add_folder(folder, deep=self._images is not None)
            self._indices[folder] = index
        return self._indices[folder]


def annotation_files(sources: Sequence[Path], suffix: str) -> list[Path]:
    """List the annotation files of a suffix: those named, and those inside the folders named.

    Raises
    ------
    InputError
        If there is none.
    """
    files = [f for s in sources for f in (sorted(s.rglob(f"*{suffix}")) if s.is_dir() else [s])]
    if not files:
        raise InputError(f"There is no {suffix} file in {', '.join(map(str, sources))}.")
    return files
