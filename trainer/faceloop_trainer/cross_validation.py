"""How good a training is: cross-validation by subject, and error against the number of faces."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from faceloop_datasets import TrainingError
from faceloop_datasets.progress import Monitor
from faceloop_datasets.subjects import kind_of, many
from faceloop_trainer.data.checks import cautions
from faceloop_trainer.data.copies import as_people
from faceloop_trainer.data.faces import TrainingFace, Unusable, load_faces
from faceloop_trainer.data.requirements import FEWEST_FACES, FEWEST_PEOPLE
from faceloop_trainer.data.split import assign_folds, split_faces
from faceloop_trainer.evaluation.measure import measure
from faceloop_trainer.evaluation.result import Evaluation

from .config import TrainingConfig
from .train import train_faces

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from faceloop_datasets import Face, Project, Scheme
    from faceloop_datasets.progress import ProgressLike
    from faceloop_runtime import FaceModel

_FIRST_COUNT = 25


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """Errors on every face, each by a model that was trained without its person.

    Attributes
    ----------
    folds : tuple of Evaluation
        One a part, by the model that was trained on the other parts.
    unusable : tuple of Unusable
        Faces that could not be used, and why.
    """

    folds: tuple[Evaluation, ...]
    unusable: tuple[Unusable, ...]

    @cached_property
    def pooled(self) -> Evaluation:
        """All faces together."""
        return Evaluation.joined(self.folds)


@dataclass(frozen=True, eq=False)
class LearningStep:
    """One training of a learning curve.

    Parameters
    ----------
    count : int
        At most so many faces were asked for.
    faces, people : int
        What was trained on: whole people.
    seed : int
        Chose the people, and made the random choices of the training.
    seconds : float
        What the training took.
    evaluation : Evaluation
        Errors on the people kept aside, the same in each step.
    kind : str
        What the people are: maybe only pictures or clips.
    """

    count: int
    faces: int
    people: int
    seed: int
    seconds: float
    evaluation: Evaluation
    kind: str = "person"


def cross_validate(
    project: Project,
    config: TrainingConfig | None = None,
    folds: int = 5,
    *,
    progress: ProgressLike = None,
) -> CrossValidation:
    """Train as often as there are parts, each time without the people of one, and measure on those.

    Says what the settings and the annotations are worth, also where no one can be kept aside. The
    error is that of models that were trained on fewer faces than there are.

    Parameters
    ----------
    project : Project
        The newest annotation of every item is used.
    config : TrainingConfig, optional
        Settings; ``limit`` and ``holdout`` are not used.
    folds : int
        How many parts, at least two.
    progress : Monitor or callable, optional
        Told each step; a monitor may stop the work between steps.

    Raises
    ------
    TrainingError
        If there are too few people or faces.
    Cancelled
        If the monitor stopped it.
    """
    config = config or TrainingConfig()
    scheme, everyone = project.scheme, as_people(project.faces())
    dealt = assign_folds(everyone, folds, config.seed)
    if folds < 2 or len(dealt) < folds:
        raise TrainingError(
            f"A cross-validation in {folds} parts was asked for; expected 2 or more parts, and at "
            f"least as many {many(_kind(everyone))}: the project {project.name} shows {len(dealt)}."
            + " ".join(["", *cautions(everyone, scheme)])
        )
    faces, unusable = load_faces(
        scheme, everyone, config.scales[-1], seed=config.seed, progress=progress
    )
    trial = _Trial(scheme, config.seed, Monitor.of(progress))
    found = []
    for fold in range(folds):
        held = {subject for subject, own in dealt.items() if own == fold}
        training = [f for f in faces if f.subject not in held]
        testing = _testing(faces, held)
        trial.what = f"part {fold + 1} of {folds}"
        found.append(trial.measured(trial.trained(training, config), testing))
    return CrossValidation(tuple(found), tuple(unusable))


def learning_curve(
    project: Project,
    config: TrainingConfig | None = None,
    counts: Sequence[int] | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    *,
    progress: ProgressLike = None,
) -> list[LearningStep]:
    """Train on more and more faces, and measure each time on the same people kept aside.

    Says whether more annotations would help.

    Parameters
    ----------
    project : Project
        The newest annotation of every item is used.
    config : TrainingConfig, optional
        Settings; ``limit`` and ``seed`` are replaced.
    counts : sequence of int, optional
        Numbers of faces at most, whole people each; 25 and its doubles, and all, by default.
        Those that come to the same people as another, or to too few to train on, are left out.
    seeds : sequence of int
        Each chooses other people.
    progress : Monitor or callable, optional
        Told each step; a monitor may stop the work between steps.

    Returns
    -------
    list of LearningStep
        Fewest faces first.

    Raises
    ------
    TrainingError
        If nobody can be kept aside, or there are too few faces for any of the counts.
    Cancelled
        If the monitor stopped it.
    """
    config = config or TrainingConfig()
    scheme, everyone = project.scheme, as_people(project.faces())
    all_of_them = split_faces(everyone, replace(config, limit=None))
    held = {f.subject or f.name for f in all_of_them.held_out}
    if not held:
        raise TrainingError(
            f"The project {project.name} shows too few {many(_kind(everyone))} to keep some aside "
            "for a learning curve; annotate more people."
        )
    faces, _ = load_faces(scheme, everyone, config.scales[-1], seed=config.seed, progress=progress)
    testing = _testing(faces, held)
    usable = [f for f in faces if f.subject not in held and f.picture is not None]
    plan: dict[frozenset[str], tuple[int, int, list[TrainingFace]]] = {}
    for count in counts or _doubles(len(all_of_them.training)):
        for seed in seeds:
            chosen = split_faces(everyone, replace(config, limit=count, seed=seed)).training
            people = frozenset(f.subject or f.name for f in chosen)
            own = [f for f in usable if f.subject in people]
            if len(own) >= FEWEST_FACES and len(people) >= FEWEST_PEOPLE:
                plan.setdefault(people, (count, seed, own))
    if not plan:
        raise TrainingError(
            f"There are too few faces for a learning curve: whole people with at least "
            f"{FEWEST_FACES} faces in all are needed beside those kept aside."
        )
    trial = _Trial(scheme, config.seed, Monitor.of(progress))
    steps = []
    for done, (people, (count, seed, own)) in enumerate(plan.items(), 1):
        trial.what = f"training {done} of {len(plan)}, {len(own)} faces"
        start = time.perf_counter()
        model = trial.trained(own, replace(config, seed=seed))
        seconds = time.perf_counter() - start
        found = trial.measured(model, testing)
        kind = kind_of(f.subject_source for f in own)
        steps.append(LearningStep(count, len(own), len(people), seed, seconds, found, kind))
    return sorted(steps, key=lambda s: s.faces)


def _doubles(total: int) -> list[int]:
    counts = [_FIRST_COUNT]
    while 2 * counts[-1] < total:
        counts.append(2 * counts[-1])
    return [*(c for c in counts if c < total), total]


def _kind(faces: Sequence[Face]) -> str:
    return kind_of(face.subject_source for face in faces)


def _testing(faces: Sequence[TrainingFace], people: Collection[str]) -> list[TrainingFace]:
    return [f for f in faces if f.subject in people and f.picture is not None and f.measured.any()]


class _Trial:
    """Trains and measures several times; every measurement starts from the same places.

    Attributes
    ----------
    what : str
        Said before each step of the progress.
    """

    def __init__(
        self,
        scheme: Scheme,
        seed: int,
        monitor: Monitor,
    ) -> None:
        self.what = ""
        self._scheme, self._seed = scheme, seed
        self._monitor = monitor

    def trained(self, faces: Sequence[TrainingFace], config: TrainingConfig) -> FaceModel:
        try:
            return train_faces(self._scheme, faces, config, progress=self._part)
        except TrainingError as error:
            raise TrainingError(f"In {self.what}: {error}") from error

    def measured(self, model: FaceModel, faces: Sequence[TrainingFace]) -> Evaluation:
        return measure(model, faces, len(faces), seed=self._seed, progress=self._part)

    @property
    def _part(self) -> Monitor:
        return self._monitor.within(self.what)
