"""300-VW: a folder a clip, ``NNN/vid.avi`` and ``NNN/annot/000001.pts``, frames counted from 1.

The reader of iBUG's files reads it. Written are frames of videos: each face of a video is a clip of
its own, since a frame has one face there; faces of pictures lie beside the clips. Videos are not
copied: each belongs, as ``vid`` and its suffix, beside the folder ``annot`` of its clip, whose
number is in ``clips.txt``.
"""

from __future__ import annotations

from collections import Counter
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from faceloop_datasets.annotation import PointState
from faceloop_datasets.files import as_file_name, atomic_path

from ._names import PictureNames
from .format import Format, Holds, NamedFace, Writer
from .ibug import pts_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from faceloop_datasets.schemes.scheme import Scheme

_LIST = "clips.txt"


def _places(faces: Sequence[NamedFace]) -> list[tuple[str, str]]:
    """Return the clip of each face and its file below the folder; a picture has no clip."""
    nth: Counter[tuple[str, int | None]] = Counter()
    numbers: dict[tuple[str, int], str] = {}
    found = []
    for face in faces:
        name, frame = face.picture, face.record.frame
        nth[name, frame] += 1
        of_these = nth[name, frame]
        if frame is None:
            stem = str(PurePosixPath(as_local(name)).with_suffix(""))
            found.append(("", f"{stem}.pts" if of_these == 1 else f"{stem}-{of_these}.pts"))
        else:
            clip = numbers.setdefault((name, of_these), f"{len(numbers) + 1:03d}")
            found.append((clip, f"{clip}/annot/{frame + 1:06d}.pts"))
    return found


def as_local(name: str) -> str:
    """Name without what would lead out of the folder."""
    parts = [part for part in PurePosixPath(name).parts if part not in ("/", "..")]
    return "/".join(as_file_name(part) for part in parts) or "face"


def _files(dest: Path, faces: Sequence[NamedFace]) -> list[Path]:
    return [*(dest / file for _, file in _places(faces)), dest / _LIST]


def write_300vw(faces: Sequence[NamedFace], dest: Path, _scheme: Scheme) -> None:
    """Write a folder of clips, and which video each is of."""
    places = _places(faces)
    for face, (_, file) in zip(faces, places, strict=True):
        with atomic_path(dest / file) as part:
            part.write_text(pts_text(face.record.annotation), encoding="utf-8", newline="\n")
    videos = {clip: face.picture for face, (clip, _) in zip(faces, places, strict=True) if clip}
    with atomic_path(dest / _LIST) as part:
        lines = "".join(f"{clip} {name}\n" for clip, name in videos.items())
        part.write_text(lines, encoding="utf-8", newline="\n")


FORMAT = Format(
    "300vw",
    "300-VW (.pts of frames)",
    "Frames of videos in folders as 300-VW has them, which are read as iBUG's. Videos are not "
    "copied: put each beside the folder annot of its clip, as vid.mp4 or vid.avi; clips.txt says "
    "which it is.",
    ("*.pts",),
    writer=Writer(
        write_300vw,
        Holds({PointState.OCCLUDED: "visible", PointState.ESTIMATED: "visible"}, frame=True),
        PictureNames.files,
        "",
        "ibug68",
        _files,
    ),
)
