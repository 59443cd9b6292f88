"""One call from annotations to a face model."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from faceloop_datasets import Project, TrainingError
from faceloop_datasets.face import snapshot_hash
from faceloop_datasets.files import CACHE
from faceloop_datasets.progress import Monitor
from faceloop_datasets.subjects import kind_of
from faceloop_runtime.model import FaceModel

from .base import base_revision
from .cache import Cache
from .cautions import cautions, few_people
from .config import TrainingConfig
from .copies import as_people, different
from .enough import too_few
from .evaluate import measure
from .groundwork import Groundwork, View, can_show, views
from .rehearsal import Rehearsal
from .split import choose_faces, fingerprint, picture_prints
from .starts import Jitter
from .trainingset import TrainingFace, Unusable, load_faces
from .work import Work

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Face, Scheme
    from faceloop_datasets.progress import ProgressLike
    from faceloop_runtime.experts import PatchExperts
    from faceloop_runtime.regressor import ShapeRegressor

    from .evaluation import Evaluation


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """A trained model and what is known about it.

    Attributes
    ----------
    model : FaceModel
        The model; its provenance holds the report.
    evaluation : Evaluation or None
        Errors on the subjects that were held out; None if there were none.
    unusable : tuple of Unusable
        Faces that could not be trained on, and why.
    warnings : tuple of str
        What a person should know of the faces (`faceloop_trainer.cautions`), one sentence each.
    """

    model: FaceModel
    evaluation: Evaluation | None
    unusable: tuple[Unusable, ...]
    warnings: tuple[str, ...] = ()

    @property
    def report(self) -> dict[str, Any]:
        """Return configuration, counts and metrics, ready for JSON."""
        return self.model.provenance


def train(
    project: Project,
    config: TrainingConfig | None = None,
    *,
    progress: ProgressLike = None,
) -> TrainingResult:
    """Train a face model on a project's annotations.

    Parameters
    ----------
    project : Project
        The newest annotation of every item is used.
    config : TrainingConfig, optional
        Settings; the defaults are the best-measured ones.
    progress : Monitor or callable, optional
        Told each step; a monitor may stop the work between steps.

    Returns
    -------
    TrainingResult

    Raises
    ------
    TrainingError
        If there are too few faces.
    Cancelled
        If the monitor stopped it; nothing has been written.
    """
    config, monitor = config or TrainingConfig(), Monitor.of(progress)
    cache = Cache(project.path / CACHE)
    known = project.faces()
    annotated = as_people(known)
    chosen = choose_faces(annotated, config)
    faces, unusable = load_faces(
        project.scheme,
        [*chosen.training, *chosen.held_out],
        config.scales[-1],
        seed=config.seed,
        cache=cache,
        progress=progress,
    )
    held = {f.subject or f.name for f in chosen.held_out}
    training = [f for f in faces if f.subject not in held]
    revision = base_revision(project.changes())
    person = {face.item_id: face.subject for face in annotated}
    then = [] if revision is None else project.faces_as_of(revision, annotated)
    then = [replace(f, subject=person.get(f.item_id, f.subject)) for f in then]
    base = _base(project.scheme, then, training, held, config, cache, monitor.quiet())
    warnings = (*_left_out(unusable), *cautions(known, project.scheme))
    usable = {face.item_id for face in training if can_show(face)}
    shown = [face for face in annotated if face.item_id in usable]
    people = len({face.subject for face in shown})
    if lacking := too_few(len(shown), people, different(shown), " ".join(warnings)):
        raise TrainingError(lacking)
    warnings = (*warnings, *few_people(people, len(held)))
    model = train_faces(project.scheme, training, config, base=base, cache=cache, progress=progress)
    cache.tidy()
    testing = [f for f in faces if f.subject in held and f.picture is not None]
    evaluation = (
        measure(model, testing, len(testing), seed=config.seed, progress=progress)
        if testing
        else None
    )
    seen = set(model.provenance["training_subjects"])
    shown = [face for face in known if fingerprint(person[face.item_id] or face.name) in seen]
    names = {fingerprint(face.subject or face.name) for face in shown}
    provenance = {
        **model.provenance,
        "training_subjects": sorted(seen | names),
        "training_pictures": sorted(picture_prints(shown)),
        "snapshot": snapshot_hash(chosen.training),
        "unusable": len(unusable),
        "metrics": evaluation.metrics() if evaluation else {},
    }
    return TrainingResult(
        replace(model, provenance=provenance), evaluation, tuple(unusable), warnings
    )


def _left_out(unusable: Sequence[Unusable]) -> list[str]:
    if not unusable:
        return []
    name, reason = unusable[0].name, unusable[0].reason
    first = reason if name in reason else f"{name}: {reason}"
    what = "1 face cannot" if len(unusable) == 1 else f"{len(unusable)} faces cannot"
    return [f"{what} be trained on. {'The first: ' if len(unusable) > 1 else ''}{first}"]


def _base(  # noqa: PLR0917 - as `train`
    scheme: Scheme,
    then: Sequence[Face],
    today: Sequence[TrainingFace],
    held: Collection[str],
    config: TrainingConfig,
    cache: Cache,
    monitor: Monitor,
) -> list[TrainingFace]:
    """Read the faces of the project's base, without anybody who measures the model today."""
    chosen = choose_faces(then, config).training
    wanted = [face for face in chosen if (face.subject or face.name) not in held]
    known = {face.revision_id: face for face in today}
    others = [face for face in wanted if face.revision_id not in known]
    read, _ = load_faces(
        scheme, others, config.scales[-1], seed=config.seed, cache=cache, progress=monitor
    )
    known |= {face.revision_id: face for face in read}
    return [known[face.revision_id] for face in wanted if face.revision_id in known]


