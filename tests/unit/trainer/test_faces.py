"""Faces as the trainer reads them: reduced, mirrored, and beside them the background."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from faceloop_datasets import Annotation, Cancelled, Monitor, PointState, Scheme, use_scheduler
from faceloop_datasets.face import Face
from faceloop_datasets.staging import content_hash
from faceloop_trainer.data.faces import TrainingFace, _is_the_video, load_faces, whole_pictures
from faceloop_trainer.data.unusable import why_unusable

SCHEME = Scheme.load("imm58")
N = len(SCHEME)
DOT = 3
"""A point that the pictures mark with a dot."""


def shape(iod: float, x: float, y: float) -> np.ndarray:
    points = np.random.default_rng(2).uniform(-0.9, 0.9, (N, 2))
    left, right = SCHEME.iod
    points[left], points[right] = (-0.5, -0.2), (0.5, -0.2)
    points[DOT] = (0.3, 0.4)
    return np.rint(points * iod + [x, y])


def picture(points: np.ndarray, size: int) -> np.ndarray:
    image = np.full((size, size), 90, np.uint8)
    x, y = points[DOT].astype(int)
    cv2.circle(image, (int(x), int(y)), max(3, size // 60), 255, -1)
    return image


def face(
    folder: Path, points: np.ndarray, size: int, states: np.ndarray | None = None, name: str = "f"
) -> Face:
    file = folder / f"{name}.png"
    cv2.imwrite(str(file), picture(points, size))
    states = np.full(N, PointState.VISIBLE) if states is None else states
    return Face(1, 1, name, "anna", Annotation("imm58", points, states), file, None, None)


def bright(one: TrainingFace) -> np.ndarray:
    """Middle of the dot, in pixels of the face's picture."""
    assert one.picture is not None
    ys, xs = np.nonzero(one.picture > 170)
    return np.array([xs.mean(), ys.mean()])


@pytest.mark.parametrize("iod", [40, 300])
def test_the_picture_shrinks_and_the_points_go_with_it(tmp_path: Path, iod: int) -> None:
    size = 6 * iod
    (one,), unusable = load_faces(
        SCHEME, [face(tmp_path, shape(iod, size / 2, size / 2), size)], 54
    )
    assert unusable == []
    assert one.picture is not None
    found = SCHEME.inter_ocular_distance(one.points)
    assert found == pytest.approx(min(iod, 1.25 * 54), rel=1e-6)
    assert max(one.picture.shape) <= 4.4 * found + 4
    np.testing.assert_allclose(bright(one), one.points[DOT], atol=0.6)


def test_a_large_photograph_costs_no_more_than_a_small_one(tmp_path: Path) -> None:
    large = face(tmp_path, shape(400, 1200, 1200), 2400, name="large")
    small = face(tmp_path, shape(100, 300, 300), 600, name="small")
    (a, b), _ = load_faces(SCHEME, [large, small], 54)
    assert a.picture is not None
    assert b.picture is not None
    assert a.picture.size == pytest.approx(b.picture.size, rel=0.05)


def test_a_mirrored_face_shows_the_same_marks(tmp_path: Path) -> None:
    (one,), _ = load_faces(SCHEME, [face(tmp_path, shape(100, 250, 250), 500)], 54)
    other = one.mirrored(SCHEME.mirror)
    np.testing.assert_allclose(bright(other), other.points[SCHEME.mirror[DOT]], atol=0.6)
    left, right = other.points[SCHEME.iod[0]], other.points[SCHEME.iod[1]]
    assert left[0] < right[0]
    assert other.subject == one.subject
    again = other.mirrored(SCHEME.mirror)
    np.testing.assert_allclose(again.points, one.points)
    np.testing.assert_array_equal(again.picture, one.picture)


def test_states_decide_what_a_point_teaches(tmp_path: Path) -> None:
    states = np.full(N, PointState.VISIBLE)
    states[[5, 6, 7]] = PointState.OCCLUDED, PointState.ESTIMATED, PointState.MISSING
    points = shape(100, 250, 250)
    points[7] = np.nan
    (one,), _ = load_faces(SCHEME, [face(tmp_path, points, 500, states)], 54)
    assert one.trains_patches[[4, 5, 6, 7]].tolist() == [True, False, False, False]
    assert one.measured[[4, 5, 6, 7]].tolist() == [True, True, False, False]
    assert np.isnan(one.points[7]).all()
    assert np.isfinite(one.points[[5, 6]]).all()
    mirrored = one.mirrored(SCHEME.mirror)
    assert not mirrored.trains_patches[SCHEME.mirror[5]]
    assert not mirrored.measured[SCHEME.mirror[6]]


def test_backgrounds_do_not_show_the_face(tmp_path: Path) -> None:
    points = shape(60, 200, 200)
    one = face(tmp_path, points, 400)
    assert one.media is not None
    image = picture(points, 400)
    cv2.rectangle(image, (155, 155), (245, 245), 255, -1)  # 0.75 IOD round the middle
    cv2.imwrite(str(one.media), image)
    (read,), _ = load_faces(SCHEME, [one], 54)
    assert len(read.backgrounds) == 3
    assert all((b < 170).all() for b in read.backgrounds)


