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
from faceloop_runtime.start_network import describe, frame_of_box, frame_of_points, network_key
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
_LOOKS = 2
"""Looks at each face, each from another place."""
_SHIFT, _LOG_SCALE, _ANGLE = 0.03, 0.07, 6.0
"""Usual error of a detector's box against the crop: shift in sides of the crop, logarithm of the
side, and roll in degrees (one standard deviation)."""
_DETECTED = 40
"""Faces whose boxes say where boxes are ..."""
_GRIDS = np.array([0.1, np.deg2rad(5.0), 0.1, 0.1])
"""... rounded to these: logarithm of the side, roll, and place, in units of the model frame."""


@dataclass(frozen=True, eq=False)
class Looks:
    """How training faces are shown to the start network.

    Parameters
    ----------
    reference : ReferenceFrame
        To which poses of faces are relative.
    crop : Similarity
        From the frame of the network's crop to the model frame, where boxes usually are.
    seed : int
        Of what perturbs it.
    kept : Packs
        What was seen of faces shown like this.
    steps : StepCounter
        May stop the work before each face.
    """

    reference: ReferenceFrame
    crop: Similarity
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
        found = parallel_map(lambda face: _crop_of(face, reference, cache), faces)
        known = np.array([row for row in found if row is not None])
        crop = frame_of_points(reference.shape)
        if 2 * len(known) > len(faces):
            log_side, angle, x, y = np.rint(np.median(known, axis=0) / _GRIDS) * _GRIDS
            crop = Similarity.from_polar(float(np.exp(log_side)), float(angle), float(x), float(y))
        seed = training_set.config.seed
        key = key_of(reference.shape, numbers_of(crop), seed, network_key())
        return cls(reference, crop, seed, Packs(cache, _DESCRIPTIONS, key), steps)

    def descriptions(self, shown: Sequence[FaceVariant]) -> list[Arrays]:
        """Return what some looks at each face found.

        ``features`` (L, F), ``frames`` (L, 4), and ``turns`` (L, 4): yaw, pitch and roll in
        degrees, and how likely it is a face.
        """
        by_name = {one.name: one for one in shown}
        missing = self.kept.missing(list(by_name))
        look = _Look(self.reference, self.crop, self.seed)
        made = self.steps.map(look, [by_name[name].lean() for name in missing])
        self.kept.add(dict(zip(missing, made, strict=True)))
        return self.kept.take([one.name for one in shown])


@dataclass(frozen=True, eq=False)
class _Look:
    """Shows a face to the start network; the parameters are those of `Looks`."""

    reference: ReferenceFrame
    crop: Similarity
    seed: int

    def __call__(self, one: FaceVariant) -> Arrays:
        face = one.face()
        assert face.picture is not None  # noqa: S101 - completed faces have one
        frame = self.reference.pose(one.points()).after(self.crop)
        rng = one.rng(self.seed, 7)
        looks = [describe(face.picture, frame.after(_perturbed(rng))) for _ in range(_LOOKS)]
        return {
            "features": np.stack([look.features for look in looks]),
            "frames": np.array([numbers_of(look.frame) for look in looks]),
            "turns": np.array([(look.yaw, look.pitch, look.roll, look.score) for look in looks]),
        }


def _crop_of(face: CompletedFace, reference: ReferenceFrame, cache: Cache) -> Floats | None:
    """Return side, roll and place of the crop of a face's box, (4,), in the model frame."""
    key = key_of(face.original.key)
    kept = cache.load(_BOXES, key)
    if kept is None:
        kept = {"frame": _frame_of_box_round(face)}
        cache.save(_BOXES, key, kept)
    if not len(kept["frame"]):
        return None
    frame = Similarity(*map(float, kept["frame"]))
    crop = reference.pose(face.original.points).inverse().after(frame)
    return np.array([np.log(crop.scale), crop.angle, crop.tx, crop.ty])


def _frame_of_box_round(face: CompletedFace) -> Floats:
    """Return the frame of the box that holds the middle of the points, (4,), or nothing, (0,)."""
    x, y = np.nanmean(face.original.points, axis=0)
    for box in Detector().detect(face.picture):
        left, top, width, height = box.upright()
        if abs(x - left - width / 2) < 0.6 * width and abs(y - top - height / 2) < 0.8 * height:
            return np.array(numbers_of(frame_of_box(box)))
    return np.zeros(0)


def _perturbed(rng: np.random.Generator) -> Similarity:
    angle, log_scale, x, y = rng.standard_normal(4)
    turn = float(np.deg2rad(_ANGLE * angle))
    return Similarity.from_polar(
        float(np.exp(_LOG_SCALE * log_scale)), turn, _SHIFT * float(x), _SHIFT * float(y)
    )


def numbers_of(pose: Similarity) -> list[float]:
    """Return the fields of a similarity, for arrays."""
    return [pose.a, pose.b, pose.tx, pose.ty]
