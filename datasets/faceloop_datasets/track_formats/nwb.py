"""Neurodata Without Borders (``.nwb``): pose estimation of the extension ndx-pose.

A ``PoseEstimation`` is one individual, with a ``PoseEstimationSeries`` (position in pixels,
confidence 0 to 1, times in seconds) a point and a skeleton; all series have a row a frame.
``reference_frame`` says in words where (0, 0) is: files that are written say the centre of the
top-left pixel; of others it is taken for that, since few say it, and none in a way that a program
could read.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets.errors import InputError
from faceloop_datasets.extras import need
from faceloop_datasets.files import atomic_path
from faceloop_datasets.formats.nwb import NWB, edges, is_nwb, new_file, reading

from .format import FoundFace, FoundTrack, TrackFormat, empty_points

if TYPE_CHECKING:
    from pathlib import Path

    from .format import TrackToWrite, WrittenFace

_ORIGIN = "(0, 0) is the centre of the top-left pixel of the frame; x to the right, y down."
_ONE = "PoseEstimation"
"""What the estimation of the only individual is called: movement looks for it."""


def read(file: Path) -> FoundTrack:
    """Read the pose estimations of a file.

    Raises
    ------
    InputError
        If the packages are not installed, the file cannot be read, or its estimations have
        different points or lengths.
    """
    with reading(file) as found:
        poses = [one for one in found.objects.values() if type(one).__name__ == _ONE]
        if not poses:
            raise InputError(f"{file} has no PoseEstimation (extension ndx-pose).")
        names = [_names(pose) for pose in poses]
        series = [[pose.pose_estimation_series[n] for n in names[0]] for pose in poses if names]
        lengths = {len(one.data) for each in series for one in each}
        if len({frozenset(each) for each in names}) > 1 or len(lengths) != 1:
            raise InputError(
                f"{file} has pose estimations of different points or numbers of frames."
            )
        frames = np.arange(lengths.pop())
        empty = empty_points(file, frames, len(names[0]), len(poses))
        faces = [
            _face(pose, each, points, alone=len(poses) == 1)
            for pose, each, points in zip(poses, series, empty, strict=True)
        ]
        software = poses[0].source_software or "nwb"
        skeleton = poses[0].skeleton
        return FoundTrack(
            f"{software}:{poses[0].scorer or file.stem}",
            str(skeleton.name) if skeleton is not None else file.stem,
            tuple(names[0]),
            frames,
            tuple(faces),
            edges=edges(skeleton),
            left=("confidence of each point", "times of the session"),
        )


def _names(pose: Any) -> list[str]:
    """Return the points in the order of the skeleton, where it names the series."""
    there = list(pose.pose_estimation_series)
    nodes = [] if pose.skeleton is None else [str(node) for node in pose.skeleton.nodes[:]]
    return nodes if set(nodes) == set(there) and len(nodes) == len(there) else there


def _face(pose: Any, series: list[Any], points: np.ndarray[Any, Any], *, alone: bool) -> FoundFace:
    trust = np.full(points.shape[:2], np.nan, np.float32)
    for number, one in enumerate(series):
        data = np.asarray(one.data)
        if data.ndim != 2 or data.shape[1] != 2:
            raise ValueError(f"{one.name} has positions of shape {data.shape}; expected x and y")
        points[:, number] = data
        if one.confidence is not None and len(one.confidence) == len(data):
            trust[:, number] = one.confidence[:]
    points[~(np.abs(points) < 1e6).all(axis=2)] = np.nan
    name = "" if alone else str(pose.name).removeprefix(f"{_ONE}_")
    return FoundFace(name, points, trust)


def write(track: TrackToWrite, out: Path) -> None:
    """Write a pose estimation for each face, in the processing module ``behavior``."""
    pynwb, ndx_pose = need("pynwb", NWB), need("ndx_pose", NWB)
    # a video says at most when its file was written
    began = track.video.stat().st_mtime if track.video.exists() else 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file, behavior, skeleton = new_file(track.scheme, f"faces in {track.video.name}", began)
        faces = track.faces()
        for face in faces:
            name = _ONE if len(faces) == 1 else f"{_ONE}_{face.name.replace('/', '_')}"
            behavior.add(_estimation(ndx_pose, name, track, face, skeleton))
        with atomic_path(out) as part, pynwb.NWBHDF5IO(str(part), mode="w") as io:
            io.write(file)


def _estimation(
    ndx_pose: Any, name: str, track: TrackToWrite, face: WrittenFace, skeleton: Any
) -> Any:
    times = track.track.times[track.first : track.last + 1]
    series = [
        ndx_pose.PoseEstimationSeries(
            name=point,
            data=face.points[:, number],
            unit="pixels",
            reference_frame=_ORIGIN,
            timestamps=times,
            confidence=face.confidence[:, number],
            confidence_definition="1 - predicted error / 0.12 inter-ocular distances",
        )
        for number, point in enumerate(track.scheme.names)
    ]
    return ndx_pose.PoseEstimation(
        name=name,
        pose_estimation_series=series,
        description="landmarks of a face",
        scorer=track.track.model,
        source_software="faceloop",
        skeleton=skeleton,
    )


FORMAT = TrackFormat(
    "nwb",
    "NWB, ndx-pose (.nwb)",
    "Pose estimations of one video, each a face, with a row a frame. Confidences are not kept, but "
    "points below one can be left out (--least).",
    (".nwb",),
    read,
    write,
    is_nwb,
    ("predicted errors", "how frames came about", "verdicts", "head poses", "expressions"),
)
