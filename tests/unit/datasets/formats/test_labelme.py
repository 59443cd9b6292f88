"""LabelMe's files, as versions 3 to 5 write them.

What files look like: github.com/wkentaro/labelme, README, examples/ and labelme/_label_file.py. All
values are made up here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceloop_datasets import InputError
from faceloop_datasets.formats import (
    FaceRecord,
    Refusal,
    Skip,
    read_faces,
    recognise,
    source_scheme,
)


def point(label: object, x: object, y: object, **more: Any) -> dict[str, Any]:
    shape = {"label": label, "points": [[x, y]], "group_id": None, "shape_type": "point"}
    return shape | {"flags": {}} | more


FACE = [point("left", 10.5, 20), point("right", 30.5, 20), point("nose", 20.5, 30.5)]


def written(file: Path, shapes: list[Any], **more: Any) -> Path:
    content = {"version": "5.4.1", "flags": {}, "shapes": shapes, "imagePath": f"{file.stem}.jpg"}
    size = {"imageData": None, "imageHeight": 48, "imageWidth": 64}
    file.write_text(json.dumps(content | size | more, indent=2), encoding="utf-8")
    return file


def read(*files: Path) -> list[Any]:
    assert recognise(files).format == "labelme"
    return list(read_faces("labelme", files))


def test_points_begin_at_the_corner_of_the_picture(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    (one,) = read(written(tmp_path / "a.json", FACE))
    assert one.annotation.points.tolist() == [[10, 19.5], [30, 19.5], [20, 30]]
    assert one.image is not None
    assert source_scheme("labelme", [tmp_path]).names == ("left", "right", "nose")


def test_groups_are_faces_and_what_a_face_lacks_is_missing(tmp_path: Path) -> None:
    shapes = [s | {"group_id": g} for g in (7, 2) for s in FACE if (g, s["label"]) != (2, "nose")]
    one, other = read(written(tmp_path / "a.json", shapes))
    assert (one.name, other.name) == ("a.jpg", "a.jpg#2")
    assert other.annotation.states.tolist() == [0, 0, 3]


def test_flags_are_states_and_other_shapes_are_counted(tmp_path: Path) -> None:
    hidden = point("chin", 20, 40, flags={"occluded": True, "blurred": True})
    box = {"label": "face", "points": [[1, 2], [3, 4]], "shape_type": "rectangle"}
    old = {"label": "face", "points": [[1, 2], [3, 4], [5, 6]], "line_color": None}  # version 3
    found = read(written(tmp_path / "a.json", [box, old, *FACE, hidden]))
    assert [one.reason for one in found if isinstance(one, Skip)] == [
        "a rectangle, which is no point",
        "a polygon, which is no point",
    ]
    assert found[-1].annotation.states.tolist() == [0, 0, 0, 1]


def test_a_folder_of_files_with_pictures_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "b.png").write_bytes(b"")
    written(tmp_path / "labels" / "b.json", FACE, imagePath="..\\photos\\b.png")
    written(tmp_path / "labels" / "c.json", FACE[::-1], imagePath="c.png", imageData="/9j/" * 9999)
    (tmp_path / "labels" / "config.json").write_text('{"labels": ["a"]}')
    one, other = read(tmp_path / "labels")
    assert one.image is not None
    np.testing.assert_array_equal(one.annotation.points, other.annotation.points)
    assert one.identity != other.identity


@pytest.mark.parametrize("first", [0, 1])
def test_numbers_are_the_points_of_a_known_scheme(tmp_path: Path, first: int) -> None:
    ring = np.linspace(0, 6, 68)
    xy = np.column_stack([50 + 20 * np.cos(ring), 40 + 20 * np.sin(ring)])
    shapes = [point(str(k + first), *xy[k].tolist()) for k in reversed(range(68))]
    (one,) = read(written(tmp_path / "a.json", shapes))
    assert one.annotation.scheme == "ibug68"
    np.testing.assert_allclose(one.annotation.points, xy - 0.5)


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (point("nose", 1, 2), "a.jpg: the point 'nose' is there twice"),
        (point("ear", "x", 2), "expected [[x, y]]"),
        (point("ear", 1, 2) | {"points": [[1, 2], [3, 4]]}, "expected [[x, y]]"),
        (point("ear", 1e12, 2), "expected pixels"),
        (point("ear", 1, float("-inf")), "expected pixels"),
    ],
)
def test_a_bad_face_loses_no_other(tmp_path: Path, shape: dict[str, Any], said: str) -> None:
    written(tmp_path / "a.json", [*FACE, shape])
    written(tmp_path / "b.json", FACE)
    (tmp_path / "c.json").write_text('{"version": "5.4.1", "flags": {}, "shapes": [{"imagePath": ')
    bad, good, broken = read(tmp_path)
    assert isinstance(good, FaceRecord)
    assert isinstance(bad, Refusal)
    assert isinstance(broken, Refusal)
    assert said in bad.reason
    assert (bad.file.name, broken.file.name) == ("a.json", "c.json")
    assert "no complete JSON" in broken.reason


def test_files_without_points_say_so(tmp_path: Path) -> None:
    box = {"label": "face", "points": [[1, 2], [3, 4]], "shape_type": "rectangle"}
    with pytest.raises(InputError, match=r"No shape in .* is a point"):
        list(read_faces("labelme", [written(tmp_path / "a.json", [box])]))


@pytest.mark.parametrize("nothing", [[float("nan"), 20], [10.5, None]])
def test_a_point_that_is_no_number_is_missing(tmp_path: Path, nothing: list[Any]) -> None:
    (one,) = read(written(tmp_path / "a.json", [*FACE[:2], point("nose", *nothing)]))
    assert one.annotation.states.tolist() == [0, 0, 3]


START = '{"version": "5", "flags": {},\n "shapes": [{"shape_type": "point", "label": '


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ('"nose", "points": [[1,', "at line 2, character "),
        ("9" * 5000 + "}]}", f"4300 digits.* at line 2, character {len(START)} of"),
        ("[" * 100_000, "is nested too deep"),
    ],
)
def test_a_broken_file_says_where(tmp_path: Path, end: str, said: str) -> None:
    file = tmp_path / "broken.json"
    file.write_text(START + end)
    with pytest.raises(InputError, match=rf"broken\.json.*{said}"):
        read(file)
