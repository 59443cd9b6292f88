"""Tracks that a project keeps, on the command line."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from faceloop_datasets import (
    Annotation,
    FaceTrack,
    FrameKind,
    InputError,
    Project,
    Track,
    Verdict,
    Video,
    write_video,
)
from faceloop_datasets.sample import sample_clip, sample_clip_truth
from faceloop_datasets.tracks import editing
from faceloop_workbench.services.model_choice import choose_model
from faceloop_workbench.services.track_keeping import find_video, track_and_keep

if TYPE_CHECKING:
    from pathlib import Path

    from faceloop_datasets import Progress

    from .conftest import Run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two short videos, the face of one lost at its end, and a file that is none."""
    made = tmp_path / "videos" / "deep"
    made.mkdir(parents=True)
    frames = [frame.image for frame in islice(Video(sample_clip()), 24)]
    write_video(made / "talk.mp4", frames, 25)
    write_video(made.parent / "short.mp4", [*frames[:3], np.zeros_like(frames[0])], 25)
    (made / "broken.mp4").write_bytes(b"no video")
    return made.parent


def kept(project: Path, name: str = "talk.mp4") -> Track:
    """Return the track that a project keeps of a video."""
    with Project.open(project) as opened:
        (media,) = [one for one in opened.tracks() if one.name == name]
        track = opened.track(media)
    assert track is not None
    return track


def test_videos_of_a_folder_are_tracked_edited_and_exported(
    faceloop: Run, empty_project: Path, folder: Path, tmp_path: Path
) -> None:
    here = ("--project", empty_project)
    done = faceloop("track", folder, *here, "--json")
    assert done.code == 1  # one is broken; the others are done
    rows = {row["video"].rsplit("/")[-1]: row for row in done.json()["videos"]}
    assert rows["talk.mp4"]["frames"] == 24
    assert rows["short.mp4"]["faces"] == 1
    assert "broken.mp4" in rows["broken.mp4"]["error"]
    listed = faceloop("tracks", "list", *here, "--json").json()["tracks"]
    assert {(row["video"], row["frames"], row["lost"]) for row in listed} == {
        ("talk.mp4", 24, 0), ("short.mp4", 4, 1),
    }  # fmt: skip
    with Project.open(empty_project) as opened:  # where it was lost, as the tab Live queues it
        (entry,) = opened.queue.list()
        assert (entry.id, opened.item(entry.item_id).frame) == (*rows["short.mp4"]["queued"], 3)
    assert rows["talk.mp4"]["queued"] == []

    assert faceloop("tracks", "reject", "talk.mp4", *here, "--frames", "5-8").code == 0
    assert (kept(empty_project).face(0).verdict[5:9] == Verdict.REJECTED).all()
    out = tmp_path / "part.csv"
    named = ("--frames", "4-10", "--out", out)
    assert faceloop("tracks", "export", "talk.mp4", *here, *named).code == 0
    for bad, said in (("x.png", "Expected a name that ends in .csv"), (tmp_path, "has no format")):
        refused = faceloop("tracks", "export", "talk.mp4", *here, "--out", bad)
        assert (refused.code, refused.err.count("\n")) == (1, 1)
        assert said in refused.err
    table = pd.read_csv(out)
    assert sorted(set(table["frame"])) == [*range(4, 11)]
    assert table["x"].isna().groupby(table["frame"]).all().to_dict() == {
        frame: 5 <= frame <= 8 for frame in range(4, 11)
    }
    points = table[table["frame"] == 10][["x", "y"]].to_numpy()
    np.testing.assert_allclose(points, kept(empty_project).face(0).points[10], atol=1e-3)
    assert set(table["start"].dropna()) == {"fitted"}
    assert faceloop("tracks", "undo", "talk.mp4", *here).out.startswith("Took back: rejected")

    drawn = tmp_path / "drawn.mp4"
    named = ("--frames", "20-23", "--out", drawn)
    assert faceloop("tracks", "export", "talk.mp4", *here, *named).code == 0
    with Video(drawn) as video:
        assert len(video) == 4

    for words in (("split", "talk.mp4", "12"), ("join", "talk.mp4", "1"), ("smooth", "talk.mp4")):
        assert faceloop("tracks", *words, *here).code == 0, words
    assert (kept(empty_project).face(0).kind == FrameKind.SMOOTHED).all()
    assert faceloop("tracks", "undo", "talk.mp4", *here).out.startswith("Took back: smoothed")

    named = ("interpolate", "talk.mp4", *here, "--frames", "2-6")
    assert faceloop("tracks", *named).out.startswith("Interpolated frames 2..6")
    face = kept(empty_project).face(0)
    assert (face.kind[3:6] == FrameKind.INTERPOLATED).all()
    assert face.head_pose is not None
    np.testing.assert_allclose(face.head_pose[3:6].mean(0), face.head_pose[[2, 6]].mean(0), atol=5)


