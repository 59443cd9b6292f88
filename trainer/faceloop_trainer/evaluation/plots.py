"""Pictures of errors."""

from __future__ import annotations

import warnings
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from faceloop_datasets.files import atomic_path
from faceloop_datasets.wording import counted
from faceloop_runtime.quality.thresholds import FAILURE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

COLOURS = ("#2467ac", "#d9691a", "#3f9142")
"""Apart for the colour-blind, and in print."""
_DPI = 120
_LONGEST = 36


def save_ced(errors: Mapping[str, NDArray[np.float64]], path: str | Path) -> None:
    """Draw cumulative error distributions to a PNG.

    Parameters
    ----------
    errors : mapping of str to ndarray
        NME of each face, by the name of the curve; infinite where no face was found.
    path : path
        Where the picture goes.
    """
    save_png(ced_figure(errors), path)


def ced_figure(
    errors: Mapping[str, NDArray[np.float64]], faint: Sequence[NDArray[np.float64]] = ()
) -> Figure:
    """Draw cumulative error distributions, see `draw_ced`."""
    figure, axes = new_figure(6.4, 4.4)
    draw_ced(axes, errors, faint)
    return figure


def draw_ced(
    axes: Axes,
    errors: Mapping[str, NDArray[np.float64]],
    faint: Sequence[NDArray[np.float64]] = (),
) -> None:
    """Draw cumulative error distributions.

    Parameters
    ----------
    axes : Axes
        Where to.
    errors : mapping of str to ndarray
        NME of each face, by the name of the curve; infinite where no face was found.
    faint : sequence of ndarray
        Others that are drawn behind, thin and without names.
    """
    for values in faint:
        axes.step(*_corners(values), where="post", color="0.7", linewidth=0.8)
    for (name, values), colour in zip(errors.items(), cycle(COLOURS)):
        said = f"{label(name)} (median {np.median(values):.4f}, {counted(len(values), 'face')})"
        axes.step(*_corners(values), where="post", color=colour, linewidth=1.8, label=said)
    axes.set(
        xlim=(0, FAILURE),
        ylim=(0, 1.005),
        xlabel="normalised mean error (share of the inter-ocular distance)",
        ylabel="faces with at most this error",
    )
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.legend(loc="lower right", frameon=False)


def _corners(
    errors: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    steps = np.sort(errors).clip(max=2 * FAILURE)
    return np.append(0.0, steps), np.arange(len(steps) + 1) / len(steps)


def new_figure(width: float, height: float) -> tuple[Figure, Axes]:
    """Make a figure, in inches, with one pair of axes; it belongs to no window."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    tidy(axes)
    return figure, axes


def tidy(axes: Axes) -> None:
    """Draw what is measured, and as little else as possible."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("0.6")
    axes.tick_params(color="0.6")
    axes.grid(color="0.9")
    axes.set_axisbelow(True)


def label(name: str) -> str:
    """Return a name as it can be drawn: short, on one line, and not taken for a formula."""
    shown = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    if len(shown) > _LONGEST:
        half = _LONGEST // 2
        shown = f"{shown[:half]}…{shown[-half:]}"
    # A formula begins with a dollar, and a legend leaves out what begins with an underscore.
    return shown.replace("$", r"\$").replace("_", "\u2009_", shown.startswith("_"))


def save_png(figure: Figure, path: str | Path) -> None:
    """Write a figure to a PNG, see `save_figure`."""
    save_figure(figure, path, "png")


def save_figure(figure: Figure, path: str | Path, form: str) -> None:
    """Write a figure, whole or not at all.

    Parameters
    ----------
    figure : Figure
        Of `new_figure`.
    path : path
        Where it goes.
    form : str
        ``png``, ``svg`` or ``pdf``.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    # Neither the time nor a random number: one figure is one file.
    about = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(form)
    with atomic_path(Path(path)) as part, warnings.catch_warnings():
        # A name in letters that the font lacks is drawn with boxes, which is all that can be done.
        warnings.filterwarnings("ignore", r"Glyph \d+", UserWarning)
        figure.savefig(part, format=form, dpi=_DPI, metadata=about)
