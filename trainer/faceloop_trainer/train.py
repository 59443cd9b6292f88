"""One call from annotations to a face model."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from faceloop_datasets import Project, TrainingError
from faceloop_datasets.face import snapshot_hash
from faceloop_datasets.progress import Monitor
from faceloop_datasets.subjects import kind_of
from faceloop_runtime.model import FaceModel
from faceloop_runtime.model.face_model import START_NETWORK
from faceloop_runtime.start_network import network_key
from faceloop_trainer.crossfit.crossfit import CrossFit
from faceloop_trainer.crossfit.space_training import space_of
from faceloop_trainer.crossfit.training_set import TrainingSet
from faceloop_trainer.data.annotated_shapes import applicable, scheme_of_faces
from faceloop_trainer.data.data_warnings import data_warnings, sample_size_warnings
from faceloop_trainer.data.duplicates import count_distinct, join_duplicate_subjects
from faceloop_trainer.data.expression_labels import label_warning
from faceloop_trainer.data.faces import TrainingFace, load_faces
from faceloop_trainer.data.inputs import inputs_hash, library_versions, training_inputs_hash
from faceloop_trainer.data.reference_snapshot import snapshot_revision
from faceloop_trainer.data.requirements import limit_reason, unmet_requirements
from faceloop_trainer.data.split import fingerprint, picture_fingerprints, split_faces
from faceloop_trainer.data.unusable import Unusable, unusable_text
from faceloop_trainer.detection.training import DetectorTraining
from faceloop_trainer.evaluation.measure import measure
from faceloop_trainer.evaluation.protocol import EvaluationProtocol
from faceloop_trainer.expressions import train_expressions
from faceloop_trainer.pdm.scheme_completion import completed_scheme
from faceloop_trainer.quality.training import QualityTraining

from .cache import Cache
from .config import TrainingConfig
from .parallel import StepCounter, parallel_map, run_both

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from faceloop_datasets import Face, Scheme
    from faceloop_datasets.progress import ProgressLike
    from faceloop_runtime.regressor import ShapeRegressor
    from faceloop_runtime.responses.experts import PatchExperts
    from faceloop_trainer.evaluation.result import Evaluation


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
        Warnings about the faces (`faceloop_trainer.data.data_warnings`), one sentence each.
    inputs : str
        Hash of what it was made from and measured on (`faceloop_trainer.data.inputs`).
    training_inputs : str
        Hash of what it was made from.
    faces, held_out : tuple of TrainingFace
        What it was trained on, and what it was measured on, in the order of ``evaluation``.
    """

    model: FaceModel
    evaluation: Evaluation | None
    unusable: tuple[Unusable, ...]
    warnings: tuple[str, ...] = ()
    inputs: str = ""
    training_inputs: str = ""
    faces: tuple[TrainingFace, ...] = ()
    held_out: tuple[TrainingFace, ...] = ()

    @property
    def report(self) -> dict[str, Any]:
        """Return configuration, counts and metrics, ready for JSON."""
        return self.model.provenance


