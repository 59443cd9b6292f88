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
from faceloop_datasets.progress import step
from faceloop_runtime.backends.cpu import CpuResponses
from faceloop_runtime.fitter import FROM_START, FitRun
from faceloop_runtime.model import FaceModel
from faceloop_runtime.regressor import ShapeRegressor
from faceloop_runtime.validator import ErrorPredictor, FaceValidator

from .cache import Cache
from .config import TrainingConfig
from .evaluate import measure
from .judges import train_error_predictor, train_validator
from .negatives import backgrounds, misplaced, not_faces
from .patches import FoldedExperts, Looking, TargetSet, calibration_sample, train_scale
from .reference import KnownFace, Reference
from .regression import Regressors, train_regressors
from .residuals import Looker, Looks, Residuals, mirrored_modes, wanted_step
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

    from .config import ExpertKind
    from .evaluation import Evaluation

    Rows = NDArray[np.float32]

FOLDS = 2
JUDGED = 0
"""The fold whose people are fitted by experts that never saw them."""
INITIALISER_SCALE = 16.0
"""IOD of the crop in which eyes and nose are looked for, in pixels."""
FEWEST_FACES, FEWEST_PEOPLE = 10, 2
"""Fewer cannot be trained on."""
_SEARCHED = 200
"""Faces that are searched for, to learn how searches end and how good fits look."""
_FEWEST_SEARCHES = 40
"""So many at least, also if there are fewer faces."""
_LOST = 0.15
"""Searches that end this far off teach nothing."""
_FOUND = 0.06
"""Searches that end this close have found the face."""
_ROWS, _MOST_LOOKS, _MOST_ROWS = 2200, 3, 6000
"""Looks at faces that the regressor learns from: about so many, so many a face, so many at most."""
_VALIDATED = 300
"""Faces whose surroundings the validator learns from."""
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
        return _Training(scheme, faces, pictured, config, progress, cancel, cache=cache).run()


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
        both = tuple(range(FOLDS))
        return _Training(scheme, faces, faces, config, progress, cancel, both).cross_fit()


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
        judged: tuple[int, ...] = (JUDGED,),
        cache: Cache | None = None,
    ) -> None:
        self.scheme, self.config, self.judged = scheme, config, judged
        self.cache = cache or Cache(None)
        self.mirror = scheme.mirror if config.mirror else None
        subjects = {f.subject for f in pictured}
        self.people = sorted(fingerprint(s) for s in {f.subject for f in faces})
        self.counts = {"faces": len(faces), "pictured": len(pictured), "subjects": len(subjects)}
        everyone = [*faces, *(f.mirrored(scheme.mirror) for f in faces if config.mirror)]
        points = np.array([f.points for f in everyone])
        self.pdm = fit_pdm(scheme, points, config.components)
        self.reference = Reference.of(self.pdm)
        self.faces = [KnownFace.of(self.pdm, f) for f in pictured]
        self.folds = _even_folds(pictured, config.seed)
        self._progress, self._cancel, self._lock = progress, cancel, Lock()
        self._done, self._what = 0, "training"
        calibrated = len(calibration_sample(self.faces, self.folds, judged))
        self._total = (len(config.scales) + 1) * (len(pictured) + calibrated)

    def cross_fit(self) -> list[NDArray[np.float64]]:
        experts, initialiser = self._experts()
        searchers = [self._searcher(experts, initialiser, fold) for fold in self.judged]
        self._what = "fitting each face by the others"
        self._total += len(self.faces)

        def found(i: int) -> NDArray[np.float64]:
            run, _ = searchers[self.folds[i]].search(self.faces[i], Jitter().times(0.5), 4)
            self._tick()
            return np.asarray(run.pose.apply(self.pdm.shape(run.b)))

        return self._map(found, range(len(self.faces)))

    def run(self) -> FaceModel:
        sample = self._sample()
        self._total += 2 * len(sample) + len(self._looked_at())
        experts, initialiser = self._experts()
        self._what = "learning corrections"
        searcher = self._searcher(experts, initialiser, 0)
        runs = self._map(lambda one: self._searched(searcher, *one), sample)
        looks, ends, judged = self._looks(searcher.model, runs)
        regressors = self._regressors(looks, ends, judged)
        self._what = "learning to judge fits"
        validator, without = self._validators(searcher.model, looks, judged)
        judging = replace(searcher.model, regressor=regressors.without, validator=without)
        seen = self._map(lambda one: self._judge(judging, one), runs)
        predictor = train_error_predictor(
            np.array([features for features, _ in seen]),
            np.array([error for _, error in seen]),
            self.config.seed,
        )
        return FaceModel(
            scheme=self.scheme,
            pdm=self.pdm,
            channels=self.config.channels,
            experts=tuple(scale.whole for scale in experts),
            regressor=regressors.whole,
            initialiser=initialiser,
            validator=validator,
            error_predictor=predictor,
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

    def _sample(self) -> list[tuple[KnownFace, int]]:
        """Choose faces of the judged fold, and then their mirror images, by content.

        Few faces are searched for more than once; the numbers say how often they were before.
        """
        own = [k for k, fold in zip(self.faces, self.folds, strict=True) if fold == JUDGED]
        chosen = sorted(own, key=lambda known: known.key)[:_SEARCHED]
        if self.mirror is not None:
            chosen += [known.mirrored(self.mirror) for known in chosen]
        again = -(-_FEWEST_SEARCHES // len(chosen))
        return [(known, n) for n in range(again) for known in chosen[:_SEARCHED]]

    def _looked_at(self) -> list[int]:
        """Choose the faces that the regressor learns from: all, up to a bound, by content."""
        order = sorted(range(len(self.faces)), key=lambda i: self.faces[i].key)
        return order[: _MOST_ROWS // self._sides]

    def _times(self) -> int:
        """Return how often each of these faces is looked at."""
        return min(max(_ROWS // (self._sides * len(self._looked_at())), 1), _MOST_LOOKS)

    @property
    def _sides(self) -> int:
        """Return how often a face counts: also as its mirror image, or not."""
        return 1 if self.mirror is None else 2

    def _experts(self) -> tuple[list[FoldedExperts], PatchExperts]:
        self._what = "training patch experts"
        landmarks = TargetSet(
            "landmarks", lambda points: points, lambda face: face.trains_patches, self.mirror
        )
        places = TargetSet(
            f"places {sorted(self.scheme.initialisation.items())}",
            self.scheme.initialisation_points,
            self._places_seen,
            None if self.mirror is None else (1, 0, 2),  # the eyes change places
            off_centre=4.0,
        )
        # The largest crops first: the work then ends at about the same time in all threads.
        jobs = [(self.config.experts, landmarks, scale) for scale in self.config.scales[::-1]]
        # Eyes and nose are found by correlation filters, whatever the experts are.
        jobs.append(("ridge", places, INITIALISER_SCALE))

        def scale_of(job: tuple[ExpertKind, TargetSet, float]) -> FoldedExperts:
            kind, target, scale = job
            families, seed = self.config.channels, self.config.seed
            looking = Looking(target, self.reference, families, scale, seed)
            return train_scale(
                kind, looking, self.faces, self.folds, self.judged, self.cache, self._ticks
            )

        trained = self._map(scale_of, jobs)
        return trained[-2::-1], trained[-1].whole

    def _places_seen(self, face: TrainingFace) -> NDArray[np.bool_]:
        keys = ("left_eye", "right_eye", "nose")
        return np.array(
            [face.trains_patches[list(self.scheme.initialisation[k])].any() for k in keys]
        )

    def _searcher(
        self, experts: Sequence[FoldedExperts], initialiser: PatchExperts, number: int
    ) -> _Searcher:
        """Return what can search, but neither correct nor judge yet."""
        none = np.zeros(0, np.float32)
        model = FaceModel(
            scheme=self.scheme,
            pdm=self.pdm,
            channels=self.config.channels,
            experts=tuple(scale.without[number] for scale in experts),
            regressor=ShapeRegressor(none, none),
            initialiser=initialiser,
            validator=FaceValidator(none, 0.0),
            error_predictor=ErrorPredictor.blank(len(self.pdm), len(self.pdm.variances)),
        )
        return _Searcher(model, CpuResponses(model.experts), self.config.seed)

    def _searched(self, searcher: _Searcher, known: KnownFace, again: int) -> _Searched:
        reach = float(known.rng(self.config.seed, 3, again).uniform(0.5, 3.0))
        run, iod = searcher.search(known, Jitter().times(reach), 1, again)
        error = _error(known, run.pose.apply(self.pdm.shape(run.b)), iod)
        self._tick(error)
        return _Searched(known, run, iod, error)

    def _looks(
        self, model: FaceModel, runs: Sequence[_Searched]
    ) -> tuple[Looks, Looks, NDArray[np.bool_]]:
        """Look at all faces as the searches that found their face would leave them.

        Returns
        -------
        looks, ends : Looks
            These, and the searches themselves.
        judged : ndarray of bool
            Which of ``looks`` are of the judged fold; all of ``ends`` are.
        """
        near = sorted((one for one in runs if one.error < _LOST), key=lambda one: one.error)
        if len(near) < min(FEWEST_FACES, len(runs) // 2):
            raise TrainingError(
                "The patch experts find hardly any training face again; check the annotations "
                "(are points in the scheme's order?)."
            )
        # Poor experts, of few faces: what they usually do is what has to be corrected.
        usual = max(_FOUND, 2 * near[len(near) // 2].error)
        found = [one for n, one in enumerate(near) if one.error < usual or n < FEWEST_FACES]
        ends = Looks(
            np.array([one.run.regression_features() for one in near]),
            np.array([one.run.whole_face for one in near]),
            np.array([wanted_step(self.pdm, o.run.pose, o.run.b, o.known.points) for o in near]),
        )
        modes = None if self.mirror is None else mirrored_modes(self.pdm, self.mirror)
        shapes = np.array([one.run.b for one in found])
        residuals = Residuals.of(self.pdm, ends.steps[: len(found)], shapes, modes)
        looker = Looker(model, residuals, self.mirror)
        chosen = self._looked_at()
        times = self._times()

        def look(i: int) -> Looks:
            seen = looker(self.faces[i], times, self.config.seed)
            self._tick()
            return seen

        looks = self._map(look, chosen)
        judged = np.repeat([self.folds[i] == JUDGED for i in chosen], self._sides * times)
        return Looks.joined(looks), ends, judged

    def _regressors(self, looks: Looks, ends: Looks, judged: NDArray[np.bool_]) -> Regressors:
        looks = Looks.joined([looks, ends])
        judged = np.append(judged, np.ones(len(ends.steps), bool))
        whole, shape = looks.whole.shape[1], len(self.pdm.variances)
        blocks = (looks.features.shape[1] - whole - shape, whole, shape)
        # Nothing else runs now, and the matrices are large.
        with threadpool_limits(os.cpu_count(), "blas"):
            return train_regressors(looks.features, looks.steps, judged, blocks)

    def _validators(
        self, model: FaceModel, looks: Looks, judged: NDArray[np.bool_]
    ) -> tuple[FaceValidator, FaceValidator]:
        """Train on all people, and on those of the other folds only."""
        chosen = sorted(range(len(self.faces)), key=lambda i: self.faces[i].key)[:_VALIDATED]
        seed = self.config.seed

        def wrong(i: int) -> Rows:
            known = self.faces[i]
            rows = misplaced(model, known, known.rng(seed, 6))
            return np.array([*rows, *backgrounds(model, known, known.rng(seed, 7))])

        others = self._map(wrong, chosen)
        general = not_faces(model)
        # One look at each face and its mirror image is enough here.
        times = self._times()
        first = np.arange(len(looks.whole)) % (self._sides * times) < self._sides

        def one(fold: int | None) -> FaceValidator:
            good = looks.whole[first & (~judged if fold is not None else True)]
            parts = [rows for i, rows in zip(chosen, others, strict=True) if self.folds[i] != fold]
            return train_validator(good, np.concatenate([general, *parts]))

        whole, without = self._map(one, [None, JUDGED])
        return whole, without

    def _judge(self, model: FaceModel, one: _Searched) -> tuple[Rows, float]:
        one.run.model = model
        one.run.correct()
        fit = one.run.result()
        error = _error(one.known, fit.points, one.iod)
        self._tick(error)
        return fit.features, error


@dataclass(frozen=True, eq=False)
class _Searcher:
    """A model that can search, by experts that never saw some people."""

    model: FaceModel
    backend: CpuResponses
    seed: int

    def search(
        self, known: KnownFace, jitter: Jitter, stage: int, again: int = 0
    ) -> tuple[FitRun, float]:
        """Search for a face; returns the run and the face's IOD."""
        iod = self.model.scheme.inter_ocular_distance(known.face.points)
        rng = known.rng(self.seed, stage, again)
        pose = jittered_pose(self.model.pdm, known.face.points, iod, jitter, rng)
        run = FitRun(self.model, self.backend, known.picture, pose, None)
        run.search(FROM_START)
        return run, iod


@dataclass(frozen=True, eq=False)
class _Searched:
    """A search by experts that never saw the subject, and how it went."""

    known: KnownFace
    run: FitRun
    iod: float
    error: float


def _error(known: KnownFace, fitted: NDArray[np.float64], iod: float) -> float:
    distance = np.linalg.norm(fitted - known.face.points, axis=1)[known.face.measured]
    return float(np.nanmean(distance)) / iod


def _need_enough(faces: Sequence[TrainingFace]) -> None:
    people = len({f.subject for f in faces})
    if len(faces) < FEWEST_FACES or people < FEWEST_PEOPLE:
        raise TrainingError(
            f"There are {len(faces)} usable faces of {people} people to train on; "
            f"expected at least {FEWEST_FACES} faces of {FEWEST_PEOPLE} people. "
            "Annotate or import more."
        )


def _even_folds(faces: Sequence[TrainingFace], seed: int) -> list[int]:
    """Deal subjects to folds; never leave a fold empty."""
    folds = [fold_of(f.subject, FOLDS, seed) for f in faces]
    if len(set(folds)) == FOLDS:
        return folds
    order = {s: i % FOLDS for i, s in enumerate(sorted({f.subject for f in faces}))}
    return [order[f.subject] for f in faces]
