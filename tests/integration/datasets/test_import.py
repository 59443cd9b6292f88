"""Imports are all or nothing, can be repeated, and say what they did."""

from __future__ import annotations

import errno
import io
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from faceloop_datasets import (
    Annotation,
    Cancelled,
    InputError,
    Monitor,
    PointState,
    Progress,
    Project,
    ProjectError,
    SchemeError,
)
from faceloop_datasets.face import snapshot_hash
from faceloop_datasets.formats import FaceRecord, ImageRef
from faceloop_datasets.sample import sample_faces

FACES = 24


def jpeg(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (64, 48), np.uint8)
    return bytes(cv2.imencode(".jpg", pixels)[1])


def names() -> list[str]:
    return [f"i{k:03d}qa-fn" for k in range(FACES)]


def pack(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def landmarks(changed: int | None = None) -> bytes:
    head = ",".join(["name", "tag", *(f"{c}{k:02d}" for k in range(76) for c in "xy")])
    rows = [head]
    for seed, name in enumerate(names()):
        points = np.random.default_rng(seed).uniform(5, 45, (76, 2)).round(1)
        if seed == changed:
            points[0] = 1.0
        rows.append(",".join([name, "0000", *(str(v) for v in points.ravel())]))
    return "\n".join(rows).encode() + b"\n"


@pytest.fixture
def archives(tmp_path: Path) -> list[Path]:
    pictures = {f"jpg/{name}.jpg": jpeg(k) for k, name in enumerate(names())}
    return [
        pack(tmp_path / "muct-a-jpg-v1.tar.gz", pictures),
        pack(
            tmp_path / "muct-landmarks-v1.tar.gz",
            {"muct-landmarks/muct76-opencv.csv": landmarks()},
        ),
    ]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "project") as made:
        yield made


def record(name: str, seed: int = 0, image: Path | None = None, **changes: object) -> FaceRecord:
    points = np.random.default_rng(seed).uniform(0, 60, (70, 2))
    values = {
        "name": name,
        "subject": name,
        "image": None if image is None else ImageRef(image),
        "image_name": f"{name}.jpg",
        "annotation": Annotation("face70", points, np.zeros(70)),
        "origin": f"list.csv:{seed + 2}",
    }
    return FaceRecord(**{**values, **changes})  # type: ignore[arg-type]