def test_faces_that_cannot_be_read_are_told_with_the_reason(tmp_path: Path) -> None:
    good = face(tmp_path, shape(100, 250, 250), 500, name="good")
    gone = face(tmp_path, shape(100, 250, 250), 500, name="gone")
    assert gone.media is not None
    gone.media.unlink()
    broken = face(tmp_path, shape(100, 250, 250), 500, name="broken")
    assert broken.media is not None
    broken.media.write_bytes(broken.media.read_bytes()[:40])
    outside = face(tmp_path, shape(100, 9000, 250), 500, name="outside")
    no_eyes = shape(100, 250, 250)
    no_eyes[SCHEME.iod[0]] = np.nan
    states = np.full(N, PointState.VISIBLE)
    states[SCHEME.iod[0]] = PointState.MISSING
    blind = face(tmp_path, no_eyes, 500, states, name="blind")
    same = face(tmp_path, np.full((N, 2), 50.0), 500, name="same")
    flat = face(tmp_path, shape(100, 250, 250), 500, name="flat")
    cv2.imwrite(str(flat.media), np.full((500, 500), 90, np.uint8))
    dot = face(tmp_path, shape(100, 250, 250), 500, name="dot")
    cv2.imwrite(str(dot.media), np.full((2, 2), [9, 200], np.uint8))
    level = shape(100, 250, 250) * [1, 0] + [0, 250]
    line = face(tmp_path, level, 500, name="line")
    wrong = [gone, broken, outside, blind, same, flat, dot, line]
    faces, unusable = load_faces(SCHEME, [good, *wrong], 54)
    assert [f.name for f in faces] == ["good"]
    assert [u.name for u in unusable] == [f.name for f in wrong]
    reasons = {u.name: u.reason for u in unusable}
    assert "gone.png" in reasons["gone"]
    assert "broken.png" in reasons["broken"]
    assert "outside the picture" in reasons["outside"]
    assert "left eye outer and right eye outer are missing" in reasons["blind"]
    assert "coincide" in reasons["same"]
    assert "no contrast" in reasons["flat"]
    assert "outside the picture" in reasons["dot"]
    assert "on one line" in reasons["line"]


def test_faces_whose_size_is_only_guessed_are_told_what_to_confirm() -> None:
    states = np.full(N, PointState.ESTIMATED)
    states[[DOT, SCHEME.iod[0]]] = PointState.VISIBLE
    points = shape(100, 250, 250)

    def why(source: str) -> str:
        return why_unusable(SCHEME, Annotation("imm58", points, states, source))

    assert why("fit:starter") == "too few confirmed points: confirm right eye outer first."
    states[SCHEME.iod[0]] = PointState.ESTIMATED
    assert why("fit:starter") == (
        "too few confirmed points: confirm left eye outer and right eye outer first."
    )
    assert why("import:muct") == ""  # a conversion's estimates rest on points that are placed
    states[SCHEME.iod[0]] = PointState.MISSING
    assert "are missing or coincide" in why("fit:starter")


def test_a_shape_without_a_picture_is_kept_for_the_shape_model() -> None:
    states = np.full(N, PointState.VISIBLE)
    bare = Face(1, 1, "bare", "", Annotation("imm58", shape(100, 0, 0), states), None, None, None)
    (one,), unusable = load_faces(SCHEME, [bare], 54)
    assert unusable == []
    assert one.picture is None
    assert one.subject == "bare"
    assert not one.trains_patches.any()
    assert list(whole_pictures(SCHEME, [bare])) == []


def test_the_detector_sees_the_whole_picture(tmp_path: Path) -> None:
    (one,) = whole_pictures(SCHEME, [face(tmp_path, shape(100, 250, 250), 500)])
    assert one.picture is not None
    assert one.picture.shape == (500, 500)


def test_reading_tells_progress_and_can_be_stopped(tmp_path: Path) -> None:
    faces = [face(tmp_path, shape(100, 250, 250), 500, name=str(i)) for i in range(3)]
    steps = []
    load_faces(SCHEME, faces, 54, progress=lambda p: steps.append((p.done, p.total)))
    assert steps == [(0, 3), (1, 3), (2, 3), (3, 3)]
    with pytest.raises(Cancelled):
        load_faces(SCHEME, faces, 54, progress=Monitor(cancel=lambda: len(steps) > 0))


def test_workers_read_the_same_and_leave_what_they_do_not_see(tmp_path: Path) -> None:
    faces = [face(tmp_path, shape(60, 180, 180), 360, name=name) for name in "abcd"]
    hashes = [content_hash(one.media) for one in faces if one.media is not None]
    faces = [replace(one, media_sha256=known) for one, known in zip(faces, hashes, strict=True)]
    cv2.imwrite(str(faces[1].media), np.zeros((360, 360), np.uint8))  # another picture is there now
    assert faces[2].media is not None
    faces[2].media.unlink()
    here, wrong_here = load_faces(SCHEME, faces, 54)
    told: list[int] = []
    with use_scheduler("local:1"):
        away, wrong_away = load_faces(
            SCHEME, faces, 54, progress=lambda progress: told.append(progress.done)
        )
    assert [one.name for one in here] == [one.name for one in away] == ["a", "d"]
    for one, other in zip(here, away, strict=True):
        assert one.key == other.key
        np.testing.assert_array_equal(one.backgrounds, other.backgrounds)
    assert wrong_here == wrong_away
    assert "is not the picture that was annotated" in wrong_away[0].reason
    assert told[-1] == len(faces)


def test_a_worker_knows_a_video_by_its_content(tmp_path: Path) -> None:
    file = tmp_path / "clip.mp4"
    file.write_bytes(b"one")
    shown = replace(face(tmp_path, shape(60, 180, 180), 360), media=file, frame=0)
    assert _is_the_video(replace(shown, media_sha256=content_hash(file)))
    assert not _is_the_video(replace(shown, media_sha256="0" * 64))
    file.unlink()
    assert not _is_the_video(shown)
