"""Which picture belongs to an annotation: the one rule of all formats.

1. The picture at its path from the annotation file, or in the layout of 300-VW.
2. Else, among the pictures in the folder that was named for them (else in the folder that was
   named for the annotations), the one whose folders agree best, from its own upwards.
3. Else the only one of its name, unless its path says that it belongs to another annotation.

Upper and lower case, and how accents are composed, count only where they decide. Where several
pictures are left that do not show the same, none is taken: the row is refused and they are named.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.archive import list_members, member_hashes
from faceloop_datasets.errors import InputError
from faceloop_datasets.files import is_local, read_regular
from faceloop_datasets.media.images import IMAGE_SUFFIXES, MAX_BYTES, read_image
from faceloop_datasets.media.video import VIDEO_SUFFIXES

from ._places import folded, has_suffix, real, walk
from ._rows import BadRow
from .record import ImageRef

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ._places import Source

_SAME_PICTURE = 6.0
"""Mean difference in gray levels of two files of one picture; JPEG's is 1 to 4."""

_ANNOTATIONS = (".pts", ".asf")
"""Files that are of the picture of their name beside them."""

_FRAMES = ("image", "images", "frames")
_LABELS = ("annot", "annots", "annotation", "annotations")
"""Folders of 300-VW and of what is laid out like it: NNN/annot/000001.pts, NNN/image/000001.jpg."""


@dataclass(frozen=True)
class PictureRequest:
    """The picture that an annotation asks for.

    Parameters
    ----------
    source : Source
        The annotation file.
    name : str
        Name of the picture, with the folders that the annotation gives, with ``/``.
    any_suffix : bool
        Whether it is known by its stem alone.
    """

    source: Source
    name: str
    any_suffix: bool = False

    @cached_property
    def key(self) -> str:
        """Name to look it up by."""
        return folded(PurePosixPath(self.name).name)

    @cached_property
    def folders(self) -> tuple[str, ...]:
        """Folders that lead to it, as far as they are known, folded."""
        given = PurePosixPath(self.name).parts[:-1]
        return tuple(folded(part) for part in (*self.source.folders, *given))

    @cached_property
    def below(self) -> tuple[str, ...]:
        """Folders that lead to it from what the user named, folded."""
        given = PurePosixPath(self.name).parts[:-1]
        inside = PurePosixPath(self.source.path).parts[:-1]
        return tuple(folded(part) for part in (*inside, *given))

    def is_beside(self, ref: ImageRef) -> bool:
        """Whether a picture is in the folder that it is asked for in."""
        return ref.member is None and self.folder == ref.path.parent

    @cached_property
    def folder(self) -> Path:
        """Folder that it is asked for in, from the annotation file."""
        given = PurePosixPath(self.name).parts[:-1]
        return self.source.file.parent.joinpath(*given)

    def fits(self, name: str) -> bool:
        """Whether a file's name is the one asked for, letter by letter."""
        asked = PurePosixPath(name).stem if self.any_suffix else name
        return asked == PurePosixPath(self.name).name

    def may_be(self, name: str) -> bool:
        """Whether a file is named like a picture, or like a video where its whole name is known."""
        return is_picture(name) or (not self.any_suffix and is_video(name))

    @cached_property
    def is_frame(self) -> bool:
        """Whether it is a frame of a clip, which no other clip has."""
        return self.any_suffix and clip_of(self.source) is not None


