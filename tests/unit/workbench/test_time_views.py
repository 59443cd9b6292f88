"""Time as it is drawn: columns of pixels, what is seen of a video, ticks, rows and marks."""

from __future__ import annotations

from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets.tracks.face_track import FaceTrack
from faceloop_workbench.live.record import ErrorRecord
from faceloop_workbench.live.time_ticks import clock, time_ticks
from faceloop_workbench.live.time_view import TimeView
from faceloop_workbench.live.track_rows import TrackRow, neighbour, shown_kind
from faceloop_workbench.services.extremes import Extremes


def values_of(frames, seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=frames).astype(np.float32)
    values[rng.random(frames) < 0.2] = np.nan
    values[rng.random(frames) < 0.1] = np.inf
    return values


def extremes(values):
    known = [v for v in values if not np.isnan(v)]
    return (min(known), max(known)) if known else (np.nan, np.nan)


@given(
    st.integers(1, 3000),
    st.integers(1, 400),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(0, 5),
)
def test_columns_are_the_extremes_of_their_frames(frames, width, at, share, seed):
    values = values_of(frames, seed)
    span = max(share * frames, 1.0)
    first = at * (frames - span)
    low, high = Extremes(values).columns(first, span, width)
    assert low.shape == high.shape == (width,)
    for k in range(0, width, 7):
        if span <= width:
            frame = min(floor(first + (k + 0.5) * span / width), frames - 1)
            assert np.array_equal([low[k], high[k]], [values[frame]] * 2, equal_nan=True)
            continue
        begin, end = (first + j * span / width for j in (k, k + 1))
        room = span / width / 4  # what is drawn is at most a quarter of a pixel beside its place
        wide = values[max(floor(begin - room), 0) : ceil(end + room)]
        narrow = values[ceil(begin + room) : floor(end - room)]
        if not np.isnan(narrow).all():
            assert high[k] >= extremes(narrow)[1]
            assert low[k] <= extremes(narrow)[0]
        if not np.isnan(high[k]):
            assert high[k] <= extremes(wide)[1]
            assert low[k] >= extremes(wide)[0]


@given(st.integers(1, 100_000), st.integers(1, 2000), st.data())
def test_one_bad_frame_of_many_is_seen(frames, width, data):
    bad = data.draw(st.integers(0, frames - 1))
    values = np.full(frames, 0.01, dtype=np.float32)
    values[bad] = np.inf
    _, high = Extremes(values).columns(0.0, float(frames), width)
    if frames >= width:
        assert np.isinf(high).sum() == 1
        assert abs(np.flatnonzero(np.isinf(high))[0] - bad * width / frames) <= 1.25
    else:
        assert np.isinf(high).any()


def test_nothing_has_no_columns_with_values():
    low, high = Extremes(np.zeros(0)).columns(0.0, 1.0, 5)
    assert np.isnan(low).all()
    assert np.isnan(high).all()


@st.composite
def looks(draw):
    """A view of a video after some zooming and moving about, and the width it is drawn with."""
    view = TimeView()
    view.show_video(draw(st.integers(1, 200_000)), 25.0)
    for _ in range(draw(st.integers(0, 6))):
        if draw(st.booleans()):
            view.zoom(draw(st.floats(0.05, 4)), draw(st.floats(0, 1)) * view.frames)
        else:
            view.pan(draw(st.floats(-1e5, 1e5)))
    return view, draw(st.integers(50, 2000))


