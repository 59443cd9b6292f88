"""Training the patch experts of one scale, once for everybody and once for each fold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.geometry import Similarity
from faceloop_runtime.imaging.channels import CropChannels, mirrored_channels
from faceloop_runtime.imaging.crop import FaceImage
from faceloop_runtime.responses.cpu import CpuResponses
from faceloop_runtime.responses.experts import SEARCH, PatchExperts, crop_size, windows

from .filters import PATCH, classifier_filters, mosse_filters, ridge_filters
from .planes import Folding, mirrored_planes
from .statistics import RADIUS
from .sums import gather

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from .cache import Cache
    from .config import ExpertKind
    from .reference import KnownFace, Reference
    from .statistics import Moments
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
"""Faces that gains are calibrated on, chosen by content."""


@dataclass(frozen=True, eq=False)
class View:
    """A face as one scale sees it.

    Parameters
    ----------
    channels : CropChannels
        Channels of the crop, (H, W).
    centres : ndarray of int, shape (N, 2)
        Middles of the search windows, in pixels of the crop.
    offsets : ndarray, shape (N, 2)
        Where the landmarks lie, against the centres.
    use : ndarray of bool, shape (N,)
        Landmarks to learn from.
    """

    channels: CropChannels
    centres: NDArray[np.intp]
    offsets: NDArray[np.float64]
    use: Bools


@dataclass(frozen=True, eq=False)
class TargetSet:
    """What a set of experts shall find: all landmarks, or the initialiser's three places.

    Parameters
    ----------
    name : str
        What they are; the same for the same places only.
    places : callable
        From complete points (N, 2) to the places to find.
    use : callable
        Which places of a face may be learned from.
    mirror : sequence of int, optional
        Which place each one is the mirror image of; if given, mirrored faces train too.
    off_centre : float
        Search windows are off their place by up to this, in pixels of the crop.
    """

    name: str
    places: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    use: Callable[[TrainingFace], Bools]
    mirror: Sequence[int] | None
    off_centre: float = _OFF_CENTRE


@dataclass(frozen=True, eq=False)
class Calibration:
    """How far the responses of one scale may be trusted, learned on faces they had not seen.

    Parameters
    ----------
    gain, reliability : ndarray of float32, shape (N,)
        As in `PatchExperts`.
    """

    gain: NDArray[np.float32]
    reliability: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class FoldedExperts:
    """Experts of one scale for each fold, trained without it, and their calibration."""

    without: tuple[PatchExperts, ...]
    calibration: Calibration


@dataclass(frozen=True, eq=False)
class Looking:
    """How faces are looked at for one scale; a view depends on this and the face alone.

    Parameters
    ----------
    target : TargetSet
        What the experts shall find.
    reference : Reference
        The frame that faces are brought into.
    families : sequence of str
        Channel families.
    scale : float
        IOD of the crop, in pixels.
    seed : int
        Seed of poses and offsets.
    """

    target: TargetSet
    reference: Reference
    families: Sequence[str]
    scale: float
    seed: int

    def identity(self) -> tuple[object, ...]:
        """Return everything that a view depends on beside the face."""
        target, reference = self.target, self.reference
        constants = (_TURN, _STRETCH, PATCH, SEARCH)
        own = (target.name, target.off_centre, tuple(self.families), self.scale, self.seed)
        return (*constants, *own, reference.shape, reference.extent)

    def at(self, known: KnownFace, again: int = 0) -> View:
        """Look at a face, a little off its true pose as a fit would be; ``again``, otherwise."""
        target, scale, reference = self.target, self.scale, self.reference
        rng = known.rng(self.seed, round(scale * 100), again)
        pose = reference.pose(known.face.points)
        angle, stretch = rng.standard_normal(2) * (_TURN, _STRETCH)
        pose = pose.after(Similarity.from_polar(float(np.exp(stretch)), float(angle), 0.0, 0.0))
        size = crop_size(reference.extent, scale, PATCH)
        image = FaceImage(known.picture, pose, reference.extent, scale)
        channels = CropChannels(image.crop(pose, scale, size), self.families)
        points = target.places(pose.inverse().apply(known.points)) * scale + (size - 1) / 2
        off = rng.uniform(-target.off_centre, target.off_centre, points.shape)
        border = max(RADIUS, (SEARCH + PATCH) // 2)
        centres = np.rint(points + off).astype(np.intp).clip(border, size - 1 - border)
        offsets = points - centres
        seen = np.abs(offsets).max(axis=1) <= SEARCH // 2
        return View(channels, centres, offsets, target.use(known.face) & seen)


class ScaleTraining:
    """The experts of one scale, learned from some faces.

    Parameters
    ----------
    kind : {"ridge", "mosse", "svm", "logistic"}
        How filters are trained.
    looking : Looking
        How faces are looked at.
    faces : sequence of KnownFace
        All of them.
    folds : sequence of int
        Fold of each face's subject.
    cache : Cache
        What earlier trainings kept.
    tick : callable
        Told how many faces more were looked at; may raise to stop.
    """

    def __init__(  # noqa: PLR0917 - the settings of a stage
        self,
        kind: ExpertKind,
        looking: Looking,
        faces: Sequence[KnownFace],
        folds: Sequence[int],
        cache: Cache,
        tick: Callable[[int], None],
    ) -> None:
        self._looking, self._faces, self._folds, self._tick = looking, faces, folds, tick
        by_fold: list[list[KnownFace]] = [[] for _ in range(max(folds) + 1)]
        for known, fold in zip(faces, folds, strict=True):
            by_fold[fold].append(known)
        if kind in ("ridge", "mosse"):
            solve = ridge_filters if kind == "ridge" else mosse_filters
            learner: _MomentLearner | _ClassifierLearner = _MomentLearner(
                solve, looking, by_fold, cache, tick
            )
        else:
            learner = _ClassifierLearner(kind, looking, by_fold, tick)
        self._learner = learner

    def whole(self, calibration: Calibration) -> PatchExperts:
        """Return the experts of all faces."""
        filters = self._learner.solve(None)
        return PatchExperts(
            self._looking.scale, *filters, calibration.gain, calibration.reliability
        )

    def folded(self) -> FoldedExperts:
        """Return experts that never saw a fold, for each, calibrated on some faces of it."""
        filters = {fold: self._learner.solve(fold) for fold in range(max(self._folds) + 1)}
        calibrator = _Calibrator(filters)
        for i in calibration_faces(self._faces):
            calibrator.add(self._folds[i], self._looking.at(self._faces[i], 1))
            self._tick(1)
        gain, reliability = calibrator.result()
        scale = self._looking.scale
        without = (PatchExperts(scale, *own, gain, reliability) for own in filters.values())
        return FoldedExperts(tuple(without), Calibration(gain, reliability))


def calibration_faces(faces: Sequence[KnownFace]) -> list[int]:
    """Return the numbers of the faces that gains are calibrated on."""
    return some_by_content([known.key for known in faces], _CALIBRATION_FACES)


def some_by_content(keys: Sequence[str], count: int) -> list[int]:
    """Choose some faces: other ones may come and go, and most of the choice stays."""
    return sorted(sorted(range(len(keys)), key=keys.__getitem__)[:count])


_Filters = tuple["NDArray[np.float32]", "NDArray[np.float32]"]


class _MomentLearner:
    """Ridge and MOSSE: everything they need is additive."""

    def __init__(
        self,
        solve: Callable[[Moments, Folding], NDArray[np.float32]],
        looking: Looking,
        faces: Sequence[Sequence[KnownFace]],
        cache: Cache,
        tick: Callable[[int], None],
    ) -> None:
        self._solve, self._families = solve, looking.families
        self._folding = Folding.of(looking.families, PATCH)
        self._mirror = looking.target.mirror
        landmarks = len(looking.target.use(faces[0][0].face))
        self._sums = [
            gather(looking, landmarks, own, fold, cache, tick) for fold, own in enumerate(faces)
        ]

    def solve(self, without: int | None) -> _Filters:
        used = [sums for fold, sums in enumerate(self._sums) if fold != without]
        moments = sum(used[1:], used[0])
        weights = self._mirrored(moments) if self._mirror else self._solve(moments, self._folding)
        return weights, np.zeros(len(weights), np.float32)

    def _mirrored(self, moments: Moments) -> NDArray[np.float32]:
        """Learn from the faces and their mirror images: one filter a pair of landmarks.

        That of the other one is its mirror image.
        """
        assert self._mirror is not None  # noqa: S101 - asked by the caller
        one = [n for n, m in enumerate(self._mirror) if n <= m]
        other = [self._mirror[n] for n in one]
        turned = moments.take(other).mirrored(mirrored_planes(self._families))
        solved = self._solve(moments.take(one) + turned, self._folding)
        weights = np.empty((len(self._mirror), *solved.shape[1:]), np.float32)
        weights[other] = solved[:, mirrored_channels(self._families), :, ::-1]
        weights[one] = solved
        return weights


class _ClassifierLearner:
    """SVM and logistic regression: they need the patches themselves."""

    def __init__(
        self,
        kind: ExpertKind,
        looking: Looking,
        faces: Sequence[Sequence[KnownFace]],
        tick: Callable[[int], None],
    ) -> None:
        self._kind, self._seed = kind, looking.seed
        self._mirror = looking.target.mirror
        self._turned = mirrored_channels(looking.families)
        self._rng = np.random.default_rng(looking.seed)
        self._patches: list[list[NDArray[np.float16]]] = [[] for _ in faces]
        self._use: list[list[Bools]] = [[] for _ in faces]
        for fold, own in enumerate(faces):
            for known in own:
                self._add(looking.at(known), fold)
                tick(1)

    def _add(self, view: View, fold: int) -> None:
        truth = np.rint(view.centres + view.offsets).astype(np.intp)
        size = view.channels.crop.shape[1]
        beside = self._rng.integers(-6, 7, (_BESIDE, *truth.shape))
        beside += 3 * np.sign(beside) * (np.abs(beside).max(axis=2, keepdims=True) < 2)
        beside[~beside.any(axis=2)] = 4
        places = np.concatenate([truth[None], truth + beside]).clip(
            PATCH // 2, size - 1 - PATCH // 2
        )
        cut = windows(view.channels.maps, places.reshape(-1, 2), PATCH)
        patches = cut.reshape(len(cut), 1 + _BESIDE, len(truth), PATCH, PATCH)
        rows = patches.transpose(2, 1, 0, 3, 4).astype(np.float16)
        self._patches[fold].append(rows)
        self._use[fold].append(view.use)
        if self._mirror is not None:
            order = list(self._mirror)
            self._patches[fold].append(rows[order][:, :, self._turned, :, ::-1])
            self._use[fold].append(view.use[order])

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


class _Calibrator:
    """Chooses each landmark's gain: how sure its response may be.

    Maximum likelihood of the true place under the softmax of gain x response, on faces the
    filters have not seen.

    Parameters
    ----------
    without : mapping of int to filters
        By fold, those that never saw it.
    """

    def __init__(self, without: Mapping[int, _Filters]) -> None:
        grid = np.arange(SEARCH) - SEARCH // 2
        self._x, self._y = (g.ravel() for g in np.meshgrid(grid, grid))
        self._backends = {}
        for fold, (weights, bias) in without.items():
            one = np.ones(len(bias), np.float32)
            self._backends[fold] = CpuResponses([PatchExperts(1.0, weights, bias, one, one)])
            landmarks = len(bias)
        self._sum, self._count = np.zeros((len(_GAINS), landmarks)), np.zeros(landmarks)

    def add(self, fold: int, view: View) -> None:
        responses = self._backends[fold].responses(0, view.channels, view.centres)
        flat = np.ascontiguousarray(responses).reshape(len(responses), -1)
        distance = (self._x - view.offsets[:, :1]) ** 2 + (self._y - view.offsets[:, 1:]) ** 2
        truth = np.exp(-distance)
        truth /= truth.sum(axis=1, keepdims=True) + 1e-12
        below = flat - flat.max(axis=1, keepdims=True)
        expected = (truth * below).sum(axis=1)
        total = np.array([np.exp(gain * below).sum(axis=1) for gain in _GAINS.astype(np.float32)])
        self._sum += (_GAINS[:, None] * expected - np.log(total)) * view.use
        self._count += view.use

    def result(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        gain = _GAINS[self._sum.argmax(axis=0)].astype(np.float32)
        return gain, (self._count > 0).astype(np.float32)
