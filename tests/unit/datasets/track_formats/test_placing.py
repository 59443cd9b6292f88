"""From the file of another tool to the track of a video."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from faceloop_datasets import Conversion, FrameKind, InputError, Project, Track, write_video
from faceloop_datasets.track_formats import FoundFace, FoundTrack, placed

if TYPE_CHECKING:
    from pathlib import Path

FRAMES, SCHEME = 6, "five"
SAME = Conversion(SCHEME, SCHEME, np.eye(5), np.ones(5, np.bool_))


def found(frames: int = FRAMES, first: int = 0, **changed: object) -> FoundTrack:
    """A file with a face that is lost in its third frame."""
    points = np.random.default_rng(0).uniform(10, 90, (frames, 5, 2)).astype(np.float32)
    points[2] = np.nan
    trust = np.linspace(0, 1, 5) * np.ones((frames, 1))
    face = FoundFace("ann", points, trust)
    names = tuple("abcde")
    numbers = np.arange(first, first + frames)
    return replace(FoundTrack("tool:net", SCHEME, names, numbers, (face,)), **changed)


def track() -> Track:
    return Track("ab" * 32, SCHEME, "starter", 25.0, np.arange(FRAMES) / 25)


def test_points_are_fits_and_nobody_knows_how_good() -> None:
    now, ids = placed(found(), SAME, track())
    assert (ids, now.model) == ((0,), "tool:net")
    face = now.face(0)
    assert face.name == "ann"
    assert np.array_equal(face.points, found().faces[0].points, equal_nan=True)
    assert face.kind.tolist() == [2, 2, 1, 2, 2, 2]
    assert np.isnan(face.predicted_error).all()
    assert np.isnan(now.worst_error[0])
    assert np.isinf(now.worst_error[2])


def test_faces_come_beside_those_that_are_there_once() -> None:
    now, _ = placed(found(), SAME, track())
    edited = now.with_face(now.face(0).with_rows(1, points=5, kind=FrameKind.CORRECTED))
    again, ids = placed(found(), SAME, edited)
    assert ids == (1,)
    assert again.face(0) is edited.face(0)
    assert again.model == "tool:net"
    assert placed(found(), SAME, again) == (again, ())


def test_unsure_points_can_be_missing() -> None:
    now, _ = placed(found(), SAME, track(), least=0.6)
    assert np.isnan(now.face(0).points[0]).any(axis=1).tolist() == [True] * 3 + [False] * 2
    nobody, _ = placed(found(), SAME, track(), least=1.1)
    assert (nobody.face(0).kind == FrameKind.LOST).all()


def test_a_point_made_of_missing_ones_is_missing() -> None:
    weights = np.array([[0.5, 0.5, 0, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]])
    source = found()
    source.faces[0].points[0, 1] = np.nan
    into = Conversion(SCHEME, "three", weights, np.ones(3, np.bool_))
    now, _ = placed(source, into, replace(track(), scheme="three"))
    points = now.face(0).points
    assert np.isnan(points[:, 2]).all()
    assert np.isnan(points[0, 0]).all()
    given = source.faces[0].points
    assert np.allclose(points[1, 0], given[1, :2].mean(axis=0))
    assert np.array_equal(points[0, 1], given[0, 4])


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (found(4), r"has 4 frames, the video 6"),
        (found(8), r"has 8 frames, the video 6"),
        (found(4, first=9), r"has frames up to 12, the video 6"),
        (found(times=np.arange(FRAMES) / 30), r"at other times than the video's"),
    ],
)
def test_a_file_of_another_video_is_refused(file: FoundTrack, said: str) -> None:
    with pytest.raises(InputError, match=said):
        placed(file, SAME, track())


def test_one_frame_more_or_less_and_parts_are_taken() -> None:
    for file, unseen in ((found(5), 1), (found(7), 0), (found(3, first=3), 3)):
        now, _ = placed(file, SAME, track())
        assert int((now.face(0).kind == FrameKind.UNSEEN).sum()) == unseen


def test_several_faces_cannot_have_one_name() -> None:
    two = found(faces=found().faces * 2)
    with pytest.raises(InputError, match="There are 2 faces and one name, ann"):
        placed(two, SAME, track(), name="ann")


def test_a_project_takes_a_table_and_takes_it_back(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    write_video(clip, [np.full((64, 64, 3), 20 * k, np.uint8) for k in range(4)], 25)
    rows = [
        f"{frame},{frame / 25},1,{point},{name},{10 + point + frame},{point**2},0.02"
        for frame in (1, 2)
        for point, name in enumerate("abcde")
    ]
    table = tmp_path / "points.csv"
    header = "frame,time,face,point,name,x,y,predicted_error"
    table.write_text("\n".join([header, "0,0,,,,,,", *rows]))
    scheme = tmp_path / "five.toml"
    scheme.write_text('name = "five"\nnames = ["a", "b", "c", "d", "e"]\nsize = [0, 1, 2, 3, 4]\n')
    with Project.create(tmp_path / "project", scheme=scheme) as project:
        said = project.import_track(table, clip, dry_run=True)
        assert (said.faces, said.frames, said.lost, project.media()) == ((0,), 2, 1, [])
        assert project.import_track(table, clip) == said
        (media,) = project.tracks()
        kept = project.track(media)
        assert kept is not None
        assert kept.face(0).kind.tolist() == [1, 2, 2, 0]
        assert kept.face(0).points[2, 3].tolist() == [15, 9]
        assert kept.face(0).predicted_error[1] == np.float32(0.02)
        assert project.import_track(table, clip).said.endswith("1 face was here already.")
        assert project.undo_track(media) == "imported points.csv"
        taken = project.track(media)
        assert taken is not None
        assert not taken.faces
        table.write_text(table.read_text().replace(",e,", ",E 2,"))
        told = project.import_track(table, clip, dry_run=True).said
        assert "stay missing: e." in told
        assert "1 point of the file is left out: E 2." in told
