"""Charts for notebooks and papers: each draws into axes, and returns them.

With ``ax=None`` it is the current axes of `matplotlib.pyplot`. The pages of a report draw the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import InputError

from .evaluation.plots import COLOURS, draw_ced, tidy
from .report.charts import draw_calibration, draw_point_errors, draw_shape

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

    from faceloop_datasets import Scheme
    from faceloop_runtime import FaceModel
    from faceloop_trainer import Evaluation

_POINTS = "#ffb000"


def plot_ced(evaluations: Mapping[str, Evaluation | ArrayLike], *, ax: Axes | None = None) -> Axes:
    """Draw the cumulative error distribution of models.

    Parameters
    ----------
    evaluations : mapping of str to Evaluation or array_like of shape (F,)
        What was measured, or the NME of each face, infinite where no face was found; by the name
        of the curve.
    ax : Axes, optional
        Where to draw.

    Raises
    ------
    InputError
        If there are no errors to draw, or they are not one for each face.
    """
    if not isinstance(evaluations, Mapping):
        raise InputError(
            "Expected a mapping from the name of each curve to its errors but got "
            f"{type(evaluations).__name__}."
        )
    errors = {
        name: np.asarray(getattr(found, "errors", found), dtype=np.float64)
        for name, found in evaluations.items()
    }
    for name, values in errors.items():
        if values.ndim != 1:
            raise InputError(
                f"Expected the errors {name}, one for each face, of shape (F,), but got "
                f"{values.shape}."
            )
    if not errors or not all(len(values) for values in errors.values()):
        raise InputError("Expected at least one evaluation with faces to plot.")
    ax = _axes(ax)
    draw_ced(ax, errors)
    return ax


def plot_calibration(evaluation: Evaluation, *, ax: Axes | None = None) -> Axes:
    """Draw what a model expected of each face against the error that came.

    Raises
    ------
    InputError
        If no face was found.
    """
    if not (np.isfinite(evaluation.predicted) & np.isfinite(evaluation.errors)).any():
        raise InputError("Expected an evaluation in which faces were found.")
    ax = _axes(ax)
    draw_calibration(ax, evaluation.predicted, evaluation.errors)
    return ax


def plot_point_errors(evaluation: Evaluation, model: FaceModel, *, ax: Axes | None = None) -> Axes:
    """Draw the mean error of each point as a circle on the mean face, to scale.

    Parameters
    ----------
    evaluation : Evaluation
        What was measured.
    model : FaceModel
        Gives the mean face.
    ax : Axes, optional
        Where to draw.

    Raises
    ------
    InputError
        If the model has other points than were measured, or no face was found.
    """
    errors = evaluation.point_means
    if len(errors) != len(model.scheme):
        raise InputError(
            f"Expected errors of the {len(model.scheme)} points of {model.scheme.name} but got "
            f"those of {len(errors)}."
        )
    if np.isnan(errors).all():
        raise InputError("Expected an evaluation in which faces were found.")
    ax = _axes(ax)
    draw_point_errors(ax, model.scheme, model.pdm.mean, errors, float(np.nanmax(errors)))
    return ax


def plot_face(
    image: ArrayLike,
    points: ArrayLike,
    scheme: Scheme,
    *,
    colour: str = _POINTS,
    ax: Axes | None = None,
) -> Axes:
    """Draw a picture and a face on it.

    Parameters
    ----------
    image : array_like of uint8, shape (H, W) or (H, W, 3)
        Gray or RGB.
    points : array_like, shape (N, 2)
        In pixels of the picture, NaN where unknown.
    scheme : Scheme
        Gives the lines.
    colour : str
        Of the lines, as matplotlib takes it.
    ax : Axes, optional
        Where to draw.

    Raises
    ------
    InputError
        If the points are not those of the scheme, or the image is no picture.
    """
    picture = np.asarray(image)
    if picture.ndim != 2 and (picture.ndim != 3 or picture.shape[2] not in (3, 4)):
        raise InputError(
            f"Expected a picture of shape (H, W) or (H, W, 3) but got {picture.shape}."
        )
    places = np.asarray(points, dtype=np.float64)
    if places.shape != (len(scheme), 2):
        raise InputError(
            f"Expected points of {scheme.name}, of shape ({len(scheme)}, 2), but got "
            f"{places.shape}."
        )
    ax = _axes(ax)
    ax.imshow(picture, cmap="gray", vmin=0, vmax=255)
    draw_shape(ax, scheme, places, colour)
    ax.axis("off")
    return ax


def plot_mode(
    model: FaceModel, mode: int = 0, *, deviations: float = 2.0, ax: Axes | None = None
) -> Axes:
    """Draw what a component of the shape model does: the mean face, and both ends of it.

    Parameters
    ----------
    model : FaceModel
        The model.
    mode : int
        Number of the component, from 0.
    deviations : float
        How far, in standard deviations of the training faces.
    ax : Axes, optional
        Where to draw.

    Raises
    ------
    InputError
        If there is no such component.
    """
    pdm = model.pdm
    if not 0 <= mode < len(pdm.variances):
        raise InputError(f"Expected a component 0..{len(pdm.variances) - 1} but got {mode}.")
    ax = _axes(ax)
    reach = deviations * float(np.sqrt(pdm.variances[mode]))
    step = reach * pdm.components[mode].reshape(-1, 2)
    for shape, colour in (
        (pdm.mean - step, COLOURS[0]),
        (pdm.mean + step, COLOURS[1]),
        (pdm.mean, "0.4"),
    ):
        draw_shape(ax, model.scheme, shape, colour)
    ax.set_aspect("equal")
    ax.invert_yaxis()
    ax.axis("off")
    return ax


def _axes(ax: Axes | None) -> Axes:
    if ax is None:
        from matplotlib import pyplot as plt  # noqa: PLC0415 - it looks for a screen

        ax = plt.gca()
    tidy(ax)
    return ax
