"""Moments of many faces, cached between trainings: only faces that changed are sampled again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.workers import Threads
from faceloop_runtime.imaging.channels import plane_count
from faceloop_runtime.responses.experts import windows
from faceloop_trainer.cache import key_of
from faceloop_trainer.data.completion import CompletedFace
from faceloop_trainer.data.faces import TrainingFace

from .moments import WIDTH, MomentGatherer, Moments

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import NDArray

    from faceloop_trainer.cache import Arrays, Cache
    from faceloop_trainer.parallel import StepCounter

    from .sampling import Sampling

_KIND = "moments"
_FEW = 0.05
"""Share of the faces that may differ from the cached moments: to add them again is less work than
to write twenty megabytes a scale."""
_CHUNK, _MOST_CHUNKS = 32, 256
"""Faces that a worker adds up at once, at least: a sum takes as long to travel as to add one of
them. Of many faces more are added up at once, so that no more than so many sums travel."""


def gather_moments(  # noqa: PLR0917 - what the sum is of, and where it is kept
    sampling: Sampling,
    landmarks: int,
    faces: Sequence[CompletedFace],
    fold: int,
    cache: Cache,
    steps: StepCounter,
) -> Moments:
    """Return the moments of some faces, from the cached ones if most faces are the same.

    Sums are exact, so they are the same whatever was cached.

    Parameters
    ----------
    sampling : Sampling
        How faces are sampled.
    landmarks : int
        How many places the experts locate.
    faces : sequence of CompletedFace
        Faces of one fold.
    fold : int
        Its number.
    cache : Cache
        Where moments are kept.
    steps : StepCounter
        Counts the faces that are in the sum, and has many of them sampled by its workers.
    """
    planes = plane_count(sampling.families)
    key = key_of(fold, landmarks, *sampling.identity(), sampling.choice)
    cached = _CachedMoments.read(cache, key)
    change = None if cached is None else cached.change(cache, faces)
    if cached is None or change is None:
        gatherer, come = MomentGatherer(landmarks, planes), list(faces)
        gone: list[CompletedFace] = []
    else:
        come, gone = change
        gatherer = MomentGatherer(landmarks, planes, cached.moments)
    steps.tick(len(faces) - len(come))
    for face in gone:
        _add(gatherer, sampling, face, -1)
    if isinstance(steps.workers, Threads) or len(come) <= _CHUNK:
        for face in come:
            _add(gatherer, sampling, face)
            steps.tick()
        sums = gatherer.sums
    else:
        sums = gatherer.sums + _gathered(sampling, landmarks, come, steps)
    if cached is None or len(come) + len(gone) > _FEW * len(faces):
        cache.save(_KIND, key, _to_arrays(sums, faces))
    return sums


def _add(gatherer: MomentGatherer, sampling: Sampling, face: CompletedFace, times: int = 1) -> None:
    sample = sampling.sample(face)
    cut = windows(sample.channels.planes, sample.centres, WIDTH)
    gatherer.add(cut, sample.offsets, sample.use, times)


def _gathered(
    sampling: Sampling, landmarks: int, faces: Sequence[CompletedFace], steps: StepCounter
) -> Moments:
    """Return the moments of many faces, gathered by workers, each of which has its pictures."""
    size = max(_CHUNK, -(-len(faces) // _MOST_CHUNKS))
    chunks = [faces[first : first + size] for first in range(0, len(faces), size)]
    return steps.map_sum(
        _Gathering(sampling, landmarks),
        [tuple(face.lean() for face in chunk) for chunk in chunks],
        done=lambda number: steps.tick(len(chunks[number])),
    )


@dataclass(frozen=True, eq=False)
class _Gathering:
    """Gathers the moments of some faces, away from here."""

    sampling: Sampling
    landmarks: int

    def __call__(self, faces: Sequence[CompletedFace]) -> Moments:
        gatherer = MomentGatherer(self.landmarks, plane_count(self.sampling.families))
        for face in faces:
            _add(gatherer, self.sampling, face)
        return gatherer.sums


@dataclass(frozen=True, eq=False)
class _CachedMoments:
    """Moments, and the faces that are in them."""

    moments: Moments
    faces: Arrays

    @classmethod
    def read(cls, cache: Cache, key: str) -> _CachedMoments | None:
        arrays = cache.load(_KIND, key)
        if arrays is None:
            return None
        spectra = arrays["spectra"].copy().view(np.complex128)
        return cls(Moments(spectra, arrays["count"].copy()), arrays)

    def change(
        self, cache: Cache, faces: Sequence[CompletedFace]
    ) -> tuple[list[CompletedFace], list[CompletedFace]] | None:
        """Return faces to add and to take out, or None if to begin anew is less work."""
        here = Counter(row.tobytes().hex() for row in self.faces["keys"])
        more = Counter(face.key for face in faces) - here
        less = here - Counter(face.key for face in faces)
        if more.total() + less.total() >= len(faces):
            return None
        come = []
        for face in faces:
            if more[face.key] > 0:
                more[face.key] -= 1
                come.append(face)
        gone = []
        for number, row in enumerate(self.faces["keys"]):
            if less[row.tobytes().hex()] > 0:
                less[row.tobytes().hex()] -= 1
                then = self._face(cache, number)
                if then is None:
                    return None
                gone.append(then)
        return come, gone

    def _face(self, cache: Cache, number: int) -> CompletedFace | None:
        """Return a face as it was, if its picture is still there."""
        source = self.faces["sources"][number].tobytes().hex()
        read = cache.load("faces", source)
        if read is None:
            return None
        trains = self.faces["trains"][number]
        face = TrainingFace(
            "", "", read["picture"], self.faces["points"][number], trains, trains, source=source
        )
        completed = CompletedFace(face, self.faces["complete"][number])
        return completed if completed.key == self.faces["keys"][number].tobytes().hex() else None


def _to_arrays(moments: Moments, faces: Sequence[CompletedFace]) -> dict[str, NDArray[Any]]:
    nowhere = "00" * 16
    names = [(face.key, face.original.source or nowhere) for face in faces]
    keys, sources = (
        np.array([np.frombuffer(bytes.fromhex(name), np.uint8) for name in column]).reshape(-1, 16)
        for column in zip(*names, strict=True)
    )
    return {
        "spectra": moments.spectra.view(np.float64),
        "count": moments.count,
        "keys": keys,
        "sources": sources,
        "points": np.array([face.original.points for face in faces]),
        "complete": np.array([face.points for face in faces]),
        "trains": np.array([face.original.trains_patches for face in faces]),
    }
