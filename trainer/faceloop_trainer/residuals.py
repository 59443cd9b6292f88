"""What a search leaves undone, and faces as a search would leave them.

The regressor learns from faces that were searched for by experts that never saw them, but to
search for every face takes most of a training. So a sample is searched for; how its searches end
is described as a linear function of the face's true shape and Gaussian noise (a search finds the
coarse modes of a shape and leaves fine ones at the mean, and its errors hang together); and all
faces are looked at as searches by this description would leave them. Corrections learned so are
as good as from searches (tests/benchmarks/retrain.py shows how that is measured).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.channels import CropChannels, channel_stack, mirrored_channels
from faceloop_runtime.crop import FaceImage
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.meanshift import as_complex
from faceloop_runtime.regressor import GRID, cell_features, regression_features
from faceloop_runtime.validator import VALIDATOR_SCALE, face_features

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_runtime.model import FaceModel
    from faceloop_runtime.pdm import PointDistributionModel

    from .reference import KnownFace

    Floats = NDArray[np.float64]
    Rows = NDArray[np.float32]

_PRIOR = 5.0
"""The description is drawn towards searches that find nothing, as by so many searches."""


def wanted_step(pdm: PointDistributionModel, pose: Similarity, b: Floats, truth: Floats) -> Floats:
    """Return the step of pose and shape that brings a fit to the truth, shape (4 + K,).

    Parameters
    ----------
    pdm : PointDistributionModel
        The shape model.
    pose, b
        The fit's.
    truth : ndarray, shape (N, 2)
        In the picture; all points known.
    """
    base = as_complex(pdm.shape(b))
    modes = pdm.components[:, 0::2] + 1j * pdm.components[:, 1::2]
    one = np.ones_like(base)
    tangent = np.concatenate([[base, 1j * base, one, 1j * one], modes])
    missing = as_complex(pose.inverse().apply(truth)) - base
    normal = (tangent.conj() @ tangent.T).real
    return np.asarray(np.linalg.solve(normal, (tangent.conj() @ missing).real))


@dataclass(frozen=True, eq=False)
class Residuals:
    """How searches end: linear in the true shape, plus noise.

    Parameters
    ----------
    linear : ndarray, shape (K, 4 + K)
        From true shape parameters to the expected step of the pose and the shape found.
    noise : ndarray, shape (4 + K, 4 + K)
        Times standard normal numbers, what is added to that.
    """

    linear: Floats
    noise: Floats

    @classmethod
    def of(
        cls, pdm: PointDistributionModel, steps: Floats, found: Floats, mirror: Floats | None
    ) -> Residuals:
        """Describe searches.

        Parameters
        ----------
        pdm : PointDistributionModel
            The shape model.
        steps : ndarray, shape (S, 4 + K)
            The step that each still needed.
        found : ndarray, shape (S, K)
            The shape it found.
        mirror : ndarray, shape (K, K), optional
            What mirroring does to shape parameters; if given, it must not matter.
        """
        if mirror is not None:
            steps = np.concatenate([steps, mirrored_steps(steps, mirror)])
            found = np.concatenate([found, found @ mirror.T])
        true = found + steps[:, 4:]
        ends = np.concatenate([steps[:, :4], found], axis=1)
        normal = true.T @ true + _PRIOR * np.diag(pdm.variances)
        linear = np.linalg.solve(normal, true.T @ ends)
        rest = ends - true @ linear
        spread = rest.T @ rest / len(rest) + 1e-10 * np.eye(ends.shape[1])
        noise = np.asarray(np.linalg.cholesky(spread), dtype=np.float64)
        return cls(linear, noise)

    def end(
        self, pdm: PointDistributionModel, points: Floats, rng: np.random.Generator
    ) -> tuple[Similarity, Floats]:
        """Return pose and shape that a search for these points (N, 2) would end with."""
        pose, b = pdm.parameters(points)
        end = b @ self.linear + self.noise @ rng.standard_normal(len(self.noise))
        grow, turn, x, y = (float(v) for v in end[:4])
        return pose.after(Similarity(1 - grow, -turn, -x, -y)), end[4:]


def mirrored_steps(steps: Floats, mirror: Floats) -> Floats:
    """Return steps (M, 4 + K) of the same fits in a mirror."""
    pose = steps[:, :4] * (1, -1, -1, 1)
    return np.concatenate([pose, steps[:, 4:] @ mirror.T], axis=1)


def mirrored_modes(pdm: PointDistributionModel, order: Sequence[int]) -> Floats:
    """Return what mirroring does to shape parameters, shape (K, K)."""
    modes = pdm.components.reshape(len(pdm.components), -1, 2)
    turned = modes[:, list(order)] * (-1, 1)
    return np.asarray(pdm.components @ turned.reshape(len(modes), -1).T)


@dataclass(frozen=True, eq=False)
class Looks:
    """Faces as searches leave them.

    Parameters
    ----------
    features : ndarray of float32, shape (M, F)
        What the regressor sees.
    whole : ndarray of float32, shape (M, W)
        What the validator sees.
    steps : ndarray, shape (M, 4 + K)
        What the regressor shall answer.
    """

    features: Rows
    whole: Rows
    steps: Floats

    @classmethod
    def joined(cls, parts: Sequence[Looks]) -> Looks:
        """Return all rows of several."""
        return cls(
            np.concatenate([p.features for p in parts]),
            np.concatenate([p.whole for p in parts]),
            np.concatenate([p.steps for p in parts]),
        )


class Looker:
    """Looks at faces as searches leave them.

    Parameters
    ----------
    model : FaceModel
        Gives shapes, crops and channels.
    residuals : Residuals
        How searches end.
    mirror : sequence of int, optional
        The scheme's map of points; if given, each look counts once more in a mirror.
    """

    def __init__(
        self, model: FaceModel, residuals: Residuals, mirror: Sequence[int] | None
    ) -> None:
        self._model, self._residuals = model, residuals
        self._order = None if mirror is None else list(mirror)
        self._modes = None if mirror is None else mirrored_modes(model.pdm, mirror)
        self._turned = mirrored_channels(model.channels)

    def __call__(self, known: KnownFace, times: int, seed: int) -> Looks:
        """Look ``times`` at a face."""
        model, rng = self._model, known.rng(seed, 5)
        finest, pdm = model.experts[-1], model.pdm
        size = model.crop_size(finest.scale, finest.patch)
        ends = [self._residuals.end(pdm, known.points, rng) for _ in range(times)]
        crop_pose = ends[0][0]
        image = FaceImage(known.picture, crop_pose, model.extent, finest.scale)
        channels = CropChannels(image.crop(crop_pose, finest.scale, size), model.channels)
        into = crop_pose.inverse()
        rows, wholes, steps = [], [], []
        for pose, b in ends:
            shape = into.after(pose).apply(pdm.shape(b))
            cells = cell_features(channels, shape * finest.scale + (size - 1) / 2)
            whole = self._whole(image, pose)
            rows.append(regression_features(cells, whole, b, pdm.variances))
            wholes.append(whole)
            steps.append(wanted_step(pdm, pose, b, known.points))
            if self._order is not None and self._modes is not None:
                whole = self._mirrored_whole(whole)
                cells = self._mirrored_cells(cells)
                rows.append(regression_features(cells, whole, self._modes @ b, pdm.variances))
                wholes.append(whole)
                steps.append(mirrored_steps(steps[-1][None], self._modes)[0])
        return Looks(np.array(rows), np.array(wholes), np.array(steps))

    def _whole(self, image: FaceImage, pose: Similarity) -> Rows:
        size = self._model.crop_size(VALIDATOR_SCALE, 1)
        crop = image.crop(pose, VALIDATOR_SCALE, size)
        return face_features(channel_stack(crop, self._model.channels))

    def _mirrored_cells(self, cells: Rows) -> Rows:
        grids = cells.reshape(len(cells), len(self._turned), GRID, GRID)
        turned = grids[self._order][:, self._turned, :, ::-1]
        return turned.reshape(cells.shape)

    def _mirrored_whole(self, whole: Rows) -> Rows:
        side = round((len(whole) / len(self._turned)) ** 0.5)
        maps = whole.reshape(len(self._turned), side, side)
        return maps[self._turned, :, ::-1].reshape(-1)
