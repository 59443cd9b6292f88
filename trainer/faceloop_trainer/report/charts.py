"""The charts of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import EllipseCollection
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from faceloop_datasets.subjects import plural
from faceloop_trainer.evaluation.plots import COLOURS, label, new_figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from faceloop_datasets import Scheme
    from faceloop_trainer.evaluation.bootstrap import Interval
    from faceloop_trainer.evaluation.paired import PairedTest
    from faceloop_trainer.learning_curve import LearningStep

    Vector = NDArray[np.float64]

_NAMED = 6
_BINS = 8


def points_figure(scheme: Scheme, shape: Vector, errors: Mapping[str, Vector]) -> Figure:
    """Draw each point's mean error as a circle on a face, to scale.

    Parameters
    ----------
    scheme : Scheme
        Gives the contours.
    shape : ndarray, shape (N, 2)
        A face, in units of its inter-ocular distance.
    errors : mapping of str to ndarray, shape (N,)
        Mean error of each point over the inter-ocular distance, NaN where unknown, by model.
    """
    figure, first = new_figure(5.2 * len(errors) + 0.6, 5.2)
    first.remove()
    panels = figure.subplots(1, len(errors), squeeze=False)[0]
    top = max(float(np.nanmax(values)) for values in errors.values())
    for axes, (name, values) in zip(panels, errors.items(), strict=True):
        drawn = draw_point_errors(axes, scheme, shape, values, top)
        if len(errors) > 1:
            axes.set_title(label(name), fontsize=10)
    bar = figure.colorbar(drawn, ax=list(panels), shrink=0.7, pad=0.02)
    bar.set_label("mean error of the point")
    bar.outline.set_visible(False)
    return figure


def draw_point_errors(
    axes: Axes, scheme: Scheme, shape: Vector, errors: Vector, top: float
) -> EllipseCollection:
    """Draw each point's mean error as a circle on a face, the greatest error ``top`` darkest."""
    for contour in scheme.contours:
        line = shape[[*contour.points, *contour.points[: int(contour.closed)]]]
        axes.plot(*line.T, color="0.75", linewidth=1, zorder=1)
    known = np.isfinite(errors)
    axes.plot(*shape[~known].T, ".", color="0.75", markersize=3)
    width = 2 * errors[known]
    drawn = EllipseCollection(
        width,
        width,
        np.zeros_like(width),
        units="xy",
        offsets=shape[known],
        offset_transform=axes.transData,
        array=errors[known],
        cmap="viridis_r",
        alpha=0.85,
        zorder=2,
    )
    drawn.set_clim(0, top)
    axes.add_collection(drawn)
    for i in np.argsort(np.where(known, -errors, 0))[: min(_NAMED, known.sum())]:
        away = shape[i] - shape.mean(axis=0)
        away = (errors[i] + 0.05) * away / max(float(np.linalg.norm(away)), 1e-6)
        x, y = shape[i] + away
        axes.text(x, y, str(i), fontsize=8, ha="center", va="center", color="0.25")
    low, high = shape.min(axis=0) - 0.15, shape.max(axis=0) + 0.15
    axes.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]), aspect="equal")
    axes.axis("off")
    return drawn


def groups_figure(groups: Mapping[str, Mapping[str, Interval]]) -> Figure:
    """Draw the error of each part of the face as a bar with its confidence interval.

    Parameters
    ----------
    groups : mapping of str to mapping of str to Interval
        By model, then by part.
    """
    names = list(next(iter(groups.values())))
    figure, axes = new_figure(6.4, 0.9 + 0.34 * len(names) * (0.5 + 0.5 * len(groups)))
    height = 0.72 / len(groups)
    for place, (model, own) in enumerate(groups.items()):
        at = np.arange(len(names)) + (place - (len(groups) - 1) / 2) * height
        values = [own[name].value if name in own else np.nan for name in names]
        colour = COLOURS[place]
        axes.barh(at, values, height * 0.94, color=colour, alpha=0.8, label=label(model))
        _whiskers(axes, [own.get(name) for name in names], at.tolist())
    axes.set_yticks(range(len(names)), [label(name.replace("_", " ")) for name in names])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("mean error of the points (share of the inter-ocular distance)")
    axes.set_xlim(left=0)
    if len(groups) > 1:
        axes.legend(frameon=False, loc="best")
    return figure


def _whiskers(axes: Axes, intervals: Sequence[Interval | None], at: Sequence[float]) -> None:
    for interval, y in zip(intervals, at, strict=True):
        if interval is not None and interval.known:
            ends = (interval.low, interval.high)
            axes.plot(ends, (y, y), color="0.15", linewidth=1.4, solid_capstyle="butt")


def calibration_figure(predicted: Vector, errors: Vector) -> Figure:
    """Draw what the model expected of each face against what came, see `draw_calibration`."""
    figure, axes = new_figure(5.0, 4.6)
    draw_calibration(axes, predicted, errors)
    return figure


