"""What a model learns from annotated faces directly: their shapes, and how landmarks look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import TrainingError
from faceloop_datasets.subjects import kind_of

from .components import natural
from .enough import too_few
from .patches import Looking, ScaleTraining, TargetSet, some_by_content
from .prior import sample_prior
from .reference import KnownFace, Reference
from .shape import fit_pdm
from .split import fold_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Scheme
    from faceloop_runtime.pdm import PointDistributionModel

    from .cache import Cache
    from .config import ExpertKind, TrainingConfig
    from .trainingset import TrainingFace
    from .work import Work

FOLDS = 2
INITIALISER_SCALE = 16.0
"""IOD of the crop in which eyes and nose are looked for, in pixels."""


@dataclass(frozen=True, eq=False)
class Groundwork:
    """Some faces, ready to learn from.

    Parameters
    ----------
    scheme : Scheme
        The landmarks.
    config : TrainingConfig
        Settings.
    pdm : PointDistributionModel
        The shapes of all faces, those without a picture included.
    faces : tuple of KnownFace
        Those with a picture.
    folds : tuple of int
        Fold of each one's subject, 0 to ``FOLDS - 1``; none is empty.
    """

    scheme: Scheme
    config: TrainingConfig
    pdm: PointDistributionModel
    faces: tuple[KnownFace, ...]
    folds: tuple[int, ...]

    @classmethod
    def of(
        cls, scheme: Scheme, faces: Sequence[TrainingFace], config: TrainingConfig
    ) -> Groundwork:
        """Learn the shapes, and choose the faces that patch experts can learn from.

        Raises
        ------
        TrainingError
            If there are too few faces.
        """
        pictured = pictured_faces(faces)
        _need_enough([face for face in faces if can_show(face)], len(pictured))
        pdm = _shape_model(scheme, faces, config)
        return cls(
            scheme,
            config,
            pdm,
            tuple(KnownFace.of(pdm, face) for face in pictured),
            tuple(_even_folds(pictured, config.seed)),
        )

    def experts(self, cache: Cache, work: Work) -> list[ScaleTraining]:
        """Gather what the experts of each scale learn from, and last what the initialiser does.

        Steps of ``work``: one a face for each of them.
        """
        mirror = self.config.mirror
        landmarks = TargetSet(
            "landmarks",
            lambda points: points,
            lambda face: face.trains_patches,
            self.scheme.mirror if mirror else None,
        )
        places = TargetSet(
            f"places {sorted(self.scheme.initialisation.items())}",
            self.scheme.initialisation_points,
            self._places_seen,
            (1, 0, 2) if mirror else None,  # the eyes change places
            off_centre=4.0,
        )
        reference = Reference.of(self.pdm)
        jobs = [(self.config.experts, landmarks, scale) for scale in self.config.scales]
        # Eyes and nose are found by correlation filters, whatever the experts are.
        jobs.append(("ridge", places, INITIALISER_SCALE))

        def gathered(job: tuple[ExpertKind, TargetSet, float]) -> ScaleTraining:
            kind, target, scale = job
            looking = Looking(target, reference, self.config.channels, scale, self.config.seed)
            return ScaleTraining(kind, looking, self.faces, self.folds, cache, work.tick)

        return work.map(gathered, jobs)

    def _places_seen(self, face: TrainingFace) -> NDArray[np.bool_]:
        keys = ("left_eye", "right_eye", "nose")
        return np.array(
            [face.trains_patches[list(self.scheme.initialisation[k])].any() for k in keys]
        )


@dataclass(frozen=True, eq=False)
class View:
    """A face, as it is or in a mirror.

    Parameters
    ----------
    known : KnownFace
        The face.
    fold : int
        Its subject's.
    mirror : tuple of int or None
        The scheme's map of points, if it is in a mirror.
    """

    known: KnownFace
    fold: int
    mirror: tuple[int, ...] | None

    @property
    def name(self) -> str:
        """The same for the same content only."""
        return f"{self.known.key}-{'turned' if self.mirror else 'as-is'}"

    def face(self) -> TrainingFace:
        """Return what is looked at."""
        face = self.known.face
        return face.mirrored(self.mirror) if self.mirror else face

    def points(self) -> NDArray[np.float64]:
        """Return where its points are, (N, 2); NaN where unknown."""
        face = self.known.face
        return face.mirrored_points(self.mirror) if self.mirror else face.points

    def rng(self, *purpose: int) -> np.random.Generator:
        """Return random numbers of this view's own."""
        return self.known.rng(*purpose, 1 if self.mirror else 0)


def views(ground: Groundwork, most: int) -> list[View]:
    """Return all ways to look at the faces, or at some of them if there are many."""
    mirror = tuple(ground.scheme.mirror)
    ways = (None, mirror) if ground.config.mirror else (None,)
    chosen = some_by_content([known.key for known in ground.faces], most)
    return [View(ground.faces[i], ground.folds[i], way) for way in ways for i in chosen]


def pictured_faces(faces: Sequence[TrainingFace]) -> list[TrainingFace]:
    """Return the faces that patch experts can learn from, each once.

    A copy tells nothing new, and what is learnt from a face is kept under its content: under two
    subjects, in two folds, it would be unknown to neither.
    """
    return list({f.key: f for f in reversed(faces) if can_show(f)}.values())[::-1]


def can_show(face: TrainingFace) -> bool:
    """Whether patch experts can learn from a face."""
    return face.picture is not None and bool(face.trains_patches.any())


def dealt_by_name(faces: Sequence[TrainingFace], seed: int) -> bool:
    """Whether each subject's fold follows from its name, and none is empty."""
    return len({fold_of(f.subject, FOLDS, seed) for f in pictured_faces(faces)}) == FOLDS


def _shape_model(
    scheme: Scheme, faces: Sequence[TrainingFace], config: TrainingConfig
) -> PointDistributionModel:
    points = [f.points for f in faces]
    people = [f.subject for f in faces]
    if config.mirror:
        points += [f.mirrored_points(scheme.mirror) for f in faces]
        people += people
    prior = sample_prior(scheme) if config.prior == "sample" else None
    pdm = fit_pdm(scheme, np.array(points), config.components, people=people, prior=prior)
    return natural(pdm) if config.modes == "natural" else pdm


def _need_enough(faces: Sequence[TrainingFace], different: int) -> None:
    people = sorted({f.subject for f in faces})
    kind = kind_of(f.subject_source for f in faces)
    alone = f"All show {people[0]!r}." if len(people) == 1 else ""
    if lacking := too_few(len(faces), len(people), different, alone, kind=kind):
        raise TrainingError(lacking)


def _even_folds(faces: Sequence[TrainingFace], seed: int) -> list[int]:
    """Deal subjects to folds; never leave a fold empty."""
    folds = [fold_of(f.subject, FOLDS, seed) for f in faces]
    if len(set(folds)) == FOLDS:
        return folds
    order = {s: i % FOLDS for i, s in enumerate(sorted({f.subject for f in faces}))}
    return [order[f.subject] for f in faces]
