"""Quantities of a track: by their definitions, and what they do not depend on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets import InputError, Scheme, SchemeError
from faceloop_datasets.sample import sample_clip_truth
from faceloop_datasets.tracks.face_track import FaceTrack, FrameKind, Verdict
from faceloop_datasets.tracks.track import Track
from faceloop_workbench.services.face_measures import inter_ocular_distances
from faceloop_workbench.services.quantities import quantities_of, quantity
from faceloop_workbench.services.quantity_export import (
    Selection,
    quantity_table,
    save_quantities,
    suggested_name,
)

FACE70 = Scheme.load("face70")
RATE = 25.0
PARTS = (
    "mouth_opening",
    "left_eye_opening",
    "right_eye_opening",
    "left_brow_height",
    "right_brow_height",
)


def track_of(points, scheme=FACE70, **changes):
    frames = len(points)
    face = FaceTrack(
        0,
        "",
        np.asarray(points, np.float32),
        np.full(frames, 0.02, np.float32),
        np.full(frames, FrameKind.FITTED, np.uint8),
        np.zeros(frames, np.uint8),
        **changes,
    )
    return Track("0" * 64, scheme.name, "m", RATE, np.arange(frames) / RATE, (face,), ("joy",))


def values(name, track, scheme=FACE70):
    return quantity(name, scheme, track.expressions).of(track.faces[0], track)


@pytest.fixture(scope="module")
def clip():
    return np.asarray(sample_clip_truth().points, dtype=np.float64)


def moved(points, scale, angle, shift):
    """Scale, turn (clockwise on the screen) and shift points, each frame in its own way."""
    cosine, sine = np.cos(angle) * scale, np.sin(angle) * scale
    turn = np.stack([np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], -2)
    return np.einsum("fij,fnj->fni", turn, points) + shift[:, None]


@given(st.integers(0, 2**32 - 1))
def test_openings_and_heights_do_not_depend_on_place_size_and_lean(clip, seed):
    rng = np.random.default_rng(seed)
    points = clip[:10]
    scale, angle = np.exp(rng.normal(size=10)), rng.uniform(-0.9, 0.9, 10)
    other = moved(points, scale, angle, rng.normal(scale=300, size=(10, 2)))
    for name in PARTS:
        before, after = (values(name, track_of(p)) for p in (points, other))
        assert np.allclose(before, after, atol=2e-3)  # points are float32
    lean = values("roll", track_of(other)) - values("roll", track_of(points))
    assert np.allclose(lean, np.degrees(angle), atol=0.05)
    steady = moved(
        points, np.full(10, scale[0]), np.full(10, angle[0]), np.tile([50.0, 9.0], (10, 1))
    )
    before, after = (values("speed:chin", track_of(p)) for p in (points, steady))
    assert np.allclose(before, after, atol=0.02, equal_nan=True)


@given(st.floats(0, 0.5), st.floats(0, 0.5))
def test_openings_are_the_mean_heights_of_rectangles(mouth, brow):
    """Eyes and mouth as rectangles: their mean height is their height."""
    scheme = Scheme.parse(
        """
