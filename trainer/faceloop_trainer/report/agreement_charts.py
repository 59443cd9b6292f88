"""The charts of a page on how well annotators agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_trainer.agreement.measures import SIZE
from faceloop_trainer.evaluation.plots import COLOURS, label, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from faceloop_datasets import Scheme
    from faceloop_trainer.agreement.agreement import PairAgreement
    from faceloop_trainer.agreement.bland_altman import BlandAltman

_COLUMNS = 2
_ARROWS = 5.0
"""A bias is drawn so many times as long as it is."""


def bland_altman_figure(pair: PairAgreement) -> Figure:
    """Draw the difference of two people against their mean, for each length of the faces."""
    rows = -(-len(pair.lengths) // _COLUMNS)
    figure, first = new_figure(9.6, 2.9 * rows)
    first.remove()
    panels = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for axes, (name, found) in zip(panels, pair.lengths.items(), strict=False):
        tidy(axes)
        unit = "px" if name == SIZE else "% of the eyes' distance"
        _draw(axes, found)
        axes.set_title(f"{label(name)} [{unit}]", fontsize=9)
        axes.set_xlabel("mean of the two", fontsize=8)
        axes.set_ylabel("second \N{MINUS SIGN} first", fontsize=8)
        axes.tick_params(labelsize=8)
    for axes in panels[len(pair.lengths) :]:
        axes.axis("off")
    return figure


def bias_figure(scheme: Scheme, shape: np.ndarray, pair: PairAgreement) -> Figure:
    """Draw where the second places each point against the first, on a mean face (N, 2)."""
    figure, axes = new_figure(5.4, 5.4)
    for contour in scheme.contours:
        line = shape[[*contour.points, *contour.points[: int(contour.closed)]]]
        axes.plot(*line.T, color="0.75", linewidth=1, zorder=1)
    known = np.isfinite(pair.bias).all(axis=1) & np.isfinite(shape).all(axis=1)
    at, moved = shape[known], _ARROWS * pair.bias[known]
    axes.plot(*at.T, ".", color="0.5", markersize=3)
    axes.quiver(
        *at.T, *moved.T, angles="xy", scale_units="xy", scale=1, color=COLOURS[1], width=0.004
    )
    low, high = np.nanmin(shape, axis=0) - 0.2, np.nanmax(shape, axis=0) + 0.2
    axes.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]), aspect="equal")
    axes.axis("off")
    return figure


def _draw(axes: Axes, found: BlandAltman) -> None:
    low, high = found.limits
    axes.plot(found.means, found.differences, "o", color=COLOURS[0], markersize=3.5, alpha=0.8)
    axes.axhline(0.0, color="0.6", linewidth=0.8)
    for place, value, error, style in (
        (0.02, low, found.limit_error, "--"),
        (0.04, found.bias, found.bias_error, "-"),
        (0.06, high, found.limit_error, "--"),
    ):
        axes.axhline(value, color=COLOURS[1], linewidth=1.2, linestyle=style)
        axes.errorbar(
            [place],
            [value],
            [error],
            transform=axes.get_yaxis_transform(),
            color=COLOURS[1],
            linewidth=1.2,
            capsize=3,
        )
        axes.annotate(
            f"{value:+.2f}",
            (1.0, value),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="bottom",
            fontsize=8,
        )