class TestMuct:
    def test_faces_pictures_and_report(self, project: Project, archives: list[Path]) -> None:
        report = project.import_from("muct", archives)
        assert (report.faces, report.new, report.shape_only) == (FACES, FACES, 0)
        assert report.points == FACES * 70
        assert report.points_estimated == FACES  # the nose bridge has no source in MUCT
        faces = project.faces()
        assert [f.name for f in faces] == names()
        assert faces[3].media == project.path / "media" / "muct" / "i003qa-fn.jpg"
        assert faces[3].media.read_bytes() == jpeg(3)
        assert faces[3].annotation.source == "import:muct"
        assert {p.name for p in (project.path / "media").iterdir()} == {"muct"}
        json.dumps(report.to_dict())

    def test_finished_faces_are_not_queued_and_their_estimates_stay_known(
        self, project: Project, archives: list[Path]
    ) -> None:
        project.import_from("muct", archives)
        assert project.queue.list(None) == []
        assert [row.estimated for row in project.overview()] == [1] * FACES

    def test_repeated_import_changes_nothing(self, project: Project, archives: list[Path]) -> None:
        project.import_from("muct", archives)
        done = project.queue.add(project.items()[0].id, "manual")
        left = project.queue.add(project.items()[1].id, "manual")
        project.queue.done(done.id)
        before = snapshot_hash(project.faces())
        said: list[Progress] = []
        report = project.import_from("muct", archives, progress=said.append)
        assert (report.new, report.unchanged, report.updated) == (0, FACES, 0)
        assert not any(p.what.startswith("unpacking") for p in said)  # nothing to bring in
        assert snapshot_hash(project.faces()) == before
        assert project.queue.list() == [left]
        assert len(project.media()) == FACES

    def test_changed_source_updates_but_never_over_a_person(
        self, project: Project, archives: list[Path], tmp_path: Path
    ) -> None:
        project.import_from("muct", archives)
        item = project.items()[5]
        imported = project.annotation(item.id)
        assert imported is not None
        newer = pack(tmp_path / "new-landmarks.tar.gz", {"muct76-opencv.csv": landmarks(5)})
        with Project.create(tmp_path / "other") as other:
            other.import_from("muct", archives)
            report = other.import_from("muct", [archives[0], newer])
            assert (report.updated, report.unchanged) == (1, FACES - 1)
            assert len(other.history(other.items()[5].id)) == 2
        mine = Annotation("face70", imported.annotation.points + 1, imported.annotation.states)
        corrected = project.save(item.id, mine, imported.id, "ann")
        report = project.import_from("muct", [archives[0], newer])
        assert (report.kept_aside, report.updated) == (1, 0)
        assert project.annotation(item.id) == corrected
        assert len(project.history(item.id)) == 3
        assert [e.item_id for e in project.queue.list() if e.reason == "disagreement"] == [item.id]
        assert project.import_from("muct", [archives[0], newer]).unchanged == FACES

    def test_dry_run_writes_nothing(self, project: Project, archives: list[Path]) -> None:
        report = project.import_from("muct", archives, dry_run=True)
        assert (report.new, report.dry_run) == (FACES, True)
        assert project.items() == []
        assert list((project.path / "media").iterdir()) == []

    def test_deleted_pictures_come_back(self, project: Project, archives: list[Path]) -> None:
        project.import_from("muct", archives)
        lost = project.path / "media" / "muct" / "i007qa-fn.jpg"
        lost.unlink()
        assert project.import_from("muct", archives).unchanged == FACES
        assert lost.read_bytes() == jpeg(7)

    def test_annotations_first_pictures_later(self, project: Project, archives: list[Path]) -> None:
        report = project.import_from("muct", archives[1:])
        assert (report.new, report.shape_only, len(report.images_not_found)) == (FACES,) * 3
        assert not any(f.has_image for f in project.faces())
        assert project.import_from("muct", archives).updated == FACES
        assert all(f.has_image for f in project.faces())
        assert [len(project.history(i.id)) for i in project.items()] == [1] * FACES

    def test_damaged_picture_is_a_row_of_the_report(
        self, project: Project, archives: list[Path]
    ) -> None:
        pictures = {f"jpg/{n}.jpg": jpeg(k) for k, n in enumerate(names())}
        pictures["jpg/i004qa-fn.jpg"] = jpeg(4)[:300]
        pack(archives[0], pictures)
        report = project.import_from("muct", archives)
        assert (report.new, report.shape_only, len(report.refused)) == (FACES, 1, 1)
        assert "i004qa-fn.jpg" in report.refused[0].reason
        assert report.refused[0].line > 1
        assert sum(f.has_image for f in project.faces()) == FACES - 1

    def test_truncated_archive_imports_nothing(
        self, project: Project, archives: list[Path]
    ) -> None:
        archives[0].write_bytes(archives[0].read_bytes()[:-9000])
        with pytest.raises(InputError, match=r"muct-a-jpg.*truncated or damaged"):
            project.import_from("muct", archives)
        assert project.items() == []
        assert list((project.path / "media").iterdir()) == []

    @pytest.mark.parametrize("stage", ["unpacking", "writing"])
    def test_cancel_leaves_nothing(
        self, project: Project, archives: list[Path], stage: str
    ) -> None:
        said: list[Progress] = []
        with pytest.raises(Cancelled):
            project.import_from(
                "muct",
                archives,
                progress=Monitor(
                    said.append, lambda: bool(said) and said[-1].what.startswith(stage)
                ),
            )
        assert project.items() == []
        assert list((project.path / "media").iterdir()) == []
        assert project.import_from("muct", archives).new == FACES

    def test_a_cancelled_import_takes_away_no_picture_of_another(
        self, project: Project, archives: list[Path]
    ) -> None:
        said: list[Progress] = []

        def meanwhile(progress: Progress) -> None:
            if progress.what.startswith("writing") and not said:
                said.append(progress)
                with Project.open(project.path) as other:
                    assert other.import_from("muct", archives).new == FACES

        with pytest.raises(Cancelled):
            project.import_from("muct", archives, progress=Monitor(meanwhile, lambda: bool(said)))
        assert [f.media.read_bytes() for f in project.faces() if f.media] == [
            jpeg(k) for k in range(FACES)
        ]

    def test_pictures_that_another_import_took_away_meanwhile_are_brought_again(
        self, project: Project, archives: list[Path]
    ) -> None:
        folder = project.path / "media" / "muct"
        folder.mkdir()
        for k, name in enumerate(names()):  # brought by an import that is under way
            (folder / f"{name}.jpg").write_bytes(jpeg(k))

        def meanwhile(progress: Progress) -> None:
            if progress.what.startswith("writing") and folder.exists():
                shutil.rmtree(folder)  # it is cancelled

        taken = iter((meanwhile,))
        project.import_from(
            "muct",
            archives,
            progress=lambda p: next(taken, lambda _: None)(p) if p.what[:7] == "writing" else None,
        )
        assert [f.media.read_bytes() for f in project.faces() if f.media] == [
            jpeg(k) for k in range(FACES)
        ]

    def test_progress_reaches_its_total(self, project: Project, archives: list[Path]) -> None:
        said: list[Progress] = []
        project.import_from("muct", archives, progress=said.append)
        unpacking = [p for p in said if p.what.startswith("unpacking")]
        assert unpacking[-1].done == unpacking[-1].total == FACES
        assert said[-1].what == "writing the project"


