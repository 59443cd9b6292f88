"""Rotations and reflections of whole annotations, undone exactly, and points of other schemes."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from faceloop_datasets import Scheme
from faceloop_datasets.media.images import exif_orientation, read_image
from faceloop_trainer.labelcheck.image_symmetries import IMAGE_SYMMETRIES
from faceloop_trainer.labelcheck.scheme_mapping import SchemeMapping

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
    (symmetry,) = [symmetry for symmetry in IMAGE_SYMMETRIES if symmetry.orientation == orientation]
    points = np.array([spot, spot, [0.0, 0.0]])
    x, y = symmetry.undo(points, shown.shape[::-1], (1, 0, 2))[0]
    assert shown[int(y), int(x)] == 255
    assert shown.sum() == 255


def test_a_picture_without_the_tag_is_not_turned(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    assert exif_orientation(tmp_path / "a.png") == 1
    tag = Image.Exif()
    tag[0x0112] = 77
    Image.new("L", (4, 4)).save(tmp_path / "b.png", exif=tag)
    assert exif_orientation(tmp_path / "b.png") == 1


@pytest.mark.parametrize("symmetry", IMAGE_SYMMETRIES, ids=lambda symmetry: symmetry.what)
def test_each_symmetry_is_another_one_and_loses_nothing(symmetry):
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 30, (70, 2))
    undone = symmetry.undo(points, SIZE, FACE70.mirror)
    others = [t.undo(points, SIZE, FACE70.mirror) for t in IMAGE_SYMMETRIES if t is not symmetry]
    assert all(np.abs(undone - other).max() > 1 for other in others)
    assert sorted(symmetry.sources(FACE70.mirror)) == list(range(70))
    known = points.copy()
    known[9] = np.nan
    lost = np.flatnonzero(np.isnan(symmetry.undo(known, SIZE, FACE70.mirror)).any(axis=1))
    assert lost == [symmetry.sources(FACE70.mirror).index(9)]
    before = points[symmetry.sources(FACE70.mirror)]
    far = [np.linalg.norm(p[:, None] - p[None], axis=2) for p in (before, undone)]
    assert np.allclose(far[0], far[1])  # nothing is stretched


def test_marks_come_by_a_conversion_or_by_name_and_parts():
    muct = SchemeMapping.between(Scheme.load("muct76"), FACE70)
    assert (muct.weights != 0).any(axis=1).all()
    by_name = SchemeMapping.between(IBUG, FACE70)
    points = np.random.default_rng(0).uniform(0, 100, (68, 2))
    mapped = by_name.apply(points)
    for name in ("left eye outer", "right eye inner", "mouth left corner", "chin", "nose tip"):
        place = points[IBUG.names.index(name)]
        assert np.allclose(mapped[FACE70.names.index(name)], place)
    assert np.allclose(mapped[FACE70.names.index("left pupil")], points[36:42].mean(axis=0))
    # Points that are counted along a line lie at other places of it in another scheme.
    assert np.isnan(mapped[FACE70.names.index("upper lip left 1")]).all()
    points[36] = np.nan
    assert np.isnan(by_name.apply(points)[[23, 27]]).all()  # that corner, and the mean of the eye
    assert not np.isnan(
        SchemeMapping.between(IMM, FACE70).apply(np.ones((3, 58, 2)))[:, list(FACE70.iod)]
    ).any()
