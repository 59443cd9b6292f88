"""Tracks of other tools into a project and out of it, on the command line."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from faceloop_datasets import FaceTrack, FrameKind, Project, Track, Video, write_video
from faceloop_datasets.sample import sample_clip, sample_clip_truth

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Run

FRAMES = 8


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """A short video."""
    file = tmp_path / "talk.mp4"
    write_video(file, [frame.image for frame in islice(Video(sample_clip()), FRAMES)], 25)
    return file


@pytest.fixture
def tracked(empty_project: Path, talk: Path) -> Track:
    """The true points of the video, kept in a project; its last frame is lost."""
    points = sample_clip_truth().points[:FRAMES].astype(np.float32)
    points[-1] = np.nan
    error = np.linspace(0.01, 0.08, FRAMES).astype(np.float32)
    error[-1] = np.nan
    kind = np.array([2, 2, 3, 4, 5, 6, 2, 1], np.uint8)
    pose = np.arange(FRAMES * 3, dtype=np.float32).reshape(-1, 3)
    pose[-1] = np.nan
    face = FaceTrack.unseen(3, FRAMES, 70).with_rows(
        slice(None), points=points, predicted_error=error, kind=kind, head_pose=pose
    )
    with Project.open(empty_project) as opened:
        media = opened.add_media(talk)
        times = np.array(Video(talk).times)
        track = Track(media.sha256, "face70", "starter", 25.0, times, (face,))
        opened.keep_track(track)
    return track


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_an_exported_table_comes_back(
    faceloop: Run, empty_project: Path, tracked: Track, talk: Path, suffix: str
) -> None:
    tmp_path = talk.parent
    out = tmp_path / f"out{suffix}"
    exported = faceloop("tracks", "export", talk, "--project", empty_project, "--out", out)
    assert exported.code == 0, exported.err
    Project.create(tmp_path / "other").close()
    into = ("--video", talk, "--project", tmp_path / "other")
    dry = faceloop("tracks", "import", out, *into, "--dry-run")
    assert dry.out.startswith("Would import: talk.mp4: 1 face in 7 of 8 frames"), dry.err
    assert faceloop("tracks", "import", out, *into, "--as", "ann").code == 0
    with Project.open(tmp_path / "other") as other:
        (media,) = other.tracks()
        kept = other.track(media)
    assert kept is not None
    face, was = kept.face(0), tracked.face(3)
    assert face.name == "ann"
    assert face.kind.tolist() == was.kind.tolist()
    for name in ("points", "predicted_error", "head_pose"):
        assert np.allclose(getattr(face, name), getattr(was, name), equal_nan=True, rtol=1e-6)
    assert (face.kind == FrameKind.CORRECTED).sum() == 1
    if suffix == ".parquet":
        assert kept.model == "starter"
    again = faceloop("tracks", "import", out, *into, "--json").json()
    assert (again["faces"], again["known"]) == ([], 1)
    assert faceloop("tracks", "undo", "talk.mp4", *into[2:]).out.startswith("Took back: imported")


def test_files_of_other_tools_go_out_and_come_back(
    faceloop: Run, empty_project: Path, tracked: Track, talk: Path
) -> None:
    here, into = ("--project", empty_project), talk.parent / "other"
    Project.create(into).close()
    was = tracked.face(3)
    # by way of OpenFace's 68 points places are only near
    for kind, off in (("deeplabcut", 1e-4), ("openface", 15)):
        out = talk.parent / f"{kind}.csv"
        said = faceloop("tracks", "export", talk, *here, "--out", out, "--format", kind)
        assert said.code == 0, said.err
        assert faceloop("tracks", "import", out, "--video", talk, "--project", into).code == 0
        with Project.open(into) as other:
            kept = other.track(other.tracks()[0])
        assert kept is not None
        face = kept.faces[-1]
        assert (face.kind == FrameKind.FITTED).tolist() == was.present.tolist()
        assert np.nanmax(np.abs(face.points - was.points)) < off
    assert face.head_pose is not None
    assert np.allclose(face.head_pose[:7], was.head_pose[:7], atol=0.01)
    assert [one.id for one in kept.faces] == [0, 1]
    out = talk.parent / "animation.csv"
    live = ("--out", out, "--format", "live-link", "--face", 3, "--frames", "2-7", "--json")
    assert faceloop("tracks", "export", talk, *here, *live).json()["empty"] == 1
    assert out.read_text().splitlines()[-1].startswith("00:00:00:07.000,0,0.000000")
    wrong = faceloop("tracks", "export", talk, *here, "--out", out, "--format", "sleap")
    assert "Expected a name that ends in .slp" in wrong.err


def test_what_is_no_track_is_refused(
    faceloop: Run, empty_project: Path, talk: Path, tmp_path: Path
) -> None:
    here = ("--video", talk, "--project", empty_project)
    notes = tmp_path / "notes.csv"
    notes.write_text("a,b\n1,2\n")
    said = faceloop("tracks", "import", notes, *here)
    assert said.code == 1
    assert "is no track of a known format" in said.err
    assert "does not exist" in faceloop("tracks", "import", "none.csv", *here).err
    assert "no format of tracks 'x'" in faceloop("tracks", "import", notes, *here, "--format=x").err


_OWN = """
name = "three"
title = "Three points"
names = ["left", "right", "chin"]
iod = [0, 1]
[[contours]]
name = "all"
points = [0, 1, 2]
closed = true
"""


@pytest.mark.parametrize("scheme", ["ibug68", "three"])
def test_a_project_without_a_model_exports_every_format(
    faceloop: Run, talk: Path, scheme: str
) -> None:
    folder = talk.parent
    (folder / "three.toml").write_text(_OWN)
    with Project.create(folder / "p", folder / "three.toml" if scheme == "three" else scheme) as p:
        count = len(p.scheme)
        rng = np.random.default_rng(0)
        points = rng.uniform(20, 90, (FRAMES, count, 2)).astype(np.float32)
        points[2, 0] = np.nan  # no model fills it in
        kind = np.full(FRAMES, FrameKind.FITTED, np.uint8)
        face = FaceTrack.unseen(0, FRAMES, count).with_rows(slice(None), points=points, kind=kind)
        media = p.add_media(talk)
        times = np.array(Video(talk).times)
        p.keep_track(Track(media.sha256, p.scheme.name, "other", 25.0, times, (face,)))
    here = ("--project", folder / "p")
    files = {"out.csv": "table", "out.parquet": "", "out.mp4": "", "out.slp": "", "out.nc": ""}
    for name, kind_of in {**files, "d.csv": "deeplabcut", "o.csv": "openface"}.items():
        out = folder / name
        said = faceloop("tracks", "export", talk, *here, "--out", out, "--format", kind_of)
        assert said.code == 0 or "which is not installed" in said.err
        assert out.is_file() == (said.code == 0)
    table = pd.read_csv(folder / "out.csv")
    assert table["x"].isna().sum() == 1
    assert np.allclose(table["x"], points[..., 0].ravel(), equal_nan=True, atol=1e-4)
    named = ("--out", folder / "m.csv", "--model", "starter")
    assert "has the points of face70" in faceloop("tracks", "export", talk, *here, *named).err
