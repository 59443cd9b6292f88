"""Label Studio's exports, JSON and JSON-MIN.

What files look like: labelstud.io "Export annotations", "KeyPointLabels", "Local storage", "Import
pre-annotations"; issues of HumanSignal/label-studio on names of uploads. All values are made up
here.
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
    count_faces,
    read_faces,
    recognise,
    source_scheme,
)

SIZE = {"original_width": 64, "original_height": 48, "image_rotation": 0}


def point(label: str, x: Any, y: Any, **more: Any) -> dict[str, Any]:
    value = {"x": x, "y": y, "width": 0.3, "keypointlabels": [label]}
    region = {"id": f"{label}{x}", "type": "keypointlabels", "from_name": "kp", "to_name": "image"}
    return SIZE | region | {"value": value, "origin": "manual"} | more


FACE = [point("left", 25, 50), point("right", 75, 50), point("nose", 50, 75)]


def task(*results: list[Any], image: str = "/data/upload/1/0a1b2c3d-a.jpg", **more: Any) -> Any:
    annotations = [
        {"id": k, "completed_by": k, "result": result, "was_cancelled": False,
         "ground_truth": False, "updated_at": f"2026-01-0{k + 1}T10:00:00Z"}
        for k, result in enumerate(results)
    ]  # fmt: skip
    return {"id": 3, "annotations": annotations, "data": {"image": image}} | more


def written(folder: Path, *tasks: Any) -> Path:
    file = folder / "project-1-at-2026-01-02.json"
    file.write_text(json.dumps(tasks), encoding="utf-8")
    return file


def read(file: Path) -> list[Any]:
    assert recognise([file]).format == recognise([file.parent]).format == "labelstudio"
    return list(read_faces("labelstudio", [file]))


def reasons(found: list[Any]) -> list[str]:
    return [one.reason for one in found if isinstance(one, Skip)]


def test_percent_of_the_picture_from_its_corner(tmp_path: Path) -> None:
    file = written(tmp_path, task(FACE))
    (one,) = read(file)
    assert one.annotation.points.tolist() == [[15.5, 23.5], [47.5, 23.5], [31.5, 35.5]]
    assert source_scheme("labelstudio", [file]).names == ("left", "right", "nose")
    assert count_faces("labelstudio", [file]) == 1


@pytest.mark.parametrize(
    ("address", "there"),
    [
        ("/data/upload/1/0a1b2c3d-a_b.jpg", "a_b.jpg"),
        ("/data/upload/1/0a1b2c3d-a_b.jpg", "0a1b2c3d-a_b.jpg"),
        ("/data/local-files/?d=people/a%20b.jpg", "a b.jpg"),
        ("https://example.org/x/a%20b.jpg?token=1", "a b.jpg"),
        ("s3://bucket/folder/a.jpg", "a.jpg"),
        ("people\\a.jpg", "a.jpg"),
    ],
)
def test_pictures_are_found_by_what_an_address_says(
    tmp_path: Path, address: str, there: str
) -> None:
    (tmp_path / there).write_bytes(b"")
    (one,) = read(written(tmp_path, task(FACE, image=address)))
    assert one.image is not None
    assert one.image.name == there


def test_of_several_annotators_the_ground_truth_counts_else_the_newest(tmp_path: Path) -> None:
    moved = [point("left", 5, 50), *FACE[1:]]
    newest, truth = task(FACE, moved), task(moved, FACE, image="b.jpg")
    truth["annotations"][0]["ground_truth"] = True
    cancelled = task(FACE, [], image="c.jpg", predictions=[{"result": FACE}, {"result": []}])
    cancelled["annotations"][1]["was_cancelled"] = True
    found = read(written(tmp_path, newest, truth, cancelled))
    x = [one.annotation.points[0, 0] for one in found if isinstance(one, FaceRecord)]
    assert x == [2.7, 2.7, 15.5]
    assert reasons(found) == [
        "another annotator's of the same task",
        "another annotator's of the same task",
        "an annotation that was cancelled",
        "a prediction that nobody has confirmed",
        "a prediction that nobody has confirmed",
    ]


def test_points_of_one_box_are_one_face(tmp_path: Path) -> None:
    value = {"x": 1, "y": 2, "width": 3, "height": 4, "rectanglelabels": ["face"]}
    boxes = [
        SIZE | {"id": b, "type": "rectanglelabels", "value": value, "meta": {"text": [note]}}
        for b, note in (("b1", "subject: Ada"), ("b2", "looks away"))
    ]
    points = [p | {"parentID": b} for b in ("b1", "b2") for p in FACE]
    one, other = read(written(tmp_path, task(boxes + points)))
    assert (one.subject, other.subject_source, other.name.endswith("#2")) == (
        "Ada",
        "picture",
        True,
    )


def test_notes_are_states_and_what_is_not_there_is_missing(tmp_path: Path) -> None:
    hidden = [FACE[0] | {"meta": {"text": ["Occluded "]}}, *FACE[1:]]
    choice = {"id": "c", "type": "choices", "value": {"choices": ["good"]}}
    found = read(
        written(tmp_path, task([*hidden, choice]), task(FACE[1:], image="b.jpg"), task([]))
    )
    assert found[0].annotation.states.tolist() == [1, 0, 0]
    assert found[1].annotation.states.tolist() == [3, 0, 0]
    assert reasons(found) == ["a task without key points"]


def test_the_short_export(tmp_path: Path) -> None:
    points = [SIZE | region["value"] for region in FACE]
    short = {"image": "/data/upload/0a1b2c3d-a.jpg", "id": 1, "kp": points, "annotator": 1}
    (one,) = read(written(tmp_path, short))
    assert one.annotation.points[0].tolist() == [15.5, 23.5]
    assert one.image_name == "0a1b2c3d-a.jpg"


def test_numbers_are_the_points_of_a_known_scheme(tmp_path: Path) -> None:
    ring = np.linspace(0, 6, 68)
    xy = np.column_stack([50 + 20 * np.cos(ring), 40 + 20 * np.sin(ring)])
    points = [point(str(k + 1), *xy[k].tolist()) for k in range(1, 68)]
    (one,) = read(written(tmp_path, task([point("1", 70, 40), *points[::-1]])))
    assert one.annotation.scheme == "ibug68"
    np.testing.assert_allclose(one.annotation.points * [100 / 64, 100 / 48], xy, atol=1.1)


@pytest.mark.parametrize(
    ("region", "said"),
    [
        (point("nose", 1, 2), "the point 'nose' is there twice"),
        (point("ear", None, 2), "expected x, y, original_width"),
        (point("ear", 1, 2) | {"original_width": 0}, "expected percent and pixels"),
        (point("ear", 1, 2) | {"image_rotation": 90}, "was turned in Label Studio"),
    ],
)
def test_a_bad_task_loses_no_other(tmp_path: Path, region: Any, said: str) -> None:
    bad, good = read(written(tmp_path, task([*FACE, region]), task(FACE, image="b.jpg")))
    assert isinstance(good, FaceRecord)
    assert isinstance(bad, Refusal)
    assert said in bad.reason
    assert "a.jpg" in bad.reason


def test_what_is_no_address_is_the_name_of_a_picture_that_is_not_there(tmp_path: Path) -> None:
    (one,) = read(written(tmp_path, task(FACE, image="http://[a/b.jpg")))
    assert one.image is None


def test_an_export_without_points_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"No region in .*json is a labelled key point"):
        list(read_faces("labelstudio", [written(tmp_path, task([]))]))


TWO = {"image1": "/data/upload/1/0a1b2c3d-a.jpg", "image2": "/data/upload/1/0a1b2c3e-b.jpg"}
INTERFACE = """<View><View style="x"><Image name="one" value="$image1"/></View>
<Image name="img2" value="$image2"/><KeyPointLabels name="kp" toName="img2"/></View>"""


def on(regions: list[Any], **more: Any) -> list[Any]:
    return [region | more for region in regions]


@pytest.mark.parametrize(
    ("data", "more", "picture"),
    [
        (TWO, {"to_name": "image2"}, "0a1b2c3e-b.jpg"),
        ({"image1": TWO["image1"], "other": "no picture"}, {"to_name": "x"}, "0a1b2c3d-a.jpg"),
        ({"pages": list(TWO.values()), "image": "a.jpg"}, {"item_index": 1}, "0a1b2c3e-b.jpg"),
        ({"image": "a.jpg"}, {"item_index": 0, "to_name": "x"}, "a.jpg"),
        ({"pages": ["a.jpg"]}, {"to_name": "x"}, "a.jpg"),
        ({"image": "", "pages": ["a.jpg"]}, {"to_name": "x"}, "a.jpg"),
    ],
)
def test_a_point_is_on_the_picture_that_it_was_set_on(
    tmp_path: Path, data: dict[str, Any], more: dict[str, Any], picture: str
) -> None:
    more = {"to_name": "pages"} | more
    (one,) = read(written(tmp_path, task(on(FACE, **more), data=data)))
    assert one.image_name == picture


@pytest.mark.parametrize(
    ("data", "more", "said"),
    [
        (TWO, {"to_name": "img2"}, "several pictures (image1, image2)"),
        ({"pages": list(TWO.values())}, {"to_name": "x"}, "several pictures (pages)"),
        ({"pages": ["a.jpg"]}, {"to_name": "x", "item_index": 1}, "no picture of item_index 1"),
        ({"image": "a.jpg"}, {"to_name": "x", "item_index": 1}, "no picture of item_index 1"),
    ],
)
def test_of_several_pictures_none_is_taken_that_was_not_said(
    tmp_path: Path, data: dict[str, Any], more: dict[str, Any], said: str
) -> None:
    found = read(written(tmp_path, task(on(FACE, **more), data=data), task(FACE)))
    assert isinstance(found[0], Refusal)
    assert said in found[0].reason
    assert isinstance(found[1], FaceRecord)


def test_the_interface_beside_an_export_says_which_picture_it_is(tmp_path: Path) -> None:
    both = task([*on(FACE, to_name="img2"), *on(FACE, to_name="one")], data=TWO)
    short = {"id": 9, "kp": [SIZE | region["value"] for region in FACE]} | TWO
    file = written(tmp_path, both, short)
    file.with_suffix(".config.xml").write_text(INTERFACE)
    assert [one.image_name[-5:] for one in read(file)] == ["b.jpg", "a.jpg", "b.jpg"]


def test_of_several_rows_of_a_task_in_the_short_export_one_is_read(tmp_path: Path) -> None:
    points = [SIZE | region["value"] for region in FACE]
    days = [(1, "a", 3), (1, "a", 2), (2, "b", 4), (1, "a", 3), (1, "c", 1), (2, "b", 9)]
    rows: list[Any] = [
        {"id": number, "image": f"{name}.jpg", "annotation_id": k, "updated_at": f"2026-01-0{day}"}
        | {"kp": [dict(one) for one in points] if day < 9 else []}
        for k, (number, name, day) in enumerate(days)
    ]
    rows[3]["kp"][0]["x"] = 5
    found = read(written(tmp_path, *rows))
    faces = [one for one in found if isinstance(one, FaceRecord)]
    assert [one.name for one in faces] == ["b.jpg", "a.jpg", "c.jpg"]
    assert faces[1].annotation.points[0, 0] == 2.7
    assert reasons(found) == ["another annotator's of the same task"] * 3


def test_the_newest_that_has_points_counts(tmp_path: Path) -> None:
    found = read(written(tmp_path, task(FACE, [])))
    assert isinstance(found[-1], FaceRecord)
    assert reasons(found) == ["another annotator's of the same task"]


def test_a_point_that_is_no_number_is_missing(tmp_path: Path) -> None:
    (one,) = read(written(tmp_path, task([*FACE[:2], point("nose", float("nan"), 2)])))
    assert one.annotation.states.tolist() == [0, 0, 3]
