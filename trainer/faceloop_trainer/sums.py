"""Moments of many faces, kept between trainings: only faces that changed are looked at again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.imaging.channels import plane_count
from faceloop_runtime.responses.experts import windows

from .cache import key_of
from .reference import KnownFace
from .statistics import WIDTH, MomentGatherer, Moments
from .trainingset import TrainingFace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from .cache import Arrays, Cache
    from .patches import Looking

_KIND = "sums"
_FEW = 0.05
"""Share of the faces that may differ from the kept sums: to add them again is less work than to
write twenty megabytes a scale."""


def gather(  # noqa: PLR0917 - what the sum is of, and where it is kept
    looking: Looking,
    landmarks: int,
    faces: Sequence[KnownFace],
    fold: int,
    cache: Cache,
    tick: Callable[[int], None],
) -> Moments:
    """Return the moments of some faces, from those that were kept if most are the same.

    Sums are exact, so it does not show in them what was kept.

    Parameters
    ----------
    looking : Looking
        How faces are looked at.
    landmarks : int
        How many places are looked at.
    faces : sequence of KnownFace
        Faces of one fold.
    fold : int
        Its number.
    cache : Cache
        Where moments are kept.
    tick : callable
        Told how many faces more are in the sum; may raise to stop.
    """
    planes = plane_count(looking.families)
    key = key_of(fold, landmarks, *looking.identity())
    kept = _Kept.read(cache, key)
    change = None if kept is None else kept.change(cache, faces)
    if kept is None or change is None:
        gatherer, come = MomentGatherer(landmarks, planes), list(faces)
        gone: list[KnownFace] = []
    else:
        come, gone = change
        gatherer = MomentGatherer(landmarks, planes, kept.moments)
    tick(len(faces) - len(come))
    for known, times in [*((k, -1) for k in gone), *((k, 1) for k in come)]:
        view = looking.at(known)
        cut = windows(view.channels.planes, view.centres, WIDTH)
        gatherer.add(cut, view.offsets, view.use, times)
        if times > 0:
            tick(1)
    if kept is None or len(come) + len(gone) > _FEW * len(faces):
        cache.save(_KIND, key, _to_arrays(gatherer.sums, faces))
    return gatherer.sums


@dataclass(frozen=True, eq=False)
class _Kept:
    """Moments, and the faces that are in them."""

    moments: Moments
    faces: Arrays

    @classmethod
    def read(cls, cache: Cache, key: str) -> _Kept | None:
        arrays = cache.load(_KIND, key)
        if arrays is None:
            return None
        spectra = arrays["spectra"].copy().view(np.complex128)
        return cls(Moments(spectra, arrays["count"].copy()), arrays)

    def change(
        self, cache: Cache, faces: Sequence[KnownFace]
    ) -> tuple[list[KnownFace], list[KnownFace]] | None:
        """Return faces to add and to take out, or None if to begin anew is less work."""
        here = Counter(row.tobytes().hex() for row in self.faces["keys"])
        more = Counter(known.key for known in faces) - here
        less = here - Counter(known.key for known in faces)
        if more.total() + less.total() >= len(faces):
            return None
        come = []
        for known in faces:
            if more[known.key] > 0:
                more[known.key] -= 1
                come.append(known)
        gone = []
        for number, row in enumerate(self.faces["keys"]):
            if less[row.tobytes().hex()] > 0:
                less[row.tobytes().hex()] -= 1
                known_then = self._face(cache, number)
                if known_then is None:
                    return None
                gone.append(known_then)
        return come, gone

    def _face(self, cache: Cache, number: int) -> KnownFace | None:
        """Return a face as it was, if its picture is still there."""
        source = self.faces["sources"][number].tobytes().hex()
        read = cache.load("faces", source)
        if read is None:
            return None
        trains = self.faces["trains"][number]
        face = TrainingFace(
            "", "", read["picture"], self.faces["points"][number], trains, trains, source=source
        )
        known = KnownFace(face, self.faces["complete"][number])
        return known if known.key == self.faces["keys"][number].tobytes().hex() else None


def _to_arrays(moments: Moments, faces: Sequence[KnownFace]) -> dict[str, NDArray[Any]]:
    nowhere = "00" * 16
    names = [(known.key, known.face.source or nowhere) for known in faces]
    keys, sources = (
        np.array([np.frombuffer(bytes.fromhex(name), np.uint8) for name in column]).reshape(-1, 16)
        for column in zip(*names, strict=True)
    )
    return {
        "spectra": moments.spectra.view(np.float64),
        "count": moments.count,
        "keys": keys,
        "sources": sources,
        "points": np.array([known.face.points for known in faces]),
        "complete": np.array([known.points for known in faces]),
        "trains": np.array([known.face.trains_patches for known in faces]),
    }
