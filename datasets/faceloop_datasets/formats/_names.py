"""How the pictures of exported faces are called: by their file names, where they have their own."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeVar

from faceloop_datasets.media.images import IMAGE_SUFFIXES
from faceloop_datasets.media.video import VIDEO_SUFFIXES
from faceloop_datasets.outputs import below_common, files_told_apart, told_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from .record import FaceRecord, ImageRef

    Key = tuple[ImageRef | str, int | None]


_K = TypeVar("_K")
_SUFFIXES = (*IMAGE_SUFFIXES, *VIDEO_SUFFIXES)


class PictureNames:
    """Names of the pictures of some records.

    A picture is called by its file name. Where two have the same, each is called by its path below
    the folder that all pictures have in common, ``/`` between its parts.

    Parameters
    ----------
    records : sequence of FaceRecord
        The faces; those of one picture share its name.

    Attributes
    ----------
    longer : set of str
        The names given so far that say more than the file name does.
    """

    def __init__(self, records: Sequence[FaceRecord]) -> None:
        self._records = records
        self._below = below_common({_place(r.image) for r in records if r.image is not None})
        self.longer: set[str] = set()

    def files(self) -> list[str]:
        """Name of each record's file, whatever the frame."""
        forms = {
            _file(r): (r.image_name, *(() if r.image is None else (str(self._path(r.image)),)))
            for r in self._records
        }
        names = self._noted(forms, told_apart(forms))
        return [names[_file(record)] for record in self._records]

    def pictures(self) -> list[str]:
        """Name of each record's picture; a frame of a video is called like a picture of it."""
        return self._of_frames(told_apart, _picture)

    def stems(self) -> list[str]:
        """Name of each record's picture without its suffix, for files on any system.

        A face beside another of its picture has a number.
        """
        names = self._of_frames(files_told_apart, lambda name, frame: _picture(name, frame, ""))
        free = files_told_apart({number: (name,) for number, name in enumerate(names)})
        return [free[number] for number in range(len(names))]

    def _of_frames(
        self,
        choose: Callable[[Mapping[Key, Sequence[str]]], dict[Key, str]],
        called: Callable[[PurePosixPath, int | None], str],
    ) -> list[str]:
        keys: list[Key] = [(_file(record), record.frame) for record in self._records]
        forms = {
            key: [called(form, record.frame) for form in self._forms(record)]
            for key, record in zip(keys, self._records, strict=True)
        }
        names = self._noted(forms, choose(forms))
        return [names[key] for key in keys]

    def _noted(self, forms: Mapping[_K, Sequence[str]], names: dict[_K, str]) -> dict[_K, str]:
        self.longer |= {name for key, name in names.items() if name != forms[key][0]}
        return names

    def _forms(self, record: FaceRecord) -> Iterator[PurePosixPath]:
        # without its folders: a name that somebody else chose is no way to write anywhere
        name = PurePosixPath(record.image_name.replace("\\", "/")).name
        yield PurePosixPath(name or "face")
        if record.image is not None:
            below = self._path(record.image)
            yield below
            # the suffix once more, which is left out: for files that differ in nothing else
            yield below.with_name(f"{below.name}{below.suffix}")

    def _path(self, image: ImageRef) -> PurePosixPath:
        return self._below[_place(image)]


def _file(record: FaceRecord) -> ImageRef | str:
    return record.image_name if record.image is None else record.image


def _place(image: ImageRef) -> Path:
    return image.path if image.member is None else image.path / image.member


def _picture(name: PurePosixPath, frame: int | None, ending: str | None = None) -> str:
    if frame is not None:
        name = name.with_name(f"{name.stem}_{frame:06d}.png")
    if ending is None:
        return str(name)
    # what follows the last dot of a name need not be a suffix
    plain = name.with_suffix("") if name.suffix.lower() in _SUFFIXES else name
    return str(plain.with_name(plain.name + ending))
