"""CVAT's XML, as it exports tasks of pictures and of videos.

What files look like: docs.cvat.ai "XML annotation format" (images and interpolation) and "CVAT"
(formats); cvat-ai/cvat #9973 (where the canvas begins). All values are made up here.
"""

from __future__ import annotations

from dataclasses import replace
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
    scheme_of_names,
    source_scheme,
    write_faces,
)

HEAD = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta><task><id>4</id><name>faces</name><mode>annotation</mode><labels><label><name>face</name>
  <type>skeleton</type></label></labels></task><dumped>2026-01-02</dumped>{more}</meta>
"""
SKELETON = """<skeleton label="cat" source="manual" z_order="0" {more}>
<points label="left" source="manual" outside="0" occluded="0" points="10.50,20.00"></points>
<points label="right" source="manual" outside="0" occluded="1" points="30.50,20.75"></points>
<points label="nose" source="manual" outside="0" occluded="0" points="20.50,30.00"></points>
<points label="chin" source="manual" outside="1" occluded="0" points="20.50,40.00"></points>
{inside}</skeleton>
"""


def skeleton(more: str = "", inside: str = "") -> str:
    return SKELETON.format(more=more, inside=inside)


def image(inside: str, name: str = "a.jpg") -> str:
    return f'<image id="0" name="{name}" width="64" height="48">\n{inside}</image>\n'


def written(folder: Path, inside: str, more: str = "") -> Path:
    file = folder / "annotations.xml"
    file.write_text(HEAD.format(more=more) + inside + "</annotations>\n", encoding="utf-8")
    return file


def read(file: Path) -> list[Any]:
    assert recognise([file]).format == recognise([file.parent]).format == "cvat"
    return list(read_faces("cvat", [file]))


def reasons(found: list[Any]) -> list[str]:
    return [one.reason for one in found if isinstance(one, Skip)]


def test_skeletons_begin_at_the_corner_of_the_picture(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").write_bytes(b"")
    inside = '<attribute name="expression">smile</attribute><attribute name="subject">A</attribute>'
    box = '<box label="cat" occluded="0" xtl="1" ytl="2" xbr="3" ybr="4" z_order="0"></box>'
    tag = '<tag label="good" source="manual"></tag>'
    file = written(tmp_path, image(box + skeleton() + tag + skeleton(inside=inside)))
    found = read(file)
    one, other = (face for face in found if isinstance(face, FaceRecord))
    assert source_scheme("cvat", [file]).names == ("left", "right", "nose", "chin")
    assert source_scheme("cvat", [file]).name == "cat"
    np.testing.assert_array_equal(
        one.annotation.points, [[10, 19.5], [30, 20.25], [20, 29.5], [np.nan, np.nan]]
    )
    assert one.annotation.states.tolist() == [0, 1, 0, 3]
    assert (other.expression, other.subject, other.name) == ("smile", "A", "a.jpg#2")
    assert one.image is not None
    assert reasons(found) == ["a box, which is no landmarks", "a tag, which is no landmarks"]
    assert count_faces("cvat", [file]) == 2


def test_points_in_order_of_older_projects(tmp_path: Path) -> None:
    ring = np.linspace(0, 6, 68)
    xy = np.column_stack([50 + 20 * np.cos(ring), 40 + 20 * np.sin(ring)]).round(2)
    text = ";".join(f"{x},{y}" for x, y in xy.tolist())
    many = (
        f'<points label="face" occluded="1" source="manual" points="{text}" z_order="0"></points>'
    )
    few = '<points label="face" occluded="0" points="1,2;3,4"></points>'
    file = written(tmp_path, image(many + many + few))
    found = read(file)
    assert source_scheme("cvat", [file]).name == "ibug68"
    np.testing.assert_allclose(found[0].annotation.points, xy - 0.5)
    assert set(found[0].annotation.states.tolist()) == {1}
    assert reasons(found) == ["points of another kind than most faces"]


def test_single_points_are_one_face_by_their_group(tmp_path: Path) -> None:
    def single(label: str, x: int, group: int) -> str:
        return f'<points label="{label}" occluded="0" points="{x},{x * x}" group_id="{group}"/>\n'

    inside = "".join(single(n, 5 * k + 30 * g, g) for k, n in enumerate("abc") for g in (1, 2))
    one, other = read(written(tmp_path, image(inside)))
    assert one.annotation.points[:, 0].tolist() == [29.5, 34.5, 39.5]
    assert other.annotation.points[:, 0].tolist() == [59.5, 64.5, 69.5]


def test_of_tracks_the_keyframes_are_read(tmp_path: Path) -> None:
    def at(frame: int, key: int, outside: int = 0) -> str:
        one = skeleton(f'frame="{frame}" keyframe="{key}"')
        return one.replace('outside="0"', 'outside="1"') if outside else one

    inside = at(0, 1) + at(1, 0) + at(5, 1) + at(6, 1, 1)
    track = f'<track id="0" label="cat" source="manual">{inside}</track>'
    found = read(written(tmp_path, track, "<source>clip.MP4</source>"))
    faces = [one for one in found if isinstance(one, FaceRecord)]
    assert [(one.image_name, one.frame, one.name) for one in faces] == [
        ("clip.MP4", 0, "clip.MP4:0"),
        ("clip.MP4", 5, "clip.MP4:5"),
    ]
    assert reasons(found) == [
        "interpolated between keyframes (keyframe='0')",
        "where the face is not in the picture (outside='1')",
    ]


def test_keyframes_may_stand_at_the_points_and_frames_be_pictures(tmp_path: Path) -> None:
    inside = skeleton('frame="12"').replace('occluded="1"', 'occluded="1" keyframe="1"')
    (one,) = read(written(tmp_path, f'<track id="3" label="cat">{inside}</track>'))
    assert (one.image_name, one.frame) == ("frame_000012.png", None)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("30.50,20.75", "30.50", "the point 'right' is '30.50'; expected x,y"),
        ("30.50,20.75", "30.50,nan", "expected a finite number"),
        ('label="right"', 'label="left"', "'left' is there twice"),
    ],
)
def test_a_bad_face_loses_no_other(tmp_path: Path, old: str, new: str, said: str) -> None:
    bad, good = read(written(tmp_path, image(skeleton().replace(old, new) + skeleton())))
    assert isinstance(good, FaceRecord)
    assert isinstance(bad, Refusal)
    assert said in bad.reason
    assert bad.line == 7


def test_a_file_without_landmarks_says_so(tmp_path: Path) -> None:
    file = written(tmp_path, image('<box label="a" xtl="1" ytl="2" xbr="3" ybr="4"/>'))
    with pytest.raises(InputError, match=r"annotations.xml has neither skeletons nor points"):
        list(read_faces("cvat", [file]))


def track(inside: str, more: str) -> str:
    return f'<track id="0" label="cat" source="manual" {more}>{inside}</track>\n'


def project(folder: Path, inside: str, *tasks: str) -> Path:
    """Write a project's export as CVAT lays it out: tasks in the head, ``task_id`` at the rest."""
    said = "".join(f"<task><id>{one}</id>{more}</task>" for one, _, more in map(_split, tasks))
    head = f"<annotations><version>1.1</version><meta><project><tasks>{said}</tasks></project>"
    file = folder / "annotations.xml"
    file.write_text(f"{head}</meta>\n{inside}</annotations>", encoding="utf-8")
    return file


