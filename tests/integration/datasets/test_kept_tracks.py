"""Tracks that a project keeps: opened again, moved, backed up, checked and erased with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from faceloop_datasets import (
    Annotation,
    FaceTrack,
    FrameKind,
    InputError,
    Media,
    Project,
    ProjectError,
    Track,
    TrackConflict,
    Verdict,
    Video,
    write_video,
)
from faceloop_datasets.care import (
    back_up,
    check_project,
    erase,
    find_erasure_target,
    list_backups,
    plan_erasure,
    restore,
)
from faceloop_datasets.care.backup import FOLDER
from faceloop_datasets.care.bundle import read_bundle
from faceloop_datasets.sample import sample_clip, sample_clip_truth
from faceloop_datasets.tracks import editing
from faceloop_datasets.tracks.folder import TrackFolder
from faceloop_datasets.tracks.history import TrackHistory


@pytest.fixture
def clips(tmp_path: Path) -> list[Path]:
    """Two short videos."""
    folder = tmp_path / "clips"
    folder.mkdir()
    frames = [frame.image for frame in islice(Video(sample_clip()), 12)]
    for name, part in (("one.mp4", frames[:6]), ("two.mp4", frames[6:])):
        write_video(folder / name, part, 25)
    return [folder / "one.mp4", folder / "two.mp4"]


def track_of(media: Media, first: int) -> Track:
    """The true points of a part of the sample clip as a track."""
    points = sample_clip_truth().points[first : first + 6].astype(np.float32)
    face = FaceTrack.unseen(0, 6, 70).with_rows(
        slice(None), points=points, predicted_error=0.02, kind=FrameKind.FITTED
    )
    return Track(media.sha256, "face70", "starter", 25.0, np.arange(6) / 25, (face,))


@pytest.fixture
def project(tmp_path: Path, clips: list[Path]) -> Iterator[Project]:
    """A project with a person in each of two videos, and the tracks of both."""
    with Project.create(tmp_path / "project") as made:
        for number, clip in enumerate(clips):
            media = made.add_media(clip)
            item = made.add_item(media, 2, subject=f"person {number}")
            points = sample_clip_truth().points[6 * number + 2]
            made.save(item.id, Annotation("face70", points, np.zeros(70)), None)
            made.keep_track(track_of(media, 6 * number))
        yield made


def test_tracks_and_their_changes_come_back(project: Project) -> None:
    one, two = project.media()
    track = project.track(one)
    assert track is not None
    rejected = editing.judge(track, 0, 1, 3, Verdict.REJECTED)
    project.keep_track(rejected, "rejected 1 to 3")
    project.keep_track(editing.split(rejected, 0, 3), "split at 3")
    with Project.open(project.path) as again:
        assert again.tracks() == [one, two]
        found = again.track(one)
        assert found is not None
        assert [face.id for face in found.faces] == [0, 1]
        assert again.undo_track(one) == "split at 3"
        assert again.undo_track(one) == "rejected 1 to 3"
        assert again.undo_track(one) is None
        assert again.redo_track(one) == "rejected 1 to 3"
        found = again.track(one)
    assert found is not None
    assert found.face(0).verdict.tolist() == [0, 2, 2, 2, 0, 0]
    untouched = project.track(two)
    assert untouched is not None
    assert not untouched.face(0).verdict.any()


def test_only_tracks_of_the_project_s_videos_and_scheme_are_kept(project: Project) -> None:
    (one, _), track = project.media(), track_of(project.media()[0], 0)
    strange = Track("ef" * 32, *(getattr(track, n) for n in ("scheme", "model", "rate", "times")))
    with pytest.raises(ProjectError, match="does not know the video of this track"):
        project.keep_track(strange)
    other = Track(one.sha256, "ibug68", "starter", 25.0, track.times)
    with pytest.raises(ProjectError, match="its points are those of ibug68; expected face70"):
        project.keep_track(other)
    few = replace(track, faces=(FaceTrack.unseen(0, 6, 68),))
    with pytest.raises(ProjectError, match="cannot keep this track: it has 68 points; expected 70"):
        project.keep_track(few)


def test_the_second_of_two_editors_is_told(project: Project) -> None:
    one, _ = project.media()
    with Project.open(project.path) as other:
        mine, theirs = project.track_history(one), other.track_history(one)
        assert mine is not None
        assert theirs is not None
        mine = mine.did(editing.judge(mine.track, 0, 1, 1, Verdict.REJECTED), "mine")
        theirs = theirs.did(editing.judge(theirs.track, 0, 4, 4, Verdict.ACCEPTED), "theirs")
        mine = project.keep_track(mine)
        with pytest.raises(TrackConflict, match=r"The track of one\.mp4 was changed meanwhile"):
            other.keep_track(theirs)
        kept = other.track_history(one)
        assert kept is not None
        assert [change.said for change in kept.done] == ["mine"]
        # who has read it again, or goes on from what was written, is in nobody's way
        other.keep_track(kept.did(theirs.track, "theirs"))
    with pytest.raises(TrackConflict):
        project.keep_track(mine.undo())
    assert project.undo_track(one) == "theirs"


def test_a_file_with_other_points_is_not_read(project: Project) -> None:
    one, _ = project.media()
    for scheme, points, said in (
        ("ibug68", 68, "its points are those of ibug68; expected face70"),
        ("face70", 68, "it has 68 points; expected 70 of face70"),
    ):
        face = FaceTrack.unseen(0, 6, points)
        other = Track(one.sha256, scheme, "m", 25.0, np.arange(6) / 25, (face,))
        TrackFolder(project.path).write(TrackHistory(other))
        with pytest.raises(InputError, match=said):
            project.track_history(one)
        (found,) = check_project(project.path).findings
        assert said in found.where


def test_a_moved_video_still_has_its_track(project: Project, tmp_path: Path) -> None:
    home = tmp_path / "elsewhere"
    home.mkdir()
    project.resolve(project.media()[0]).rename(home / "renamed.mp4")
    (found,) = project.relink(home)
    assert project.track(found) is not None


def test_backups_hold_them_and_a_check_reads_them(project: Project, tmp_path: Path) -> None:
    assert check_project(project.path).findings == ()
    report = back_up(project.path, tmp_path / "backup.zip")
    assert sum(m.path.startswith("tracks/") for m in report.backup.members) == 2
    restored = restore(report.backup.file, tmp_path / "again")
    with Project.open(restored.path) as again:
        for before, media in zip(project.media(), again.media(), strict=True):
            one, other = project.track(before), again.track(media)
            assert one is not None
            assert other is not None
            np.testing.assert_array_equal(one.face(0).points, other.face(0).points)

    file = project.path / "tracks" / f"{project.media()[0].sha256}.safetensors"
    assert file in set(project.files())
    file.write_bytes(file.read_bytes()[:-100])
    stray = project.path / "tracks" / f"{'0' * 64}.safetensors"
    stray.write_bytes(b"")
    found = check_project(project.path).findings
    assert [(f.severity, f.what) for f in found] == [
        ("error", "A track cannot be used"),
        ("warning", "A file in tracks belongs to no video here"),
    ]
    with pytest.raises(InputError, match="cannot be used: it is damaged"):
        project.track(project.media()[0])
    assert project.track(project.media()[1]) is not None
    assert len(project.tracks()) == 2


def test_a_backup_of_the_database_alone_takes_them_from_around_it(
    project: Project, tmp_path: Path
) -> None:
    project.import_sample()  # backs up before
    (backup,) = list_backups(project.path)
    assert not any(path.startswith("tracks/") for path in members(backup))
    restored = restore(backup, tmp_path / "again")
    assert sum(path.startswith("tracks/") for path in restored.from_project) == 2


def members(backup: Path) -> list[str]:
    """Paths in a backup."""
    return [member.path for member in read_bundle(backup).members]


def test_an_erased_person_leaves_no_track(project: Project) -> None:
    one, two = project.media()
    (project.path / FOLDER).mkdir()
    full = back_up(project.path, project.path / FOLDER).backup.file
    target = find_erasure_target(project.path, subject="person 0")
    half = project.path / "tracks" / ".part-0123456789abcdef.safetensors"
    half.write_bytes(b"half a track of a killed program: nobody knows of whom")
    planned = plan_erasure(project.path, target)
    assert [file.stem for file in planned.tracks] == [one.sha256, half.stem]
    project.close()
    done = erase(project.path, planned)
    assert done.left == ()
    assert not any(file.exists() for file in planned.tracks)
    with Project.open(project.path) as again:
        assert again.tracks() == [two]
    assert f"tracks/{two.sha256}.safetensors" in members(full)
    assert f"tracks/{one.sha256}.safetensors" not in members(full)


def test_a_backup_of_before_anybody_was_annotated_loses_video_and_track_too(
    tmp_path: Path, clips: list[Path]
) -> None:
    """It has no face of theirs to be found by: only the video, and what was tracked in it."""
    with Project.create(tmp_path / "project") as made:
        (made.path / "media").mkdir(exist_ok=True)
        inside = [clip.rename(made.path / "media" / clip.name) for clip in clips]
        one, two = (made.add_media(file) for file in inside)
        made.keep_track(track_of(one, 0))
        made.keep_track(track_of(two, 6))
        (made.path / FOLDER).mkdir()
        early = back_up(made.path, made.path / FOLDER, with_media=True).backup.file
        points = Annotation("face70", sample_clip_truth().points[2], np.zeros(70))
        made.save(made.add_item(one, 2, subject="anna").id, points, None)
        made.save(made.add_item(two, 2, subject="anna").id, points, None)
        made.save(made.add_item(two, 3, subject="ben").id, points, None)
    planned = plan_erasure(made.path, find_erasure_target(made.path, subject="anna"))
    assert planned.backups == (early,)
    assert erase(made.path, planned).left == ()
    left = {path for path in members(early) if path.startswith(("tracks/", "media/"))}
    assert left == {"media/two.mp4"}  # ben is in it
    with Project.open(restore(early, tmp_path / "again").path) as again:
        assert [media.sha256 for media in again.media()] == [two.sha256]
        assert again.tracks() == []


def test_files_that_are_not_the_project_s_own_are_named(project: Project) -> None:
    project.close()
    strange = [project.path / "old.csv", project.path / "tracks" / "old.parquet"]
    for file in strange:
        file.write_bytes(b"points of anna")
    target = find_erasure_target(project.path, subject="person 0")
    assert erase(project.path, plan_erasure(project.path, target)).unknown == tuple(strange)
