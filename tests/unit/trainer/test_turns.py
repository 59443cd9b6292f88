"""Faults of whole annotations, undone exactly."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from faceloop_datasets import Scheme
from faceloop_datasets.media.images import exif_orientation, read_image
from faceloop_trainer.labelcheck.marks import Marks
from faceloop_trainer.labelcheck.turns import TURNS

FACE70, IBUG, IMM = (Scheme.load(name) for name in ("face70", "ibug68", "imm58"))
SIZE = (40, 30)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_points_placed_in_the_stored_picture_come_to_where_it_is_shown(tmp_path, orientation):
    """Against Pillow: a bright pixel of the stored picture, where the shown one has it."""
    stored, spot = np.zeros((21, 34), np.uint8), (5, 2)
    stored[spot[1], spot[0]] = 255
    tag = Image.Exif()
    tag[0x0112] = orientation
    Image.fromarray(stored).save(tmp_path / "a.png", exif=tag)
    shown = read_image(tmp_path / "a.png")
    assert exif_orientation(tmp_path / "a.png") == orientation
    (turn,) = [turn for turn in TURNS if turn.orientation == orientation]
    points = np.array([spot, spot, [0.0, 0.0]])
    x, y = turn.undone(points, shown.shape[::-1], (1, 0, 2))[0]
    assert shown[int(y), int(x)] == 255
    assert shown.sum() == 255


def test_a_picture_without_the_tag_is_not_turned(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    assert exif_orientation(tmp_path / "a.png") == 1
    tag = Image.Exif()
    tag[0x0112] = 77
    Image.new("L", (4, 4)).save(tmp_path / "b.png", exif=tag)
    assert exif_orientation(tmp_path / "b.png") == 1


@pytest.mark.parametrize("turn", TURNS, ids=lambda turn: turn.what)
def test_each_turn_is_another_one_and_loses_nothing(turn):
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 30, (70, 2))
    undone = turn.undone(points, SIZE, FACE70.mirror)
    others = [t.undone(points, SIZE, FACE70.mirror) for t in TURNS if t is not turn]
    assert all(np.abs(undone - other).max() > 1 for other in others)
    assert sorted(turn.order(FACE70.mirror)) == list(range(70))
    known = points.copy()
    known[9] = np.nan
    lost = np.flatnonzero(np.isnan(turn.undone(known, SIZE, FACE70.mirror)).any(axis=1))
    assert lost == [turn.order(FACE70.mirror).index(9)]
    before = points[turn.order(FACE70.mirror)]
    far = [np.linalg.norm(p[:, None] - p[None], axis=2) for p in (before, undone)]
    assert np.allclose(far[0], far[1])  # nothing is stretched


def test_marks_come_by_a_conversion_or_by_name_and_parts():
    muct = Marks.between(Scheme.load("muct76"), FACE70)
    assert (muct.weights != 0).any(axis=1).all()
    by_name = Marks.between(IBUG, FACE70)
    points = np.random.default_rng(0).uniform(0, 100, (68, 2))
    marks = by_name.of(points)
    for name in ("left eye outer", "right eye inner", "mouth left corner", "chin", "nose tip"):
        place = points[IBUG.names.index(name)]
        assert np.allclose(marks[FACE70.names.index(name)], place)
    assert np.allclose(marks[FACE70.names.index("left pupil")], points[36:42].mean(axis=0))
    # Points that are counted along a line lie at other places of it in another scheme.
    assert np.isnan(marks[FACE70.names.index("upper lip left 1")]).all()
    points[36] = np.nan
    assert np.isnan(by_name.of(points)[[23, 27]]).all()  # that corner, and the mean of the eye
    assert not np.isnan(
        Marks.between(IMM, FACE70).of(np.ones((3, 58, 2)))[:, list(FACE70.iod)]
    ).any()
