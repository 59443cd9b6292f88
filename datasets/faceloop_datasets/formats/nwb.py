"""Labelled frames in Neurodata Without Borders (``.nwb``): pose training of the extension ndx-pose.

A ``TrainingFrame`` links to the ``ImageSeries`` of its video (or of pictures, a file a frame) and
has an instance of a skeleton for each face. ``node_visibility`` is true where a node is seen and
false where it is hidden; a node without a position is missing. The extension does not say where
(0, 0) is: it is taken for the centre of the top-left pixel, as DeepLabCut and SLEAP have it.
"""

from __future__ import annotations

import uuid
import warnings
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets.annotation import PointState
from faceloop_datasets.errors import InputError
from faceloop_datasets.extras import need
from faceloop_datasets.files import atomic_path
from faceloop_datasets.schemes.edges import edges_of
from faceloop_datasets.schemes.named import scheme_of_names
from faceloop_datasets.wording import enumerated

from ._face_keys import FaceKeys
from ._names import PictureNames
from ._pictures import is_video
from ._places import annotation_files, has_suffix
from .format import Format, Holds, NamedFace, Reader, Writer
from .rows import FaceRow, of_readable, row_reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from faceloop_datasets.schemes.scheme import Scheme

    from ._places import Source

NWB = "nwb"
"""The extra with pynwb and ndx-pose, and the name of the format."""

_HDF5 = b"\x89HDF\r\n\x1a\n"


def is_nwb(file: Path) -> bool:
    """Whether a file is called and begins as NWB files do."""
    try:
        if not has_suffix(file.name, ".nwb") or not file.is_file():
            return False
        with file.open("rb") as stream:
            return stream.read(len(_HDF5)) == _HDF5
    except OSError:
        return False


@contextmanager
def reading(file: Path) -> Iterator[Any]:
    """Open a file; its packages warn of their versions, which says nothing to a person here.

    Raises
    ------
    InputError
        If they are not installed, or the file cannot be read.
    """
    pynwb = need("pynwb", NWB)
    need("ndx_pose", NWB)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with pynwb.NWBHDF5IO(str(file), mode="r") as io:
                yield io.read()
        except (
            OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, RuntimeError,
        ) as error:  # fmt: skip
            raise InputError(f"{file} cannot be read as NWB: {error!s:.200}.") from error


def new_file(scheme: Scheme, about: str, began: float) -> tuple[Any, Any, Any]:
    """Return a file to fill, its module ``behavior``, and the skeleton of a scheme in it.

    Parameters
    ----------
    scheme : Scheme
        Its names must be such as NWB takes.
    about : str
        What it holds.
    began : float
        When the session began, in seconds since 1970: NWB wants to know.

    Raises
    ------
    InputError
        If the packages are not installed, or a name cannot be written.
    """
    pynwb, ndx_pose = need("pynwb", NWB), need("ndx_pose", NWB)
    refused = [name for name in scheme.names if set(name) & set("/:")]
    if refused:
        raise InputError(
            f"NWB takes no names with / or :, but {scheme.name} has {enumerated(refused)}."
        )
    file = pynwb.NWBFile(
        session_description=about,
        identifier=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{about} {began}")),
        session_start_time=datetime.fromtimestamp(began, UTC),
    )
    skeleton = ndx_pose.Skeleton(
        name=scheme.name.replace("/", "_"),
        nodes=list(scheme.names),
        edges=np.array(edges_of(scheme), np.uint16).reshape(-1, 2),
    )
    behavior = file.create_processing_module("behavior", about)
    behavior.add(ndx_pose.Skeletons(skeletons=[skeleton]))
    return file, behavior, skeleton


def edges(skeleton: Any) -> tuple[tuple[int, int], ...]:
    """Return the lines of a skeleton that join nodes it has."""
    if skeleton is None or skeleton.edges is None:
        return ()
    count = len(skeleton.nodes)
    pairs = np.asarray(skeleton.edges[:]).reshape(-1, 2).astype(np.int64)
    return tuple((int(a), int(b)) for a, b in pairs if max(a, b) < count and min(a, b) >= 0)


def _training_frames(found: Any) -> list[Any]:
    frames = [one for one in found.objects.values() if type(one).__name__ == "TrainingFrame"]
    return sorted(frames, key=_in_order)


def _instances_of(frame: Any) -> list[Any]:
    return sorted(frame.skeleton_instances.skeleton_instances.values(), key=_in_order)


def _in_order(one: Any) -> tuple[int, str]:
    """Order by name, ``frame_2`` before ``frame_10``: a file has none of its own."""
    return len(one.name), one.name


def _find(sources: Sequence[Path]) -> list[Source]:
    return annotation_files(sources, ".nwb")


@of_readable(_find)
def _scheme_of(sources: Sequence[Path]) -> Scheme:
    file = _find(sources)[0].file
    with reading(file) as found:
        for frame in _training_frames(found):
            for one in _instances_of(frame):
                names = [str(name) for name in one.skeleton.nodes[:]]
                return scheme_of_names(str(one.skeleton.name), names, edges(one.skeleton))
    raise InputError(
        f"{file} has no labelled frames (PoseTraining of ndx-pose). What a tool estimated becomes "
        "a track: faceloop tracks import."
    )


def _read(source: Source, scheme: Scheme) -> Iterator[FaceRow]:
    keys = FaceKeys()
    with reading(source.file) as found:
        for frame in _training_frames(found):
            picture, number = _place(frame)
            said = "" if picture else f"{frame.name} does not say of which picture it is"
            for one in _instances_of(frame):
                key = keys.next(f"{picture or frame.name}{'' if number is None else f' {number}'}")
                names = [str(name) for name in one.skeleton.nodes[:]]
                other = "" if set(names) == set(scheme.names) else "its skeleton has other nodes"
                if problem := said or other:
                    yield FaceRow(key, picture, problem=problem)
                    continue
                points, states = _points(one, [names.index(name) for name in scheme.names])
                yield FaceRow(key, picture, points, states, frame=number)


