"""COCO keypoints, as its documentation and the exports of annotation tools have them.

What files look like: cocodataset.org "Data format"; COCO-WholeBody's docs/data_format.md; CVAT's
"COCO Keypoints" (docs.cvat.ai); Label Studio's "Export annotations" (labelstud.io); exports of COCO
Annotator. All values are made up here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceloop_datasets import InputError, PointState
from faceloop_datasets.formats import (
    FaceRecord,
    Refusal,
    Skip,
    count_faces,
    read_faces,
    recognise,
    source_scheme,
)

NAMES = ["left_eye", "right_eye", "nose", "chin"]
POINTS = [[10.5, 20, 2], [30, 20.25, 2], [20, 30, 1], [0, 0, 0]]
FLAT = [v for point in POINTS for v in point]
CATEGORY = {"id": 7, "name": "cat", "keypoints": NAMES, "skeleton": [[1, 3], [3, 2], [2, 1]]}


def coco(**changes: Any) -> dict[str, Any]:
    image = {"id": 912, "file_name": "a.jpg", "width": 64, "height": 48}
    face = {"id": 5, "image_id": 912, "category_id": 7, "iscrowd": 0, "keypoints": FLAT}
    members = {"images": [image], "annotations": [face], "categories": [CATEGORY]}
    return {"info": {"year": 2026}, "licenses": []} | members | changes


def written(folder: Path, content: object, **kind: Any) -> Path:
    file = folder / "faces.json"
    file.write_text(json.dumps(content, **kind), encoding="utf-8")
    return file


def read(file: Path) -> list[Any]:
    assert recognise([file]).format == "coco"
    return list(read_faces("coco", [file]))


def face(**changes: Any) -> dict[str, Any]:
    return coco()["annotations"][0] | changes


def test_states_and_scheme(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    file = written(tmp_path, coco())
    (one,) = read(file)
    assert isinstance(one, FaceRecord)
    assert one.image is not None
    expected = [[10.5, 20], [30, 20.25], [20, 30], [np.nan, np.nan]]
    np.testing.assert_array_equal(one.annotation.points, expected)
    states = [PointState.VISIBLE, PointState.VISIBLE, PointState.OCCLUDED, PointState.MISSING]
    assert one.annotation.states.tolist() == states
    scheme = source_scheme("coco", [file])
    assert (scheme.name, list(scheme.names)) == ("cat", NAMES)
    assert [(c.points, c.closed) for c in scheme.contours] == [((0, 2, 1), True)]
    assert count_faces("coco", [file]) == 1


def test_a_skeleton_may_count_from_0(tmp_path: Path) -> None:
    category = CATEGORY | {"skeleton": [[0, 1], [1, 9], "x"]}
    file = written(tmp_path, coco(categories=[category]))
    assert [c.points for c in source_scheme("coco", [file]).contours] == [(0, 1)]


def test_the_points_of_most_annotations_are_read_and_the_others_counted(tmp_path: Path) -> None:
    person = {"id": 1, "name": "person", "keypoints": [str(k) for k in range(3)]}
    box = {"id": 2, "name": "ball"}
    others = [
        face(category_id=1, keypoints=[1, 2, 2] * 3),
        face(category_id=2, keypoints=[]),
        {"image_id": 912, "category_id": 2, "bbox": [1, 2, 3, 4]},
        face(iscrowd=1, segmentation={"counts": [3, 5], "size": [4, 2]}),
        face(keypoints=[0] * 12, num_keypoints=4),
    ]
    faces = [
        face(),
        face(num_keypoints=99, keypoints=[v + 1 if k % 3 < 2 else v for k, v in enumerate(FLAT)]),
    ]
    content = coco(categories=[person, box, CATEGORY], annotations=others + faces)
    found = read(written(tmp_path, content))
    reasons = [one.reason for one in found if isinstance(one, Skip)]
    assert reasons == [
        "of person: its points are not those of most faces",
        "an annotation without keypoints",
        "an annotation without keypoints",
        "a crowd and not one face (iscrowd)",
        "an annotation none of whose points is labelled",
    ]
    assert [one.name for one in found if isinstance(one, FaceRecord)] == ["a.jpg", "a.jpg#2"]


def test_as_many_points_of_other_names_are_others(tmp_path: Path) -> None:
    dog = {"id": 1, "name": "dog", "keypoints": [*NAMES[1:], "tail"]}
    rows = [face(), face(category_id=1), face()]
    found = read(written(tmp_path, coco(categories=[dog, CATEGORY], annotations=rows)))
    assert [isinstance(one, FaceRecord) for one in found] == [True, False, True]


@pytest.mark.parametrize("names", [NAMES, [*"1234"], [*"0123"], ["3", "4", "1", "2"]])
def test_points_in_another_order_are_taken_by_name(tmp_path: Path, names: list[str]) -> None:
    usual = CATEGORY | {"keypoints": names}
    other = {"id": 1, "name": "other", "keypoints": names[::-1]}
    turned = [v for point in POINTS[::-1] for v in point]
    rows = [face(), face(), face(category_id=1, keypoints=turned)]
    found = read(written(tmp_path, coco(categories=[other, usual], annotations=rows)))
    one, _, last = (row.annotation for row in found)
    assert np.array_equal(one.points, last.points, equal_nan=True)
    assert one.states.tolist() == last.states.tolist()


@pytest.mark.parametrize("place", ["val2017", "images", "images/val2017"])
def test_pictures_lie_where_coco_and_cvat_put_them(tmp_path: Path, place: str) -> None:
    (tmp_path / place).mkdir(parents=True)
    (tmp_path / place / "a.jpg").write_bytes(b"")
    (tmp_path / "annotations").mkdir()
    file = tmp_path / "annotations" / "person_keypoints_val2017.json"
    file.write_text(json.dumps(coco()))
    (one,) = read(file)
    assert one.image is not None


def test_the_face_of_a_whole_body(tmp_path: Path) -> None:
    ring = np.linspace(0, 6, 68)
    xy = np.column_stack([100 + 20 * np.cos(ring), 90 + 30 * np.sin(ring), np.ones(68)])
    xy[3] = 0
    body = {"keypoints": [1, 2, 2] * 17, "face_valid": True, "face_kpts": xy.ravel().tolist()}
    person = {"id": 7, "name": "person", "keypoints": [f"body {k}" for k in range(17)]}
    faces = [face(**body), face(**body | {"face_valid": False})]
    file = written(tmp_path, coco(categories=[person], annotations=faces))
    one, other = read(file)
    assert source_scheme("coco", [file]).name == "ibug68"
    assert one.annotation.states.tolist() == [0, 0, 0, 3] + [0] * 64
    assert isinstance(other, Skip)


def test_numbers_name_points_that_the_category_does_not(tmp_path: Path) -> None:
    ring = np.linspace(0, 6, 68)
    points = np.column_stack([9 * np.cos(ring), 9 * np.sin(ring), np.full(68, 2)])
    category = {"id": 7, "name": "face", "keypoints": [], "skeleton": []}
    content = coco(categories=[category], annotations=[face(keypoints=points.ravel().tolist())])
    assert source_scheme("coco", [written(tmp_path, content)]).name == "ibug68"


@pytest.mark.parametrize(
    ("image", "there"),
    [
        ({"file_name": "train2017/a.jpg"}, "a.jpg"),
        ({"file_name": "images\\b c.jpg"}, "b c.jpg"),
        ({"file_name": "images/0a1b2c3d-b%20c.jpg"}, "b c.jpg"),  # Label Studio
        ({"coco_url": "http://images.cocodataset.org/val2017/a.jpg"}, "a.jpg"),
        ({"id": "912", "path": "/datasets/cats/a.jpg", "file_name": ""}, "a.jpg"),
    ],
)
def test_pictures_are_found_whatever_a_tool_made_of_their_names(
    tmp_path: Path, image: dict[str, str], there: str
) -> None:
    (tmp_path / there).write_bytes(b"")
    (one,) = read(written(tmp_path, coco(images=[{"id": 912} | image])))
    assert one.image is not None
    assert one.image.name == there


def test_frames_of_a_video(tmp_path: Path) -> None:
    clips = [{"id": 3, "name": "clip.mp4"}, {"id": 4, "name": "MOT17-02"}]
    images = [
        {"id": 912, "video_id": 3, "frame_id": 8, "file_name": "clip_000008.png"},
        {"id": 2, "video_id": 4, "frame_id": 8, "file_name": "MOT17-02/img1/000009.jpg"},
    ]
    content = coco(videos=clips, images=images, annotations=[face(), face(image_id=2)])
    one, other = read(written(tmp_path, content))
    assert (one.image_name, one.frame, one.name) == ("clip.mp4", 8, "clip.mp4:8")
    assert (other.image_name, other.frame) == ("MOT17-02/img1/000009.jpg", None)


def test_attributes(tmp_path: Path) -> None:
    given = {
        "subject": "Ada", "expression": "smile", "occluded": False, "track_id": 4,
        "estimated_points": [0, 2, True, 99, "x"],
    }  # fmt: skip
    (one,) = read(written(tmp_path, coco(annotations=[face(attributes=given)])))
    assert (one.subject, one.subject_source, one.expression) == ("Ada", "format", "smile")
    assert one.annotation.states.tolist() == [0, 0, 2, 3]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"keypoints": FLAT[:-1]}, "it has 11 numbers for keypoints; expected 12"),
        (
            {"keypoints": [*FLAT[:2], 0.83, *FLAT[3:]]},
            "a.jpg: v of point 0 is 0.83; expected 0, 1 or 2",
        ),
        ({"keypoints": [[1, 2]] + [5] * 11}, "no list of numbers"),
        ({"keypoints": [1e9, *FLAT[1:]]}, "1e+09; expected at most"),
        ({"keypoints": "text"}, "no list of numbers"),
        ({"image_id": 1}, "annotation 5: its image_id 1 is that of no image"),
    ],
)
def test_one_bad_annotation_loses_no_other(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    bad, good = read(written(tmp_path, coco(annotations=[face(**changes), face()])))
    assert isinstance(good, FaceRecord)
    assert isinstance(bad, Refusal | Skip)
    assert said in bad.reason
    assert bad.file == tmp_path / "faces.json"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"images": [{"id": 1}], "annotations": [', "no complete JSON"),
        ('{"images": [{"id": 1}]} {', "no complete JSON"),
        ('{"images": [{"id": 1, "x": ' + "[" * 100_000, "nested too deep"),
        ('{"images": [{"id": 1, "x": ' + "9" * 5000 + "}]}", "no complete JSON"),
        ('{"images": [{"id": 1}]}', "No annotation in"),
        ('[{"image_id": 1, "keypoints": [1, 2, 2]}]', "No annotation in"),
    ],
)
def test_a_broken_file_is_said_by_name(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "faces.json"
    file.write_text(text)
    with pytest.raises(InputError, match=said) as caught:
        list(read_faces("coco", [file]))
    assert "faces.json" in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "faces.json"
    text = json.dumps(
        coco(images=[{"id": 912, "file_name": "Jörg.jpg"}]), ensure_ascii=False, indent=1
    )
    file.write_bytes(text.replace("\n", "\r\n").encode(encoding))
    (one,) = read(file)
    assert one.image_name == "Jörg.jpg"


def test_in_a_folder_only_coco_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    written(tmp_path / "annotations", coco())
    (tmp_path / "annotations" / "notes.json").write_text('{"notes": [1]}')
    assert recognise([tmp_path]).format == "coco"
    (one,) = read_faces("coco", [tmp_path])
    assert isinstance(one, FaceRecord)


def twins(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    images = [{"id": 1, "file_name": "p.png"} | first, {"id": 2, "file_name": "p.png"} | second]
    return coco(images=images, annotations=[face(image_id=1), face(image_id=2)])


@pytest.mark.parametrize("folders", [("a", "b"), ("a",), ("",)])
def test_pictures_of_one_name_are_told_apart_by_their_paths(
    tmp_path: Path, folders: tuple[str, ...]
) -> None:
    for folder in folders:
        (tmp_path / "images" / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / folder / "p.png").write_bytes(folder.encode())
    content = twins({"path": "/datasets/x/a/p.png"}, {"path": "/datasets/x/b/p.png"})
    file = written(tmp_path, content)
    found = list(read_faces("coco", [file], images=tmp_path / "images"))
    at = [one.image.path.parent.name for one in found if isinstance(one, FaceRecord) and one.image]
    assert at == [folder for folder in folders if folder]
    if len(folders) == 2:  # also without saying where they are
        assert [one.image for one in read(file)] == [one.image for one in found]


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ({}, {}, "several images are called p.png"),
        ({"path": "/p.png"}, {}, "several images are called p.png"),
        ({"id": 2, "file_name": "a/p.png"}, {"file_name": "b/p.png"}, "of a/p.png and of b/p.png"),
    ],
)
def test_what_may_be_either_of_two_pictures_is_neither(
    tmp_path: Path, first: dict[str, Any], second: dict[str, Any], said: str
) -> None:
    *_, last = found = read(written(tmp_path, twins(first, second)))
    assert all(isinstance(one, Refusal) for one in found)
    assert said in last.reason


def test_one_picture_may_be_there_twice(tmp_path: Path) -> None:
    same = {"path": "/x/p.png"}
    assert all(isinstance(one, FaceRecord) for one in read(written(tmp_path, twins(same, same))))
