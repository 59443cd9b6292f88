"""Frames of one clip are one subject, and people in one studio are not."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from PIL import Image

from faceloop_datasets import Video
from faceloop_datasets.importing.bursts import DisjointSets, PicturedFace, join_bursts
from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_clip, sample_clip_truth, sample_faces

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Points = NDArray[np.float64]


@pytest.fixture(scope="module")
def clip() -> dict[int, tuple[NDArray[np.uint8], Points]]:
    """Frames of the sample clip, with their points."""
    truth = sample_clip_truth()
    with_face = [k for k in range(0, 250, 2) if truth.face[k]]
    video = Video(sample_clip())
    return {k: (video[k].gray(), truth.points[k]) for k in with_face}


def show(
    folder: Path, pictures: Sequence[tuple[NDArray[np.uint8], Points]], stem: str = "img_{}"
) -> dict[int, PicturedFace]:
    """Write pictures, and return their faces."""
    found = {}
    for number, (gray, points) in enumerate(pictures):
        path = folder / f"{stem.format(number)}.png"
        Image.fromarray(gray).save(path, compress_level=1)
        found[number] = PicturedFace(str(folder), path.stem, path, points)
    return found


def joined(shown: dict[int, PicturedFace], names: Sequence[str | None] | None = None) -> list[int]:
    """Sizes of the sets, largest first."""
    groups = DisjointSets(names or [None] * len(shown))
    join_bursts(shown, groups)
    tops = [groups.representative(k) for k in shown]
    return sorted((tops.count(top) for top in set(tops)), reverse=True)


@pytest.mark.parametrize(("first", "last", "step"), [(0, 96, 2), (200, 250, 2), (100, 164, 4)])
def test_frames_of_a_clip_are_one(clip, tmp_path: Path, first: int, last: int, step: int) -> None:
    frames = [clip[k] for k in range(first, last, step)]
    assert joined(show(tmp_path, frames)) == [len(frames)]


def test_a_head_that_was_gone_is_the_same_person(clip, tmp_path: Path) -> None:
    frames = [clip[k] for k in (*range(0, 20, 2), *range(230, 248, 2))]
    assert joined(show(tmp_path, frames)) == [19]


@pytest.mark.parametrize("stem", ["other{}a", "{}", "x_000{}"])
def test_names_that_differ_in_numbers_only(clip, tmp_path: Path, stem: str) -> None:
    assert joined(show(tmp_path, [clip[0], clip[2]], stem)) == [2]


def test_without_numbers_or_elsewhere_nothing_is_joined(clip, tmp_path: Path) -> None:
    shown = show(tmp_path, [clip[0], clip[2]])
    apart = {0: shown[0], 1: PicturedFace("other", "img_1", shown[1].path, shown[1].points)}
    assert joined(apart) == [1, 1]
    one, other = shown.values()
    plain = {
        k: PicturedFace(one.folder, name, face.path, face.points)
        for k, (name, face) in enumerate({"anna": one, "ben": other}.items())
    }
    assert joined(plain) == [1, 1]


def test_numbered_people_are_people(tmp_path: Path) -> None:
    """Each of the sample's people has four stills, which lie beside each other too."""
    faces = [
        (read_image(record.image.path), record.annotation.points)
        for record in islice(sample_faces(), 32)
        if record.image is not None
    ]
    assert joined(show(tmp_path, faces)) == [1] * 32


def test_people_in_one_studio_are_people(tmp_path: Path) -> None:
    """One background, one light, faces at one place: only the faces tell."""
    rng = np.random.default_rng(0)
    studio = cv2.GaussianBlur(rng.integers(60, 200, (240, 320)).astype(np.uint8), (0, 0), 25)
    shown = []
    for record in islice(sample_faces(), 0, 64, 4):
        assert record.image is not None
        gray, points = read_image(record.image.path), record.annotation.points
        scale = 60 / np.ptp(points[:, 0])
        centre = points.mean(axis=0)
        move = np.array([[scale, 0, 160 - scale * centre[0]], [0, scale, 120 - scale * centre[1]]])
        placed = cv2.warpAffine(gray, move, (320, 240))
        at = points * scale + move[:, 2]
        hull = cv2.convexHull(at.astype(np.float32)).astype(np.int32)
        mask = cv2.dilate(
            cv2.fillConvexPoly(np.zeros((240, 320), np.uint8), hull, 1), np.ones((9, 9))
        )
        shown.append((np.where(mask > 0, placed, studio), at))
    assert joined(show(tmp_path, shown)) == [1] * 16


def test_people_who_were_named_stay_apart(clip, tmp_path: Path) -> None:
    shown = show(tmp_path, [clip[k] for k in range(0, 12, 2)])
    groups = DisjointSets(["anna", None, "ben", None, None, None])
    join_bursts(shown, groups)
    assert groups.representative(0) != groups.representative(2)
    assert {groups.name(k) for k in shown} == {"anna", "ben"}


def test_of_what_is_known_only_the_neighbours_are_read(clip, tmp_path: Path) -> None:
    """A frame joins the frames before it, and a damaged picture is left alone."""
    shown = show(tmp_path, [clip[k] for k in range(0, 12, 2)])
    shown |= {
        k: PicturedFace(one.folder, one.stem, one.path, one.points, new=k == 5)
        for k, one in shown.items()
    }
    shown[0].path.write_bytes(b"no picture")
    groups = DisjointSets([None] * 6)
    for k in range(1, 5):
        groups.join(0, k)
    join_bursts(shown, groups)
    assert {groups.representative(k) for k in range(6)} == {0}


@pytest.mark.parametrize(
    "points", [np.zeros((70, 2)), np.full((70, 2), np.nan), np.full((70, 2), 1e9)]
)
def test_points_that_show_no_face(clip, tmp_path: Path, points: Points) -> None:
    assert joined(show(tmp_path, [(clip[0][0], points), (clip[2][0], points)])) in ([1, 1], [2])


def test_missing_points_do_not_matter(clip, tmp_path: Path) -> None:
    frames = []
    for number, k in enumerate(range(0, 16, 2)):
        gray, points = clip[k]
        points = points.copy()
        points[number * 8 : number * 8 + 20] = np.nan
        frames.append((gray, points))
    assert joined(show(tmp_path, frames)) == [8]
