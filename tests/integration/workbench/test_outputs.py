"""No command writes over what it reads or what belongs to the project."""

from __future__ import annotations

import os
import shutil
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from PIL import Image

from faceloop_datasets import Project, Video, VideoWriter
from faceloop_datasets.formats import FaceRecord, read_faces
from faceloop_datasets.sample import sample_clip, sample_dir, sample_faces
from faceloop_runtime import FaceModel

if TYPE_CHECKING:
    from .conftest import Run

STILLS = [sample_dir() / "stills" / f"s{number:04}.jpg" for number in (0, 1, 2)]


@pytest.fixture(scope="module")
def frames() -> list:
    return [frame.image for frame in islice(Video(sample_clip()), 8)]


@pytest.fixture
def clip(frames: list, tmp_path: Path) -> Path:
    """Eight frames with a gap of two seconds in them."""
    path = tmp_path / "talk.mp4"
    with VideoWriter(path, 25) as writer:
        for number, image in enumerate(frames):
            writer.write(image, number * 0.04 + (2 if number > 3 else 0))
    return path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Four faces whose pictures lie outside, under two names, and the starter as its model."""
    with Project.create(tmp_path / "faces") as project:
        for number, face in enumerate(islice(sample_faces(), 4)):
            picture = tmp_path / f"take{number // 2}" / f"p{number % 2}.jpg"
            picture.parent.mkdir(exist_ok=True)
            shutil.copyfile(face.image.path, picture)
            item = project.add_item(project.add_media(picture), subject=face.subject)
            project.save(item.id, face.annotation, None)
        FaceModel.starter().save(tmp_path / "m.safetensors")
        project.use_model(project.add_model(tmp_path / "m.safetensors", {}).id)
    return tmp_path / "faces"


def snapshot(folder: Path) -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def refused(faceloop: Run, *args: object) -> None:
    done = faceloop(*args)
    assert done.code == 1, (args, done.err)
    assert "never replaced" in done.err
    assert len(done.err.strip().splitlines()) == 1


def links(file: Path) -> list[Path]:
    soft, hard = (file.with_name(f"{kind}{file.suffix}") for kind in ("soft", "hard"))
    soft.symlink_to(file)
    os.link(file, hard)
    (file.parent / "sub").mkdir(exist_ok=True)
    return [file, file.parent / "sub" / ".." / file.name, soft, hard]


def test_track(faceloop: Run, clip: Path, project: Path, tmp_path: Path) -> None:
    outputs = links(clip)
    FaceModel.starter().save(tmp_path / "own.safetensors")
    (tmp_path / "own.csv").symlink_to(tmp_path / "own.safetensors")
    before = snapshot(tmp_path)
    for output in outputs:
        refused(faceloop, "track", clip, "--overlay", output)
    out = tmp_path / "t.csv"
    picture, database = tmp_path / "take0" / "p0.jpg", project / "project.db"
    for kept in (picture, database, project / "project.db-wal"):
        refused(faceloop, "track", clip, "--out", out, "--overlay", kept, "--project", project)
    model = tmp_path / "own.safetensors"
    refused(faceloop, "track", clip, "--out", tmp_path / "own.csv", "--model", model)
    done = faceloop("track", clip, "--out", out, "--overlay", out)
    assert (done.code, "are one file" in done.err) == (1, True)
    assert snapshot(tmp_path) == before


def test_fit(faceloop: Run, project: Path, tmp_path: Path) -> None:
    pictures = [tmp_path / "take0" / "p0.jpg", tmp_path / "take0" / "p1.jpg"]
    shutil.copyfile(pictures[0], tmp_path / "take0" / "one.png")
    outputs = links(pictures[0])
    before = snapshot(tmp_path)
    for output in outputs:
        refused(faceloop, "fit", pictures[0], "--overlay", output)
    one = tmp_path / "take0" / "one.png"  # into its own folder, where it would get its own name
    refused(faceloop, "fit", one, pictures[1], "--overlay", tmp_path / "take0")
    other = tmp_path / "take1" / "p0.jpg"
    refused(faceloop, "fit", pictures[0], "--overlay", other, "--project", project)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("kind", ["csv", "parquet", "clmtools"])
def test_export(kind: str, faceloop: Run, project: Path, tmp_path: Path) -> None:
    model = next((project / "models").iterdir())
    before = snapshot(tmp_path)
    for kept in (project / "project.db", model, *links(tmp_path / "take1" / "p1.jpg")[:3]):
        refused(faceloop, "export", kind, kept, "--project", project)
    after = {path: data for path, data in snapshot(tmp_path).items() if path in before}
    assert after == before
    for _ in range(2):  # an earlier export is replaced
        assert faceloop("export", kind, tmp_path / "out.csv", "--project", project).code == 0


def test_an_export_spares_the_annotations_that_were_imported(
    faceloop: Run, project: Path, tmp_path: Path
) -> None:
    labels = tmp_path / "take0" / "p1.pts"
    labels.write_text("somebody's work")
    with Project.open(project) as opened, opened._database.write() as connection:
        connection.exec_driver_sql(
            "UPDATE items SET origin_root = ?, origin = 'ibug:p1.pts' WHERE id = 2",
            (str(labels.parent),),
        )
    refused(faceloop, "export", "ibug", tmp_path, "--project", project)
    assert labels.read_text() == "somebody's work"
    assert not list(tmp_path.rglob("p0.pts"))  # nothing was begun


def test_report_evaluate_model_and_backup(faceloop: Run, project: Path, tmp_path: Path) -> None:
    chart = tmp_path / "take0" / "points.png"  # what a report calls a chart of its own
    Image.new("RGB", (8, 8)).save(chart)
    with Project.open(project) as opened:
        opened.add_media(chart)
    before = snapshot(tmp_path)
    of = ("--project", project)
    refused(faceloop, "report", "--out", chart.parent, *of)
    refused(faceloop, "evaluate", "--plot", chart, *of)
    for kept in (project / "project.db", next((project / "models").iterdir()), chart):
        refused(faceloop, "model", "export", kept, *of)
    refused(faceloop, "backup", project, project / "project.db-journal")
    (tmp_path / "way").symlink_to(project, target_is_directory=True)
    for words in (  # an erasure would not find them there
        ("export", "csv", project / "faces.csv", *of),
        ("export", "ibug", tmp_path / "way", *of),
        ("report", "--out", project / "mine", *of),
        ("evaluate", "--plot", project / "media" / "errors.png", *of),
        ("model", "export", project / "models" / "mine.safetensors", *of),
        ("backup", project, project / "backups" / "mine"),
    ):
        done = faceloop(*words)
        assert done.code == 1, words
        assert f"lies in the project {project}, where" in done.err
    assert snapshot(tmp_path) == before


def test_pictures_of_equal_names_are_drawn_into_files_of_their_own(
    faceloop: Run, tmp_path: Path
) -> None:
    images = [tmp_path / "a" / "p.jpg", tmp_path / "b" / "p.jpg", tmp_path / "b" / "q.jpg"]
    for image, still in zip(images, STILLS, strict=True):
        image.parent.mkdir(exist_ok=True)
        shutil.copyfile(still, image)
    done = faceloop("fit", *images, "--overlay", tmp_path / "drawn")
    assert done.code == 0
    drawn = [p.relative_to(tmp_path / "drawn").as_posix() for p in snapshot(tmp_path / "drawn")]
    assert drawn == ["a/p.png", "b/p.png", "q.png"]
    assert "2 pictures have the name of another" in done.err


def test_pictures_of_equal_names_are_exported_under_names_of_their_own(
    faceloop: Run, project: Path, tmp_path: Path
) -> None:
    of = ("--project", project)
    done = faceloop("export", "ibug", tmp_path / "pts", *of)
    names = [p.relative_to(tmp_path / "pts").as_posix() for p in snapshot(tmp_path / "pts")]
    assert names == ["take0/p0.pts", "take0/p1.pts", "take1/p0.pts", "take1/p1.pts"]
    assert "4 pictures have the file name of another" in done.err
    assert faceloop("export", "csv", tmp_path / "t.csv", *of, "--json").json()["longer_names"]
    pictures = [name.replace(".pts", ".jpg") for name in names]
    assert sorted(set(pd.read_csv(tmp_path / "t.csv")["image"])) == pictures
    faceloop("export", "clmtools", tmp_path / "c.csv", *of)
    rows = list(read_faces("clmtools", [tmp_path / "c.csv"]))
    assert all(isinstance(row, FaceRecord) for row in rows)
    lines = (tmp_path / "c.csv").read_text(encoding="utf-8").splitlines()
    assert [line.partition(";")[0] for line in lines] == pictures


def test_an_overlay_shows_each_frame_at_its_own_time(
    faceloop: Run, clip: Path, tmp_path: Path
) -> None:
    for ending in ("mp4", "mkv", "mov"):
        overlay = tmp_path / f"drawn.{ending}"
        assert faceloop("track", clip, "--overlay", overlay).code == 0
        assert Video(overlay).times == pytest.approx(Video(clip).times, abs=1e-3)


def test_imported_annotations_are_not_written_over(faceloop: Run, tmp_path: Path) -> None:
    (labels := tmp_path / "labels").mkdir()
    shutil.copyfile(STILLS[0], labels / "f.jpg")
    rows = "\n".join(f"{100 + k}.5 {50 + 2 * k}" for k in range(68))
    (labels / "f.pts").write_text(rows, encoding="utf-8")
    faceloop("init", tmp_path / "p", "--scheme", "ibug68")
    faceloop("import", "ibug", labels, "--project", tmp_path / "p")
    before = snapshot(labels)
    refused(faceloop, "export", "ibug", labels, "--project", tmp_path / "p")
    assert snapshot(labels) == before