def draw_calibration(axes: Axes, predicted: Vector, errors: Vector) -> None:
    """Draw what the model expected of each face against what came.

    Parameters
    ----------
    axes : Axes
        Where to.
    predicted, errors : ndarray, shape (F,)
        Predicted and true NME; faces where one is not finite are left out.
    """
    both = np.isfinite(predicted) & np.isfinite(errors)
    x, y = predicted[both], errors[both]
    low, high = 0.85 * min(x.min(), y.min()), 1.18 * max(x.max(), y.max())
    dashes = (0, (5, 3))
    axes.plot((low, high), (low, high), color="0.5", linestyle=dashes, label="as predicted")
    axes.scatter(x, y, s=12, color=COLOURS[0], alpha=0.35, linewidths=0, label="one face")
    order = np.argsort(x)
    if (count := min(_BINS, len(x) // 5)) > 1:
        parts = np.array_split(order, count)
        medians = np.array([[np.median(x[part]), np.median(y[part])] for part in parts])
        axes.plot(*medians.T, "o-", color=COLOURS[1], markersize=5, label="medians of equal parts")
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high), aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        _plain_ticks(axis, [t for t in _ROUND if low <= t <= high])
    axes.set(xlabel="error that the model predicts", ylabel="true error (NME)")
    axes.legend(frameon=False, loc="upper left", fontsize=9)


_ROUND = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


def _plain_ticks(axis: object, ticks: Sequence[float]) -> None:
    axis.set_major_locator(FixedLocator(list(ticks)))  # type: ignore[attr-defined]
    axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))  # type: ignore[attr-defined]
    axis.set_minor_locator(NullLocator())  # type: ignore[attr-defined]
    axis.set_minor_formatter(NullFormatter())  # type: ignore[attr-defined]


def difference_figure(test: PairedTest, names: tuple[str, str]) -> Figure:
    """Draw for each person by how much the first model is better, most in its favour first.

    Parameters
    ----------
    test : PairedTest
        The comparison.
    names : (str, str)
        The first model and the second.
    """
    gain = np.sort(-test.by_subject.to_numpy())[::-1]
    figure, axes = new_figure(6.4, 3.2)
    colours = [COLOURS[0] if value > 0 else COLOURS[1] for value in gain]
    axes.bar(np.arange(1, len(gain) + 1), gain, 0.8, color=colours)
    axes.axhline(0, color="0.3", linewidth=0.8)
    if test.difference.known:
        ends = (-test.difference.high, -test.difference.low)
        axes.axhspan(*ends, color="0.5", alpha=0.25, linewidth=0, zorder=0)
    room = 0.25 * float(np.abs(gain).max() or 1.0)
    axes.set_ylim(min(gain.min(), 0) - room, max(gain.max(), 0) + room)
    axes.grid(visible=False, axis="x")
    first, second = map(label, names)
    axes.set(xlim=(0, len(gain) + 1), ylabel=f"NME: {second} less {first}", xticks=[])
    axes.set_xlabel(plural(test.kind))
    for said, x, y, colour in (
        (f"{first} is better", 0.98, 0.97, COLOURS[0]),
        (f"{second} is better", 0.02, 0.03, COLOURS[1]),
    ):
        axes.text(
            x,
            y,
            said,
            transform=axes.transAxes,
            ha="right" if x > 0.5 else "left",
            va="top" if y > 0.5 else "bottom",
            color=colour,
        )
    return figure


def learning_figure(steps: Sequence[LearningStep], means: Sequence[Interval]) -> Figure:
    """Draw the error against the number of faces that were trained on.

    Parameters
    ----------
    steps : sequence of LearningStep
        The trainings.
    means : sequence of Interval
        Mean NME of each.
    """
    faces = np.array([step.faces for step in steps], dtype=np.float64)
    values = np.array([mean.value for mean in means])
    figure, axes = new_figure(6.4, 4.0)
    for x, mean in zip(faces, means, strict=True):
        if mean.known:
            axes.plot((x, x), (mean.low, mean.high), color=COLOURS[0], alpha=0.35, linewidth=2)
    axes.plot(faces, values, "o", color=COLOURS[0], markersize=6, label="one training")
    counts = np.array([step.count for step in steps])
    alike = [counts == count for count in dict.fromkeys(counts.tolist())]
    middle = np.array([[faces[own].mean(), values[own].mean()] for own in alike])
    axes.plot(*middle.T, color=COLOURS[0], linewidth=1.2)
    axes.set_xscale("log")
    _plain_ticks(axes.xaxis, [round(x) for x in middle[:, 0]])
    axes.set(xlabel="faces trained on", ylabel="mean NME on the people kept aside")
    axes.set_ylim(bottom=0)
    return figure


def face_figure(
    scheme: Scheme, picture: NDArray[np.uint8], truth: Vector, fitted: Vector
) -> Figure:
    """Draw a face with its annotation and the fit.

    Parameters
    ----------
    scheme : Scheme
        Gives the contours.
    picture : ndarray of uint8, shape (H, W)
        Gray.
    truth, fitted : ndarray, shape (N, 2)
        Points in its pixels, NaN where unknown.
    """
    figure, axes = new_figure(2.4, 2.4)
    axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
    for points, colour in ((truth, "white"), (fitted, "#ffb000")):
        draw_shape(axes, scheme, points, colour)
    centre = np.nanmean(truth, axis=0)
    reach = 1.25 * float(np.nanmax(np.abs(truth - centre)))
    axes.set(
        xlim=(centre[0] - reach, centre[0] + reach), ylim=(centre[1] + reach, centre[1] - reach)
    )
    axes.axis("off")
    return figure


def draw_shape(axes: Axes, scheme: Scheme, points: Vector, colour: str) -> None:
    """Draw the lines of a face (N, 2), and its points that are on none, in one colour."""
    for contour in scheme.contours:
        line = points[[*contour.points, *contour.points[: int(contour.closed)]]]
        axes.plot(*line.T, color=colour, linewidth=0.9)
    alone = sorted(set(range(len(scheme))) - {p for c in scheme.contours for p in c.points})
    axes.plot(*points[alone].T, ".", color=colour, markersize=2.5)
