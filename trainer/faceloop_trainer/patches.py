"""Training the patch experts of one scale, once for everybody and once for each fold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.backends.cpu import CpuResponses
from faceloop_runtime.channels import channel_count, channel_stack, mirrored_channels
from faceloop_runtime.crop import FaceImage
from faceloop_runtime.experts import SEARCH, PatchExperts, windows
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.model import crop_size, face_extent

from .filters import PATCH, classifier_filters, mosse_filters, ridge_filters
from .statistics import RADIUS, MomentGatherer, Moments

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from faceloop_runtime.pdm import PointDistributionModel

    from .config import ExpertKind
    from .trainingset import TrainingFace

    Bools = NDArray[np.bool_]

_TURN, _STRETCH = np.deg2rad(4.0), 0.05
"""How far a crop is from upright and from its scale while fitting (one standard deviation)."""
_OFF_CENTRE = 2.5
"""Search windows are off their landmark by up to this, in pixels of the crop."""
_BESIDE = 8
"""Patches beside the landmark that a classifier sees for one on it."""
_GAINS = np.geomspace(2.0, 120.0, 16)
_CALIBRATION_FACES = 100


def calibration_sample(faces: int) -> range:
    """Return the indices of the faces that gains are calibrated on."""
    return range(0, faces, max(1, faces // _CALIBRATION_FACES))


@dataclass(frozen=True, eq=False)
class View:
    """A face as one scale sees it.

    Parameters
    ----------
    channels : ndarray of float32, shape (C, H, W)
        Channel maps of the crop.
    centres : ndarray of int, shape (N, 2)
        Middles of the search windows, in pixels of the crop.
    offsets : ndarray, shape (N, 2)
        Where the landmarks lie, against the centres.
    use : ndarray of bool, shape (N,)
        Landmarks to learn from.
    """

    channels: NDArray[np.float32]
    centres: NDArray[np.intp]
    offsets: NDArray[np.float64]
    use: Bools


@dataclass(frozen=True, eq=False)
class TargetSet:
    """What a set of experts shall find: all landmarks, or the initialiser's three places.

    Parameters
    ----------
    pdm : PointDistributionModel
        The shape model.
    places : callable
        From complete points (N, 2) to the places to find.
    use : callable
        Which places of a face may be learned from.
    mirror : sequence of int, optional
        Which place each one is the mirror image of; if given, mirrored faces train too.
    off_centre : float
        Search windows are off their place by up to this, in pixels of the crop.
    """

    pdm: PointDistributionModel
    places: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    use: Callable[[TrainingFace], Bools]
    mirror: Sequence[int] | None
    off_centre: float = _OFF_CENTRE


@dataclass(frozen=True, eq=False)
class FoldedExperts:
    """Experts of one scale: of all faces, and for each fold those that never saw it."""

    whole: PatchExperts
    without: tuple[PatchExperts, ...]


def view_face(
    target: TargetSet,
    face: TrainingFace,
    families: Sequence[str],
    scale: float,
    rng: np.random.Generator,
) -> View:
    """Look at a face at one scale, a little off its true pose as a fit would be."""
    assert face.picture is not None  # noqa: S101 - callers pass faces with pictures only
    pdm = target.pdm
    pose = Similarity.between(pdm.mean, face.points)
    angle, stretch = rng.standard_normal(2) * (_TURN, _STRETCH)
    pose = pose.after(Similarity.from_polar(float(np.exp(stretch)), float(angle), 0.0, 0.0))
    size = crop_size(face_extent(pdm), scale, PATCH)
    image = FaceImage(face.picture, pose, face_extent(pdm), scale)
    channels = channel_stack(image.crop(pose, scale, size), families)
    complete = pose.inverse().apply(pdm.complete(face.points))
    points = target.places(complete) * scale + (size - 1) / 2
    off = rng.uniform(-target.off_centre, target.off_centre, points.shape)
    border = max(RADIUS, (SEARCH + PATCH) // 2)
    centres = np.rint(points + off).astype(np.intp).clip(border, size - 1 - border)
    offsets = points - centres
    seen = np.abs(offsets).max(axis=1) <= SEARCH // 2
    return View(channels, centres, offsets, target.use(face) & seen)


def train_scale(  # noqa: PLR0917 - the settings of a stage
    kind: ExpertKind,
    target: TargetSet,
    faces: Sequence[TrainingFace],
    folds: Sequence[int],
    families: Sequence[str],
    scale: float,
    seed: int,
    tick: Callable[[], None],
) -> FoldedExperts:
    """Train the experts of one scale.

    Parameters
    ----------
    kind : {"ridge", "mosse", "svm", "logistic"}
        How filters are trained.
    target : TargetSet
        What they shall find.
    faces : sequence of TrainingFace
        All with pictures.
    folds : sequence of int
        Fold of each face's subject.
    families : sequence of str
        Channel families.
    scale : float
        IOD of the crop, in pixels.
    seed : int
        Seed of poses and offsets.
    tick : callable
        Called once a face looked at; may raise to stop.
    """
    rng = np.random.default_rng((seed, round(scale * 100)))
    count = max(folds) + 1
    mirror = (
        None if target.mirror is None else _Mirror(list(target.mirror), mirrored_channels(families))
    )
    size = (len(target.use(faces[0])), channel_count(families))
    learner = _learner(kind, size, count, mirror, seed)
    for face, fold in zip(faces, folds, strict=True):
        learner.add(view_face(target, face, families, scale, rng), fold)
        tick()
    whole = learner.solve(None)
    without = [learner.solve(fold) for fold in range(count)]
    sample = calibration_sample(len(faces))
    calibrator = _Calibrator()
    for i in sample:
        view = view_face(target, faces[i], families, scale, rng)
        calibrator.add(without[folds[i]], view)
        tick()
    gain, reliability = calibrator.result()
    return FoldedExperts(
        PatchExperts(scale, *whole, gain, reliability),
        tuple(PatchExperts(scale, *w, gain, reliability) for w in without),
    )


_Filters = tuple["NDArray[np.float32]", "NDArray[np.float32]"]


@dataclass(frozen=True)
class _Mirror:
    landmarks: list[int]
    channels: list[int]


class _MomentLearner:
    """Ridge and MOSSE: everything they need is additive."""

    def __init__(
        self,
        solve: Callable[[Moments], NDArray[np.float32]],
        size: tuple[int, int],
        folds: int,
        mirror: _Mirror | None,
    ) -> None:
        self._solve, self._mirror = solve, mirror
        self._gatherers = [MomentGatherer(*size) for _ in range(folds)]

    def add(self, view: View, fold: int) -> None:
        cut = windows(view.channels, view.centres, 2 * RADIUS + 1)
        self._gatherers[fold].add(cut, view.offsets, view.use)

    def solve(self, without: int | None) -> _Filters:
        used = [g.moments() for f, g in enumerate(self._gatherers) if f != without]
        moments = sum(used[1:], used[0])
        if self._mirror is not None:
            moments += moments.mirrored(self._mirror.landmarks, self._mirror.channels)
        weights = self._solve(moments)
        return weights, np.zeros(len(weights), np.float32)


class _ClassifierLearner:
    """SVM and logistic regression: they need the patches themselves."""

    def __init__(self, kind: ExpertKind, folds: int, mirror: _Mirror | None, seed: int) -> None:
        self._kind, self._seed, self._mirror = kind, seed, mirror
        self._rng = np.random.default_rng(seed)
        self._patches: list[list[NDArray[np.float16]]] = [[] for _ in range(folds)]
        self._use: list[list[Bools]] = [[] for _ in range(folds)]

    def add(self, view: View, fold: int) -> None:
        truth = np.rint(view.centres + view.offsets).astype(np.intp)
        size = view.channels.shape[1]
        beside = self._rng.integers(-6, 7, (_BESIDE, *truth.shape))
        beside += 3 * np.sign(beside) * (np.abs(beside).max(axis=2, keepdims=True) < 2)
        beside[~beside.any(axis=2)] = 4
        places = np.concatenate([truth[None], truth + beside]).clip(
            PATCH // 2, size - 1 - PATCH // 2
        )
        cut = windows(view.channels, places.reshape(-1, 2), PATCH)
        patches = cut.reshape(len(cut), 1 + _BESIDE, len(truth), PATCH, PATCH)
        rows = patches.transpose(2, 1, 0, 3, 4).astype(np.float16)
        self._patches[fold].append(rows)
        self._use[fold].append(view.use)
        if self._mirror is not None:
            turned = rows[self._mirror.landmarks][:, :, self._mirror.channels, :, ::-1]
            self._patches[fold].append(turned)
            self._use[fold].append(view.use[self._mirror.landmarks])

    def solve(self, without: int | None) -> _Filters:
        kept = [f for f in range(len(self._patches)) if f != without]
        patches = [p for f in kept for p in self._patches[f]]
        use = np.array([u for f in kept for u in self._use[f]])
        landmarks = len(patches[0])
        weights = np.zeros((landmarks, *patches[0].shape[2:]), np.float32)
        bias = np.zeros(landmarks, np.float32)
        labels = np.arange(1 + _BESIDE) == 0
        for n in np.nonzero(use.sum(axis=0) >= 2)[0]:
            rows = [p[n] for p, u in zip(patches, use, strict=True) if u[n]]
            weights[n], bias[n] = classifier_filters(
                self._kind, np.concatenate(rows), np.tile(labels, len(rows)), self._seed
            )
        return weights, bias


def _learner(
    kind: ExpertKind, size: tuple[int, int], folds: int, mirror: _Mirror | None, seed: int
) -> _MomentLearner | _ClassifierLearner:
    if kind == "ridge":
        return _MomentLearner(ridge_filters, size, folds, mirror)
    if kind == "mosse":
        return _MomentLearner(mosse_filters, size, folds, mirror)
    return _ClassifierLearner(kind, folds, mirror, seed)


class _Calibrator:
    """Chooses each landmark's gain: how sure its response may be.

    Maximum likelihood of the true place under the softmax of gain x response, on faces the
    filters have not seen.
    """

    def __init__(self) -> None:
        grid = np.arange(SEARCH) - SEARCH // 2
        self._x, self._y = (g.ravel() for g in np.meshgrid(grid, grid))
        self._sum: NDArray[np.float64] | None = None
        self._count: NDArray[np.float64] | None = None

    def add(self, experts: tuple[NDArray[np.float32], NDArray[np.float32]], view: View) -> None:
        weights, bias = experts
        one = np.ones(len(bias), np.float32)
        backend = CpuResponses([PatchExperts(1.0, weights, bias, one, one)])
        flat = backend.responses(0, view.channels, view.centres).reshape(len(bias), -1)
        distance = (self._x - view.offsets[:, :1]) ** 2 + (self._y - view.offsets[:, 1:]) ** 2
        truth = np.exp(-distance)
        truth /= truth.sum(axis=1, keepdims=True) + 1e-12
        z = _GAINS[:, None, None] * (flat - flat.max(axis=1, keepdims=True))
        likelihood = (truth * z).sum(axis=2) - np.log(np.exp(z).sum(axis=2))
        if self._sum is None or self._count is None:
            self._sum, self._count = np.zeros_like(likelihood), np.zeros(len(bias))
        self._sum += likelihood * view.use
        self._count += view.use

    def result(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        assert self._sum is not None  # noqa: S101 - at least one face has been added
        assert self._count is not None  # noqa: S101
        gain = _GAINS[self._sum.argmax(axis=0)].astype(np.float32)
        return gain, (self._count > 0).astype(np.float32)
