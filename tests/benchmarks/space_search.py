"""A search whose parameters are pose and shape in space, for `three_dimensions.py`.

Regularised landmark mean-shift (Saragih, Lucey & Cohn, IJCV 2011) over scale, rotation, shift and
shape in space; the rotation is a product of small ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.fit.meanshift import Evidence, ShapeState, landmark_weights, mean_shift
from faceloop_runtime.fit.steps import NOISE, CropSearch, SearchResult, SearchStart
from faceloop_runtime.geometry import Similarity, as_complex, as_points
from faceloop_runtime.imaging.channels import CropChannels, channel_stack
from faceloop_runtime.imaging.crop import FaceImage
from faceloop_runtime.pdm3d import ShapeModel3D, SpacePoses, poses_of, rotations, turns_of
from faceloop_runtime.pdm3d.pose import POSE, tangent
from faceloop_runtime.quality.validator import VALIDATOR_SCALE, whole_face_features
from faceloop_runtime.responses.experts import SEARCH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_runtime import FaceModel
    from faceloop_runtime.fit.schedule import Pass
    from faceloop_runtime.responses import ResponseBackend

_TRUST = 0.5
"""Spread that is believed of shape parameters where a search starts, in standard deviations."""
_LIMIT = 3.0


@dataclass(frozen=True, eq=False)
class Sight:
    """How likely each point is seen, by the yaw of the head: a logistic curve a point.

    Parameters
    ----------
    weights : ndarray, shape (N, 2)
        Of 1 and of the yaw in units of 30 degrees.
    """

    weights: np.ndarray

    @classmethod
    def of(cls, yaw: np.ndarray, seen: np.ndarray) -> Sight:
        """Learn it from faces: ``yaw`` (F,) in degrees, ``seen`` (F, N)."""
        from sklearn.linear_model import LogisticRegression

        rows, weights = yaw[:, None] / 30.0, np.zeros((seen.shape[1], 2))
        for k, column in enumerate(seen.T):
            if 0 < column.sum() < len(column):
                made = LogisticRegression().fit(rows, column)
                weights[k] = made.intercept_[0], made.coef_[0, 0]
            else:
                weights[k, 0] = 5.0 if column.all() else -5.0
        return cls(weights)

    def __call__(self, yaw: float) -> np.ndarray:
        return np.asarray(1.0 / (1.0 + np.exp(-self.weights @ [1.0, yaw / 30.0])))


class SpaceSearch:
    """A search whose parameters are pose and shape in space."""

    def __init__(self, model: FaceModel, backend: ResponseBackend, sight: Sight | None) -> None:
        assert model.shape3d is not None
        self.model, self.shape = model, model.shape3d
        self._backend, self._sight = backend, sight

    def __call__(
        self, gray: np.ndarray, start: SearchStart, passes: Sequence[Pass]
    ) -> SearchResult:
        """Move pose and shape in space by mean-shift; return where that is in the plane."""
        model, shape, pdm = self.model, self.shape, self.model.pdm
        face = FaceImage(gray, start.pose, model.extent, model.experts[-1].scale)
        first = start.pose.apply(pdm.shape(start.b))
        poses = poses_of(shape, first[None], 0.03**2)
        expected = poses.z[0]
        for one in passes:
            at, b = pdm.parameters(poses.project(shape.shape(poses.z))[0])
            look = self._look(face, one, at, b, self._seen(start, poses))
            inside = _moved(poses, at.inverse())
            for variance in one.variances:
                inside = _step(shape, look.evidence, inside, expected, variance)
            poses = _moved(inside, at)
        points = poses.project(shape.shape(poses.z))[0]
        # As in the plane: a search that goes much further than starts are wrong was led astray.
        away = float(np.linalg.norm(points - first, axis=1).mean()) / start.pose.scale
        share = min(1.0, start.reach / max(away, 1e-9))
        pose, b = pdm.parameters(first + share * (points - first))
        within = at.inverse().after(pose)
        state = ShapeState(complex(within.a, within.b), complex(within.tx, within.ty), b)
        coarse = face.crop(pose, VALIDATOR_SCALE, model.crop_size(VALIDATOR_SCALE, 1))
        whole = whole_face_features(channel_stack(coarse, model.channels))
        updates = sum(len(one.variances) for one in passes)
        return SearchResult(replace(look, state=state), pose, b, whole, updates)

    def _seen(self, start: SearchStart, poses: SpacePoses) -> np.ndarray | None:
        if self._sight is None:
            return start.visibility
        return self._sight(float(turns_of(poses.rotation)[0, 0]))

    def _look(
        self, face: FaceImage, one: Pass, at: Similarity, b: np.ndarray, seen: np.ndarray | None
    ) -> CropSearch:
        """Look at a crop, as the product does."""
        model, experts = self.model, self.model.experts[one.level]
        size = model.crop_size(experts.scale, experts.patch)
        crop = CropChannels(face.crop(at, experts.scale, size), model.channels)
        middle, border = (size - 1) / 2, (SEARCH + experts.patch) // 2
        wanted = np.rint(model.pdm.shape(b) * experts.scale + middle).astype(np.intp)
        centres = np.clip(wanted, border, size - 1 - border)
        responses = self._backend.responses(one.level, crop, centres)
        maps = experts.probabilities(responses)
        trust = experts.reliability * (1.0 if seen is None else seen.astype(np.float32))
        places = as_complex((centres - middle) / experts.scale)
        evidence = Evidence(maps, places, experts.scale, landmark_weights(maps, trust))
        return CropSearch(at, crop, responses, evidence, ShapeState(1 + 0j, 0j, b), 0.0)


def _moved(poses: SpacePoses, by: Similarity) -> SpacePoses:
    """Return the same pose in another frame of the plane."""
    turn = rotations(np.array([0.0, 0.0, np.rad2deg(by.angle)]))
    return SpacePoses(poses.scale * by.scale, turn @ poses.rotation, by.apply(poses.shift), poses.z)


def _step(
    shape: ShapeModel3D,
    evidence: Evidence,
    poses: SpacePoses,
    expected: np.ndarray,
    variance: float,
) -> SpacePoses:
    """Update pose and shape by the regularised least squares of Saragih et al., eq. 16."""
    at = shape.shape(poses.z)
    offset = (as_complex(poses.project(at)[0]) - evidence.centres) * evidence.scale
    shift = as_points(mean_shift(evidence.maps, offset, variance) / evidence.scale)
    rows = tangent(poses.turned(at), shape.loadings, poses)[0]
    rows = rows.reshape(len(rows), -1)
    weighted = rows * np.tile(evidence.weights, 2)
    normal, right = weighted @ rows.T, weighted @ shift.T.reshape(-1)
    penalty = NOISE / evidence.scale**2 / _TRUST**2
    right[POSE:] -= penalty * (poses.z[0] - expected)
    normal[np.diag_indices(len(normal))] += 1e-9
    normal[np.arange(POSE, len(normal)), np.arange(POSE, len(normal))] += penalty
    moved = poses.moved(np.linalg.solve(normal, right)[None])
    return replace(moved, z=np.clip(moved.z, -_LIMIT, _LIMIT))