def _points(one: Any, order: list[int]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    points = np.asarray(one.node_locations[:], np.float64)[order]
    if points.shape != (len(order), 2):
        raise ValueError(f"{one.name} has locations of shape {points.shape}; expected x and y")
    seen = np.ones(len(points), np.bool_)
    if one.node_visibility is not None:
        seen = np.asarray(one.node_visibility[:], np.bool_)[order]
    return points, np.where(seen, PointState.VISIBLE, PointState.OCCLUDED)


def _place(frame: Any) -> tuple[str, int | None]:
    """Name of the picture; or of the video, and the frame in it."""
    series = frame.source_video
    if series is None or series.external_file is None:
        inside = frame.source_frame
        return ("" if inside is None else str(inside.name)), None
    files = [str(name) for name in series.external_file[:]]
    number = int(frame.source_video_frame_index or 0)
    if series.starting_frame is not None and len(series.starting_frame) == len(files):
        starts = np.asarray(series.starting_frame[:], np.int64)
        which = max(int(np.searchsorted(starts, number, side="right")) - 1, 0)
        return files[which], number - int(starts[which]) if is_video(files[which]) else None
    one = len(files) == 1 and is_video(files[0])
    return (files[0], number) if one else (files[number] if number < len(files) else "", None)


@of_readable(_find)
def _count(sources: Sequence[Path]) -> int:
    return len(_find(sources))


def _recognise(files: Sequence[Path], named: Sequence[Path]) -> float:
    if named:
        return sum(map(is_nwb, named)) / len(named)
    return float(any(is_nwb(file) for file in files))


def _write(faces: Sequence[NamedFace], dest: Path, scheme: Scheme) -> None:
    pynwb, ndx_pose = need("pynwb", NWB), need("ndx_pose", NWB)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file, behavior, skeleton = new_file(scheme, "labelled faces", _began(faces))
        series = _series(pynwb, faces)
        frames: dict[tuple[str, int], list[NamedFace]] = {}
        pictures = _pictures(faces)
        for face in faces:
            still = face.picture in pictures
            number = pictures.index(face.picture) if still else int(face.record.frame or 0)
            frames.setdefault((face.picture, number), []).append(face)
        training = [
            ndx_pose.TrainingFrame(
                name=f"frame_{count}",
                annotator=some[0].record.annotation.source or "unknown",
                skeleton_instances=_instances(ndx_pose, some, skeleton),
                source_video=series[picture],
                source_video_frame_index=np.uint64(number),
            )
            for count, ((picture, number), some) in enumerate(frames.items())
        ]
        videos = list({id(one): one for one in series.values()}.values())
        behavior.add(
            ndx_pose.PoseTraining(
                training_frames=ndx_pose.TrainingFrames(training_frames=training),
                source_videos=ndx_pose.SourceVideos(image_series=videos),
            )
        )
        with atomic_path(dest) as part, pynwb.NWBHDF5IO(str(part), mode="w") as io:
            io.write(file)


def _began(faces: Sequence[NamedFace]) -> float:
    """When the first of the pictures was written, which is the nearest that files say."""
    paths = {face.record.image.path for face in faces if face.record.image is not None}
    return min((path.stat().st_mtime for path in paths if path.exists()), default=0.0)


def _pictures(faces: Sequence[NamedFace]) -> list[str]:
    still = (f.picture for f in faces if f.record.frame is None and not is_video(f.picture))
    return list(dict.fromkeys(still))


def _series(pynwb: Any, faces: Sequence[NamedFace]) -> dict[str, Any]:
    """Return the series that each picture or video is in, by its name."""
    pictures = _pictures(faces)
    clips = list(dict.fromkeys(face.picture for face in faces if face.picture not in pictures))
    groups = [*([pictures] if pictures else []), *([name] for name in clips)]
    found: dict[str, Any] = {}
    for number, names in enumerate(groups):
        labelled = [int(face.record.frame or 0) for face in faces if face.picture in names]
        count = len(names) if names is pictures else max(labelled) + 1
        one = pynwb.image.ImageSeries(
            name=f"pictures_{number}" if names is pictures else f"video_{number}",
            external_file=names,
            starting_frame=list(range(len(names))),
            format="external",
            timestamps=np.arange(float(count)),  # numbers of frames: nobody knows the times
            unit="n.a.",
        )
        found |= dict.fromkeys(names, one)
    return found


def _instances(ndx_pose: Any, faces: Sequence[NamedFace], skeleton: Any) -> Any:
    made = []
    for number, face in enumerate(faces):
        given = face.record.annotation
        made.append(
            ndx_pose.SkeletonInstance(
                name=f"face_{number}",
                id=np.uint64(number),
                node_locations=given.points,
                node_visibility=given.states == PointState.VISIBLE,
                skeleton=skeleton,
            )
        )
    return ndx_pose.SkeletonInstances(skeleton_instances=made)


FORMAT = Format(
    NWB,
    "NWB, ndx-pose (.nwb)",
    "Choose .nwb files with labelled frames (PoseTraining): each instance of a skeleton becomes a "
    "face. Needs pynwb and ndx-pose: pip install 'faceloop[nwb]'.",
    ("*.nwb",),
    reader=Reader(
        row_reader(NWB, _find, _read, _scheme_of),
        _scheme_of,
        _count,
        _recognise,
        "files .nwb with labelled frames",
    ),
    writer=Writer(
        _write,
        Holds({PointState.ESTIMATED: "occluded"}, frame=True),
        PictureNames.files,
        ".nwb",
    ),
)