@dataclass
class _Tree:
    """Pictures below some folders and in archives, by folded name and by folded stem; videos."""

    names: dict[str, list[tuple[tuple[str, ...], ImageRef]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    folders: set[tuple[str, ...]] = field(default_factory=set)
    annotated: set[tuple[Path, str]] = field(default_factory=set)

    def add_folder(self, folder: Path) -> None:
        for file in walk(folder):
            self._add(ImageRef(file), file.relative_to(folder).parts[:-1])
            if file.suffix.lower() in _ANNOTATIONS:
                self.annotated.add(_stem_of(file))

    def add_only(self, folder: Path) -> None:
        for path in sorted(folder.iterdir()):
            if path.is_dir():
                self.folders.add((folded(path.name),))
            else:
                self._add(ImageRef(path), ())

    def add_archive(self, archive: Path) -> None:
        for member in list_members(archive):
            self._add(ImageRef(archive, member), PurePosixPath(member).parts[:-1])

    def _add(self, ref: ImageRef, folders: Sequence[str]) -> None:
        inside = tuple(folded(part) for part in folders)
        if is_video(ref.name):
            self.names[folded(ref.name)].append((inside, ref))
        elif is_picture(ref.name):
            self.folders.add(inside)
            # A stem holds no suffix, so that the two kinds of keys meet in odd names only, which
            # `PictureRequest.fits` tells apart.
            for key in {folded(ref.name), folded(PurePosixPath(ref.name).stem)}:
                self.names[key].append((inside, ref))


class PictureFinder:
    """Finds the pictures of the annotations of one import.

    Parameters
    ----------
    images : Path or None
        Folder that was named for the pictures.
    roots : iterable of Path
        Folders and archives in which else to look by name.
    deep : bool
        Whether to look in all folders below ``roots`` too.
    wanted : iterable of PictureRequest
        What all annotations of the import ask for: a picture whose path says that it belongs to
        one is not given to another for its name alone.
    """

    def __init__(
        self,
        images: Path | None,
        roots: Iterable[Path],
        wanted: Iterable[PictureRequest] = (),
        *,
        deep: bool = True,
    ) -> None:
        self._places = [images] if images is not None else list(roots)
        self._deep = deep or images is not None
        self._tree: _Tree | None = None
        self._folders: dict[Path, list[Path]] = {}
        self._names: dict[tuple[Path, bool], dict[str, list[Path]]] = {}
        self._agreements: dict[tuple[tuple[str, ...], bool], int] = {}
        self._wanted: dict[str, list[PictureRequest]] = defaultdict(list)
        for one in wanted:
            self._wanted[one.key].append(one)

    def find(self, wanted: PictureRequest) -> ImageRef | None:
        """Find a picture; None if it is not there.

        Raises
        ------
        BadRow
            If several could be meant.
        """
        return self.at_its_place(wanted) or self.by_name(wanted)

    def at_its_place(self, wanted: PictureRequest) -> ImageRef | None:
        """Find a picture by its path from the annotation; otherwise as `find`."""
        return _only(self._beside(wanted) or self._laid_out(wanted))

    def by_name(self, wanted: PictureRequest) -> ImageRef | None:
        """Find a picture among those named, by the end of its path; otherwise as `find`."""
        return _only(self._named(wanted))

    def _beside(self, wanted: PictureRequest) -> list[ImageRef]:
        """Pictures at the path from the annotation file."""
        if not is_local(wanted.name) or not wanted.source.file.parent.is_dir():
            return []
        folders: list[Path] = [wanted.source.file.parent]
        for part in PurePosixPath(wanted.name).parts[:-1]:
            folders = [inner for folder in folders for inner in self._inside(folder, part)]
        return [ref for folder in folders for ref in self._in_folder(folder, wanted)]

    def _laid_out(self, wanted: PictureRequest) -> list[ImageRef]:
        """Frames beside the folder of the annotations."""
        labels = wanted.source.file.parent
        if not wanted.any_suffix or labels.name.lower() not in _LABELS or not labels.is_dir():
            return []
        folders = [inner for name in _FRAMES for inner in self._inside(labels.parent, name)]
        return [ref for folder in folders for ref in self._in_folder(folder, wanted)]

    def _named(self, wanted: PictureRequest) -> list[ImageRef]:
        tree = self._pictures()
        known = [
            (folders, ref)
            for folders, ref in tree.names.get(wanted.key, ())
            if _key(ref.name, wanted) == wanted.key and wanted.may_be(ref.name)
        ]
        if not known:
            return []
        agreement = [_agreement(folders, wanted) for folders, _ in known]
        best = max(agreement)
        if self._agreement_of_its_folder(wanted) > best:
            return []  # its own folder is there, and it is not in it
        if wanted.is_frame and not best:
            return []
        nearest = [one for one, n in zip(known, agreement, strict=True) if n == best]
        if best:  # all of its folders agree, and not only the last ones
            nearest = [one for one in nearest if len(one[0]) == best] or nearest
        others = [one for one in self._wanted.get(wanted.key, ()) if one != wanted]
        free = [
            (folders, ref)
            for folders, ref in nearest
            if not any(one.is_beside(ref) or _agreement(folders, one) > best for one in others)
            and not self._has_its_own(ref, wanted)
        ]
        if not best and free and len({folders for folders, _ in nearest}) > 1:
            # That the others belong elsewhere makes none of these the right one.
            free = [one for one in free if one[0] == wanted.below] or nearest
        elif not best and free:
            self._need_alone(wanted, *free[0])
        # The spelling tells files of one folder apart, not files of several.
        exact = [ref for _, ref in free if wanted.fits(ref.name)]
        alone = len({folders for folders, _ in free}) == 1
        return exact if exact and alone else [ref for _, ref in free]

    def _agreement_of_its_folder(self, wanted: PictureRequest) -> int:
        """How much the folder of pictures agrees that agrees best; the same for all in a folder."""
        asked = (wanted.folders, wanted.is_frame)
        if asked not in self._agreements:
            folders = self._pictures().folders
            agreements = (_agreement(folder, wanted) for folder in folders)
            self._agreements[asked] = max(agreements, default=0)
        return self._agreements[asked]

    def _need_alone(self, wanted: PictureRequest, folders: tuple[str, ...], ref: ImageRef) -> None:
        """Refuse a picture in a folder of its own that several ask for by nothing but its name."""
        if not folders and "/" not in wanted.name:
            return
        for other in self._wanted.get(wanted.key, ()):
            if other.folders != wanted.folders and not self._beside(other):
                raise BadRow(
                    f"{ref} has the name, but not the folder, that this and {other.source.file} "
                    "ask for; put it into the folder of the one that it belongs to"
                )

    def _has_its_own(self, ref: ImageRef, wanted: PictureRequest) -> bool:
        """Whether a picture has an annotation beside it, as the one that asks has its own place.

        Labels in a folder apart may well be others' of pictures that have been annotated before.
        """
        file = wanted.source.file
        inside = any(file.is_relative_to(place) for place in self._places)
        return inside and ref.member is None and _stem_of(ref.path) in self._pictures().annotated

    def _pictures(self) -> _Tree:
        if self._tree is None:
            self._tree = _Tree()
            for place in self._places:
                if not place.is_dir():
                    self._tree.add_archive(place)
                elif self._deep:
                    self._tree.add_folder(place)
                else:
                    self._tree.add_only(place)
        return self._tree

    def _in_folder(self, folder: Path, wanted: PictureRequest) -> list[ImageRef]:
        there = self._by_name(folder, stems=wanted.any_suffix).get(wanted.key, ())
        alike = [f for f in there if wanted.may_be(f.name) and f.is_file()]
        return [ImageRef(f) for f in _exact(alike, lambda f: wanted.fits(f.name))]

    def _inside(self, folder: Path, part: str) -> list[Path]:
        """Folders of a name in a folder."""
        if part in ("..", "/") or PurePosixPath(part).is_absolute():
            return [folder / part]
        folders = [f for f in self._by_name(folder).get(folded(part), ()) if f.is_dir()]
        return _exact(folders, lambda f: f.name == part)

    def _by_name(self, folder: Path, *, stems: bool = False) -> dict[str, list[Path]]:
        """Files and folders in a folder by their folded names, with their suffixes or not.

        Made once: an import asks for tens of thousands.
        """
        if (folder, stems) not in self._names:
            found = self._names[folder, stems] = defaultdict(list)
            for file in self._files(folder):
                found[folded(PurePosixPath(file.name).stem if stems else file.name)].append(file)
        return self._names[folder, stems]

    def _files(self, folder: Path) -> list[Path]:
        if folder not in self._folders:
            try:
                self._folders[folder] = sorted(folder.iterdir())
            except OSError:
                self._folders[folder] = []
        return self._folders[folder]


def video_of(source: Source) -> tuple[ImageRef, int] | None:
    """Video and frame number of an annotation laid out like 300-VW's: NNN/annot/000001.pts.

    Frames are counted from 1 there, and from 0 here. None if it is not laid out so.

    Raises
    ------
    BadRow
        If there are several videos.
    """
    labels, stem = source.file.parent, source.file.stem
    if clip_of(source) is None or int(stem) < 1:
        return None
    videos = _videos(labels.parent)
    named = [f for f in videos if f.stem.lower() == "vid"] or videos
    video = _only([ImageRef(file) for file in named])
    return None if video is None else (video, int(stem) - 1)


def _videos(folder: Path) -> tuple[Path, ...]:
    return _videos_of(folder, folder.stat().st_mtime_ns)


@lru_cache(maxsize=4096)
def _videos_of(folder: Path, _mtime: int) -> tuple[Path, ...]:
    return tuple(
        file for file in sorted(folder.iterdir()) if file.is_file() and is_video(file.name)
    )


def clip_of(source: Source) -> str | None:
    """Name of the clip whose frame an annotation is of, if it is laid out like 300-VW's.

    Numbered pictures beside a folder of annotations are a clip only where the folder of both has
    a number too, or a video in it: else they are what any set of pictures looks like.
    """
    stem, labels = real(source.file).stem, real(source.file).parent
    if labels.name.lower() not in _LABELS or not stem.isdecimal():
        return None
    if not labels.parent.name.isdecimal() and not _videos(labels.parent):
        return None
    inside = PurePosixPath(source.path).parts[:-2]
    return "/".join((source.root.name, *inside)) if labels != source.root else labels.parent.name


def is_picture(name: str) -> bool:
    """Whether a file is named like a picture."""
    return any(has_suffix(name, suffix) for suffix in IMAGE_SUFFIXES)


def is_video(name: str) -> bool:
    """Whether a file is named like a video."""
    return any(has_suffix(name, suffix) for suffix in VIDEO_SUFFIXES)


def _stem_of(file: Path) -> tuple[Path, str]:
    return file.parent, folded(file.stem)


def _key(name: str, wanted: PictureRequest) -> str:
    return folded(PurePosixPath(name).stem if wanted.any_suffix else name)


def _exact(found: list[Path], fits: Callable[[Path], bool]) -> list[Path]:
    return [path for path in found if fits(path)] or found


def _tail(a: Sequence[str], b: Sequence[str]) -> int:
    """How many folders agree, from the last one upwards."""
    count = 0
    for one, other in zip(reversed(a), reversed(b), strict=False):
        if one != other:
            break
        count += 1
    return count


def _agreement(folders: Sequence[str], wanted: PictureRequest) -> int:
    """How many folders of a picture agree with those that it is asked for in.

    Of a frame the clip must agree; pictures and annotations lie in folders of their own below it.
    """
    if not wanted.is_frame:
        return _tail(folders, wanted.folders)
    clip = wanted.folders[:-1]
    inside = (*_FRAMES, wanted.folders[-1])
    return max(_tail(folders, clip), *(_tail(folders, (*clip, name)) - 1 for name in inside))


def _only(found: Sequence[ImageRef]) -> ImageRef | None:
    """Return the one picture that all of them show; None if there is none."""
    if not found:
        return None
    by_file = {(real(ref.path), ref.member): ref for ref in found}
    refs = list(by_file.values())
    if len(refs) > 1 and not _show_the_same(refs):
        listed = ", ".join(str(ref) for ref in refs[:5]) + (", ..." if len(refs) > 5 else "")
        raise BadRow(
            f"{len(refs)} pictures could be meant: {listed}. Name the folder of the right one "
            "(--images), or take the others away"
        )
    return refs[0]


def _content(ref: ImageRef) -> str:
    if ref.member is None:
        return hashlib.sha256(read_regular(ref.path, MAX_BYTES)).hexdigest()
    return member_hashes(ref.path)[ref.member]


def _show_the_same(refs: Sequence[ImageRef]) -> bool:
    if any(ref.member is not None for ref in refs):
        return len({_content(ref) for ref in refs}) == 1
    if not all(is_picture(ref.name) for ref in refs):
        return False
    try:
        first, *others = (read_image(ref.path, "gray").astype(np.float32) for ref in refs)
    except InputError:
        return False
    return all(
        other.shape == first.shape and float(np.abs(other - first).mean()) <= _SAME_PICTURE
        for other in others
    )
