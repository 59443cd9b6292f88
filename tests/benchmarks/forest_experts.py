"""Random forests as patch experts: as classifiers, and by regression voting.

Lindner, Bromiley, Ionita & Cootes, "Robust and accurate shape model matching using random forest
regression-voting", IEEE TPAMI 37 (2015). Trees split on pixels of the patch on the planes that the
linear filters see too, at random places of random pixels (extremely randomised trees, Geurts, Ernst
& Wehenkel 2006).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_runtime.responses.experts import SEARCH, PatchExperts
from faceloop_trainer.experts.filters import PATCH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_runtime.imaging.channels import CropChannels
    from faceloop_trainer.experts.sampling import Sample

    Rows = NDArray[np.float32]
    Trees = Sequence[Any]

_TREES, _DEPTH = 10, 12
_LEAF = {"classifier": 16, "voting": 1}
"""Fewest examples of a leaf."""
_POSITIVE = 1.5
"""A patch is on the landmark if it is no further off than this, in pixels."""
_CORNERS = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
_BESIDE = 20
"""Places of the window that a classifier sees beside the four next to the landmark."""
_DISPLACED, _FURTHEST = 16, 8
"""Places that a voter learns its displacement from, each off by up to this many pixels."""
_STRIDE = 2
"""Voters sit on every second pixel of the window."""
_VOTE_SIGMA = 1.5
"""Each vote counts as a Gaussian of this deviation, in pixels."""
_LEAST = {"classifier": 1e-3, "voting": 1e-2}
"""Added before the logarithm, so that one place without any vote is not impossible."""
_UNIT = 0.05
"""Responses are logarithms in this unit, which brings them into the range that gains are sought."""


@dataclass(frozen=True, eq=False)
class ForestExperts(PatchExperts):
    """Forests of all landmarks at one scale; the filters of the base are empty.

    Parameters
    ----------
    kind : {"classifier", "voting"}
        What the trees tell of a patch: the probability of being on the landmark, or the
        displacement to it.
    forests : tuple
        By landmark, its trees (`sklearn.tree._tree.Tree`); none where there were no examples.
    """

    kind: str = ""
    forests: tuple[Trees, ...] = field(default=(), repr=False)


def train_forests(kind: str, scale: float, samples: Sequence[Sample], seed: int) -> ForestExperts:
    """Train the forests of one scale.

    Parameters
    ----------
    kind : {"classifier", "voting"}
    scale : float
        IOD of the crops, in pixels.
    samples : sequence of Sample
        What to train on.
    seed : int
        Of places and trees.
    """
    rng = np.random.default_rng(seed)
    patches, answers = [], []
    for sample in samples:
        places = _places(kind, sample, rng)
        patches.append(_patches(sample.channels.planes, places).astype(np.float16))
        away = sample.centres[:, None] + sample.offsets[:, None] - places
        answers.append(away if kind == "voting" else np.hypot(*away.transpose(2, 0, 1)))
    use = np.array([sample.use for sample in samples])
    forests = []
    for n in range(use.shape[1]):
        rows = [p[n] for p, u in zip(patches, use, strict=True) if u[n]]
        told = [a[n] for a, u in zip(answers, use, strict=True) if u[n]]
        forests.append(_grown(kind, rows, told, seed) if len(rows) > 1 else ())
    one = np.ones(len(forests), np.float32)
    empty = np.zeros((len(forests), len(samples[0].channels), PATCH, PATCH), np.float32)
    return ForestExperts(scale, empty, 0 * one, one, one, kind, tuple(forests))


def _places(kind: str, sample: Sample, rng: np.random.Generator) -> NDArray[np.intp]:
    """Choose where patches are cut, (N, M, 2)."""
    truth = sample.centres + sample.offsets
    if kind == "voting":
        near = np.rint(truth).astype(np.intp)[:, None]
        size = (len(truth), _DISPLACED, 2)
        places = near + rng.integers(-_FURTHEST, _FURTHEST + 1, size)
    else:
        half = SEARCH // 2
        beside = sample.centres[:, None] + rng.integers(-half, half + 1, (len(truth), _BESIDE, 2))
        on = np.floor(truth).astype(np.intp)[:, None] + _CORNERS
        places = np.concatenate([on, beside], axis=1)
    border = PATCH // 2
    return places.clip(border, sample.channels.crop.shape[0] - 1 - border)


def _patches(planes: Rows, places: NDArray[np.intp]) -> Rows:
    """Cut patches of all planes (B, H, W) at places (N, M, 2), (N, M, B * PATCH * PATCH)."""
    views = np.lib.stride_tricks.sliding_window_view(planes, (PATCH, PATCH), axis=(1, 2))
    corner = places - PATCH // 2
    cut = views.transpose(1, 2, 0, 3, 4)[corner[..., 1], corner[..., 0]]
    return cut.reshape(*places.shape[:2], -1)


def _grown(kind: str, rows: Sequence[Rows], told: Sequence[Rows], seed: int) -> Trees:
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    settings = {
        "n_estimators": _TREES,
        "max_depth": _DEPTH,
        "min_samples_leaf": _LEAF[kind],
        "max_features": "sqrt",
        "random_state": seed,
    }
    seen, answers = np.concatenate(rows).astype(np.float32), np.concatenate(told)
    if kind == "voting":
        forest = ExtraTreesRegressor(**settings).fit(seen, answers)
    else:
        forest = ExtraTreesClassifier(**settings).fit(seen, answers <= _POSITIVE)
    return tuple(tree.tree_ for tree in forest.estimators_)


class ForestResponses:
    """Responses of forests, as a `ResponseBackend`.

    Parameters
    ----------
    experts : sequence of ForestExperts
        One a scale.
    """

    name = "forests"

    def __init__(self, experts: Sequence[ForestExperts]) -> None:
        self._experts = tuple(experts)

    def responses(
        self, level: int, channels: CropChannels, centres: NDArray[np.intp]
    ) -> NDArray[np.float32]:
        """Return the logarithms of probabilities or of votes; see `ResponseBackend.responses`."""
        experts, planes = self._experts[level], channels.planes
        classifies = experts.kind == "classifier"
        maps = (_probabilities if classifies else _vote_maps)(experts.forests, planes, centres)
        logs: Rows = np.log(maps + np.float32(_LEAST[experts.kind])) * np.float32(_UNIT)
        return logs


def _window(planes: Rows, centre: NDArray[np.intp], stride: int) -> Rows:
    """Return the patches of a window, or of every other place of it, (M, B * PATCH * PATCH)."""
    x, y = centre - SEARCH // 2 - PATCH // 2
    width = SEARCH + PATCH - 1
    cut = planes[:, y : y + width, x : x + width]
    views = np.lib.stride_tricks.sliding_window_view(cut, (PATCH, PATCH), axis=(1, 2))
    some = views[:, ::stride, ::stride].transpose(1, 2, 0, 3, 4)
    return some.reshape(some.shape[0] * some.shape[1], -1)


def _probabilities(forests: Sequence[Trees], planes: Rows, centres: NDArray[np.intp]) -> Rows:
    maps = np.zeros((len(forests), SEARCH * SEARCH), np.float32)
    for n, trees in enumerate(forests):
        if trees:
            seen = _window(planes, centres[n], 1)
            maps[n] = sum(tree.predict(seen)[..., -1].reshape(-1) for tree in trees) / len(trees)
    return maps.reshape(-1, SEARCH, SEARCH)


def _vote_maps(forests: Sequence[Trees], planes: Rows, centres: NDArray[np.intp]) -> Rows:
    """Sum the votes of the places of each window, one a place and tree, all of the same weight."""
    grid = np.arange(SEARCH, dtype=np.float32) - SEARCH // 2
    across, down = (g.reshape(-1, 1) for g in np.meshgrid(grid[::_STRIDE], grid[::_STRIDE]))
    votes = np.full((len(forests), 2, len(across), _TREES), np.inf, np.float32)
    for n, trees in enumerate(forests):
        if trees:
            seen = _window(planes, centres[n], _STRIDE)
            told = np.stack([tree.predict(seen).reshape(-1, 2) for tree in trees], axis=-1)
            votes[n] = told.transpose(1, 0, 2)
            votes[n] += np.stack([across, down])
    return vote_maps(votes.reshape(len(forests), 2, -1))


def vote_maps(votes: Rows) -> Rows:
    """Accumulate votes in maps.

    Parameters
    ----------
    votes : ndarray, shape (N, 2, M)
        Where each vote lies, x and y from the middle of the window, in pixels.

    Returns
    -------
    ndarray, shape (N, SEARCH, SEARCH)
        Sum of a Gaussian round each vote, over the number of votes.
    """
    grid = np.arange(SEARCH, dtype=np.float32) - SEARCH // 2
    near = np.exp(-((votes[:, :, None] - grid[:, None]) ** 2) / np.float32(2 * _VOTE_SIGMA**2))
    return near[:, 1] @ near[:, 0].transpose(0, 2, 1) / votes.shape[-1]