class TestRecords:
    def test_pictures_in_folders_stay_there(self, project: Project, tmp_path: Path) -> None:
        (tmp_path / "a.jpg").write_bytes(jpeg(0))
        project.import_entries("own", [record("a", image=tmp_path / "a.jpg")], scheme="face70")
        assert project.faces()[0].media == tmp_path / "a.jpg"
        assert list((project.path / "media").iterdir()) == []

    def test_same_file_name_in_two_folders(self, project: Project, tmp_path: Path) -> None:
        entries = []
        for k in range(2):
            path = tmp_path / str(k) / "same.jpg"
            path.parent.mkdir()
            path.write_bytes(jpeg(k))
            entries.append(record(str(k), k, path))
        project.import_entries("own", entries, scheme="face70", copy=True)
        pictures = [f.media.read_bytes() for f in project.faces() if f.media]
        assert pictures == [jpeg(0), jpeg(1)]

    def test_duplicate_names_are_refused_with_their_line(self, project: Project) -> None:
        entries = [record("a", 0), record("b", 1), record("a", 2)]
        report = project.import_entries("own", entries, scheme="face70")
        assert (report.faces, report.new) == (2, 2)
        assert [(str(r.file), r.line) for r in report.refused] == [("list.csv", 4)]
        assert "second face named 'a'" in report.refused[0].reason

    def test_two_faces_in_one_picture(self, project: Project, tmp_path: Path) -> None:
        (tmp_path / "a.jpg").write_bytes(jpeg(0))
        entries = [record(n, k, tmp_path / "a.jpg") for k, n in enumerate("ab")]
        project.import_entries("own", entries, scheme="face70")
        assert len(project.items()) == 2
        assert len(project.media()) == 1

    def test_missing_points_are_counted_and_kept(self, project: Project) -> None:
        states = np.zeros(70, int)
        states[:3] = PointState.MISSING
        face = record("a", annotation=Annotation("face70", np.ones((70, 2)), states))
        report = project.import_entries("own", [face], scheme="face70")
        assert report.points_missing == 3
        assert project.faces()[0].annotation.present.sum() == 67

    def test_no_conversion_is_a_clear_error(self, tmp_path: Path, archives: list[Path]) -> None:
        with Project.create(tmp_path / "p", scheme="imm58") as project:
            with pytest.raises(SchemeError, match="no conversion from muct76 to imm58"):
                project.import_from("muct", archives)
            assert project.items() == []

    def test_full_disk_undoes_the_whole_import(self, project: Project) -> None:
        project.import_entries("own", [record("first")], scheme="face70")
        with project._database.read() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar() or 0
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 10}")
        with pytest.raises(ProjectError, match="disk is full"):
            project.import_entries("own", [record(f"n{k}", k) for k in range(90)], scheme="face70")
        assert [i.name for i in project.items()] == ["first"]


