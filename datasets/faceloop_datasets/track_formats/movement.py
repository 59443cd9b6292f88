"""movement's data sets: xarray in memory, netCDF on disk.

The variables are ``position`` (time, space, keypoints, individuals) and ``confidence`` (time,
keypoints, individuals), as movement's validators want them; attributes ``fps``, ``time_unit``,
``source_software`` and ``ds_type``. movement takes coordinates as its loaders do, so that the
centre of the top-left pixel is ``(0, 0)`` in what comes from us. What a track has besides goes
into variables of its own, which movement hands on: ``frame`` (time), ``predicted_error`` and
``frame_kind`` (time, individuals), ``head_pose`` (time, angle, individuals).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets.errors import InputError
from faceloop_datasets.extras import need
from faceloop_datasets.files import atomic_path
from faceloop_datasets.tracks.face_track import FrameKind

from .format import FoundFace, FoundTrack, TrackFormat, TrackToWrite, empty_points

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_datasets.schemes.scheme import Scheme
    from faceloop_datasets.tracks.track import Track

_EXTRA = "xarray"
_SIGNATURES = (b"\x89HDF\r\n\x1a\n", b"CDF\x01", b"CDF\x02", b"CDF\x05")
_ANGLES = ("yaw", "pitch", "roll")


def to_xarray(track: Track, scheme: Scheme) -> Any:
    """Return a track as a data set of movement's.

    Parameters
    ----------
    track : Track
        What a project keeps.
    scheme : Scheme
        Of its points.

    Returns
    -------
    xarray.Dataset
        ``position`` in pixels of the frame (NaN where missing or rejected), ``time`` in seconds.

    Raises
    ------
    InputError
        If xarray is not installed, or the track has no face.
    """
    whole = TrackToWrite(track, scheme, Path(track.sha256[:12]), (0, 0), 0, track.frames - 1)
    return _dataset(whole)


def from_xarray(dataset: Any, where: str = "The data set") -> FoundTrack:
    """Return what a data set of movement's holds.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of poses in a plane.
    where : str
        What messages call it.

    Raises
    ------
    InputError
        If it is none of poses, or does not say which frames it has.
    """
    sizes, lacking = dict(dataset.sizes), {"position"} - set(dataset.data_vars)
    dims = ("time", "space", "keypoints", "individuals")
    if lacking or set(dataset["position"].dims) != set(dims):
        raise InputError(f"{where} holds no position over {', '.join(dims)}; expected poses.")
    if [str(s) for s in dataset["space"].values] != ["x", "y"]:
        raise InputError(f"{where} has positions in space; expected x and y in a picture.")
    frames = _frames(dataset, where)
    empty = empty_points(Path(where), frames, sizes["keypoints"], sizes["individuals"])
    position = dataset["position"].transpose("individuals", "time", "keypoints", "space").values
    faces = []
    for number, points in enumerate(empty):
        points[:] = position[number]
        points[~(np.abs(points) < 1e6).all(axis=2)] = np.nan
        faces.append(_face(dataset, number, points))
    software = str(dataset.attrs.get("source_software") or "movement")
    return FoundTrack(
        str(dataset.attrs.get("model") or f"movement:{software}"),
        str(dataset.attrs.get("scheme") or software),
        tuple(str(name) for name in dataset["keypoints"].values),
        frames,
        tuple(faces),
        left=("confidence of each point",) if "confidence" in dataset else (),
    )


def _frames(dataset: Any, where: str) -> NDArray[np.int64]:
    rate = float(dataset.attrs.get("fps") or np.nan)
    if "frame" in dataset:
        numbers = dataset["frame"].values
    elif dataset.attrs.get("time_unit") == "frames":
        numbers = dataset["time"].values
    elif rate > 0:
        numbers = np.round(dataset["time"].values.astype(np.float64) * rate)
    else:
        raise InputError(f"{where} has times in seconds and no fps: its frames are not known.")
    numbers = numbers.astype(np.float64)
    if not np.isfinite(numbers).all() or (np.diff(numbers) <= 0).any():
        raise InputError(f"{where} has frames that do not go upwards.")
    frames: NDArray[np.int64] = np.clip(numbers, -1, 1e12).astype(np.int64)
    return frames


def _face(dataset: Any, number: int, points: NDArray[np.float32]) -> FoundFace:
    def of(name: str, *dims: str) -> Any:
        if name not in dataset or set(dataset[name].dims) != {*dims, "individuals"}:
            return None
        return dataset[name].isel(individuals=number).transpose(*dims).values

    kind = of("frame_kind", "time")
    if kind is not None:
        known = np.isin(kind, [k.value for k in FrameKind])
        kind = np.where(known, kind, FrameKind.FITTED).astype(np.uint8)
    error = of("predicted_error", "time")
    return FoundFace(
        str(dataset["individuals"].values[number]),
        points,
        of("confidence", "time", "keypoints"),
        None if error is None else np.where(error >= 0, error, np.nan),
        kind,
        of("head_pose", "time", "angle"),
    )


def _dataset(track: TrackToWrite) -> Any:
    xarray, faces = need("xarray", _EXTRA), track.faces()
    if not faces:
        raise InputError("There is no face in this track.")
    where = slice(track.first, track.last + 1)
    kept = track.track.faces
    over = ("time", "individuals")
    variables = {
        "position": (
            ("time", "space", "keypoints", "individuals"),
            np.stack([face.points.transpose(0, 2, 1) for face in faces], axis=-1),
        ),
        "confidence": (
            ("time", "keypoints", "individuals"),
            np.stack([face.confidence for face in faces], axis=-1),
        ),
        "frame": ("time", track.frames.astype(np.int32)),
        "predicted_error": (over, np.stack([f.predicted_error[where] for f in kept], axis=-1)),
        "frame_kind": (over, np.stack([f.kind[where].astype(np.int8) for f in kept], axis=-1)),
        "head_pose": (
            ("time", "angle", "individuals"),
            np.stack([face.head_pose for face in faces], axis=-1),
        ),
    }
    coordinates = {
        "time": track.track.times[where],
        "space": ["x", "y"],
        "keypoints": list(track.scheme.names),
        "individuals": [face.name for face in faces],
        "angle": list(_ANGLES),
    }
    about = {
        "source_software": "faceloop",
        "source_file": track.video.name,
        "ds_type": "poses",
        "fps": float(track.track.rate),
        "time_unit": "seconds",
        "model": track.track.model,
        "scheme": track.scheme.name,
    }
    return xarray.Dataset(variables, coordinates, about)


def read(file: Path) -> FoundTrack:
    """Read a netCDF file that movement, or we, have written.

    Raises
    ------
    InputError
        If xarray is not installed, or the file cannot be read.
    """
    xarray = need("xarray", _EXTRA)
    try:
        with xarray.open_dataset(file) as dataset:
            return from_xarray(dataset, str(file))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise InputError(f"{file} cannot be read as netCDF: {error!s:.200}.") from error


def write(track: TrackToWrite, out: Path) -> None:
    """Write a netCDF file that movement reads."""
    dataset = _dataset(track)
    with atomic_path(out) as part:
        dataset.to_netcdf(part)


def _recognise(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            return stream.read(8).startswith(_SIGNATURES)
    except OSError:
        return False


FORMAT = TrackFormat(
    "movement",
    "movement (netCDF, .nc)",
    "A data set of movement's. Key points become the points of their names, individuals faces; "
    "what faceloop wrote into it besides comes back too.",
    (".nc",),
    read,
    write,
    _recognise,
    ("verdicts", "expressions"),
)