def _split(task: str) -> tuple[str, str, str]:
    number, colon, source = task.partition(":")
    return number, colon, f"<source>{source}</source>" if source else ""


def test_tracks_of_a_project_go_to_the_videos_of_their_tasks(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_bytes(b"")
    at = skeleton('frame="5" keyframe="1"')
    known = track(at, 'task_id="5"') + track(at, 'task_id="6"')
    found = read(project(tmp_path, known, "5:a.mp4", "6:b.mp4"))
    assert [(one.image.path.name, one.frame) for one in found] == [("a.mp4", 5), ("b.mp4", 5)]
    (found,) = read(project(tmp_path, track(at, ""), "5:a.mp4", "6:b.mp4"))
    assert "frame 5 of one of several videos (a.mp4, b.mp4)" in found.reason
    found = read(project(tmp_path, known, "5:a.mp4", "6"))
    assert [isinstance(one, Refusal) for one in found] == [False, True]


def test_pictures_of_a_project_lie_in_folders_of_their_subsets(tmp_path: Path) -> None:
    def of(subset: str, task: int) -> str:
        return image(skeleton()).replace(" name", f' subset="{subset}" task_id="{task}" name')

    (tmp_path / "a.jpg").write_bytes(b"another")
    inside = of("Train", 1) + of("Val", 2)
    found = read(project(tmp_path, inside, "1", "2"))
    assert [isinstance(one, Refusal) for one in found] == [True, True]
    for subset in ("Train", "Val"):
        (tmp_path / "images" / subset).mkdir(parents=True)
        (tmp_path / "images" / subset / "a.jpg").write_bytes(subset.encode())
    places = [one.image.path.parent.name for one in read(project(tmp_path, inside, "1", "2"))]
    assert places == ["Train", "Val"]
    found = read(project(tmp_path, of("Val", 1) + of("Val", 2), "1", "2"))
    assert ["several tasks (1, 2) have a picture" in one.reason for one in found] == [True, True]


def test_skeletons_of_another_label_are_left_out(tmp_path: Path) -> None:
    def numbered(label: str, count: int) -> str:
        points = (
            f'<points label="{k}" outside="0" occluded="0" points="{9 * k},{k * k}"/>'
            for k in range(1, count + 1)
        )
        return f'<skeleton label="{label}">{"".join(points)}</skeleton>\n'

    hand = numbered("hand", 3)
    for face, count in ((skeleton(), 4), (numbered("face", 5), 5)):
        file = written(tmp_path, image(hand + face + face))
        found = list(read_faces("cvat", [file]))
        assert reasons(found) == ["of hand: its points are not those of most faces"]
        assert len(found) == 3
        assert len(source_scheme("cvat", [file]).names) == count


def test_frames_of_a_video_are_pictures_or_in_the_video_and_one_clip(tmp_path: Path) -> None:
    names = ("frame_000003", "frame_000009")
    inside = "".join(image(skeleton(), name) for name in names)
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "frame_000003.PNG").write_bytes(b"")
    (tmp_path / "a.mp4").write_bytes(b"")
    found = read(written(tmp_path, inside, "<source>a.mp4</source>"))
    assert [(one.image.path.name, one.frame) for one in found] == [
        ("frame_000003.PNG", None),
        ("a.mp4", 9),
    ]
    assert {(one.subject, one.subject_source) for one in found} == {
        (f"{tmp_path.name}/a.mp4", "video")
    }
    (tmp_path / "a.mp4").unlink()
    at = skeleton('frame="3" keyframe="1"')
    (one,) = read(written(tmp_path, track(at, ""), "<source>a.mp4</source>"))
    assert (one.image.path.name, one.frame) == ("frame_000003.PNG", None)


