"""One call from annotations to a face model."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from faceloop_datasets import Project, TrainingError
from faceloop_datasets.face import snapshot_hash
from faceloop_datasets.files import CACHE
from faceloop_datasets.images import read_image
from faceloop_datasets.progress import step
from faceloop_datasets.sample import sample_negatives
from faceloop_runtime.backends.cpu import CpuResponses
from faceloop_runtime.fitter import FROM_START, FitRun
from faceloop_runtime.meanshift import as_complex
from faceloop_runtime.model import FaceModel
from faceloop_runtime.regressor import ShapeRegressor
from faceloop_runtime.validator import ErrorPredictor, FaceValidator

from .cache import Cache
from .components import natural
from .config import TrainingConfig
from .covering import covered
from .evaluate import measure
from .judges import JudgedFit, train_judges, train_validator, typical_cells
from .negatives import misplaced, not_faces
from .patches import CALIBRATION_FACES, FoldedExperts, Looking, TargetSet, train_scale
from .prior import sample_prior
from .reference import KnownFace, Reference
from .regression import Regressors, train_regressors
from .shape import fit_pdm
from .split import choose_faces, fingerprint, fold_of
from .starts import Jitter, jittered_pose
from .trainingset import TrainingFace, Unusable, load_faces

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Scheme
    from faceloop_datasets.progress import CancelCheck, ProgressCallback
    from faceloop_runtime.experts import PatchExperts
    from faceloop_runtime.geometry import Similarity
    from faceloop_runtime.pdm import PointDistributionModel

    from .config import ExpertKind
    from .evaluation import Evaluation

    Rows = NDArray[np.float32]

FOLDS = 2
INITIALISER_SCALE = 16.0
"""IOD of the crop in which eyes and nose are looked for, in pixels."""
FEWEST_FACES, FEWEST_PEOPLE = 10, 2
"""Fewer cannot be trained on."""
_LOST = 0.15
"""Searches that end this far off teach the regressor nothing."""
_PLACED = 0.05
"""Searches that end this close show the validator a face in its place."""
_DRIFTED = 0.10
"""Fits that end further off show it a face out of its place."""
_T = TypeVar("_T")
_R = TypeVar("_R")


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
    """

    model: FaceModel
    evaluation: Evaluation | None
    unusable: tuple[Unusable, ...]

    @property
    def report(self) -> dict[str, Any]:
        """Return configuration, counts and metrics, ready for JSON."""
        return self.model.provenance


def train(
    project: Project,
    config: TrainingConfig | None = None,
    *,
    progress: ProgressCallback | None = None,
    cancel: CancelCheck | None = None,
) -> TrainingResult:
    """Train a face model on a project's annotations.

    Parameters
    ----------
    project : Project
        The newest annotation of every item is used.
    config : TrainingConfig, optional
        Settings; the defaults are the best-measured ones.
    progress : callable, optional
        Told `Progress` as the work goes on.
    cancel : callable, optional
        Asked now and then; when it returns True the training stops.

    Returns
    -------
    TrainingResult

    Raises
    ------
    TrainingError
        If there are too few faces.
    Cancelled
        If ``cancel`` said so; nothing has been written.
    """
    config = config or TrainingConfig()
    cache = Cache(project.path / CACHE)
    chosen = choose_faces(project.faces(), config)
    scale = config.scales[-1]
    faces, unusable = load_faces(
        project.scheme,
        [*chosen.training, *chosen.held_out],
        scale,
        seed=config.seed,
        cache=cache,
        progress=progress,
        cancel=cancel,
    )
    held = {f.subject or f.name for f in chosen.held_out}
    training = [f for f in faces if f.subject not in held]
    model = train_faces(
        project.scheme, training, config, cache=cache, progress=progress, cancel=cancel
    )
    cache.tidy()
    testing = [f for f in faces if f.subject in held and f.picture is not None]
    evaluation = (
        measure(model, testing, len(testing), seed=config.seed, progress=progress, cancel=cancel)
        if testing
        else None
    )
    provenance = {
        **model.provenance,
        "snapshot": snapshot_hash(chosen.training),
        "unusable": len(unusable),
        "metrics": evaluation.metrics() if evaluation else {},
    }
    return TrainingResult(replace(model, provenance=provenance), evaluation, tuple(unusable))


