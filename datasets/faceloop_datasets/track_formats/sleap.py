"""SLEAP's files (``.slp``), read and written by sleap-io.

Since version 1.1 of the format the centre of the top-left pixel is ``(0, 0)``, as ours is; sleap-io
takes half a pixel off older files (`sleap_io.io.slp`). A point that is not visible has no position
that anybody vouches for, and is missing. Predicted instances are fits; user instances were placed
by people, and are corrected frames. Faces are told apart by SLEAP's tracks.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets.errors import InputError
from faceloop_datasets.extras import need
from faceloop_datasets.files import atomic_path
from faceloop_datasets.formats.sleap import SLEAP, is_slp, load_labels
from faceloop_datasets.schemes.edges import edges_of, mirrored_pairs
from faceloop_datasets.tracks.face_track import FrameKind
from faceloop_datasets.wording import counted, enumerated

from .format import FoundFace, FoundTrack, TrackFormat, empty_points

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .format import TrackToWrite


def read(file: Path) -> FoundTrack:
    """Read the instances of a file that has one video.

    Raises
    ------
    InputError
        If it cannot be read, has several videos or skeletons, or several instances in a frame
        that are on no track.
    """
    labels = load_labels(file)
    frames = sorted((f for f in labels.labeled_frames if len(f)), key=lambda f: f.frame_idx)
    videos = {id(f.video): str(f.video.filename) for f in frames}
    if len(videos) != 1:
        named = enumerated(sorted({Path(name).name for name in videos.values()}))
        raise InputError(
            f"{file} has instances of {counted(len(videos), 'video')} ({named}); expected one. "
            "Save each video's predictions in a file of its own."
        )
    if len(labels.skeletons) != 1:
        raise InputError(f"{file} has {counted(len(labels.skeletons), 'skeleton')}; expected one.")
    skeleton = labels.skeletons[0]
    names = tuple(str(name) for name in skeleton.node_names)
    return FoundTrack(
        f"sleap:{_model(labels) or file.stem}",
        str(skeleton.name or file.stem),
        names,
        np.array([f.frame_idx for f in frames], np.int64),
        _faces(file, frames, len(names)),
        edges=tuple((int(a), int(b)) for a, b in skeleton.edge_inds),
        whole=False,
        left=("score of each point", "scores of instances and tracks"),
    )


def _model(labels: Any) -> str:
    """Name of the model that the file says its predictions are from, or of what wrote it."""
    said = labels.provenance.get("model_paths") or labels.provenance.get("model") or ""
    path = said[0] if isinstance(said, list) and said else said
    return Path(str(path)).name if path else ""


def _faces(file: Path, frames: Sequence[Any], names: int) -> tuple[FoundFace, ...]:
    tracks = {id(i.track): i.track for f in frames for i in f.instances}
    order = list(tracks)
    numbers = [f.frame_idx for f in frames]
    empty = empty_points(file, numbers, names, len(order))
    trust = [np.full(points.shape[:2], np.nan, np.float32) for points in empty]
    kinds = [np.full(len(frames), FrameKind.LOST, np.uint8) for _ in empty]
    for row, frame in enumerate(frames):
        for instance in _best(file, frame):
            face = order.index(id(instance.track))
            points = instance.numpy()
            empty[face][row] = np.where((np.abs(points) < 1e6).all(axis=1)[:, None], points, np.nan)
            if "score" in instance.points.dtype.names:
                trust[face][row] = instance.points["score"]
            user = type(instance).__name__ == "Instance"
            kinds[face][row] = FrameKind.CORRECTED if user else FrameKind.FITTED
    faces = []
    for number, points, sure, kind in zip(order, empty, trust, kinds, strict=True):
        error = np.where(kind == FrameKind.CORRECTED, 0.0, np.nan)
        name = "" if tracks[number] is None else str(tracks[number].name)
        faces.append(FoundFace(name, points, sure, error, kind))
    return tuple(faces)


def _best(file: Path, frame: Any) -> list[Any]:
    """Return the instances of a frame, a person's before those predicted for the same track."""
    found: dict[int, Any] = {}
    for instance in sorted(frame.instances, key=lambda i: type(i).__name__ != "Instance"):
        if instance.track is None and id(None) in found and _are_alike(found[id(None)], instance):
            raise InputError(
                f"{file} has several instances in frame {frame.frame_idx} that are on no track: "
                "nobody can tell who is who. Track them in SLEAP first."
            )
        found.setdefault(id(instance.track), instance)
    return list(found.values())


def _are_alike(one: Any, other: Any) -> bool:
    return type(one) is type(other)


def write(track: TrackToWrite, out: Path) -> None:
    """Write predicted instances; frames that people corrected become user instances."""
    sio = need("sleap_io", SLEAP)
    skeleton = sio.Skeleton(
        list(track.scheme.names),
        edges=[list(edge) for edge in edges_of(track.scheme)],
        symmetries=[list(pair) for pair in mirrored_pairs(track.scheme)],
        name=track.scheme.name,
    )
    video = sio.Video(filename=str(track.video), open_backend=False)
    video.backend_metadata["shape"] = (track.track.frames, track.size[1], track.size[0], 3)
    faces = track.faces()
    tracks = [sio.Track(face.name) for face in faces]
    labelled = []
    for row, frame in enumerate(track.frames.tolist()):
        instances = []
        for face, kept, one in zip(faces, track.track.faces, tracks, strict=True):
            points = face.points[row].astype(np.float64)
            if np.isnan(points).all():
                continue
            if kept.kind[frame] == FrameKind.CORRECTED:
                instances.append(sio.Instance.from_numpy(points, skeleton, one))
                continue
            sure = np.nan_to_num(face.confidence[row].astype(np.float64))
            instances.append(
                sio.PredictedInstance.from_numpy(points, skeleton, sure, float(sure.mean()), one)
            )
        if instances:
            labelled.append(sio.LabeledFrame(video, frame, instances))
    labels = sio.Labels(
        labelled, [video], [skeleton], tracks, provenance={"model": track.track.model}
    )
    with atomic_path(out) as part:
        sio.save_slp(labels, str(part), verbose=False)


FORMAT = TrackFormat(
    "sleap",
    "SLEAP (.slp)",
    "Instances of one video: nodes become the points of their names, tracks faces, what people "
    "placed corrected frames. Scores are not kept, but points below one can be left out (--least).",
    (".slp",),
    read,
    write,
    is_slp,
    (
        "predicted errors", "how frames came about but for corrected ones", "verdicts",
        "head poses", "expressions", "frames without a face",
    ),
)  # fmt: skip
