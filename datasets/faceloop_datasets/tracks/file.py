"""The file of a track: safetensors with JSON metadata, checked before it is used."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors
from safetensors.numpy import save_file

from faceloop_datasets.errors import InputError
from faceloop_datasets.faults import in_words
from faceloop_datasets.files import atomic_path

from .change import FaceChange, TrackChange
from .checking import fault_of
from .face_track import FaceTrack, FrameKind, Verdict
from .history import TrackHistory
from .track import Track

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[Any]]

_KEY, _VERSION = "faceloop track", 1
_WRITTEN, _UNNAMED = "written", "unnamed"
"""Where a file says which it is of all that are ever written, and what those are that do not."""
_MADE_OF = "made of"
_MOST_BYTES, _MOST_HEADER = 900 * 2**20, 4 * 2**20
_LARGEST = {"kind": max(FrameKind), "verdict": max(Verdict)}


def write_track(path: Path, history: TrackHistory) -> TrackHistory:
    """Write a track with its history; the file appears complete or not at all.

    Returns
    -------
    TrackHistory
        The same, which knows the file that it is in.

    Raises
    ------
    InputError
        If it cannot be written, or could not be read again: it would be too large, or has values
        or shapes that mean nothing (`faceloop_datasets.tracks.checking`).
    """
    arrays: dict[str, NDArray[Any]] = {"times": history.track.times}
    for face in history.track.faces:
        arrays |= {f"face.{face.id}.{name}": array for name, array in face.arrays().items()}
    changes = (*history.done, *history.undone)
    for number, change in enumerate(changes):
        for face_change in change.faces:
            arrays |= _change_arrays(f"change.{number}.{face_change.id}", face_change)
    size = sum(array.nbytes for array in arrays.values())
    if size > _MOST_BYTES:
        raise InputError(
            f"The track of {history.track.frames:,} frames and {len(history.track.faces)} faces "
            f"takes {size:,} bytes; {path} can hold {_MOST_BYTES:,}. Cut the video, or track fewer "
            "faces."
        )
    about = {**_about(history.track), "done": len(history.done), "changes": _described(changes)}
    _refuse_unreadable(history.track.sha256, _Parts(about, arrays))
    stored = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    written = secrets.token_hex(16)
    with atomic_path(path) as part:
        try:
            which = {_WRITTEN: written, _MADE_OF: history.made_of}
            save_file(stored, part, {_KEY: json.dumps(about), **which})
        except safetensors.SafetensorError as error:
            raise InputError(f"{path} cannot be written: {in_words(error)}.") from error
    return replace(history, written=written)


def which_written(path: Path) -> str:
    """Return what tells a file from all others of its track, see `TrackHistory.written`.

    Raises
    ------
    InputError
        If the file is missing, no track, or damaged.
    """
    try:
        _check_size(path)
        with safetensors.safe_open(path, framework="numpy") as handle:
            return str((handle.metadata() or {}).get(_WRITTEN, _UNNAMED))
    except _BadTrackError as error:
        raise unusable(path, str(error)) from error
    except OSError as error:
        raise unusable(path, in_words(error)) from error
    except safetensors.SafetensorError as error:
        raise unusable(path, f"it is damaged: {error}") from error


def read_track(path: Path) -> TrackHistory:
    """Read a track with its history.

    Raises
    ------
    InputError
        If the file is missing, no track, damaged, or of a newer version.
    """
    try:
        _check_size(path)
        with safetensors.safe_open(path, framework="numpy") as handle:
            metadata = handle.metadata() or {}
            about = json.loads(metadata[_KEY])
            if about["version"] != _VERSION:
                raise _BadTrackError(
                    f"version {about['version']}; this faceloop knows {_VERSION}. Update faceloop"
                )
            names = list(handle.keys())
            parts = _Parts(about, {name: handle.get_tensor(name) for name in names})
            return replace(
                _history(parts),
                written=metadata.get(_WRITTEN, _UNNAMED),
                made_of=metadata.get(_MADE_OF, ""),
            )
    except _BadTrackError as error:
        raise unusable(path, str(error)) from error
    except OSError as error:
        raise unusable(path, in_words(error)) from error
    except (safetensors.SafetensorError, InputError, ValueError, RecursionError) as error:
        raise unusable(path, f"it is damaged: {error}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise unusable(path, f"it is damaged: {error!r}") from error


def _refuse_unreadable(sha256: str, parts: _Parts) -> None:
    try:
        _history(parts)
    except (_BadTrackError, InputError, ValueError) as error:
        why = str(error).removesuffix(".")
        raise InputError(
            f"The track of the video {sha256[:12]}… cannot be kept: {why}. Nothing was written."
        ) from error


class _BadTrackError(Exception):
    """What is wrong with a file."""


def unusable(path: Path, why: str) -> InputError:
    """Return what a person is told whose track is unusable."""
    return InputError(
        f"The track {path} cannot be used: {why}. Take it from a backup, or delete it and track "
        "the video again."
    )


def _check_size(path: Path) -> None:
    if not path.is_file():
        raise _BadTrackError("there is no such file")
    size = path.stat().st_size
    with path.open("rb") as file:
        header = int.from_bytes(file.read(8), "little")
    if size > _MOST_BYTES + _MOST_HEADER:
        raise _BadTrackError(f"it has {size:,} bytes, where {_MOST_BYTES:,} is the most")
    if size < 8 or header > min(size - 8, _MOST_HEADER):
        raise _BadTrackError("it is truncated or in another format")


def _about(track: Track) -> dict[str, Any]:
    return {
        "version": _VERSION,
        "sha256": track.sha256,
        "scheme": track.scheme,
        "model": track.model,
        "rate": track.rate,
        "expressions": list(track.expressions),
        "faces": [[face.id, face.name] for face in track.faces],
    }


def _described(changes: Iterable[TrackChange]) -> list[dict[str, Any]]:
    return [
        {
            "said": change.said,
            "created": change.created,
            "models": list(change.models),
            "faces": [[face.id, *face.names] for face in change.faces],
        }
        for change in changes
    ]


def _change_arrays(prefix: str, change: FaceChange) -> dict[str, NDArray[Any]]:
    sides = {"before": change.before, "after": change.after}
    rows = {
        f"{prefix}.{side}.{name}": array
        for side, rows in sides.items()
        for name, array in rows.items()
    }
    return {f"{prefix}.frames": change.frames, **rows}


@dataclass(frozen=True)
class _Parts:
    """What a file holds, taken out with a check of each value."""

    about: dict[str, Any]
    arrays: Arrays

    def text(self, value: object) -> str:
        if not isinstance(value, str):
            raise _BadTrackError(f"expected a text but found {value!r}")
        return value

    def array(self, name: str, dtype: type[Any], frames: int) -> NDArray[Any]:
        array = self.arrays[name]
        if array.dtype != dtype or array.shape[:1] != (frames,):
            raise _BadTrackError(
                f"{name} has type {array.dtype} and shape {array.shape}; expected "
                f"{dtype.__name__} and {frames} rows"
            )
        if array.size and array.max(initial=0) > _LARGEST.get(name.rpartition(".")[2], np.inf):
            raise _BadTrackError(f"{name} has the value {array.max()}, which means nothing")
        return array

    def rows(self, prefix: str, frames: int) -> dict[str, NDArray[Any]]:
        """Arrays of a face in some frames, by the names of its fields."""
        bytes_ = ("kind", "verdict")
        names = ("points", "predicted_error", *bytes_, "head_pose", "expressions")
        return {
            name: self.array(f"{prefix}.{name}", np.uint8 if name in bytes_ else np.float32, frames)
            for name in names
            if f"{prefix}.{name}" in self.arrays or name in names[:4]
        }


def _history(parts: _Parts) -> TrackHistory:
    about, frames = parts.about, len(parts.arrays["times"])
    track = Track(
        parts.text(about["sha256"]),
        parts.text(about["scheme"]),
        parts.text(about["model"]),
        float(about["rate"]),
        parts.array("times", np.float64, frames),
        tuple(
            FaceTrack(int(number), parts.text(name), **parts.rows(f"face.{number}", frames))
            for number, name in about["faces"]
        ),
        tuple(parts.text(name) for name in about["expressions"]),
    )
    changes = tuple(
        _change(parts, number, said, frames) for number, said in enumerate(about["changes"])
    )
    done = int(about["done"])
    if not 0 <= done <= len(changes):
        raise _BadTrackError(f"{done} of {len(changes)} changes cannot be undone")
    _check_rows(track, changes)
    if fault := fault_of(track, changes):
        raise _BadTrackError(fault)
    return TrackHistory(track, changes[:done], changes[done:])


def _check_rows(track: Track, changes: Iterable[TrackChange]) -> None:
    """Refuse changes whose rows fit no face, so that each can be undone."""
    rows = [face.arrays() for face in track.faces]
    rows += [side for c in changes for face in c.faces for side in (face.before, face.after)]
    shapes = {tuple((name, array.shape[1:]) for name, array in row.items()) for row in rows}
    if len(shapes) > 1:
        raise _BadTrackError(f"its faces and changes have different fields: {sorted(shapes)}")


def _change(parts: _Parts, number: int, said: dict[str, Any], frames: int) -> TrackChange:
    before, after = said["models"]
    faces = tuple(
        _face_change(parts, f"change.{number}.{face}", (int(face), was, now), frames)
        for face, was, now in said["faces"]
    )
    models = parts.text(before), parts.text(after)
    return TrackChange(parts.text(said["said"]), parts.text(said["created"]), models, faces)


def _face_change(
    parts: _Parts, prefix: str, face: tuple[int, str | None, str | None], frames: int
) -> FaceChange:
    at = parts.arrays[f"{prefix}.frames"]
    at = parts.array(f"{prefix}.frames", np.int64, len(at))
    if len(at) and not (at.min() >= 0 and at.max() < frames):
        raise _BadTrackError(f"{prefix}.frames has frames outside 0..{frames - 1}")
    number, *names = face
    was, now = (None if name is None else parts.text(name) for name in names)
    sides = [parts.rows(f"{prefix}.{side}", len(at)) for side in ("before", "after")]
    return FaceChange(number, (was, now), at, *sides)
