"""`fit` and `track` on the command line, with the starter model."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from faceloop_datasets import Project, Video, write_video
from faceloop_datasets.sample import sample_clip, sample_dir
from faceloop_runtime import FaceModel
from faceloop_runtime.expressions import ExpressionClassifier, landmark_pairs

if TYPE_CHECKING:
    from .conftest import Run

COMMAND = Path(sys.executable).with_name("faceloop")
STILL = sample_dir() / "stills" / "s0000.jpg"
KNOWN = FaceModel.starter().expression_names
TRACK_COLUMNS = [
    "frame", "time", "face", "point", "name", "x", "y", "confidence", "visibility", "score",
    "predicted_error", "error_bound", "yaw", "pitch", "roll", "pose_error", "scale", "start",
    *(["expression", *(f"expression_{name}" for name in KNOWN)] if KNOWN else []),
]  # fmt: skip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the first two seconds of the sample clip."""
    path = tmp_path_factory.mktemp("clip") / "talk.mp4"
    write_video(path, (frame.image for frame in islice(Video(sample_clip()), 50)), 25)
    return path


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a video that takes long to track."""
    path = tmp_path_factory.mktemp("clip") / "long.mp4"
    frames = [np.ascontiguousarray(f.image[::2, ::2]) for f in islice(Video(sample_clip()), 50)]
    write_video(path, (frame for _ in range(16) for frame in frames), 25)
    return path


def test_smoothed_points_come_beside_the_raw_ones(
    faceloop: Run, clip: Path, tmp_path: Path
) -> None:
    out = tmp_path / "points.parquet"
    assert faceloop("track", clip, "--out", out, "--smooth").code == 0
    rows = pd.read_parquet(out)
    assert list(rows.columns) == [*TRACK_COLUMNS, "x_smooth", "y_smooth"]
    raw, smooth = rows["x"].to_numpy(), rows["x_smooth"].to_numpy()
    assert 0 < np.abs(raw - smooth).max() < 5
    steps = [np.abs(np.diff(x.reshape(50, 70), 2, axis=0)).mean() for x in (raw, smooth)]
    assert steps[1] < steps[0]


@pytest.mark.parametrize("name", ["points.parquet", "points.csv"])
def test_track_writes_every_frame(faceloop: Run, clip: Path, tmp_path: Path, name: str) -> None:
    out, overlay = tmp_path / name, tmp_path / "overlay.mp4"
    done = faceloop("track", clip, "--out", out, "--overlay", overlay, "--json")
    assert done.code == 0
    summary = done.json()
    assert (summary["frames"], summary["of"], summary["lost"]) == (50, 50, 0)
    assert summary["model"] == "starter"
    assert 0 < summary["median_predicted_error"] < 0.1
    assert summary["fit_ms"] > 0
    assert sum(summary["starts"].values()) == 50
    assert summary["starts"]["last frame"] > 40
    assert summary["read_ms"] > 0
    rows = pd.read_parquet(out) if out.suffix == ".parquet" else pd.read_csv(out)
    assert list(rows.columns) == TRACK_COLUMNS
    assert len(rows) == 50 * 70
    assert rows["frame"].unique().tolist() == list(range(50))
    assert np.isfinite(rows[["x", "y", "predicted_error"]]).all().all()
    first, second = (rows[rows["frame"] == n]["start"].unique().tolist() for n in (0, 1))
    assert first in (["eyes"], ["network"])
    assert second == ["last frame"]
    drawn, plain = Video(overlay), Video(clip)
    assert len(drawn) == 50
    assert drawn.size == plain.size
    assert np.abs(drawn[20].image.astype(int) - plain[20].image).max() > 50


def test_track_tells_people_what_it_did(faceloop: Run, clip: Path) -> None:
    done = faceloop("track", clip)
    assert done.code == 0
    assert "50 of 50" in done.out
    assert "ms a frame" in done.out
    assert "last frame (4" in done.out


def test_a_frame_without_a_face_is_a_row(faceloop: Run, tmp_path: Path) -> None:
    video, out = tmp_path / "wall.mp4", tmp_path / "points.csv"
    write_video(video, (np.full((120, 160, 3), 90, np.uint8) for _ in range(5)), 25)
    done = faceloop("track", video, "--out", out, "--json")
    assert (done.code, done.json()["lost"]) == (0, 5)
    assert done.json()["median_predicted_error"] is None
    rows = pd.read_csv(out)
    assert rows["frame"].tolist() == [0, 1, 2, 3, 4]
    assert rows["x"].isna().all()


def test_poor_frames_come_into_the_queue_once(
    faceloop: Run, empty_project: Path, tmp_path: Path
) -> None:
    video = tmp_path / "leaves.mp4"
    wall = np.full((360, 480, 3), 90, np.uint8)
    face = [frame.image for frame in islice(Video(sample_clip()), 12)]
    write_video(video, [*face, *[wall] * 12], 25)
    args = ("track", video, "--project", empty_project, "--queue", "--json")
    first, second = faceloop(*args).json(), faceloop(*args).json()
    assert first["lost"] > 0
    assert 1 <= len(first["queued"]) <= 3 * 2  # a few of each of two shots
    assert second["queued"] == []
    with Project.open(empty_project) as project:
        entries = project.queue.list()
        assert "lost-track" in {entry.reason for entry in entries}
        assert {entry.model for entry in entries} == {"starter"}


def test_a_model_of_other_points_does_not_fit_the_project(
    faceloop: Run, tmp_path: Path, clip: Path
) -> None:
    Project.create(tmp_path / "faces", "ibug68").close()
    done = faceloop("track", clip, "--project", tmp_path / "faces")
    assert done.code == 1
    assert "ibug68" in done.err
    assert "face70" in done.err


def make_inputs(folder: Path) -> None:
    (folder / "text.txt").write_text("no video")
    (folder / "broken.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{}")
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "file").write_text("")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("track", "nowhere.mp4"), "no video file nowhere.mp4"),
        (("track", "text.txt"), "text.txt cannot be read as a video"),
        (("track", "empty.mp4"), "empty.mp4"),
        (("track", "{clip}", "--model", "broken.safetensors"), "broken.safetensors"),
        (("track", "{clip}", "--model", "text.txt"), "text.txt"),
        (("track", "{clip}", "--model", "nowhere.safetensors"), "nowhere.safetensors"),
        (("track", "{clip}", "--project", "nowhere"), "is no project"),
        (("track", "{clip}", "--out", "points.xlsx"), ".parquet or .csv"),
        (("track", "{clip}", "--out", "file/points.csv"), "cannot be written"),
        (("track", "{clip}", "--overlay", "file/out.mp4"), "Cannot write the video"),
        (("track", "{clip}", "--detector", "haar"), "no detector 'haar'"),
        (("fit", "{still}", "--detector", "text.onnx"), "no YuNet file text.onnx"),
        (("fit", "text.txt"), "text.txt is not an image"),
        (("fit", "{still}", "--overlay", "fitted.doc"), ".png, .jpg or .jpeg"),
        (("model", "show", "broken.safetensors"), "broken.safetensors"),
        (("model", "show", "nosuch"), "no model file nosuch"),
    ],
)
def test_bad_input_is_one_message(  # noqa: PLR0917 - what pytest hands over
    faceloop: Run,
    clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    args: tuple[str, ...],
    said: str,
) -> None:
    make_inputs(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    done = faceloop(*(a.format(clip=clip, still=STILL) for a in args))
    assert done.code == 1
    assert said in done.err
    assert "Traceback" not in done.err
    assert sorted(tmp_path.iterdir()) == before


def test_a_table_of_openface_needs_a_file(faceloop: Run, clip: Path) -> None:
    done = faceloop("track", clip, "--table", "openface")
    assert done.code == 2
    assert "--table openface needs --out" in done.err


def test_a_video_that_breaks_keeps_the_frames_before(faceloop: Run, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mkv"
    write_video(cut, (frame.image for frame in islice(Video(sample_clip()), 100)), 25)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    out = tmp_path / "points.csv"
    done = faceloop("track", cut, "--out", out, "--json")
    assert done.code == 0
    assert done.json()["warning"]
    assert 10 < pd.read_csv(out)["frame"].nunique() < 90


def start_tracking(video: Path, out: Path, project: Path) -> subprocess.Popen[str]:
    """Start to track and return once frames are being written."""
    process = subprocess.Popen(
        [COMMAND, "track", video, "--out", out, "--project", project, "--queue"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    limit = time.monotonic() + 60
    while not any(part.stat().st_size > 50_000 for part in out.parent.glob(".part-*")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < limit
        time.sleep(0.02)
    return process


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for a process")
@pytest.mark.parametrize("name", ["points.parquet", "points.csv"])
def test_an_interrupted_track_keeps_its_frames(
    long_clip: Path, empty_project: Path, tmp_path: Path, name: str
) -> None:
    out = tmp_path / name
    process = start_tracking(long_clip, out, empty_project)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    rows = pd.read_parquet(out) if out.suffix == ".parquet" else pd.read_csv(out)
    frames = rows["frame"].unique().tolist()
    assert frames == list(range(len(frames)))
    assert f"Stopped after {len(frames)} of 800 frames" in err
    assert not list(tmp_path.glob(".part-*"))
    Project.open(empty_project).close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_track_leaves_a_project_that_opens(
    long_clip: Path, empty_project: Path, tmp_path: Path
) -> None:
    process = start_tracking(long_clip, tmp_path / "points.csv", empty_project)
    process.kill()
    process.communicate(timeout=60)
    assert not (tmp_path / "points.csv").exists()
    with Project.open(empty_project) as project:
        assert project.queue.list() == []


def test_fit_finds_the_face(faceloop: Run, tmp_path: Path) -> None:
    out, overlay = tmp_path / "points.parquet", tmp_path / "fitted.png"
    done = faceloop("fit", STILL, "--out", out, "--overlay", overlay, "--json")
    assert done.code == 0
    (image,) = done.json()["images"]
    (face,) = image["faces"]
    assert np.shape(face["points"]) == (70, 2)
    rows = pd.read_parquet(out)
    np.testing.assert_allclose(rows[["x", "y"]], face["points"], atol=1e-3)
    with Image.open(overlay) as drawn, Image.open(STILL) as plain:
        assert drawn.size == plain.size


def test_fit_says_that_there_are_more_faces(faceloop: Run, tmp_path: Path) -> None:
    with Image.open(STILL) as picture:
        pair = np.hstack([np.array(picture)] * 2)
    Image.fromarray(pair).save(tmp_path / "pair.png")
    done = faceloop("fit", tmp_path / "pair.png")
    assert f"{tmp_path / 'pair.png'} (1 of at least 2). --faces 2 fits those." in done.err
    both = faceloop("fit", tmp_path / "pair.png", "--faces", 2, "--json")
    assert len(both.json()["images"][0]["faces"]) == 2
    assert "Not all" not in both.err


def test_fit_goes_on_after_a_picture_that_cannot_be_read(faceloop: Run, tmp_path: Path) -> None:
    bad, folder = tmp_path / "bad.jpg", tmp_path / "drawn"
    bad.write_bytes(b"no picture")
    done = faceloop("fit", bad, STILL, "--overlay", folder, "--json")
    assert done.code == 1
    assert "bad.jpg" in done.err
    refused, fitted = done.json()["images"]
    assert refused["error"]
    assert len(fitted["faces"]) == 1
    assert [file.name for file in folder.iterdir()] == ["s0000.png"]


def test_fit_tells_that_there_is_no_face(faceloop: Run, tmp_path: Path) -> None:
    wall = tmp_path / "wall.png"
    Image.new("RGB", (200, 150), "gray").save(wall)
    done = faceloop("fit", wall, "--json")
    assert (done.code, done.json()["images"][0]["faces"]) == (0, [])


def test_a_model_file_can_be_named(faceloop: Run, tmp_path: Path) -> None:
    FaceModel.starter().save(tmp_path / "mine.safetensors")
    done = faceloop("fit", STILL, "--model", tmp_path / "mine.safetensors", "--json")
    assert (done.code, done.json()["model"]) == (0, "mine")


def test_poorly_fitted_pictures_come_into_the_queue_once(
    faceloop: Run, empty_project: Path, tmp_path: Path
) -> None:
    # faces that are torn apart are still found, and fit badly
    with Image.open(STILL) as picture:
        pixels = np.array(picture)
    middle = len(pixels) * 4 // 9
    pictures = [Path(shutil.copyfile(STILL, tmp_path / "good.jpg"))]
    for shift in (40, 80, 120, 160):
        torn = pixels.copy()
        torn[middle:] = np.roll(pixels, shift, axis=1)[middle:]
        pictures.append(tmp_path / f"torn{shift}.png")
        Image.fromarray(torn).save(pictures[-1])
    args = ("fit", *pictures, "--project", empty_project, "--queue", "--json")
    first, second = faceloop(*args).json(), faceloop(*args).json()
    worst = [
        max(f["predicted_error"] for f in i["faces"] or [{"predicted_error": 0}])
        for i in first["images"]
    ]
    assert worst[0] < 0.06 < max(worst)
    assert len(first["queued"]) == sum(error > 0.06 for error in worst)
    assert second["queued"] == first["queued"]
    with Project.open(empty_project) as project:
        entries = project.queue.list()
        assert [e.predicted_error for e in entries] == sorted(
            (e for e in worst if e > 0.06), reverse=True
        )
        assert len(project.items()) == len(entries)


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a file of the starter model that tells two expressions apart, in some way."""
    starter = FaceModel.starter()
    rng = np.random.default_rng(0)
    mean = starter.pdm.mean
    cells = len(starter.point_predictor.typical.reshape(-1))  # type: ignore[union-attr]
    shapes = [(len(landmark_pairs(mean)), 2), (cells, 2), (2,), (2, 2)]
    arrays = (rng.normal(0, 0.1, shape).astype(np.float32) for shape in shapes)
    model = replace(
        starter, expressions=ExpressionClassifier(*arrays), expression_names=("calm", "=1+1")
    )
    file = tmp_path_factory.mktemp("models") / "knowing.safetensors"
    model.save(file)
    return file