def train_faces(
    scheme: Scheme,
    faces: Sequence[TrainingFace],
    config: TrainingConfig,
    *,
    cache: Cache | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelCheck | None = None,
) -> FaceModel:
    """Train on faces that have been read already; all of them are used.

    Parameters
    ----------
    scheme : Scheme
        The landmarks.
    faces : sequence of TrainingFace
        From `load_faces`.
    cache : Cache, optional
        What earlier trainings kept; the model is the same with and without.
    config, progress, cancel
        As in `train`.

    Raises
    ------
    TrainingError
        If there are too few faces.
    Cancelled
        If ``cancel`` said so.
    """
    pictured = [f for f in faces if f.picture is not None and f.trains_patches.any()]
    _need_enough(pictured)
    with threadpool_limits(1, "blas"):
        return _Training(scheme, faces, pictured, config, progress, cancel, cache).run()


def cross_fit(
    scheme: Scheme,
    faces: Sequence[TrainingFace],
    config: TrainingConfig,
    *,
    progress: ProgressCallback | None = None,
    cancel: CancelCheck | None = None,
) -> list[NDArray[np.float64]]:
    """Fit each face by patch experts that were trained on other people only.

    Parameters
    ----------
    scheme : Scheme
        The landmarks.
    faces : sequence of TrainingFace
        From `load_faces`, all with pictures.
    config, progress, cancel
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
        If ``cancel`` said so.
    """
    _need_enough(faces)
    with threadpool_limits(1, "blas"):
        config = replace(config, mirror=False)
        return _Training(scheme, faces, faces, config, progress, cancel).cross_fit()


