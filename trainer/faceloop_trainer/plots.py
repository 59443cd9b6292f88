"""Pictures of errors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from faceloop_datasets.files import atomic_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_LIMIT = 0.10


def plot_ced(errors: Mapping[str, NDArray[np.float64]], path: str | Path) -> None:
    """Draw cumulative error distributions to a PNG.

    Parameters
    ----------
    errors : mapping of str to ndarray
        NME of each face, by the name of the curve; infinite where no face was found.
    path : path
        Where the picture goes.
    """
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for name, values in errors.items():
        steps = np.sort(values)
        share = np.arange(1, len(steps) + 1) / len(steps)
        median = float(np.median(values))
        axes.step(
            np.concatenate([[0.0], steps.clip(max=2 * _LIMIT)]),
            np.concatenate([[0.0], share]),
            where="post",
            label=f"{name} (median {median:.4f}, {len(values)} faces)",
        )
    axes.set(
        xlim=(0, _LIMIT),
        ylim=(0, 1),
        xlabel="normalised mean error (share of the inter-ocular distance)",
        ylabel="faces with at most this error",
    )
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    with atomic_path(Path(path)) as part:
        figure.savefig(part, format="png", dpi=120)
