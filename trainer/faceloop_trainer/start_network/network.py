"""The start network in PyTorch: a small residual network with heatmaps and a linear head."""

from __future__ import annotations

import torch
from torch import nn

from faceloop_runtime.start_network.network import FEATURES, POINTS, SIDE

_WIDTHS = (32, 48, 80, 128)
_MAP = SIDE // 4
"""Width and height of a heatmap."""
_FEATURES = FEATURES - 2 * POINTS
HEADS = 2 * POINTS + POINTS + 4 + 2
"""Offsets of the points, their visibility, yaw, pitch, cosine and sine of the roll, whether it is
a face, and the logarithm of the expected error."""
_SLOPE = 0.1


class StartNetwork(nn.Module):
    """Crops (N, 1, SIDE, SIDE) to features (N, 192), heads (N, HEADS), heatmaps (N, 70, 16, 16)."""

    def __init__(self) -> None:
        super().__init__()
        first, second, third, fourth = _WIDTHS
        self.to16 = nn.Sequential(
            _layer(1, first, 5, 2), _layer(first, second, 3, 2), _Residual(second)
        )
        self.to8 = nn.Sequential(_layer(second, third, 3, 2), _Residual(third))
        self.to4 = nn.Sequential(_layer(third, fourth, 3, 2), _Residual(fourth))
        self.whole = nn.Sequential(
            nn.Flatten(),
            nn.Linear(fourth * 16, _FEATURES),
            nn.BatchNorm1d(_FEATURES),
            nn.LeakyReLU(_SLOPE),
        )
        self.from4, self.up8 = nn.Conv2d(fourth, third, 1), _layer(third, third, 3, 1)
        self.from8, self.up16 = nn.Conv2d(third, second, 1), _layer(second, second, 3, 1)
        self.heat = nn.Conv2d(second, POINTS, 1)
        self.head = nn.Linear(_FEATURES, HEADS)
        # Points start where the heatmaps put them; the head learns what these cannot say.
        nn.init.zeros_(self.head.weight[: 2 * POINTS])
        nn.init.zeros_(self.head.bias[: 2 * POINTS])
        self.register_buffer("grid", _grid())

    def forward(self, crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return features, heads and heatmaps (logits)."""
        fine = self.to16(crops)
        middle = self.to8(fine)
        coarse = self.to4(middle)
        features = self.whole(coarse.contiguous())
        up = self.up8(_twice(self.from4(coarse)) + middle)
        up = self.up16(_twice(self.from8(up)) + fine)
        return features, self.head(features), self.heat(up)

    def places(self, heatmaps: torch.Tensor) -> torch.Tensor:
        """Return the mean place of each heatmap, (N, 70, 2): `points_of_heatmaps` for batches."""
        weights = torch.softmax(heatmaps.contiguous().flatten(2).float(), -1)
        return torch.matmul(weights, self.grid)


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _layer(width, width, 3, 1)
        self.second = nn.Sequential(
            nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        )
        self.last = nn.LeakyReLU(_SLOPE)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(x + self.second(self.first(x)))


def _layer(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(_SLOPE),
    )


def _twice(x: torch.Tensor) -> torch.Tensor:
    return nn.functional.interpolate(x, scale_factor=2.0)


def _grid() -> torch.Tensor:
    steps = (torch.arange(_MAP) + 0.5) / _MAP - 0.5
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    return torch.stack([x.reshape(-1), y.reshape(-1)], 1)