def test_a_broken_file_of_several_loses_no_other(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(HEAD.format(more="") + "<image", encoding="utf-8")
    written(tmp_path, image(skeleton()))
    bad, good = read_faces("cvat", [tmp_path])
    assert isinstance(good, FaceRecord)
    assert isinstance(bad, Refusal)
    assert (bad.file.name, bad.line) == ("a.xml", 6)
    assert count_faces("cvat", [tmp_path]) == 1
    with pytest.raises(InputError, match=r"a\.xml:6: this is no complete XML"):
        list(read_faces("cvat", [tmp_path / "a.xml"]))


def test_an_archive_is_to_be_unpacked(tmp_path: Path) -> None:
    (tmp_path / "export.zip").write_bytes(b"PK")
    said = recognise([tmp_path / "export.zip"]).problem
    assert said.endswith(
        "export.zip: unpack it, and choose the file or folder of annotations in it."
    )


@pytest.mark.parametrize("name", ["cvat", "dlib"])
def test_what_xml_cannot_hold_is_not_written(tmp_path: Path, name: str) -> None:
    (face,) = read(written(tmp_path, image(skeleton())))
    face = replace(face, image_name="es\x1bcape.jpg")
    scheme = scheme_of_names("cat", ("left", "right", "nose", "chin"))
    dest = tmp_path / "out.xml"
    with pytest.raises(InputError, match=r"'es\\x1bcape.jpg' has the character '\\x1b'"):
        write_faces(name, [face], dest, scheme=scheme)
    assert not dest.exists()
