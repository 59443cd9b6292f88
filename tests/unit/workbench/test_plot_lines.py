"""Lines of the plots: nothing is lost between the values and the pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_workbench.live.canvas_lines import line_columns, line_picture
from faceloop_workbench.live.plot_series import axis_limits
from faceloop_workbench.live.time_view import TimeView
from faceloop_workbench.services.extremes import Extremes


def view_of(frames, first=0.0, span=None):
    view = TimeView()
    view.show_video(frames, 25.0)
    view.first, view.span = first, float(span or frames)
    return view


def shares(values, view, size, limits=(0.0, 1.0)):
    """How much each pixel is covered by the line, (height, width)."""
    image = line_picture([(Extremes(values), (0, 0, 0))], view, size, limits)
    width, height = size
    pixels = [[image.pixelColor(x, y).alphaF() for x in range(width)] for y in range(height)]
    return np.array(pixels)


@given(st.integers(20, 5000), st.integers(10, 300), st.integers(0, 9))
def test_a_line_reaches_all_of_its_values_and_is_joined(frames, width, seed):
    values = np.random.default_rng(seed).normal(size=frames).astype(np.float32)
    low, high = line_columns(Extremes(values), 0.0, float(frames), width)
    assert (low <= high).all()
    assert (low[1:] <= high[:-1] + 1e-6).all()  # from each column to the next without a hole
    assert (high[1:] >= low[:-1] - 1e-6).all()
    if frames > width:
        assert high.max() == values.max()
        assert low.min() == values.min()
    else:  # through the values, as far as pixels are from the middles of frames
        slope = np.abs(np.diff(values)).max() * frames / width
        at = np.minimum(((np.arange(frames) + 0.5) * width / frames).astype(int), width - 1)
        assert (low[at] - slope <= values).all()
        assert (high[at] + slope >= values).all()


def test_one_peak_of_a_hundred_thousand_frames_is_drawn():
    values = np.full(100_000, 0.1, dtype=np.float32)
    values[70_000] = 0.9
    drawn = shares(values, view_of(100_000), (100, 50))
    peak = np.flatnonzero(drawn[5:30].max(axis=0) > 0.5)
    assert peak.tolist() in ([69], [70])
    assert (drawn[44:46].max(axis=0) > 0.5).all()


def test_lost_frames_are_gaps_and_a_single_frame_between_them_is_seen():
    values = np.full(20, 0.5, dtype=np.float32)
    values[5:10] = np.nan
    values[12:14] = values[15:17] = np.nan
    seen = shares(values, view_of(20), (200, 21)).max(axis=0) > 0.5
    assert not seen[51:99].any()
    assert seen[:49].all()
    assert seen[141:149].all()  # frame 14
    assert not seen[121:139].any()


def test_values_stand_at_their_height():
    for value in (0.0, 0.25, 0.5, 1.0, 7.0, -3.0):
        drawn = shares(np.full(10, value), view_of(10), (10, 81))[:, 5]
        row = (np.arange(81) * drawn).sum() / drawn.sum()
        assert row == pytest.approx(80 * (1 - np.clip(value, 0, 1)), abs=0.8)
        assert drawn.sum() == pytest.approx(1.5, abs=0.05)  # as thick as it should be


def test_the_first_line_is_on_top():
    one, other = Extremes(np.full(10, 0.5)), Extremes(np.full(10, 0.5))
    image = line_picture([(one, (255, 0, 0)), (other, (0, 255, 0))], view_of(10), (10, 21), (0, 1))
    assert image.pixelColor(5, 10).getRgb()[:3] == (255, 0, 0)


def test_axes_begin_at_zero_and_one_wild_fit_does_not_flatten_the_rest():
    rng = np.random.default_rng(0)
    values = rng.uniform(0.1, 0.2, 10_000)
    values[17] = 50.0
    low, high = axis_limits(values, "IOD")
    assert low == 0
    assert high == pytest.approx(0.216, abs=0.002)
    low, high = axis_limits(np.array([-10.0, 20.0]), "°")
    assert low < -10
    assert high > 20
    assert axis_limits(values, "probability") == (0.0, 1.0)
    assert axis_limits(np.zeros(0), "IOD") == (0.0, 1.0)
    low, high = axis_limits(np.full(5, 3.0), "°")
    assert low < 3 < high
