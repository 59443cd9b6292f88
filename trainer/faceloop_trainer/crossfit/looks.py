"""What the start network says of training faces, seen where a detector would have them.

It depends on a face's picture, on its points and on where boxes usually are, which is rounded and
rarely changes; so it is kept in the cache.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.detect.detector import Detector
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.start_network import (
    describe,
    frame_of_box,
    frame_of_points,
    look,
    network_key,
)
from faceloop_trainer.cache import key_of
from faceloop_trainer.data.completion import ReferenceFrame
from faceloop_trainer.data.split import subsample_by_content
from faceloop_trainer.packs import Packs
from faceloop_trainer.parallel import parallel_map

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_trainer.cache import Arrays, Cache
    from faceloop_trainer.data.completion import CompletedFace
    from faceloop_trainer.parallel import StepCounter

    from .training_set import TrainingSet
    from .variants import FaceVariant

    Floats = NDArray[np.float64]

_DESCRIPTIONS, _BOXES = "looks", "boxes"
_DETECTED = 40
"""Faces whose boxes say where boxes are, and where second looks are ..."""
_GRIDS = np.array([0.1, np.deg2rad(5.0), 0.1, 0.1])
"""... rounded to these: logarithm of the side, roll, and place, in units of the model frame, ..."""
_FINE_GRIDS = np.array([0.05, np.deg2rad(2.5), 0.02, 0.02])
"""... or, of second looks, to these; their places are in sides of the crop."""
_BOX_ERROR = np.array([0.07, np.deg2rad(6.0), 0.03, 0.03])
"""Usual error of a detector's box against the crop: logarithm of the side, roll, and shift in sides
of the crop (one standard deviation), ..."""
_LOOK_ERROR = np.array([0.03, np.deg2rad(1.5), 0.012, 0.012])
"""... and that of the frame of a second look against the square round all points (MUCT)."""


@dataclass(frozen=True, eq=False)
class Looks:
    """How training faces are shown to the start network.

    Parameters
    ----------
    reference : ReferenceFrame
        To which poses of faces are relative.
    crop : Similarity
        From the frame of the network's crop to the model frame, where boxes usually are.
    second : Similarity or None
        From the frame of a second look to that of the square round all points, where it usually is;
        None where a detector finds hardly any of the faces.
    seed : int
        Of what perturbs it.
    kept : Packs
        What was seen of faces shown like this.
    steps : StepCounter
        May stop the work before each face.
    """

    reference: ReferenceFrame
    crop: Similarity
    second: Similarity | None
    seed: int
    kept: Packs
    steps: StepCounter

    @classmethod
    def of(cls, training_set: TrainingSet, cache: Cache, steps: StepCounter) -> Looks:
        """Find out where a detector puts its boxes on some of the faces.

        Where it finds less than half of them, they are no faces of people, and the crop is the
        square round all points.
        """
        reference = ReferenceFrame.of(training_set.pdm)
        chosen = subsample_by_content([face.key for face in training_set.faces], _DETECTED)
        faces = [training_set.faces[i] for i in chosen]
        found = parallel_map(lambda face: _crops_of(face, reference, cache), faces)
        known = np.array([rows for rows in found if rows is not None])
        crop, second = frame_of_points(reference.shape), None
        if 2 * len(known) > len(faces):
            crop, second = (
                _frame(np.rint(np.median(rows, axis=0) / grids) * grids)
                for rows, grids in zip(known.swapaxes(0, 1), (_GRIDS, _FINE_GRIDS), strict=True)
            )
        frames = np.array([numbers_of(frame) for frame in (crop, second) if frame is not None])
        return cls.at(reference, frames, training_set.config.seed, cache, steps)

    @classmethod
    def at(
        cls,
        reference: ReferenceFrame,
        frames: Floats,
        seed: int,
        cache: Cache,
        steps: StepCounter,
    ) -> Looks:
        """Return the looks that have these `frames`."""
        crop, *second = (Similarity(*map(float, row)) for row in frames)
        key = key_of(reference.shape, frames.tolist(), seed, network_key())
        kept = Packs(cache, _DESCRIPTIONS, key)
        return cls(reference, crop, second[0] if second else None, seed, kept, steps)

    @property
    def frames(self) -> Floats:
        """Where faces are looked at: ``crop`` and, if there is one, ``second``, (1 or 2, 4)."""
        frames = (self.crop, self.second)
        return np.array([numbers_of(frame) for frame in frames if frame is not None])

    def descriptions(self, shown: Sequence[FaceVariant]) -> list[Arrays]:
        """Return what a look at each face found.

        ``features`` (F,), ``frame`` (4,), and ``turn`` (4,): yaw, pitch and roll in degrees, and
        how likely it is a face.
        """
        by_name = {one.name: one for one in shown}
        missing = self.kept.missing(list(by_name))
        shower = _Look(self.reference, self.crop, self.second, self.seed)
        made = self.steps.map(shower, [by_name[name].lean() for name in missing])
        self.kept.add(dict(zip(missing, made, strict=True)))
        return self.kept.take([one.name for one in shown])


@dataclass(frozen=True, eq=False)
class _Look:
    """Shows a face to the start network; the parameters are those of `Looks`."""

    reference: ReferenceFrame
    crop: Similarity
    second: Similarity | None
    seed: int

    def __call__(self, one: FaceVariant) -> Arrays:
        face = one.face()
        assert face.picture is not None  # noqa: S101 - completed faces have one
        rng, pose = one.rng(self.seed, 7), self.reference.pose(one.points())
        if self.second is None:
            box = pose.after(self.crop)
            found = describe(face.picture, box.after(_perturbation(rng, _BOX_ERROR)))
        else:
            # Where a second look would be is known without a first one, which takes as long.
            square = frame_of_points(one.complete_points(), pose.angle).after(self.second)
            found = look(face.picture, square.after(_perturbation(rng, _LOOK_ERROR)))
        return {
            "features": found.features,
            "frame": np.array(numbers_of(found.frame)),
            "turn": np.array((found.yaw, found.pitch, found.roll, found.score)),
        }


def _crops_of(face: CompletedFace, reference: ReferenceFrame, cache: Cache) -> Floats | None:
    """Return side, roll and place of the crop of a face's box, and of the second look, (2, 4).

    That of the box is in the model frame, that of the second look in the square round the points.
    """
    key = key_of(face.original.key, network_key())
    kept = cache.load(_BOXES, key)
    if kept is None:
        kept = {"frames": _frames_of_box_round(face)}
        cache.save(_BOXES, key, kept)
    if not len(kept["frames"]):
        return None
    box, second = (Similarity(*map(float, frame)) for frame in kept["frames"])
    pose = reference.pose(face.original.points)
    square = frame_of_points(face.points, pose.angle)
    crops = pose.inverse().after(box), square.inverse().after(second)
    return np.array([[np.log(crop.scale), crop.angle, crop.tx, crop.ty] for crop in crops])


def _frames_of_box_round(face: CompletedFace) -> Floats:
    """Return the frames of the box that holds the middle of the points, and of the last look.

    Of shape (2, 4), or empty.
    """
    x, y = np.nanmean(face.original.points, axis=0)
    for box in Detector().detect(face.picture):
        left, top, width, height = box.upright()
        if abs(x - left - width / 2) < 0.6 * width and abs(y - top - height / 2) < 0.8 * height:
            frame = frame_of_box(box)
            last = describe(face.picture, frame).frame
            return np.array([numbers_of(frame), numbers_of(last)])
    return np.zeros((0, 4))


def _perturbation(rng: np.random.Generator, error: Floats) -> Similarity:
    return _frame(rng.standard_normal(4) * error)


def _frame(numbers: Floats) -> Similarity:
    """Return the frame with a logarithm of the side, roll and place."""
    log_side, angle, x, y = map(float, numbers)
    return Similarity.from_polar(float(np.exp(log_side)), angle, x, y)


def numbers_of(pose: Similarity) -> list[float]:
    """Return the fields of a similarity, for arrays."""
    return [pose.a, pose.b, pose.tx, pose.ty]
