"""The charts of a report on expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import PercentFormatter

from faceloop_trainer.evaluation.plots import COLOURS, label, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from faceloop_trainer.expressions import ExpressionAssessment

_DARK = 0.6
"""Share of a row from which on a number is written white."""


def confusion_figure(found: ExpressionAssessment) -> Figure:
    """Draw how many faces of each expression were called what."""
    counts = np.array(found.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = max(3.2, 1.9 + 0.42 * len(counts))
    figure, axes = new_figure(size + 0.6, size)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.argwhere(counts):
        colour = "white" if shares[row, column] > _DARK else "0.2"
        text = str(counts[row, column])
        axes.text(column, row, text, ha="center", va="center", fontsize=9, color=colour)
    names = [label(name) for name in found.names]
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set(xlabel="called", ylabel="labelled")
    return figure


def reliability_figure(found: ExpressionAssessment) -> Figure:
    """Draw how often what was said was right, against the probability that was given for it."""
    said, right, counts = np.array(found.reliability, dtype=np.float64).reshape(-1, 3).T
    figure, axes = new_figure(4.6, 4.2)
    axes.plot((0, 1), (0, 1), color="0.5", linestyle=(0, (5, 3)), label="as said")
    # Of so few faces a share is known no better than this (one standard deviation).
    spread = np.sqrt(np.maximum(said * (1 - said), 0) / np.maximum(counts, 1))
    axes.errorbar(
        said, right, spread, fmt="o-", color=COLOURS[0], markersize=5, elinewidth=1,
        label="equal parts of the faces",
    )  # fmt: skip
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), aspect="equal")
    axes.set(xlabel="probability of what a face was called", ylabel="share that was right")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0))
    axes.legend(frameon=False, loc="upper left", fontsize=9)
    return figure