name = "boxes"
names = ["l1", "l2", "l3", "l4", "r1", "r2", "r3", "r4", "m1", "m2", "m3", "m4", "b"]
mirror = [[0, 5], [1, 4], [2, 7], [3, 6], [8, 9], [10, 11]]
iod = [0, 5]
triangles = []
[groups]
left_eye = [0, 1, 2, 3]
right_eye = [4, 5, 6, 7]
mouth = [8, 9, 10, 11]
left_brow = [12]
[[contours]]
name = "left_eye"
points = [0, 1, 2, 3]
closed = true
[[contours]]
name = "right_eye"
points = [4, 5, 6, 7]
closed = true
[[contours]]
name = "mouth"
points = [8, 9, 10, 11]
closed = true
""",
        "boxes.toml",
    )

    def box(x, y, wide, high):
        return [(x, y), (x + wide, y), (x + wide, y + high), (x, y + high)]

    points = [*box(0, 0, 30, 8), *box(70, 0, 30, 4), *box(30, 60, 40, 100 * mouth)]
    points.append((20, -100 * brow))
    track = track_of(np.array([points] * 3), scheme)
    assert np.allclose(values("left_eye_opening", track, scheme), 0.08)
    assert np.allclose(values("right_eye_opening", track, scheme), 0.04)
    assert np.allclose(values("mouth_opening", track, scheme), mouth, atol=1e-5)
    assert np.allclose(values("left_brow_height", track, scheme), brow, atol=1e-5)
    assert "right_brow_height" not in {q.name for q in quantities_of(scheme)}


def test_a_moving_point_has_a_place_and_a_speed(clip):
    iod = FACE70.inter_ocular_distance(clip[0])
    path = np.tile(clip[0], (5, 1, 1))
    chin = FACE70.names.index("chin")
    path[:, chin, 0] += iod * np.array([0.0, 0.1, 0.2, 0.3, 0.4])
    track = track_of(path)
    assert np.allclose(values("x:chin", track), [-0.2, -0.1, 0, 0.1, 0.2], atol=1e-4)
    assert np.allclose(values("y:chin", track), 0, atol=1e-4)
    assert np.allclose(values("speed:chin", track)[1:-1], 0.1 * RATE, atol=1e-3)
    assert np.isnan(values("speed:chin", track)[[0, -1]]).all()


def test_the_clip_speaks_and_blinks(clip):
    track = track_of(clip)
    for name in PARTS:
        found = values(name, track)
        assert found.shape == (len(clip),)
        assert 0 <= found.min() <= found.max() < 0.8
        assert np.ptp(found) > 0.02


def test_lost_and_rejected_frames_are_gaps(clip):
    track = track_of(clip[:6])
    kind, verdict = np.full(6, FrameKind.FITTED, np.uint8), np.zeros(6, np.uint8)
    kind[2], verdict[4] = FrameKind.LOST, Verdict.REJECTED
    track = track.with_face(track.faces[0].with_rows(slice(None), kind=kind, verdict=verdict))
    for one in quantities_of(FACE70, track.expressions):
        found = one.of(track.faces[0], track)
        assert np.isnan(found[[2, 4]]).all()
    assert not np.isnan(values("mouth_opening", track)[[0, 1, 3, 5]]).any()


def test_pose_and_expressions_are_the_models(clip):
    pose = np.tile(np.array([10, -5, 3], np.float32), (4, 1))
    pose[1] = np.nan
    track = track_of(clip[:4], head_pose=pose, expressions=np.full((4, 1), 0.7, np.float32))
    assert np.array_equal(values("yaw", track), [10, np.nan, 10, 10], equal_nan=True)
    assert np.allclose(values("roll", track)[[0, 2, 3]], 3)
    assert not np.isnan(values("roll", track)[1])  # from the points
    assert np.allclose(values("expression:joy", track), 0.7)


@pytest.mark.parametrize("name", Scheme.bundled())
def test_every_bundled_scheme_has_all_quantities(name):
    found = {one.name for one in quantities_of(Scheme.load(name))}
    assert {*PARTS, "yaw", "pitch", "roll", "predicted_error"} <= found


@pytest.mark.parametrize("name", Scheme.bundled())
def test_sizes_are_those_of_the_scheme(name):
    scheme = Scheme.load(name)
    points = np.random.default_rng(0).normal(size=(4, len(scheme), 2)) * 50
    points[1, scheme.iod[0]] = np.nan
    expected = [scheme.inter_ocular_distance(p) for p in points]
    assert np.allclose(inter_ocular_distances(points, scheme), expected, equal_nan=True)


def test_sizes_by_more_than_two_points_are_those_of_the_scheme():
    names = ", ".join(f'"{k}"' for k in range(6))
    text = f'name = "open"\nnames = [{names}]\nsize = [0, 1, 2, 3, 4]\nsize_in_iod = 1.3\n'
    scheme = Scheme.parse(text, "open.toml")
    points = np.random.default_rng(0).normal(size=(6, 6, 2)) * 50
    for k in range(6):
        points[k, :k] = np.nan
    expected = [scheme.inter_ocular_distance(p) for p in points]
    assert np.allclose(inter_ocular_distances(points, scheme), expected, equal_nan=True)
    assert {one.name for one in quantities_of(scheme)} == {
        "yaw",
        "pitch",
        "roll",
        "predicted_error",
    }


def test_what_there_is_not_is_refused():
    with pytest.raises(InputError, match=r"no quantity 'mouth_opnin'.*mean mouth_opening\?"):
        quantity("mouth_opnin", FACE70)
    with pytest.raises(SchemeError, match="no landmark 'chim'"):
        quantity("x:chim", FACE70)
    with pytest.raises(InputError, match="Expected a range of the 3 frames"):
        quantity_table(track_of(np.ones((3, 70, 2))), Selection([], first=7, last=9))


def test_a_range_is_exported_as_table_and_picture(clip, tmp_path):
    track = track_of(clip[:50])
    track = track.with_face(FaceTrack.unseen(3, 50, 70))
    track = replace(track, times=track.times + 3e-15)
    wanted = [quantity(name, FACE70) for name in ("mouth_opening", "roll", "x:chin")]
    part = Selection(wanted, first=10, last=19)
    table = quantity_table(track, part)
    assert list(table.columns) == ["frame", "time", "face", "mouth_opening", "roll", "x:chin"]
    assert table["time"][2] == 0.44
    assert table["frame"].tolist() == sorted(2 * list(range(10, 20)))
    first = table[table["face"] == 0]
    assert np.allclose(first["mouth_opening"], values("mouth_opening", track)[10:20])
    assert table[table["face"] == 3]["roll"].isna().all()
    for ending, start in (
        (".png", b"\x89PNG"),
        (".svg", b"<?xml"),
        (".pdf", b"%PDF"),
        (".csv", b"fra"),
    ):
        file = tmp_path / f"plot{ending}"
        save_quantities(file, track, part)
        assert file.read_bytes().startswith(start)
    lines = (tmp_path / "plot.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 21
    assert lines[1].startswith("10,0.4,0,")
    assert suggested_name("clip.mp4", part) == "clip_mouth_opening_roll_x-chin_10-19.png"
    with pytest.raises(InputError, match=r"\.png, \.svg, \.pdf or \.csv"):
        save_quantities(tmp_path / "plot.txt", track, part)
    with pytest.raises(InputError, match="never replaced"):
        save_quantities(tmp_path / "plot.csv", track, part, keep=[tmp_path / "plot.csv"])
    with pytest.raises(InputError, match="at least one"):
        save_quantities(tmp_path / "plot.png", track, Selection([]))
