"""Charts that are drawn into axes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from faceloop_datasets import InputError, Scheme
from faceloop_runtime import FaceModel
from faceloop_trainer import Evaluation, plotting


@pytest.fixture
def found() -> Evaluation:
    random = np.random.default_rng(0)
    points = random.uniform(0.01, 0.09, (12, 70))
    return Evaluation(
        scheme=Scheme.load("face70"),
        items=tuple(range(12)),
        names=tuple(map(str, range(12))),
        subjects=tuple(map(str, range(12))),
        errors=points.mean(axis=1),
        point_errors=points,
        predicted=points.mean(axis=1) * random.uniform(0.8, 1.2, 12),
        fitted=np.zeros((12, 70, 2)),
        start="jitter",
    )


def test_each_draws_into_the_axes_given(found: Evaluation) -> None:
    figure = Figure(figsize=(8, 6))
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots(2, 3).ravel()
    model = FaceModel.starter()
    curve = plotting.plot_ced({"one": found, "other": found.errors * 1.4}, ax=axes[0])
    assert curve is axes[0]
    one, other = (line.get_xdata() for line in curve.lines)
    assert np.allclose(one[1:], np.sort(found.errors))
    assert np.allclose(other[1:], np.sort(found.errors * 1.4).clip(max=0.2))
    assert plotting.plot_calibration(found, ax=axes[1]).collections
    assert plotting.plot_point_errors(found, model, ax=axes[2]).collections
    picture = np.full((60, 80), 90, np.uint8)
    shape = model.pdm.mean * 20 + 40
    drawn = plotting.plot_face(picture, shape, model.scheme, ax=axes[3])
    assert len(drawn.images) == 1
    assert any(np.allclose(line.get_xdata()[0], shape[0, 0]) for line in drawn.lines)
    plotting.plot_mode(model, 1, ax=axes[4])
    canvas.draw()


def test_bad_input_is_named(found: Evaluation) -> None:
    axes = Figure().subplots()
    model = FaceModel.starter()
    with pytest.raises(InputError, match="at least one evaluation"):
        plotting.plot_ced({}, ax=axes)
    with pytest.raises(InputError, match=r"one for each face, of shape \(F,\), but got \(12, 70\)"):
        plotting.plot_ced({"one": found.point_errors}, ax=axes)
    with pytest.raises(InputError, match="mapping from the name of each curve"):
        plotting.plot_ced(found.point_errors, ax=axes)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"picture of shape .* but got \(4,\)"):
        plotting.plot_face(np.zeros(4), model.pdm.mean, model.scheme, ax=axes)
    few = replace(found, scheme=Scheme.load("ibug68"), point_errors=found.point_errors[:, :68])
    with pytest.raises(InputError, match="errors of the 70 points of face70 but got those of 68"):
        plotting.plot_point_errors(few, model, ax=axes)
    with pytest.raises(InputError, match=r"shape \(70, 2\), but got \(3, 2\)"):
        plotting.plot_face(np.zeros((4, 4)), np.zeros((3, 2)), model.scheme, ax=axes)
    with pytest.raises(InputError, match="Expected a component 0"):
        plotting.plot_mode(model, 1000, ax=axes)