def test_what_is_annotated_spreads(faceloop: Run, empty_project: Path, folder: Path) -> None:
    here = ("--project", empty_project)
    talk = folder / "deep" / "talk.mp4"
    assert faceloop("track", talk, *here, "--keep").code == 0
    truth = sample_clip_truth().points
    with Project.open(empty_project) as opened:
        (media,) = opened.tracks()
        track = opened.track(media)
        assert track is not None
        face, span = track.face(0), slice(8, 15)
        moved = face.with_rows(span, points=face.points[span] + 30, predicted_error=0.1)
        opened.keep_track(track.with_face(moved), "spoilt")
        item = opened.add_item(media, 11)
        opened.save(item.id, Annotation("face70", truth[11], np.zeros(70)), None)
    said = faceloop("tracks", "spread", "talk.mp4", "11", *here)
    assert said.out.startswith("Spread frame 11 to ")
    face = kept(empty_project).face(0)
    assert face.kind[11] == FrameKind.CORRECTED
    assert face.head_pose is not None
    assert np.isfinite(face.head_pose[11]).all()
    assert np.linalg.norm(face.points[8:15] - truth[8:15], axis=2).mean() < 6
    # a later tracking leaves it
    assert faceloop("track", talk, *here, "--keep").code == 0
    np.testing.assert_array_equal(kept(empty_project).face(0).points[8:15], face.points[8:15])


def test_edits_during_a_tracking_stay(empty_project: Path, folder: Path) -> None:
    talk = folder / "deep" / "talk.mp4"
    with Project.open(empty_project) as project, Project.open(empty_project) as other:
        chosen = choose_model(None, project)
        media = track_and_keep(project, chosen, talk).media

        def meanwhile(done: Progress) -> None:
            if done.done == 10:
                track = other.track(media)
                assert track is not None
                edited = editing.judge(track, 0, 3, 5, Verdict.ACCEPTED)
                other.keep_track(edited, "accepted meanwhile")

        track_and_keep(project, chosen, talk, progress=meanwhile)
        history = project.track_history(media)
    assert history is not None
    assert "accepted meanwhile" in [change.said for change in history.done]
    assert np.flatnonzero(history.track.face(0).verdict).tolist() == [3, 4, 5]


def test_mistakes_are_one_clear_line(
    faceloop: Run, empty_project: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = ("--project", empty_project)
    assert "several videos need --out" in " ".join(faceloop("track", folder).err.split())
    assert "The project has no video talk.mp4" in faceloop("tracks", "undo", "talk.mp4", *here).err
    with Project.open(empty_project) as opened:
        opened.add_media(folder / "short.mp4")
    assert "No track of short.mp4 is kept" in faceloop("tracks", "accept", "short.mp4", *here).err
    said = faceloop("track", folder / "short.mp4", *here, "--keep").out
    assert said.endswith("Added 1 frame to the review queue: faceloop queue list\n")
    wrong = faceloop("tracks", "accept", "short.mp4", *here, "--frames", "2-9")
    assert "within 0..3 but got 2..9" in wrong.err
    assert faceloop("tracks", "accept", "short.mp4", *here, "--frames", "x").code == 2
    for frames in ("²-³", "1-", "-2", "9" * 5000):
        assert faceloop("tracks", "accept", "short.mp4", *here, "--frames", frames).code == 2
    refused = faceloop("tracks", "plot", "short.mp4", *here, "--frames", "0-9999")
    assert "within 0..3 but got 0..9999" in refused.err
    one = ("tracks", "interpolate", "short.mp4", *here, "--frames", "2")
    assert faceloop(*one).out.strip() == "Nothing changed."
    assert faceloop("tracks", "undo", "short.mp4", *here).out.startswith("There is nothing to undo")
    again = folder / "deep" / "short.mp4"
    again.write_bytes((folder / "deep" / "talk.mp4").read_bytes())
    with Project.open(empty_project) as opened, monkeypatch.context() as patch:
        other = opened.add_media(again)
        patch.chdir(folder / "deep")
        assert find_video(opened, "short.mp4") == other
        patch.chdir(folder.parent)
        with pytest.raises(InputError, match=r"Several videos are called short\.mp4"):
            find_video(opened, "short.mp4")
    short = folder / "short.mp4"
    assert "no face 7" in faceloop("tracks", "smooth", short, *here, "--face", 7).err


def test_quantities_of_a_kept_track_are_plotted_and_listed(
    faceloop: Run, empty_project: Path, tmp_path: Path
) -> None:
    points = np.asarray(sample_clip_truth().points, np.float32)
    frames = len(points)
    with Project.open(empty_project) as project:
        media = project.add_media(sample_clip())
        none, fitted = np.zeros(frames, np.uint8), np.full(frames, FrameKind.FITTED, np.uint8)
        error = np.full(frames, 0.02, np.float32)
        face = FaceTrack(0, "", points, error, fitted, none)
        times = np.arange(frames) / 25
        project.keep_track(Track(media.sha256, "face70", "m", 25.0, times, (face,)))
    here = ("tracks", "plot", "clip.mp4", "--project", empty_project)
    listed = faceloop(*here)
    assert "mouth_opening, left_eye_opening" in listed.out
    assert "speed:POINT" in listed.out
    out = tmp_path / "part.csv"
    done = faceloop(*here, "-q", "mouth_opening", "-q", "x:chin", "--frames", "10-19", "-o", out)
    assert done.code == 0
    table = pd.read_csv(out)
    assert list(table.columns) == ["frame", "time", "face", "mouth_opening", "x:chin"]
    assert table["frame"].tolist() == list(range(10, 20))
    assert faceloop(*here, "-q", "yaw", "-o", tmp_path / "yaw.svg").code == 0
    assert b"<svg" in (tmp_path / "yaw.svg").read_bytes()
    wrong = faceloop(*here, "-q", "mouth_openin")
    assert wrong.code == 1
    assert "Did you mean mouth_opening?" in wrong.err