def train(
    project: Project,
    config: TrainingConfig | None = None,
    *,
    faces: Sequence[Face] | None = None,
    progress: ProgressLike = None,
) -> TrainingResult:
    """Train a face model on a project's annotations.

    Within `faceloop_datasets.use_scheduler` other processes or computers work on the faces; the
    model is the same.

    Parameters
    ----------
    project : Project
        The newest annotation of every item is used.
    config : TrainingConfig, optional
        Settings; the defaults are the best-measured ones.
    faces : sequence of Face, optional
        The project's (`Project.faces`), if they are at hand.
    progress : Monitor or callable, optional
        Told each step; a monitor may stop the work between steps.

    Returns
    -------
    TrainingResult

    Raises
    ------
    TrainingError
        If there are too few faces.
    WorkersLost
        If other processes or computers were lost; the next training goes on from what is cached.
    Cancelled
        If the monitor stopped it; nothing has been written.
    """
    config, monitor = config or TrainingConfig(), Monitor.of(progress)
    cache = Cache(project.cache)
    every = project.faces() if faces is None else faces
    revision = snapshot_revision(project.changes())
    inputs = inputs_hash(project.scheme, every, config, revision)
    annotated = join_duplicate_subjects(every)
    chosen = split_faces(annotated, config)
    scheme = scheme_of_faces(project.scheme, every, config)
    loaded, unusable = load_faces(
        scheme,
        [*chosen.training, *chosen.held_out],
        config.scales[-1],
        seed=config.seed,
        cache=cache,
        progress=progress,
    )
    held = {f.subject_key for f in chosen.held_out}
    training = [f for f in loaded if f.subject not in held]
    snapshot = _snapshot_faces(
        project, scheme, annotated, training, held, config, cache, monitor.quiet(), revision
    )
    warnings = (*unusable_text(unusable), *data_warnings(every, scheme))
    reasons = " ".join(filter(None, (*warnings, limit_reason(config.limit))))
    warnings = (*warnings, *_sample_size(annotated, training, held, reasons))
    model = train_faces(scheme, training, config, snapshot=snapshot, cache=cache, progress=progress)
    cache.tidy()
    trained = {face.item_id for face in training if face.item_id is not None}
    said = label_warning(annotated, trained, model.expression_names)
    warnings = (*warnings, *_not_in_space(model), *([said] if said else []))
    testing = [f for f in loaded if f.subject in held and f.measures]
    evaluation = None
    if testing:
        protocol = EvaluationProtocol(seed=config.seed)
        evaluation = measure(model, testing, len(testing), protocol, cache=cache, progress=progress)
    provenance = {
        **model.provenance,
        **_training_fingerprints(model, every, annotated),
        "snapshot": snapshot_hash(chosen.training),
        "unusable": len(unusable),
        "metrics": evaluation.metrics() if evaluation else {},
    }
    return TrainingResult(
        model=replace(model, provenance=provenance),
        evaluation=evaluation,
        unusable=tuple(unusable),
        warnings=warnings,
        inputs=inputs,
        training_inputs=training_inputs_hash(scheme, chosen.training, config),
        faces=tuple(training),
        held_out=tuple(testing),
    )


def _not_in_space(model: FaceModel) -> tuple[str, ...]:
    lacking = model.provenance["shape3d"].get("lacking")
    return () if lacking is None else (f"How heads are turned was not learned: {lacking}",)


def _sample_size(
    annotated: Sequence[Face],
    training: Sequence[TrainingFace],
    held: Collection[str],
    reasons: str,
) -> tuple[str, ...]:
    """Return warnings of few people; refuse to train on too few faces, for known reasons."""
    usable = {face.item_id for face in training if face.trains_experts}
    shown = [face for face in annotated if face.item_id in usable]
    people = len({face.subject for face in shown})
    if lacking := unmet_requirements(len(shown), people, count_distinct(shown), reasons):
        raise TrainingError(lacking)
    return sample_size_warnings(people, len(held))


def _training_fingerprints(
    model: FaceModel, every: Sequence[Face], annotated: Sequence[Face]
) -> dict[str, list[str]]:
    """Return fingerprints of the subjects and pictures that were trained on.

    ``annotated`` are the faces of ``every``, in their order, with one subject for all who share a
    duplicate; such a subject is listed under each of its names.
    """
    seen = set(model.provenance["training_subjects"])
    pairs = zip(every, annotated, strict=True)
    shown = [face for face, joined in pairs if fingerprint(joined.subject_key) in seen]
    names = {fingerprint(face.subject_key) for face in shown}
    return {
        "training_subjects": sorted(seen | names),
        "training_pictures": sorted(picture_fingerprints(shown)),
    }


def _snapshot_faces(  # noqa: PLR0917 - what a training has at hand
    project: Project,
    scheme: Scheme,
    annotated: Sequence[Face],
    current: Sequence[TrainingFace],
    held: Collection[str],
    config: TrainingConfig,
    cache: Cache,
    monitor: Monitor,
    revision: int | None,
) -> list[TrainingFace]:
    """Read the faces of the reference snapshot, without the subjects that are held out."""
    if revision is None:
        return []
    subject_of = {face.item_id: face.subject for face in annotated}
    then = project.faces_as_of(revision, annotated)
    then = [replace(f, subject=subject_of.get(f.item_id, f.subject)) for f in then]
    chosen = split_faces(then, config).training
    wanted = [face for face in chosen if face.subject_key not in held]
    by_revision = {face.revision_id: face for face in current}
    others = [face for face in wanted if face.revision_id not in by_revision]
    read, _ = load_faces(
        scheme, others, config.scales[-1], seed=config.seed, cache=cache, progress=monitor
    )
    by_revision |= {face.revision_id: face for face in read}
    return [by_revision[f.revision_id] for f in wanted if f.revision_id in by_revision]


