"""What a training depends on, as one hash: who trains again on the same gets the same model."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import asdict
from functools import cache, lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING

from faceloop_datasets.face import snapshot_hash
from faceloop_datasets.opencv import opencv_version
from faceloop_datasets.staging import content_hash
from faceloop_runtime.kernels import compiled
from faceloop_runtime.start_network import network_key

from .annotated_shapes import scheme_of_faces
from .reference_snapshot import snapshot_revision
from .split import split_faces

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from faceloop_datasets import Face, Project, Scheme
    from faceloop_trainer.config import TrainingConfig

_LIBRARIES = ("faceloop", "numpy", "scipy", "scikit-learn")


def inputs_of(project: Project, config: TrainingConfig, faces: Sequence[Face] | None = None) -> str:
    """Return the hash of what a training of a project would depend on now.

    Parameters
    ----------
    project : Project
        Where the faces are.
    config : TrainingConfig
        Settings of the training.
    faces : sequence of Face, optional
        The project's, if they are at hand; reading them takes longer than all the rest.
    """
    reference = snapshot_revision(project.changes())
    every = project.faces() if faces is None else faces
    return inputs_hash(project.scheme, every, config, reference)


def training_inputs_of(
    project: Project, config: TrainingConfig, faces: Sequence[Face] | None = None
) -> str:
    """Return the hash of what a model of a project itself would be made from now.

    Faces that are held out only measure it, and are not in it. Neither is the reference snapshot,
    which moves with the history of all faces and changes how well fits are judged a little.

    Parameters are those of `inputs_of`.
    """
    every = project.faces() if faces is None else faces
    training = split_faces(every, config).training
    return training_inputs_hash(scheme_of_faces(project.scheme, every, config), training, config)


def training_inputs_hash(scheme: Scheme, training: Sequence[Face], config: TrainingConfig) -> str:
    """Return the hash of `training_inputs_of`, by the completed scheme and the faces that train."""
    return inputs_hash(scheme, training, config, None)


def inputs_hash(
    scheme: Scheme, faces: Sequence[Face], config: TrainingConfig, reference: int | None
) -> str:
    """Return the hash of everything that a training depends on, as SHA-256 in hexadecimal.

    Two trainings of one project with the same hash make the same model, measured on the same faces.

    Parameters
    ----------
    scheme : Scheme
        The project's.
    faces : sequence of Face
        All its annotated faces, those that will be held out too; a face that was removed is none.
    config : TrainingConfig
        All settings.
    reference : int or None
        Last revision of the reference snapshot (`faceloop_trainer.data.reference_snapshot`).
    """
    # A face whose picture is missing does not train; once the picture is back, it does.
    files = {(face.media_sha256, face.media) for face in faces if face.media is not None}
    sizes = sorted((digest or "", _size(file)) for digest, file in files)
    sources = sorted((face.name, face.subject, face.subject_source) for face in faces)
    parts = (
        scheme.to_toml(),
        snapshot_hash(faces),
        sources,
        sizes,
        sorted(asdict(config).items()),
        reference,
        network_key(),
        list(library_versions().items()),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def changed_since(faces: Sequence[Face], since: datetime) -> dict[Path, bool]:
    """Return the pictures and videos that changed after a time, and whether each was replaced.

    One that was replaced has another content than what was annotated. Only what changed by the
    times of the file system is read: to look at all of a large project would take longer than to
    ask whether anything has changed may.

    Parameters
    ----------
    faces : sequence of Face
        As a project gives them.
    since : datetime
        With its time zone.
    """
    files = {f.media: f.media_sha256 for f in faces if f.media is not None and f.media_sha256}
    changed: dict[Path, bool] = {}
    for file, digest in files.items():
        with suppress(OSError):  # missing: sizes tell
            about = file.stat()
            # What is copied here with its time, or renamed, has changed too; only ctime says so.
            if max(about.st_mtime, about.st_ctime) >= since.timestamp():
                now = hash_until_changed(file, about.st_size, about.st_mtime_ns)
                changed[file] = now != digest
    return changed


@lru_cache(maxsize=4096)
def hash_until_changed(path: Path, size: int, time: int) -> str:  # noqa: ARG001 - of now
    """Return the SHA-256 of a file of this size and time of change in ns; each is read once."""
    return content_hash(path)


def library_versions() -> dict[str, str]:
    """Return the versions of what computes a model: another one may make another model."""
    return {name: _version(name) for name in _LIBRARIES} | {
        # whichever package it came in: the two that differ in windows only compute the same
        "opencv-python": opencv_version(),
        "kernels": "compiled" if compiled() else "numpy",
    }


@cache
def _version(library: str) -> str:
    return version(library)  # a file is read each time


def _size(file: Path) -> int:
    """Return the size of a file in bytes, -1 where there is none that can be looked at."""
    try:
        return file.stat().st_size
    except OSError:
        return -1