class _Training:
    """The stages of a training, in the order in which they need each other."""

    def __init__(  # noqa: PLR0917 - what `train_faces` was called with
        self,
        scheme: Scheme,
        faces: Sequence[TrainingFace],
        pictured: Sequence[TrainingFace],
        config: TrainingConfig,
        progress: ProgressCallback | None,
        cancel: CancelCheck | None,
        cache: Cache | None = None,
    ) -> None:
        self.scheme, self.config = scheme, config
        self.cache = cache or Cache(None)
        self.subjects = len({f.subject for f in pictured})
        self.people = sorted(fingerprint(s) for s in {f.subject for f in faces})
        self.counts = {"faces": len(faces), "pictured": len(pictured), "subjects": self.subjects}
        self.all = [*faces, *(f.mirrored(scheme.mirror) for f in faces if config.mirror)]
        self.faces = [f for f in self.all if f.picture is not None and f.trains_patches.any()]
        self.folds = _even_folds(self.faces, config.seed)
        self.originals = len(pictured)
        looks = self.originals + min(self.originals, CALIBRATION_FACES)
        total = (len(config.scales) + 1) * looks + len(self.faces) + len(self._to_judge())
        self._progress, self._cancel, self._lock = progress, cancel, Lock()
        self._done, self._total, self._what = 0, total, "training"
        self._textures = [read_image(path, "gray") for path in sample_negatives()]

    def cross_fit(self) -> list[NDArray[np.float64]]:
        experts, initialiser = self._prepare()
        blank = self._blanks(experts, initialiser)
        self._what = "fitting each face by the others"
        return self._map(lambda i: self._found(blank, i), range(len(self.faces)))

    def run(self) -> FaceModel:
        experts, initialiser = self._prepare()
        blank = self._blanks(experts, initialiser)
        self._what = "learning corrections"
        runs = self._map(lambda i: self._search(blank, i), range(len(self.faces)))
        regressors = self._regressors(runs)
        folded = [replace(blank[f], regressor=regressors.without[f]) for f in range(FOLDS)]
        self._what = "learning to judge fits"
        typical = self._typical(runs)
        plan = self._to_judge()
        judged = self._map(lambda one: self._judge(folded, typical, *one), plan)
        folds = np.array([self.folds[i] for i, _ in plan])
        validators, validator = self._validators(runs, judged, folds)
        judges = train_judges(judged, folds, validators, self.pdm.mean, typical, self.config.seed)
        return FaceModel(
            scheme=self.scheme,
            pdm=self.pdm,
            channels=self.config.channels,
            experts=tuple(scale.whole for scale in experts),
            regressor=regressors.whole,
            initialiser=initialiser,
            validator=validator,
            error_predictor=judges.predictor,
            point_judges=judges.points,
            error_levels=judges.levels,
            provenance={
                **self.counts,
                "training_subjects": self.people,
                "config": asdict(self.config),
                "regressor_strength": regressors.strength,
                "versions": {
                    name: version(name)
                    for name in ("faceloop", "numpy", "scipy", "scikit-learn", "opencv-python")
                },
            },
        )

    def _tick(self, error: float | None = None, count: int = 1) -> None:
        with self._lock:
            self._done += count
            done = min(self._done, self._total)
            step(self._progress, self._cancel, done, self._total, self._what, error=error)

    def _ticks(self, count: int) -> None:
        self._tick(count=count)

    def _map(self, work: Callable[[_T], _R], items: Sequence[_T]) -> list[_R]:
        """Do independent work in threads; the results keep their order."""
        with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
            return list(pool.map(work, items))

    def _shape_model(self) -> PointDistributionModel:
        pdm = fit_pdm(
            self.scheme,
            np.array([f.points for f in self.all]),
            self.config.components,
            people=[f.subject for f in self.all],
            prior=sample_prior(self.scheme) if self.config.prior == "sample" else None,
        )
        return natural(pdm) if self.config.modes == "natural" else pdm

    def _experts(self) -> tuple[list[FoldedExperts], PatchExperts]:
        self._what = "training patch experts"
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
        # The largest crops first: the work then ends at about the same time in all threads.
        jobs = [(self.config.experts, landmarks, scale) for scale in self.config.scales[::-1]]
        # Eyes and nose are found by correlation filters, whatever the experts are.
        jobs.append(("ridge", places, INITIALISER_SCALE))
        reference = Reference.of(self.pdm)
        faces = [KnownFace.of(self.pdm, face) for face in self.faces[: self.originals]]
        folds = self.folds[: self.originals]

        def scale_of(job: tuple[ExpertKind, TargetSet, float]) -> FoldedExperts:
            kind, target, scale = job
            families, seed = self.config.channels, self.config.seed
            looking = Looking(target, reference, families, scale, seed)
            return train_scale(kind, looking, faces, folds, self.cache, self._ticks)

        trained = self._map(scale_of, jobs)
        return trained[-2::-1], trained[-1].whole

    def _places_seen(self, face: TrainingFace) -> NDArray[np.bool_]:
        keys = ("left_eye", "right_eye", "nose")
        return np.array(
            [face.trains_patches[list(self.scheme.initialisation[k])].any() for k in keys]
        )

    def _prepare(self) -> tuple[list[FoldedExperts], PatchExperts]:
        """Train the shape model and the experts, and make the experts of each fold usable."""
        self.pdm = self._shape_model()
        experts, initialiser = self._experts()
        self.backends = [
            CpuResponses([scale.without[fold] for scale in experts]) for fold in range(FOLDS)
        ]
        return experts, initialiser

    def _blanks(
        self, experts: Sequence[FoldedExperts], initialiser: PatchExperts
    ) -> list[FaceModel]:
        return [self._blank([s.without[f] for s in experts], initialiser) for f in range(FOLDS)]

    def _blank(self, experts: list[PatchExperts], initialiser: PatchExperts) -> FaceModel:
        """Return a model that can search, but neither correct nor judge yet."""
        none = np.zeros(0, np.float32)
        return FaceModel(
            scheme=self.scheme,
            pdm=self.pdm,
            channels=self.config.channels,
            experts=tuple(experts),
            regressor=ShapeRegressor(none, none),
            initialiser=initialiser,
            validator=FaceValidator(none, 0.0),
            error_predictor=ErrorPredictor.blank(len(self.pdm), len(self.pdm.variances)),
        )

    def _start(
        self, i: int, jitter: Jitter, stage: int
    ) -> tuple[TrainingFace, np.random.Generator, Similarity]:
        face = self.faces[i]
        rng = np.random.default_rng((self.config.seed, stage, i))
        iod = self.scheme.inter_ocular_distance(face.points)
        return face, rng, jittered_pose(self.pdm, face.points, iod, jitter, rng)

    def _found(self, models: Sequence[FaceModel], i: int) -> NDArray[np.float64]:
        face, _, pose = self._start(i, Jitter().times(0.5), 4)
        run = self._searched(models, i, face, pose)
        self._tick()
        return np.asarray(run.pose.apply(self.pdm.shape(run.b)))

    def _searched(
        self, models: Sequence[FaceModel], i: int, face: TrainingFace, pose: Similarity
    ) -> FitRun:
        fold = self.folds[i]
        assert face.picture is not None  # noqa: S101
        run = FitRun(models[fold], self.backends[fold], face.picture, pose, None)
        run.search(FROM_START)
        return run

    def _search(self, models: Sequence[FaceModel], i: int) -> _Searched:
        face, rng, pose = self._start(i, Jitter(), 1)
        fold = self.folds[i]
        run = self._searched(models, i, face, pose)
        error = self._error(face, run.pose.apply(self.pdm.shape(run.b)))
        self._tick(error)
        return _Searched(
            features=run.regression_features(),
            target=_wanted_step(self.pdm, run, face.points),
            whole_face=run.whole_face,
            misplaced=misplaced(models[fold], face, rng),
            error=error,
        )

    def _to_judge(self) -> list[tuple[int, bool]]:
        """Faces, each as it is and every second one covered too."""
        every = range(len(self.faces))
        return [*((i, False) for i in every), *((i, True) for i in every[::2])]

    def _typical(self, runs: Sequence[_Searched]) -> Rows:
        placed = [run for run in runs if run.error < _PLACED] or runs
        rest = len(self.pdm.variances) + len(runs[0].whole_face)
        return typical_cells(
            np.array([run.features[:-rest].reshape(len(self.pdm), -1) for run in placed])
        )

    def _judge(self, models: Sequence[FaceModel], typical: Rows, i: int, cover: bool) -> JudgedFit:
        rng = np.random.default_rng((self.config.seed, 5 if cover else 3, i))
        # A covered face is not looked for from far off too.
        reach = float(rng.uniform(0.0, 1.5) if cover else rng.uniform(0.5, 3.0))
        face, _, pose = self._start(i, Jitter().times(reach), 6 if cover else 2)
        hidden = face.measured & ~face.trains_patches
        if cover:
            assert face.picture is not None  # noqa: S101
            iod = self.scheme.inter_ocular_distance(face.points)
            picture, under = covered(face.picture, face.points, iod, self._textures, rng)
            face, hidden = replace(face, picture=picture), hidden | under
        run = self._searched(models, i, face, pose)
        run.correct()
        points = run.pose.apply(self.pdm.shape(run.b))
        error = self._error(face, points)
        self._tick(error)
        distance = np.linalg.norm(points - face.points, axis=1)
        distance /= self.scheme.inter_ocular_distance(face.points)
        return JudgedFit(
            signs=run.signs(typical),
            error=error,
            point_errors=np.where(face.measured, distance, np.nan),
            hidden=hidden,
            covered=cover,
        )

    def _error(self, face: TrainingFace, fitted: NDArray[np.float64]) -> float:
        distance = np.linalg.norm(fitted - face.points, axis=1)[face.measured]
        return float(np.nanmean(distance)) / self.scheme.inter_ocular_distance(face.points)

    def _regressors(self, runs: Sequence[_Searched]) -> Regressors:
        kept = [i for i, run in enumerate(runs) if run.error < _LOST]
        if len(kept) < FEWEST_FACES:
            raise TrainingError(
                "The patch experts find hardly any training face again; check the annotations "
                "(are points in the scheme's order?)."
            )
        features = np.array([runs[i].features for i in kept])
        whole, shape = len(runs[0].whole_face), len(self.pdm.variances)
        # Nothing else runs now, and the matrices are large.
        with threadpool_limits(os.cpu_count(), "blas"):
            return train_regressors(
                features,
                np.array([runs[i].target for i in kept]),
                np.array(self.folds)[kept],
                (features.shape[1] - whole - shape, whole, shape),
            )

    def _validators(
        self, runs: Sequence[_Searched], judged: Sequence[JudgedFit], folds: NDArray[np.intp]
    ) -> tuple[list[FaceValidator], FaceValidator]:
        placed = np.array([run.error < _PLACED for run in runs])
        own_folds = np.array(self.folds)
        good = np.array([run.whole_face for run in runs])
        wrong = np.array([run.misplaced for run in runs])
        general, own = not_faces(self.pdm, self.config.channels, self.faces, own_folds)
        far = np.array([not fit.covered and fit.error > _DRIFTED for fit in judged])
        seen = np.array([fit.signs.whole_face for fit in judged])

        def one(fold: int | None) -> FaceValidator:
            keep = own_folds != fold
            others = [wrong[keep].reshape(-1, wrong.shape[-1]), general]
            others += [rows for f, rows in enumerate(own) if f != fold]
            faces = good[keep & placed] if (keep & placed).sum() >= FEWEST_FACES else good[keep]
            return train_validator(faces, np.concatenate([*others, seen[far & (folds != fold)]]))

        trained = self._map(one, [None, *range(FOLDS)])
        return trained[1:], trained[0]


