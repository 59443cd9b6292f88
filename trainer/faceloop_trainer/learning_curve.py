"""Learning curves: error against the number of faces."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from faceloop_datasets import TrainingError
from faceloop_datasets.progress import Monitor
from faceloop_datasets.subjects import kind_of, plural
from faceloop_datasets.wording import counted
from faceloop_trainer.data.annotated_shapes import scheme_of_faces
from faceloop_trainer.data.duplicates import join_duplicate_subjects
from faceloop_trainer.data.faces import TrainingFace, load_faces
from faceloop_trainer.data.requirements import MIN_FACES, MIN_PEOPLE
from faceloop_trainer.data.split import split_faces
from faceloop_trainer.evaluation.measure import measure
from faceloop_trainer.evaluation.protocol import EvaluationProtocol
from faceloop_trainer.evaluation.result import Evaluation

from .config import TrainingConfig
from .cross_validation import measurable, train_part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import Project
    from faceloop_datasets.progress import ProgressLike

_FIRST_COUNT = 25


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
    scheme, everyone = project.scheme, join_duplicate_subjects(project.faces())
    all_of_them = split_faces(everyone, replace(config, limit=None))
    held = {f.subject_key for f in all_of_them.held_out}
    if not held:
        kind = kind_of(f.subject_source for f in everyone)
        raise TrainingError(
            f"The project {project.name} shows too few {plural(kind)} to keep some aside "
            "for a learning curve; annotate more people."
        )
    scheme = scheme_of_faces(scheme, everyone, config)
    faces, _ = load_faces(scheme, everyone, config.scales[-1], seed=config.seed, progress=progress)
    testing = measurable(faces, held)
    usable = [f for f in faces if f.subject not in held and f.picture is not None]
    plan: dict[frozenset[str], tuple[int, int, list[TrainingFace]]] = {}
    for count in counts or _doubles(len(all_of_them.training)):
        for seed in seeds:
            chosen = split_faces(everyone, replace(config, limit=count, seed=seed)).training
            people = frozenset(f.subject_key for f in chosen)
            own = [f for f in usable if f.subject in people]
            if len(own) >= MIN_FACES and len(people) >= MIN_PEOPLE:
                plan.setdefault(people, (count, seed, own))
    if not plan:
        raise TrainingError(
            f"There are too few faces for a learning curve: whole people with at least "
            f"{MIN_FACES} faces in all are needed beside those kept aside."
        )
    monitor, protocol = Monitor.of(progress), EvaluationProtocol(seed=config.seed)
    steps = []
    for done, (people, (count, seed, own)) in enumerate(plan.items(), 1):
        part = f"training {done} of {len(plan)}, {counted(len(own), 'face')}"
        start = time.perf_counter()
        model = train_part(scheme, own, replace(config, seed=seed), part, monitor)
        seconds = time.perf_counter() - start
        within = monitor.within(part)
        found = measure(model, testing, len(testing), protocol, progress=within)
        kind = kind_of(f.subject_source for f in own)
        steps.append(LearningStep(count, len(own), len(people), seed, seconds, found, kind))
    return sorted(steps, key=lambda s: s.faces)


def _doubles(total: int) -> list[int]:
    counts = [_FIRST_COUNT]
    while 2 * counts[-1] < total:
        counts.append(2 * counts[-1])
    return [*(c for c in counts if c < total), total]
