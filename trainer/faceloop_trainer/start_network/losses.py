"""What the training of the start network minimises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch.nn import functional

from faceloop_runtime.start_network.network import POINTS

if TYPE_CHECKING:
    from .batches import Batch

_BEND = 0.02
"""Errors of points, in sides of the crop, from which their loss grows linearly."""
_CONTOUR, _CONTOUR_WEIGHT = 15, 0.5
"""The first points are the contour's, which no picture shows exactly ..."""
_CHIN = slice(6, 9)
"""... but for the chin."""
_HIDDEN_WEIGHT = 0.4
_TURN_BEND, _ERROR_BEND = 0.1, 0.5
_LEAST_ERROR = 1e-3
"""Sides of the crop; keeps the logarithm of the expected error finite."""


@dataclass(frozen=True)
class LossWeights:
    """Weights of the losses in their sum."""

    points: float = 10.0
    heatmaps: float = 4.0
    seen: float = 0.1
    turn: float = 0.3
    face: float = 0.1
    error: float = 0.02


class Losses(NamedTuple):
    """Losses of a batch, scalars; `offset` is the mean error of the points, in sides."""

    points: torch.Tensor
    heatmaps: torch.Tensor
    seen: torch.Tensor
    turn: torch.Tensor
    face: torch.Tensor
    error: torch.Tensor
    offset: torch.Tensor

    def total(self, weights: LossWeights) -> torch.Tensor:
        """Return the weighted sum."""
        return sum(getattr(self, name) * weight for name, weight in vars(weights).items())


def losses(heads: torch.Tensor, places: torch.Tensor, batch: Batch) -> Losses:
    """Compare heads (N, HEADS) and places of heatmaps (N, 70, 2) with a batch of tensors."""
    _, points, seen, turns = batch
    faces, heads = len(points), heads.float()
    inner = heads[:faces, : 2 * POINTS].reshape(faces, POINTS, 2)
    away = places[:faces] + inner - points
    weights = _weights() * (_HIDDEN_WEIGHT + (1 - _HIDDEN_WEIGHT) * seen)
    far = (away.norm(dim=-1) * weights).sum(1) / weights.sum(1)
    rest = heads[:, 2 * POINTS :]
    return Losses(
        points=((_huber(away) * weights).sum(1) / weights.sum(1)).mean(),
        heatmaps=(_huber(places[:faces] - points) * seen * _weights()).mean(),
        seen=functional.binary_cross_entropy_with_logits(rest[:faces, :POINTS], seen),
        turn=_turn_loss(rest[:faces, POINTS : POINTS + 4], turns),
        face=_face_loss(rest[:, POINTS + 4], faces),
        error=_error_loss(rest[:faces, POINTS + 5], far.detach()),
        offset=far.mean(),
    )


def _weights() -> torch.Tensor:
    weights = torch.ones(POINTS)
    weights[:_CONTOUR] = _CONTOUR_WEIGHT
    weights[_CHIN] = 1.0
    return weights


def _huber(away: torch.Tensor) -> torch.Tensor:
    """Loss of each point, (N, 70), by how far it is away, (N, 70, 2)."""
    d = away.abs()
    return torch.where(d < _BEND, 0.5 * d * d / _BEND, d - 0.5 * _BEND).sum(-1)


def _turn_loss(found: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    yaw, pitch, roll = turns.unbind(1)
    true = torch.stack([yaw, pitch, torch.cos(roll), torch.sin(roll)], 1)
    return functional.smooth_l1_loss(found, true, beta=_TURN_BEND)


def _face_loss(found: torch.Tensor, faces: int) -> torch.Tensor:
    true = torch.zeros(len(found))
    true[:faces] = 1
    return functional.binary_cross_entropy_with_logits(found, true)


def _error_loss(found: torch.Tensor, far: torch.Tensor) -> torch.Tensor:
    return functional.smooth_l1_loss(found, torch.log(far + _LEAST_ERROR), beta=_ERROR_BEND)