def _need_enough(faces: Sequence[TrainingFace]) -> None:
    people = len({f.subject for f in faces})
    if len(faces) < FEWEST_FACES or people < FEWEST_PEOPLE:
        raise TrainingError(
            f"There are {len(faces)} usable faces of {people} people to train on; "
            f"expected at least {FEWEST_FACES} faces of {FEWEST_PEOPLE} people. "
            "Annotate or import more."
        )


@dataclass(frozen=True, eq=False)
class _Searched:
    """A search by experts that never saw the subject, and what it should have found."""

    features: Rows
    target: NDArray[np.float64]
    whole_face: Rows
    misplaced: Rows
    error: float


def _wanted_step(
    pdm: PointDistributionModel, run: FitRun, truth: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the step of pose and shape that would have brought the search to the truth."""
    base = as_complex(pdm.shape(run.b))
    modes = pdm.components[:, 0::2] + 1j * pdm.components[:, 1::2]
    one = np.ones_like(base)
    tangent = np.concatenate([[base, 1j * base, one, 1j * one], modes])
    missing = as_complex(run.pose.inverse().apply(pdm.complete(truth))) - base
    normal = (tangent.conj() @ tangent.T).real
    return np.asarray(np.linalg.solve(normal, (tangent.conj() @ missing).real))


def _even_folds(faces: Sequence[TrainingFace], seed: int) -> list[int]:
    """Deal subjects to folds; never leave a fold empty."""
    folds = [fold_of(f.subject, FOLDS, seed) for f in faces]
    if len(set(folds)) == FOLDS:
        return folds
    order = {s: i % FOLDS for i, s in enumerate(sorted({f.subject for f in faces}))}
    return [order[f.subject] for f in faces]