class TestExpressions:
    @pytest.mark.parametrize("name", ["points.parquet", "points.csv"])
    def test_the_table_and_the_summary_say_what_a_face_expresses(
        self, faceloop: Run, clip: Path, knowing: Path, tmp_path: Path, name: str
    ) -> None:
        out, plot = tmp_path / name, tmp_path / "plot.png"
        command = ("track", clip, "--model", knowing, "--out", out, "--plot-expressions", plot)
        done = faceloop(*command, "--json")
        rows = (pd.read_parquet if name.endswith("parquet") else pd.read_csv)(out)
        assert list(rows.columns)[-3:] == ["expression", "expression_calm", "expression_=1+1"]
        each = rows.groupby("frame")[["expression_calm", "expression_=1+1"]].first()
        np.testing.assert_allclose(each.sum(axis=1), 1, rtol=1e-5)
        calm = (each["expression_calm"] > each["expression_=1+1"]).to_numpy()
        other = "=1+1" if name.endswith("parquet") else "'=1+1"
        said = np.where(calm, "calm", other).tolist()
        assert rows.groupby("frame")["expression"].first().tolist() == said
        counts = done.json()["expressions"]
        assert counts.get("calm", 0) == calm.sum()
        assert sum(counts.values()) == 50
        with Image.open(plot) as drawn:
            assert drawn.size[0] > 500
        assert "expressions" in faceloop(*command).out

    def test_pictures_too(self, faceloop: Run, knowing: Path, tmp_path: Path) -> None:
        out = tmp_path / "p.csv"
        done = faceloop("fit", STILL, "--model", knowing, "--out", out, "--json").json()
        (face,) = done["images"][0]["faces"]
        assert sum(face["expressions"].values()) == pytest.approx(1)
        rows = pd.read_csv(out)
        assert rows["expression_calm"][0] == pytest.approx(face["expressions"]["calm"], rel=1e-4)

    def test_a_plot_needs_a_model_that_knows_some(
        self, faceloop: Run, clip: Path, knowing: Path, tmp_path: Path
    ) -> None:
        plain = replace(FaceModel.load(knowing), expressions=None, expression_names=())
        plain.save(tmp_path / "plain.safetensors")
        plot = ("--plot-expressions", tmp_path / "plot.png")
        done = faceloop("track", clip, "--model", tmp_path / "plain.safetensors", *plot)
        assert done.code == 1
        assert "knows no expressions to plot" in " ".join(done.err.split())
        done = faceloop("track", clip, "--model", knowing, "--plot-expressions", tmp_path / "x.doc")
        assert done.code == 1
        assert ".png" in done.err
        assert not list(tmp_path.glob("*.png"))


def test_a_plot_that_cannot_be_written_is_refused_before_the_work(
    faceloop: Run, clip: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "a.png"
    folder.mkdir()
    done = faceloop("track", clip, "--plot-expressions", folder)
    assert done.code == 1
    assert f"{folder} is a folder" in done.err