def train_faces(
    scheme: Scheme,
    faces: Sequence[TrainingFace],
    config: TrainingConfig,
    *,
    base: Sequence[TrainingFace] = (),
    cache: Cache | None = None,
    progress: ProgressLike = None,
) -> FaceModel:
    """Train on faces that have been read already; all of them are used.

    Parameters
    ----------
    scheme : Scheme
        The landmarks.
    faces : sequence of TrainingFace
        From `load_faces`.
    base : sequence of TrainingFace
        The faces that the training rehearses on (`faceloop_trainer.base`); by default, and
        where they cannot serve, the same.
    cache : Cache, optional
        What earlier trainings kept; the model is the same with and without.
    config, progress
        As in `train`.

    Raises
    ------
    TrainingError
        If there are too few faces.
    Cancelled
        If the monitor stopped it.
    """
    with threadpool_limits(1, "blas"):
        kept, work = cache or Cache(None), Work(Monitor.of(progress))

        def look_back() -> Rehearsal | None:
            same = [id(face) for face in base] == [id(face) for face in faces]
            return Rehearsal(scheme, base, config, kept, work) if base and not same else None

        today, rehearsal = work.at_once(lambda: Groundwork.of(scheme, faces, config), look_back)
        if rehearsal is None or not rehearsal.serves(today):
            rehearsal = Rehearsal.on(today, faces, kept, work)
        model = _train(today, rehearsal, kept, work)
    counts = {
        "faces": len(faces),
        "pictured": len(today.faces),
        "subjects": len({known.face.subject for known in today.faces}),
        "subject_kind": kind_of(known.face.subject_source for known in today.faces),
    }
    people = {fingerprint(face.subject) for face in (*faces, *base)}
    provenance = {**counts, "training_subjects": sorted(people), **model.provenance}
    return replace(model, provenance=provenance)


def _train(today: Groundwork, rehearsal: Rehearsal, cache: Cache, work: Work) -> FaceModel:
    """Go through the stages, in the order in which they need each other."""
    config = today.config
    work.total = (len(config.scales) + 1) * len(today.faces) + rehearsal.steps(today)

    def train_experts() -> list[PatchExperts]:
        trainings = today.experts(cache, work)
        folded = rehearsal.experts(trainings if rehearsal.is_on(today) else None)
        pairs = list(zip(trainings, folded, strict=True))
        return work.map(lambda pair: pair[0].whole(pair[1].calibration), pairs)

    def learn_corrections() -> ShapeRegressor:
        corrections = rehearsal.corrections(today)
        return corrections.whole(rehearsal.lessons().strength)

    if rehearsal.kept:  # then neither waits for the other
        work.what = "taking in what changed"
        every, regressor = work.at_once(train_experts, learn_corrections)
    else:
        work.what = "training patch experts"
        every = train_experts()
        work.what = "learning corrections"
        regressor = learn_corrections()
    *experts, initialiser = every
    lessons = rehearsal.lessons()
    work.tick(0)  # the last moment at which somebody may stop it
    return FaceModel(
        scheme=today.scheme,
        pdm=today.pdm,
        channels=config.channels,
        experts=tuple(experts),
        regressor=regressor,
        initialiser=initialiser,
        validator=lessons.validator,
        error_predictor=lessons.judges.predictor,
        point_judges=lessons.judges.points,
        error_levels=lessons.judges.levels,
        provenance={
            "config": asdict(config),
            "regressor_strength": lessons.strength,
            "versions": {
                name: version(name)
                for name in ("faceloop", "numpy", "scipy", "scikit-learn", "opencv-python")
            },
        },
    )


def cross_fit(
    scheme: Scheme,
    faces: Sequence[TrainingFace],
    config: TrainingConfig,
    *,
    progress: ProgressLike = None,
) -> list[NDArray[np.float64]]:
    """Fit each face by patch experts that were trained on other people only.

    Parameters
    ----------
    scheme : Scheme
        The landmarks.
    faces : sequence of TrainingFace
        From `load_faces`, all with pictures.
    config, progress
        As in `train`; faces are not mirrored.

    Returns
    -------
    list of ndarray, shape (N, 2)
        Fitted points in pixels of each face's picture. The searches start near the annotation
        and end where the experts see the face.

    Raises
    ------
    TrainingError
        If there are too few faces.
    Cancelled
        If the monitor stopped it.
    """
    with threadpool_limits(1, "blas"):
        ground = Groundwork.of(scheme, faces, replace(config, mirror=False))
        work = Work(Monitor.of(progress))
        rehearsal = Rehearsal.on(ground, faces, Cache(None), work)
        scales = len(config.scales) + 1
        work.total = (scales + 1) * len(faces) + rehearsal.expert_steps(ground)
        work.what = "training patch experts"
        rehearsal.experts()
        work.what = "fitting each face by the others"

        def found(view: View) -> NDArray[np.float64]:
            run = rehearsal.search(view, Jitter().times(0.5))
            work.tick()
            return np.asarray(run.pose.apply(ground.pdm.shape(run.b)))

        looked_at = views(ground, len(faces))
        keys = [view.known.face.key for view in looked_at]
        fitted = dict(zip(keys, work.map(found, looked_at), strict=True))
        return [fitted[face.key] for face in faces]  # a copy is fitted once
