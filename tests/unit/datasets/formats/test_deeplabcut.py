"""DeepLabCut's and Lightning Pose's tables.

Layouts as in DeepLabCut's user guide ("labeled-data", "CollectedData", maDLC's individuals) and in
Lightning Pose's directory structure page; the values are our own. Compared with pandas' reader of
several heads, which is what both programs read them with.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from faceloop_datasets import Annotation, FaceloopError, InputError, PointState
from faceloop_datasets.formats import (
    Entry,
    FaceRecord,
    ImageRef,
    Refusal,
    Skip,
    count_faces,
    read_faces,
    recognise,
    source_scheme,
    write_faces,
)
from faceloop_datasets.schemes.named import scheme_of_names

SINGLE = (
    "scorer,Ada,Ada,Ada,Ada\nbodyparts,nose,nose,left ear,left ear\ncoords,x,y,x,y\n"
    "labeled-data\\talk\\img005.png,12.25,40.5,,\n"
    "labeled-data/talk/img012.png,,,,\n"
    "labeled-data/talk/img150.png,13.0,41,7.125,8\n"
)
MULTI = (
    "scorer,,,Ada,Ada,Ada,Ada,Ada,Ada\nindividuals,,,one,one,two,two,single,single\n"
    "bodyparts,,,nose,nose,nose,nose,chin,chin\ncoords,,,x,y,x,y,x,y\n"
    "labeled-data,talk,img005.png,1,2,30,40,,\n"
    "labeled-data,talk,img012.png,,,3,4,5,6\n"
)
V, H, E, M = PointState


def project(folder: Path, text: str, name: str = "CollectedData_Ada.csv") -> Path:
    file = folder / "labeled-data" / "talk" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def faces(entries: list[Entry]) -> list[FaceRecord]:
    return [entry for entry in entries if isinstance(entry, FaceRecord)]


@pytest.mark.parametrize("named", ["file", "folder", "project"])
def test_a_project_of_one_individual(tmp_path: Path, named: str) -> None:
    file = project(tmp_path, SINGLE)
    (tmp_path / "config.yaml").write_text(
        "Task: cats\nskeleton:\n- [nose, left ear]\n- [nose, x]\n"
    )
    for picture in ("img005.png", "img150.png"):
        (file.parent / picture).write_bytes(b"")
    source = {"file": file, "folder": file.parent, "project": tmp_path}[named]
    assert recognise([source]).format == "deeplabcut"
    scheme = source_scheme("deeplabcut", [source])
    assert (scheme.name, scheme.names) == ("cats", ("nose", "left ear"))
    assert [line.points for line in scheme.contours] == [(0, 1)]
    entries = list(read_faces("deeplabcut", [source]))
    one, two = faces(entries)
    assert count_faces("deeplabcut", [source]) == 3
    assert one.image == ImageRef(file.parent / "img005.png")
    assert one.name == "labeled-data/talk/img005.png"
    assert (one.subject, one.subject_source) == ("talk", "video")
    np.testing.assert_array_equal(one.annotation.points, [[12.25, 40.5], [np.nan, np.nan]])
    np.testing.assert_array_equal(two.annotation.points, [[13, 41], [7.125, 8]])
    assert [e.line for e in entries if isinstance(e, Skip)] == [5]


def test_pictures_of_one_name_are_those_of_their_video(tmp_path: Path) -> None:
    files = []
    for video in ("talk", "walk"):
        file = tmp_path / "labeled-data" / video / "CollectedData_Ada.csv"
        file.parent.mkdir(parents=True)
        file.write_text(SINGLE.replace("talk", video), encoding="utf-8")
        (file.parent / "img005.png").write_bytes(video.encode())
        files.append(file)
    found = faces(list(read_faces("deeplabcut", files)))
    images = [one.image for one in found if one.image_name == "img005.png"]
    assert images == [ImageRef(file.parent / "img005.png") for file in files]
    assert {one.subject for one in found} == {"talk", "walk"}


def test_several_individuals_are_faces_of_a_picture(tmp_path: Path) -> None:
    file = project(tmp_path, MULTI)
    found = faces(list(read_faces("deeplabcut", [file])))
    table = pd.read_csv(file, header=[0, 1, 2, 3], index_col=[0, 1, 2])
    assert [(f.path.rsplit(":", 2)[1:], f.annotation.present.tolist()) for f in found] == [
        (["labeled-data/talk/img005.png", "one"], [True, False]),
        (["labeled-data/talk/img005.png", "two"], [True, False]),
        (["labeled-data/talk/img012.png", "two"], [True, False]),
        (["labeled-data/talk/img012.png", "single"], [False, True]),
    ]
    expected = table.to_numpy()[0, :4].reshape(2, 2)
    np.testing.assert_array_equal([f.annotation.points[0] for f in found[:2]], expected)


def test_lightning_pose_says_what_is_hidden(tmp_path: Path) -> None:
    file = tmp_path / "CollectedData.csv"
    heads = "scorer,s,s,s,s,s,s,s,s,s\nbodyparts,a,a,a,b,b,b,c,c,c\n"
    heads += "coords,x,y,visible,x,y,visible,x,y,visible\n"
    file.write_text(heads + "labeled-data/v/img1.png,1,2,2,3,4,1,5,6,0\n")
    picture = tmp_path / "labeled-data" / "v" / "img1.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"")
    (one,) = faces(list(read_faces("deeplabcut", [file])))
    assert one.annotation.states.tolist() == [V, H, M]
    assert one.image == ImageRef(picture)
    (bad,) = _refusals(file, heads + "labeled-data/v/img1.png,1,2,3,3,4,1,5,6,0\n")
    assert "visible of a is 3; expected 0, 1 or 2" in bad.reason


def test_absolute_paths_of_another_computer_and_a_spreadsheet(tmp_path: Path) -> None:
    text = SINGLE.replace("labeled-data\\talk", "C:\\work\\dlc\\labeled-data\\talk")
    file = project(tmp_path, text.replace(",", ";").replace("12.25", "12,25"))
    (file.parent / "img005.png").write_bytes(b"")
    one, _ = faces(list(read_faces("deeplabcut", [file])))
    assert one.image == ImageRef(file.parent / "img005.png")
    assert one.annotation.points[0, 0] == 12.25


def _refusals(file: Path, text: str) -> list[Refusal]:
    file.write_text(text, encoding="utf-8")
    return [e for e in read_faces("deeplabcut", [file]) if isinstance(e, Refusal)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("labeled-data/talk/a.png,1,b,3,4", "y of nose is 'b'; expected a number"),
        ("labeled-data/talk/a.png,1,2,3", "4 columns; expected 5"),
        (",1,2,3,4", "the name of the picture is empty"),
        ("labeled-data/talk/img150.png,1,2,3,4", "is there already, on line 6"),
    ],
)
def test_one_bad_row_loses_one_picture(tmp_path: Path, row: str, reason: str) -> None:
    found = _refusals(project(tmp_path, ""), f"{SINGLE}{row}\n")
    assert [(r.line, reason in r.reason) for r in found] == [(7, True)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a,b\n1,2\n", "begins with a, 1; expected the lines scorer"),
        (SINGLE.replace("coords,x,y,x,y", "coords,x,y,likelihood,x"), "a model has placed"),
        (SINGLE.replace("left ear", "nose"), "nose x in two columns"),
        (SINGLE.replace("coords,x", "coords,z"), None),
        ("scorer,a\nbodyparts,b\ncoords,c,d\n", "not of as many columns"),
    ],
)
def test_whole_tables_that_are_none(tmp_path: Path, text: str, problem: str | None) -> None:
    with pytest.raises(FaceloopError, match=problem and rf"CollectedData_Ada\.csv.*{problem}"):
        list(read_faces("deeplabcut", [project(tmp_path, text)]))


def test_what_would_have_to_be_unpickled_is_not_read(tmp_path: Path) -> None:
    file = project(tmp_path, "", "CollectedData_Ada.h5")
    with pytest.raises(InputError, match="pickled"):
        list(read_faces("deeplabcut", [file]))
    with pytest.raises(InputError, match="write them as tables"):
        list(read_faces("deeplabcut", [tmp_path]))


NAMES = scheme_of_names("cat", ["nose", "left, ear", "=chin", "eye"])


def record(picture: str, points: object, states: object, frame: int | None = None) -> FaceRecord:
    face = Annotation("cat", points, states)  # type: ignore[arg-type]
    return FaceRecord("n", "s", None, picture, face, "here", frame)


@settings(max_examples=20)
@given(
    arrays(float, (3, 4, 2), elements=st.floats(1, 300)),
    arrays(int, (3, 4), elements=st.sampled_from([V, M])),
)
def test_what_is_held_comes_back_to_the_last_bit(
    tmp_path_factory: pytest.TempPathFactory, points: np.ndarray, states: np.ndarray
) -> None:
    dest = tmp_path_factory.mktemp("d")
    points += np.array([[0, 0], [900, 0], [0, 900], [900, 900]])
    states[:, 0] = V
    pictures = [("a.jpg", None), ("clip.mp4", 7), ("a.jpg", None)]
    some = [record(p, points[k], states[k], frame) for k, (p, frame) in enumerate(pictures)]
    made = write_faces("deeplabcut", some, dest, scheme=NAMES)
    assert made.lost == ("1 frame of a video is called like pictures of it.",)
    assert recognise([dest]).format == "deeplabcut"
    assert source_scheme("deeplabcut", [dest]).names == NAMES.names
    back = {f.path: f for f in faces(list(read_faces("deeplabcut", [dest])))}
    places = ["pictures/a.jpg:face1", "clip/img0007.png:face1", "pictures/a.jpg:face2"]
    for number, place in enumerate(places):
        folder = place.split("/", maxsplit=1)[0]
        path = f"labeled-data/{folder}/CollectedData_faceloop.csv:labeled-data/{place}"
        old = some[number].annotation
        np.testing.assert_array_equal(back[path].annotation.points, old.points)
        np.testing.assert_array_equal(back[path].annotation.states, old.states)
    table = pd.read_csv(
        dest / "labeled-data" / "pictures" / "CollectedData_faceloop.csv",
        header=[0, 1, 2, 3],
        index_col=0,
    )
    assert table.index.tolist() == ["labeled-data/pictures/a.jpg"]
    assert list(table.columns.names) == ["scorer", "individuals", "bodyparts", "coords"]
    np.testing.assert_array_equal(
        table.to_numpy().reshape(2, 4, 2), [some[0].annotation.points, some[2].annotation.points]
    )


def test_states_that_are_lost_are_said(tmp_path: Path) -> None:
    points = [[1, 2], [3, 4], [5, 9], [7, 8]]
    made = write_faces(
        "deeplabcut", [record("d/a.jpg", points, [V, H, E, V])], tmp_path, scheme=NAMES
    )
    assert made.lost == (
        "1 occluded point is written as visible.",
        "1 estimated point is written as visible.",
    )
    table = pd.read_csv(
        next(tmp_path.rglob("CollectedData_faceloop.csv")), header=[0, 1, 2], index_col=0
    )
    np.testing.assert_array_equal(table.to_numpy().reshape(4, 2), points)