@given(looks())
def test_what_is_seen_is_a_piece_of_the_video(look):
    view, width = look
    assert 0 <= view.first <= view.first + view.span <= view.frames * (1 + 1e-12)
    assert view.span >= min(view.frames, 12)
    frames = [view.frame_at(x, width) for x in (-50, 0, width // 2, width - 1, width + 50)]
    assert frames == sorted(frames)
    assert all(floor(view.first) <= f < view.first + view.span for f in frames)


@given(looks(), st.data())
def test_a_click_on_the_place_of_a_frame_is_on_that_frame(look, data):
    view, width = look
    first, last = ceil(view.first), floor(view.first + view.span) - 1
    frame = data.draw(st.integers(min(first, last), max(first, last)))
    found = view.frame_at(view.place(frame, width), width)
    assert abs(found - frame) <= (0 if view.span <= width else view.span / width)


@given(looks(), st.floats(0, 1), st.floats(0.1, 3))
def test_zooming_keeps_what_is_under_the_pointer(look, share, factor):
    view, _ = look
    at = view.first + share * view.span
    span = view.span
    view.zoom(factor, at)
    clipped = view.first == 0 or np.isclose(view.first + view.span, view.frames)
    if view.span != span and not clipped:
        assert (at - view.first) / view.span == pytest.approx(share, abs=1e-6)


def test_the_frame_shown_comes_into_sight_and_a_range_may_be_drawn_backwards():
    view, sought, ranges = TimeView(), [], []
    view.sought.connect(sought.append)
    view.range_selected.connect(lambda first, last: ranges.append((first, last)))
    view.show_video(1000, 25.0)
    view.zoom(0.1, 0.0)
    view.set_index(500)
    assert view.first <= 500 < view.first + view.span
    assert view.span == 100
    view.pan(-400)
    view.set_index(500)  # it is still shown; what a person looks at stays
    assert view.first < 400
    assert sought == []
    view.seek(5000)
    view.seek(999)
    assert sought == [999]
    view.select(30, 20)
    view.select(20, 30)
    assert ranges == [(20, 30)]
    view.look_at(20, 39)
    assert (view.first, view.span) == (18, 24)
    view.show_video(1000, 25.0)
    assert view.selected is None
    assert view.whole


@given(
    st.integers(1, 500_000), st.floats(0, 1), st.floats(0, 1), st.floats(5, 120), st.integers(1, 20)
)
def test_ticks_are_round_few_and_in_sight(frames, at, share, rate, most):
    span = max(share * frames, 1.0)
    first = at * (frames - span)
    ticks = [frame for frame, _ in time_ticks(first, span, rate, most)]
    assert len(ticks) <= 2 * most + 1
    assert all(first - 0.51 <= frame <= first + span + 0.51 for frame in ticks)
    assert ticks == sorted(set(ticks))


def test_ticks_say_time_and_frame():
    assert time_ticks(0, 250, 25.0, 5) == [(k * 50, f"{2 * k} s · {50 * k}") for k in range(5)]
    assert time_ticks(34998, 10, 25.0, 5)[0] == (34998, "23:19.92 · 34998")
    assert [clock(s) for s in (59, 60, 3661)] == ["59 s", "1:00", "1:01:01"]
    assert clock(61.5, 2) == "1:01.50"
    assert clock(59.999, 2) == "1:00.00"


def face_of(kind, error, verdict=None):
    kind = np.array(kind, np.uint8)
    verdict = np.zeros(len(kind), np.uint8) if verdict is None else np.array(verdict, np.uint8)
    points = np.zeros((len(kind), 3, 2), np.float32)
    return FaceTrack(2, "Ada", points, np.array(error, np.float32), kind, verdict)


def test_a_row_says_what_happened_in_each_frame():
    nan = np.nan
    kinds = [0, 1, 2, 2, 3, 4, 5, 2, 2, 1]
    errors = [nan, nan, 0.01, 0.09, 0.0, 0.02, nan, 0.08, 0.01, nan]
    row = TrackRow.of_face(face_of(kinds, errors, [0, 0, 1, 2, 0, 0, 0, 0, 0, 0]))
    said = [row.about(k, 0.06) for k in range(7)]
    assert said == [
        "Ada: not seen",
        "Ada: no face",
        "Ada: good 0.010, accepted",
        "Ada: poor 0.090, rejected",
        "Ada: corrected",
        "Ada: spread, good 0.020",
        "Ada: interpolated",
    ]
    assert row.starts("lost", 0.06).tolist() == [1, 9]
    assert row.starts("poor", 0.06).tolist() == [3, 7]
    assert row.starts("corrected", 0.06).tolist() == [4]
    record = ErrorRecord(10)
    record.errors[:] = 0.05
    seen = TrackRow.of_face(face_of(kinds, errors), record)
    assert seen.about(0, 0.06) == "Ada: fair 0.050"  # what the track has not
    assert seen.about(3, 0.06) == said[3].removesuffix(", rejected")
    _, high = row.ranks.columns(0, 10, 1)
    assert shown_kind(int(high[0])).name == "CORRECTED"  # what a person did wins


def test_marks_before_and_after_are_found():
    frames = np.array([3, 8, 9])
    assert [neighbour(frames, k, 1) for k in (0, 3, 8, 9)] == [3, 8, 9, None]
    assert [neighbour(frames, k, -1) for k in (3, 4, 9, 50)] == [None, 3, 8, 9]
