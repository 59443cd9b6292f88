"""SLEAP's labelled frames (``.slp``), read and written by sleap-io.

Since version 1.1 of the format the centre of the top-left pixel is ``(0, 0)``, as ours is; sleap-io
takes half a pixel off older files. User instances are faces; what a model predicted is no
annotation, and a track instead (`faceloop_datasets.track_formats.sleap`). A point that is not
visible is where the template of the skeleton has put it, and nobody vouches for that: it is
missing. There is no word for a point that is hidden and whose place is known.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets.annotation import PointState
from faceloop_datasets.errors import InputError
from faceloop_datasets.extras import need
from faceloop_datasets.files import atomic_path
from faceloop_datasets.media.images import image_size
from faceloop_datasets.schemes.edges import edges_of, mirrored_pairs
from faceloop_datasets.schemes.named import scheme_of_names
from faceloop_datasets.wording import counted

from ._face_keys import FaceKeys
from ._names import PictureNames
from ._pictures import is_video
from ._places import annotation_files, has_suffix
from .format import Format, Holds, NamedFace, Reader, Writer
from .record import Skip
from .rows import FaceRow, of_readable, row_reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from faceloop_datasets.schemes.scheme import Scheme

    from ._places import Source

SLEAP = "sleap"
"""The extra with sleap-io, and the name of the format."""

_HDF5 = b"\x89HDF\r\n\x1a\n"


def is_slp(file: Path) -> bool:
    """Whether a file is called and begins as SLEAP's do."""
    try:
        if not has_suffix(file.name, ".slp") or not file.is_file():
            return False
        with file.open("rb") as stream:
            return stream.read(len(_HDF5)) == _HDF5
    except OSError:
        return False


def load_labels(file: Path) -> Any:
    """Read a file of SLEAP's as `sleap_io.Labels`, without opening its videos.

    Raises
    ------
    InputError
        If sleap-io is not installed, or cannot read it.
    """
    try:
        found = file.stat()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.") from error
    return _labels(file, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=2)
def _labels(file: Path, _mtime: int, _size: int) -> Any:
    sleap_io = need("sleap_io", SLEAP)
    try:
        return sleap_io.load_slp(str(file), open_videos=False)
    except (
        OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, RuntimeError,
    ) as error:  # fmt: skip
        raise InputError(f"{file} cannot be read as a file of SLEAP: {error!s:.200}.") from error


def _find(sources: Sequence[Path]) -> list[Source]:
    return annotation_files(sources, ".slp")


@of_readable(_find)
def _scheme_of(sources: Sequence[Path]) -> Scheme:
    file = _find(sources)[0].file
    skeletons = load_labels(file).skeletons
    if len(skeletons) != 1:
        raise InputError(f"{file} has {counted(len(skeletons), 'skeleton')}; expected one.")
    edges = [(int(a), int(b)) for a, b in skeletons[0].edge_inds]
    names = [str(name) for name in skeletons[0].node_names]
    return scheme_of_names(str(skeletons[0].name or file.stem), names, edges)


def _read(source: Source, scheme: Scheme) -> Iterator[FaceRow | Skip]:
    keys = FaceKeys()
    for frame in load_labels(source.file).labeled_frames:
        picture, number = _place(frame)
        for instance in frame.instances:
            if type(instance).__name__ != "Instance":
                yield Skip(source.file, 0, "predicted by a model (faceloop tracks import takes it)")
                continue
            key = keys.next(picture if number is None else f"{picture} {number}")
            names = [str(name) for name in instance.skeleton.node_names]
            problem = "" if set(scheme.names) == set(names) else "its skeleton has other nodes"
            points = [] if problem else instance.numpy()[[names.index(n) for n in scheme.names]]
            yield FaceRow(key, picture, points, frame=number, problem=problem)


def _place(frame: Any) -> tuple[str, int | None]:
    """Name of the picture; or of the video, and the frame in it."""
    video = frame.video
    while video.source_video is not None:  # pictures inside the file are copies of its frames
        video = video.source_video
    if not isinstance(video.filename, list):
        return str(video.filename), int(frame.frame_idx)
    inside = 0 <= frame.frame_idx < len(video.filename)
    return str(video.filename[frame.frame_idx]) if inside else "", None


@of_readable(_find)
def _count(sources: Sequence[Path]) -> int:
    return sum(len(load_labels(source.file)) for source in _find(sources))


def _recognise(files: Sequence[Path], named: Sequence[Path]) -> float:
    if named:
        return sum(map(is_slp, named)) / len(named)
    return float(any(is_slp(file) for file in files))


def _write(faces: Sequence[NamedFace], dest: Path, scheme: Scheme) -> None:
    sio = need("sleap_io", SLEAP)
    skeleton = sio.Skeleton(
        list(scheme.names),
        edges=[list(edge) for edge in edges_of(scheme)],
        symmetries=[list(pair) for pair in mirrored_pairs(scheme)],
        name=scheme.name,
    )
    pictures = list(dict.fromkeys(f.picture for f in faces if not _is_frame(f)))
    still = _pictures(sio, pictures, faces)
    clips = dict.fromkeys(f.picture for f in faces if _is_frame(f))
    videos = {name: sio.Video(filename=name, open_backend=False) for name in clips}
    frames: dict[tuple[str, int], Any] = {}
    for face in faces:
        moving = _is_frame(face)
        number = int(face.record.frame or 0) if moving else pictures.index(face.picture)
        video = videos[face.picture] if moving else still
        key = face.picture, number
        frames.setdefault(key, sio.LabeledFrame(video, number, []))
        points = face.record.annotation.points.astype(np.float64)
        frames[key].instances.append(sio.Instance.from_numpy(points, skeleton))
    there = [*([still] if pictures else []), *videos.values()]
    labels = sio.Labels(list(frames.values()), there, [skeleton])
    with atomic_path(dest) as part:
        sio.save_slp(labels, str(part), verbose=False)


def _pictures(sio: Any, names: list[str], faces: Sequence[NamedFace]) -> Any:
    """Return pictures as SLEAP has them: a video of a file a frame."""
    images = [f.record.image for f in faces if not _is_frame(f) and f.record.image is not None]
    about: dict[str, Any] = {}
    if images and images[0].member is None:  # else sleap-io looks for the picture to measure it
        width, height = image_size(images[0].path)
        about["shape"] = (len(names), height, width, 3)
    reading = need("sleap_io.io.video_reading", SLEAP)
    backend = reading.ImageVideo(names, grayscale=False) if names else None
    return sio.Video(filename=names, backend=backend, backend_metadata=about, open_backend=False)


def _is_frame(face: NamedFace) -> bool:
    return face.record.frame is not None or is_video(face.picture)


FORMAT = Format(
    SLEAP,
    "SLEAP (.slp)",
    "Choose .slp files: user instances become faces, of frames of a video or of pictures. Points "
    "that are not visible are missing, and what a model predicted is left out. Needs sleap-io: pip "
    "install 'faceloop[sleap]'.",
    ("*.slp",),
    reader=Reader(
        row_reader(SLEAP, _find, _read, _scheme_of),
        _scheme_of,
        _count,
        _recognise,
        "files .slp of SLEAP",
    ),
    writer=Writer(
        _write,
        Holds({PointState.OCCLUDED: "visible", PointState.ESTIMATED: "visible"}, frame=True),
        PictureNames.files,
        ".slp",
    ),
)
