"""dlib's shape predictor (Kazemi & Sullivan, CVPR 2014), trained and measured as ours is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dlib
import numpy as np

from faceloop_trainer.data.perturbation import Jitter, jittered_pose
from faceloop_trainer.evaluation.protocol import EvaluationProtocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import Scheme
    from faceloop_runtime.geometry import Similarity
    from faceloop_runtime.pdm import PointDistributionModel
    from faceloop_trainer.data.faces import TrainingFace

_BOXES = 3
_OVERSAMPLING = 10


class DlibPredictor:
    """Trained on whole pictures and three jittered boxes a face.

    A box is what a start of ours spans: the bounding box of the jittered mean shape. Points
    that are missing are completed by the shape model, for dlib needs all; points that no face
    has measured (estimated by a conversion) are left out.
    """

    def __init__(
        self,
        scheme: Scheme,
        pdm: PointDistributionModel,
        faces: Sequence[TrainingFace],
        seed: int,
        threads: int = 2,
    ) -> None:
        self._scheme, self._pdm = scheme, pdm
        self.kept = np.nonzero(np.any([f.measured for f in faces], axis=0))[0]
        rng = np.random.default_rng((seed, 7))
        examples = [[self._example(f, rng) for _ in range(_BOXES)] for f in faces]
        options = dlib.shape_predictor_training_options()
        options.oversampling_amount = _OVERSAMPLING
        options.num_threads = threads
        options.random_seed = str(seed)
        images = [f.picture for f in faces]
        self.predictor = dlib.train_shape_predictor(images, examples, options)

    def errors(self, faces: Sequence[TrainingFace], seed: int) -> np.ndarray:
        """NME from the very starts that `faceloop_trainer.evaluation.measure.measure` makes."""
        protocol, found = EvaluationProtocol(seed=seed), []
        for face in faces:
            iod = self._scheme.inter_ocular_distance(face.points)
            box = self._box(protocol.jittered(self._pdm, face, iod))
            shape = self.predictor(face.picture, box)
            points = np.array([[p.x, p.y] for p in shape.parts()], dtype=np.float64)
            distance = np.linalg.norm(points - face.points[self.kept], axis=1)
            found.append(np.nanmean(distance[face.measured[self.kept]]) / iod)
        return np.array(found)

    def _box(self, pose: Similarity) -> dlib.rectangle:
        start = pose.apply(self._pdm.mean)
        low, high = start.min(axis=0), start.max(axis=0)
        return dlib.rectangle(*(int(v) for v in (*low, *high)))

    def _example(self, face: TrainingFace, rng: np.random.Generator) -> dlib.full_object_detection:
        iod = self._scheme.inter_ocular_distance(face.points)
        pose = jittered_pose(self._pdm, face.points, iod, Jitter(), rng)
        points = np.rint(self._pdm.complete(face.points)[self.kept]).astype(int)
        return dlib.full_object_detection(
            self._box(pose), [dlib.point(int(x), int(y)) for x, y in points]
        )
