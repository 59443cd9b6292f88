"""CVAT's XML, as it exports tasks of pictures and of videos.

What files look like: docs.cvat.ai "XML annotation format" (images and interpolation) and "CVAT"
(formats); cvat-ai/cvat #9973 (where the canvas begins). All values are made up here.
"""

from __future__ import annotations

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


def test_several_faces_of_a_frame_are_known_by_their_tracks(tmp_path: Path) -> None:
    one = skeleton('frame="4" keyframe="1"')
    tracks = "".join(f'<track id="{n}" label="cat">{one}</track>' for n in (2, 7))
    found = read(written(tmp_path, tracks, "<source>clip.MP4</source>"))
    assert [face.path for face in found] == [
        f"{face.path.partition(':')[0]}:clip.MP4:4#id{n}"
        for face, n in zip(found, (2, 7), strict=True)
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
