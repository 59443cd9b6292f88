"""The faces of a training, with their folds and the shape model fitted to them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import TrainingError
from faceloop_datasets.schemes.toml import mirror_image
from faceloop_datasets.subjects import kind_of
from faceloop_trainer.data.completion import CompletedFace, ReferenceFrame
from faceloop_trainer.data.requirements import unmet_requirements
from faceloop_trainer.data.split import fold_of
from faceloop_trainer.experts.sampling import Sampling, Targets
from faceloop_trainer.experts.training import ScaleTraining
from faceloop_trainer.parallel import parallel_map
from faceloop_trainer.pdm.ppca import fit_pdm
from faceloop_trainer.pdm.prior import sample_prior
from faceloop_trainer.pdm.sparse import sparse
from faceloop_trainer.pdm.varimax import varimax

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Scheme
    from faceloop_runtime.pdm import PointDistributionModel
    from faceloop_trainer.cache import Cache
    from faceloop_trainer.config import ExpertKind, ModeKind, TrainingConfig
    from faceloop_trainer.data.faces import TrainingFace
    from faceloop_trainer.parallel import StepCounter

_MODES: dict[ModeKind, Callable[[PointDistributionModel], PointDistributionModel]] = {
    "principal": lambda pdm: pdm,
    "varimax": varimax,
    "sparse": sparse,
}
FOLDS = 2
MOST_SPARSE_POINTS = 50
"""Schemes of no more points are sparse: their points may lie anywhere, and few experts lead nobody
home. A fit sees at least the part of the picture that a whole face takes up."""
_FACE_EXTENT = 1.1
"""Half width of a whole face, in IOD."""
INITIALISER_SCALE = 16.0
"""IOD of the crop in which eyes and nose are looked for, in pixels."""


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Faces that are ready to train on.

    Parameters
    ----------
    scheme : Scheme
        The landmarks.
    config : TrainingConfig
        Settings.
    pdm : PointDistributionModel
        The shapes of all faces, those without a picture included.
    faces : tuple of CompletedFace
        Those with a picture.
    folds : tuple of int
        Fold of each one's subject, 0 to ``FOLDS - 1``; none is empty.
    """

    scheme: Scheme
    config: TrainingConfig
    pdm: PointDistributionModel
    faces: tuple[CompletedFace, ...]
    folds: tuple[int, ...]

    @classmethod
    def of(
        cls,
        scheme: Scheme,
        faces: Sequence[TrainingFace],
        config: TrainingConfig,
        cache: Cache | None = None,
    ) -> TrainingSet:
        """Fit the shape model, and choose the faces that patch experts can be trained on.

        Raises
        ------
        TrainingError
            If there are too few faces.
        """
        pictured = pictured_faces(faces)
        _need_enough([face for face in faces if face.trains_experts], len(pictured))
        pdm = _shape_model(scheme, faces, config, cache)
        return cls(
            scheme,
            config,
            pdm,
            tuple(CompletedFace.of(pdm, face) for face in pictured),
            tuple(_nonempty_folds(pictured, config.seed)),
        )

    def experts(self, cache: Cache, steps: StepCounter) -> list[ScaleTraining]:
        """Sample the faces for the experts of each scale, and last for the initialiser.

        Steps of ``steps``: one a face for each of them.
        """
        config, mirror = self.config, self.config.mirror
        choice = f"limit {config.limit}, holdout {config.holdout}"
        landmarks = Targets(
            "landmarks",
            _all_places,
            _landmarks_seen,
            self.scheme.mirror if mirror else None,
        )
        places = Targets(
            f"places {sorted(self.scheme.initialisation.items())}",
            self.scheme.initialisation_points,
            partial(_places_seen, self.scheme),
            self._mirrored_places() if mirror else None,
            off_centre=4.0,
        )
        reference = ReferenceFrame.of(self.pdm)
        jobs = [(self.config.experts, landmarks, scale) for scale in self.config.scales]
        # Eyes and nose are found by correlation filters, whatever the experts are.
        jobs.append(("ridge", places, INITIALISER_SCALE))

        def sampled(job: tuple[ExpertKind, Targets, float]) -> ScaleTraining:
            kind, target, scale = job
            sampling = Sampling(target, reference, config.channels, scale, config.seed, choice)
            return ScaleTraining(kind, sampling, self.faces, self.folds, cache, steps)

        return parallel_map(sampled, jobs)

    def _mirrored_places(self) -> tuple[int, int, int]:
        """Mirrored, the eyes change places, unless they are their own mirror images."""
        left, right = (set(self.scheme.initialisation[k]) for k in ("left_eye", "right_eye"))
        return (1, 0, 2) if mirror_image(left, self.scheme.mirror) == right else (0, 1, 2)


def _all_places(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return points


def _landmarks_seen(face: TrainingFace) -> NDArray[np.bool_]:
    return face.trains_patches


def _places_seen(scheme: Scheme, face: TrainingFace) -> NDArray[np.bool_]:
    keys = ("left_eye", "right_eye", "nose")
    return np.array([face.trains_patches[list(scheme.initialisation[k])].any() for k in keys])


def pictured_faces(faces: Sequence[TrainingFace]) -> list[TrainingFace]:
    """Return the faces that patch experts can be trained on, each once.

    A copy tells nothing new, and what is computed from a face is cached under its content: under
    two subjects, in two folds, it would be held out of neither.
    """
    return list({f.key: f for f in reversed(faces) if f.trains_experts}.values())[::-1]


def folds_follow_names(faces: Sequence[TrainingFace], seed: int) -> bool:
    """Whether each subject's fold follows from its name, and none is empty."""
    return len({fold_of(f.subject, FOLDS, seed) for f in pictured_faces(faces)}) == FOLDS


def _shape_model(
    scheme: Scheme, faces: Sequence[TrainingFace], config: TrainingConfig, cache: Cache | None
) -> PointDistributionModel:
    points = [f.points for f in faces]
    people = [f.subject for f in faces]
    if config.mirror:
        points += [f.mirrored_points(scheme.mirror) for f in faces]
        people += people
    prior = sample_prior(scheme, cache) if config.prior == "sample" else None
    pdm = fit_pdm(scheme, np.array(points), config.components, people=people, prior=prior)
    if len(scheme) <= MOST_SPARSE_POINTS:
        pdm = replace(pdm, context=_FACE_EXTENT)
    pdm = _MODES[config.modes](pdm)
    # Products with an array that lies otherwise round otherwise, and a cache keeps rows: a training
    # that takes this from one would end in another file.
    return replace(pdm, components=np.ascontiguousarray(pdm.components))


def _need_enough(faces: Sequence[TrainingFace], different: int) -> None:
    people = sorted({f.subject for f in faces})
    kind = kind_of(f.subject_source for f in faces)
    alone = f"All show {people[0]!r}." if len(people) == 1 else ""
    if lacking := unmet_requirements(len(faces), len(people), different, alone, kind=kind):
        raise TrainingError(lacking)


def _nonempty_folds(faces: Sequence[TrainingFace], seed: int) -> list[int]:
    """Assign subjects to folds; never leave a fold empty."""
    folds = [fold_of(f.subject, FOLDS, seed) for f in faces]
    if len(set(folds)) == FOLDS:
        return folds
    order = {s: i % FOLDS for i, s in enumerate(sorted({f.subject for f in faces}))}
    return [order[f.subject] for f in faces]