IMPORTER = """
import sys
from faceloop_datasets import Project
project, *sources = sys.argv[1:]
opened = Project.open(project)
print("ready", flush=True)
opened.import_from("muct", sources)
print("imported", flush=True)
"""

SAVER = """
import sys
import numpy as np
from faceloop_datasets import Annotation, Project
opened = Project.open(sys.argv[1])
print("ready", flush=True)
while True:
    item = opened.add_item(None)
    base = None
    for _ in range(5):
        points = np.random.default_rng(item.id).uniform(0, 99, (70, 2))
        base = opened.save(item.id, Annotation("face70", points, np.zeros(70)), base).id
        print(item.id, base, flush=True)
"""


def run_and_kill(script: str, *arguments: Path, after: float) -> list[str]:
    """Start a script, kill it so many seconds after it is ready, and return what it said."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.kill()
    said, _ = process.communicate()
    return said.splitlines()


def integrity(project: Project) -> object:
    with project._database.read() as connection:
        return connection.exec_driver_sql("PRAGMA integrity_check").scalar()


@pytest.mark.parametrize("after", [0.0, 0.03, 0.08, 0.15, 0.4])
def test_killed_import_is_whole_or_nothing(
    project: Project, archives: list[Path], after: float
) -> None:
    said = run_and_kill(IMPORTER, project.path, *archives, after=after)
    with Project.open(project.path) as again:
        assert integrity(again) == "ok"
        assert len(again.items()) in ((FACES,) if said else (0, FACES))
        assert not list((again.path / "media").glob(".*"))
        for face in again.faces():
            assert face.read_gray().shape == (64, 48)
        report = again.import_from("muct", archives)
        assert report.new + report.unchanged == FACES
        assert len(again.items()) == FACES
        assert len(list((again.path / "media" / "muct").iterdir())) == FACES


@pytest.mark.parametrize("after", [0.05, 0.2, 0.35])
def test_what_was_reported_saved_survives_a_kill(project: Project, after: float) -> None:
    said = run_and_kill(SAVER, project.path, after=after)
    reported = [tuple(map(int, line.split())) for line in said if line.count(" ") == 1]
    with Project.open(project.path) as again:
        assert integrity(again) == "ok"
        kept = {(i.id, r.id) for i in again.items() for r in again.history(i.id)}
        assert set(reported) <= kept
        for item in again.items():
            points = np.random.default_rng(item.id).uniform(0, 99, (70, 2))
            for revision in again.history(item.id):
                np.testing.assert_array_equal(revision.annotation.points, points)


def test_the_real_archives(project: Project, data_dir: Path) -> None:
    folder = data_dir / "muct"
    sources = [folder / "muct-a-jpg-v1.tar.gz", folder / "muct-landmarks-v1.tar.gz"]
    report = project.import_from("muct", sources, dry_run=True)
    assert report.faces > 250
    assert report.refused == ()
    assert report.points_missing < 0.01 * report.points


def test_a_disk_that_reports_an_error_is_told_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_folder: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("faceloop_datasets.importing.run.sync_folder", broken)
    with Project.create(tmp_path / "p") as project:
        with pytest.raises(ProjectError, match=r"cannot be written .*the disk or the connection"):
            project.import_entries("sample", islice(sample_faces(), 2), scheme="face70", copy=True)
        assert [path for path in (project.path / "media").rglob("*") if path.is_file()] == []