def train_faces(
    scheme: Scheme,
    faces: Sequence[TrainingFace],
    config: TrainingConfig,
    *,
    snapshot: Sequence[TrainingFace] = (),
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
    snapshot : sequence of TrainingFace
        The faces that are cross-fitted (`faceloop_trainer.data.reference_snapshot`); by default,
        and where they cannot serve, the same.
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
        kept, steps = cache or Cache(None), StepCounter(Monitor.of(progress))
        shapes = np.array([face.points for face in faces])
        scheme = completed_scheme(scheme, shapes, mirror=config.mirror)
        config = applicable(config, scheme, shapes)

        def of_snapshot() -> CrossFit | None:
            same = [id(face) for face in snapshot] == [id(face) for face in faces]
            cross_fits = snapshot and not same
            return CrossFit(scheme, snapshot, config, kept, steps) if cross_fits else None

        current, crossfit = run_both(
            lambda: TrainingSet.of(scheme, faces, config, kept), of_snapshot
        )
        if crossfit is None or not crossfit.applies_to(current):
            crossfit = CrossFit.of(current, faces, kept, steps)
        model = _train(current, crossfit, QualityTraining(crossfit), kept, steps)
    counts = {
        "faces": len(faces),
        "pictured": len(current.faces),
        "subjects": len({face.original.subject for face in current.faces}),
        "subject_kind": kind_of(face.original.subject_source for face in current.faces),
    }
    people = {fingerprint(face.subject) for face in (*faces, *snapshot)}
    provenance = {**counts, "training_subjects": sorted(people), **model.provenance}
    return replace(model, provenance=provenance)


def _train(
    current: TrainingSet,
    crossfit: CrossFit,
    quality: QualityTraining,
    cache: Cache,
    steps: StepCounter,
) -> FaceModel:
    """Go through the stages, in the order in which they need each other."""
    config = current.config
    fitted = [current] if quality.cached else [current, crossfit.training_set]
    experts_steps = (len(config.scales) + 1) * len(current.faces)
    steps.total = experts_steps + crossfit.step_count(current, fitted) + quality.step_count

    def train_experts() -> list[PatchExperts]:
        trainings = current.experts(cache, steps)
        cross_fitted = crossfit.experts(trainings if crossfit.is_of(current) else None)
        pairs = list(zip(trainings, cross_fitted, strict=True))
        return parallel_map(lambda pair: pair[0].experts(pair[1].calibration), pairs)

    def train_corrections() -> ShapeRegressor:
        corrections = crossfit.corrections(current)
        return corrections.whole(quality.models().strength)

    if crossfit.experts_cached and quality.cached:  # then neither waits for the other
        steps.what = "taking in what changed"
        trained, regressor = run_both(train_experts, train_corrections)
    else:
        steps.what = "training patch experts"
        trained = train_experts()
        steps.what = "learning corrections"
        regressor = train_corrections()
    *experts, initialiser = trained
    models = quality.models()
    starts = crossfit.starts_of(current)
    detector, space = run_both(
        lambda: DetectorTraining(crossfit).detector(), lambda: space_of(crossfit)
    )
    expressions = train_expressions(current, crossfit)
    assessed = None if expressions is None else expressions.assessment
    steps.tick(0)  # the last moment at which somebody may stop it
    return FaceModel(
        scheme=current.scheme,
        pdm=current.pdm,
        channels=config.channels,
        experts=tuple(experts),
        regressor=regressor,
        initialiser=initialiser,
        validator=models.validator,
        error_predictor=models.estimators.predictor,
        point_predictor=models.estimators.points,
        error_calibration=models.estimators.calibration,
        start=starts.whole(),
        detector=detector,
        shape3d=space.shape,
        pose_correction=space.correction,
        expressions=None if expressions is None else expressions.classifier,
        expression_names=() if assessed is None else assessed.names,
        provenance={
            "config": asdict(config),
            "regressor_strength": models.strength,
            START_NETWORK: network_key(),
            "shape3d": space.about,
            **({} if assessed is None else {"expressions": assessed.to_dict()}),
            "versions": library_versions(),
        },
    )
