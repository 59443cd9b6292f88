"""Whom imported faces show: rules, clips, bursts, copies, and what came earlier."""

from __future__ import annotations

import shutil
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from faceloop_datasets import Annotation, Conversion, Monitor, PointState, Project, Video
from faceloop_datasets.formats import FaceRecord, ImageRef
from faceloop_datasets.formats.ibug import pts_text
from faceloop_datasets.importing.job import ImportTarget
from faceloop_datasets.importing.run import Import
from faceloop_datasets.sample import sample_clip, sample_clip_truth, sample_faces

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from faceloop_datasets import ImportReport

FRAMES = range(0, 24, 2)


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames of the sample clip as pictures, each with its .pts: talk_00 to talk_22."""
    folder = tmp_path_factory.mktemp("frames")
    clip, truth = Video(sample_clip()), sample_clip_truth()
    for k in FRAMES:
        Image.fromarray(clip[k].gray()).save(folder / f"talk_{k:02d}.png", compress_level=1)
        write_pts(folder / f"talk_{k:02d}.pts", truth.points[k])
    return folder


def write_pts(file: Path, points: np.ndarray) -> None:
    """Write 68 points; which of the face they are does not matter here."""
    face = Annotation("ibug68", points[:68], np.full(68, PointState.VISIBLE))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(pts_text(face), encoding="utf-8")


def write_people(folder: Path, names: Iterable[str], *, first: int = 0, moved: float = 0.0) -> None:
    """Write one still of as many people of the sample, with its .pts."""
    for name, record in zip(names, islice(sample_faces(), 4 * first, None, 4), strict=False):
        assert record.image is not None
        write_pts(folder / f"{name}.pts", record.annotation.points + moved)
        shutil.copy(record.image.path, folder / f"{name}.jpg")


def copy_faces(source: Path, target: Path, stems: Iterable[str]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for stem in stems:
        for file in source.glob(f"{stem}.*"):
            shutil.copy(file, target)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "project", "ibug68") as project:
        yield project


def take(project: Project, *sources: Path, **options: object) -> ImportReport:
    return project.import_from("ibug", sources, **options)  # type: ignore[arg-type]


def whose(project: Project) -> dict[str, list[str]]:
    """Last parts of the names of the faces of each subject."""
    found: dict[str, list[str]] = {}
    for item in project.items():
        found.setdefault(item.subject, []).append(Path(item.name).stem)
    return {subject: sorted(names) for subject, names in found.items()}


def sizes(project: Project) -> list[int]:
    return sorted(map(len, whose(project).values()))


class TestBursts:
    def test_frames_of_a_clip_are_one(self, project: Project, frames: Path) -> None:
        said = take(project, frames, dry_run=True)
        report = take(project, frames)
        assert said.subject_rules == report.subject_rules
        assert report.subjects == said.subjects == 1
        assert "frames of one video, clip or burst" in report.subject_rules[0]
        assert report.subject_rules[0].endswith(": 1 clip, 12 faces")
        assert report.to_dict()["subject_rules"] == list(report.subject_rules)
        assert sizes(project) == [12]
        assert {item.subject_source for item in project.items()} == {"video"}

    def test_numbered_people_are_people(self, project: Project, tmp_path: Path) -> None:
        write_people(tmp_path / "set", [f"img_{k}" for k in range(1, 13)])
        report = take(project, tmp_path / "set")
        assert sizes(project) == [1] * 12
        assert report.subject_rules == (
            "each picture its own (names of pictures, not of people): 12 pictures, 12 faces",
        )
        assert {item.subject_source for item in project.items()} == {"picture"}

    @pytest.mark.parametrize("order", [1, -1], ids=["first half first", "second half first"])
    def test_what_comes_later_joins(
        self, order: int, project: Project, frames: Path, tmp_path: Path
    ) -> None:
        stems = [f"talk_{k:02d}" for k in FRAMES]
        for half in [stems[:6], stems[6:]][::order]:
            copy_faces(frames, tmp_path / "set", half)
            take(project, *(tmp_path / "set" / f"{stem}.pts" for stem in half))
        (subject,) = whose(project)
        assert half[0] not in subject, "what was there first has the name"
        again = take(project, tmp_path / "set")
        assert (again.new, again.subjects_changed) == (0, 0)

    def test_one_frame_between_makes_two_pictures_one_clip(
        self, project: Project, frames: Path, tmp_path: Path
    ) -> None:
        copy_faces(frames, tmp_path / "set", ["talk_00"])
        take(project, tmp_path / "set")
        assert [item.subject_source for item in project.items()] == ["picture"]
        copy_faces(frames, tmp_path / "set", ["talk_02"])
        report = take(project, tmp_path / "set")
        assert sizes(project) == [2]
        assert report.subjects_changed == 1  # what was a picture is a clip
        assert {item.subject_source for item in project.items()} == {"video"}

    def test_what_a_person_says_stays_and_is_joined(
        self, project: Project, frames: Path, tmp_path: Path
    ) -> None:
        copy_faces(frames, tmp_path / "set", ["talk_00", "talk_02"])
        take(project, tmp_path / "set")
        first, second = project.items()
        project.set_subject([first.id], "Anna")
        project.set_subject([second.id], "Ben")
        take(project, tmp_path / "set")
        take(project, tmp_path / "set", subjects="folder")
        assert [item.subject for item in project.items()] == ["Anna", "Ben"]
        project.merge_subjects(["Anna", "Ben"], "Anna")
        copy_faces(frames, tmp_path / "set", ["talk_04"])
        take(project, tmp_path / "set")
        assert sizes(project) == [3]
        assert {(i.subject, i.subject_source) for i in project.items()} == {("Anna", "person")}


class TestCopies:
    def test_one_picture_under_several_names(self, project: Project, tmp_path: Path) -> None:
        for name in ("anna", "somebody", "deep/else"):
            write_people(tmp_path / "set" / Path(name).parent, [Path(name).name])
        take(project, tmp_path / "set")
        assert sizes(project) == [3]
        assert {item.subject_source for item in project.items()} == {"video"}

    def test_one_that_is_here_already(self, project: Project, tmp_path: Path) -> None:
        write_people(tmp_path / "one", ["anna"])
        write_people(tmp_path / "two", ["ben"], moved=1.5)
        take(project, tmp_path / "one")
        take(project, tmp_path / "two")
        assert sizes(project) == [2]

    def test_two_given_people_in_one_picture_are_a_warning(
        self, project: Project, tmp_path: Path
    ) -> None:
        for name in ("anna", "ben"):
            write_people(tmp_path / "set" / name, [name])
        report = take(project, tmp_path / "set", subjects="folder")
        assert sizes(project) == [1, 1]
        (warning,) = report.warnings
        assert "one picture of two subjects, 'anna' and 'ben'" in warning
        assert "\n" not in warning


class TestRules:
    @pytest.fixture
    def tree(self, tmp_path: Path) -> Path:
        """Four people, two of them in each folder."""
        write_people(tmp_path / "set" / "a", ["p1_x", "p2_x"])
        write_people(tmp_path / "set" / "b", ["p1_x", "p2_x"], first=2)
        return tmp_path / "set"

    def test_folder(self, project: Project, tree: Path) -> None:
        report = take(project, tree, subjects="folder")
        assert sizes(project) == [2, 2]
        assert report.subject_rules == (
            "the folder of each picture is one person: 2 people, 4 faces",
        )
        assert {item.subject_source for item in project.items()} == {"rule"}

    def test_file(self, project: Project, frames: Path) -> None:
        take(project, frames, subjects="file")
        assert sizes(project) == [1] * 12
        assert {item.subject_source for item in project.items()} == {"picture"}

    def test_pattern_and_who_it_does_not_find(self, project: Project, tree: Path) -> None:
        report = take(project, tree, subjects=r"p(\d+)_x\.jpg")
        assert whose(project) == {"1": ["p1_x"] * 2, "2": ["p2_x"] * 2}
        assert not report.refused
        write_people(tree, ["nobody"], first=5)
        (refusal,) = take(project, tree, subjects=r"p(\d+)_x\.jpg").refused
        assert "finds no name in" in refusal.reason
        assert refusal.file.name == "nobody.pts"
        assert len(project.items()) == 4

    def test_table(self, project: Project, tree: Path, tmp_path: Path) -> None:
        table = tmp_path / "people.csv"
        table.write_text("picture,person\na/p1_x.jpg,Anna\nb/p1_x.jpg,Ben\np2_x.jpg,Carl\n")
        report = take(project, tree, subjects=table)
        assert sorted(whose(project)) == ["Anna", "Ben"]
        assert len(report.refused) == 2
        assert all("line 4 of people.csv fits 2 pictures" in r.reason for r in report.refused)

    def test_a_name_that_is_too_long_is_refused(
        self, project: Project, tree: Path, tmp_path: Path
    ) -> None:
        table = tmp_path / "people.csv"
        table.write_text(f"a/p1_x.jpg,{'x' * 300}\na/p2_x.jpg,Anna\nb/p1_x.jpg,B\nb/p2_x.jpg,C\n")
        (refusal,) = take(project, tree, subjects=table).refused
        assert "has 300 characters" in refusal.reason

    def test_asked_for_later_it_changes_what_is_here(self, project: Project, tree: Path) -> None:
        take(project, tree)
        assert sizes(project) == [1] * 4
        before = [project.history(item.id)[-1].id for item in project.items()]
        report = take(project, tree, subjects="folder")
        assert (report.new, report.updated, report.subjects_changed) == (0, 0, 4)
        assert sizes(project) == [2, 2]
        assert [project.history(item.id)[-1].id for item in project.items()] == before
        assert take(project, tree, subjects="folder").subjects_changed == 0
        take(project, tree)
        assert sizes(project) == [2, 2], "without a rule nothing changes"

    def test_a_dry_run_changes_nothing(self, project: Project, tree: Path) -> None:
        take(project, tree)
        assert take(project, tree, subjects="folder", dry_run=True).subjects_changed == 4
        assert sizes(project) == [1] * 4


def record(name: str, root: str = "", **values: object) -> FaceRecord:
    points = np.random.default_rng([ord(c) for c in name]).uniform(10, 200, (70, 2))
    known: Mapping[str, object] = {
        "name": name,
        "subject": name.rsplit("/", maxsplit=1)[-1],
        "image": None,
        "image_name": f"{name}.jpg",
        "annotation": Annotation("face70", points, np.zeros(70)),
        "origin": f"{name}:1",
        "root": root,
    }
    return FaceRecord(**{**known, **values})  # type: ignore[arg-type]


def put(project: Project, records: Sequence[FaceRecord]) -> ImportReport:
    """Import records of a reader, which decides nothing itself."""
    target = ImportTarget(
        project._database,
        project.path,
        "face70",
        Conversion.load("face70", project.scheme),
    )
    return Import(target, "own", Monitor(), assigns_subjects=True).run(records, None, dry_run=False)


class TestRecords:
    @pytest.fixture
    def faces(self, tmp_path: Path) -> Iterator[Project]:
        with Project.create(tmp_path / "faces") as project:
            yield project

    def test_equal_names_below_two_roots_are_two_people(self, faces: Project) -> None:
        put(faces, [record("a/img_1", "/data/one"), record("b/img_1", "/data/two")])
        assert sorted(whose(faces)) == ["img_1", "two/img_1"]
        put(faces, [record("c/img_1", "/data/three"), record("d/img_1", "/data/one")])
        assert sizes(faces) == [1, 1, 2]
        put(faces, [record("e/img_1", "/more/two")])
        assert sizes(faces) == [1, 1, 1, 2]

    def test_frames_of_a_video_are_one_whatever_the_format_says(
        self, faces: Project, tmp_path: Path
    ) -> None:
        for folder in ("001", "002"):
            (tmp_path / folder).mkdir()
        shutil.copy(sample_clip(), tmp_path / "001" / "vid.mp4")
        (tmp_path / "002" / "vid.mp4").write_bytes(sample_clip().read_bytes() + b"\0" * 8)
        found = [
            record(
                f"{folder}/{k}",
                str(tmp_path),
                image=ImageRef(tmp_path / folder / "vid.mp4"),
                frame=k,
                subject=f"p{k}",
                subject_source="format",
            )
            for folder in ("001", "002")
            for k in (3, 9)
        ]
        report = put(faces, found[:3])
        assert whose(faces) == {"001/vid.mp4": ["3", "9"], "002/vid.mp4": ["3"]}
        assert report.subject_rules[0].endswith("2 clips, 3 faces")
        put(faces, found[3:])
        assert whose(faces)["002/vid.mp4"] == ["3", "9"]

    def test_people_of_a_format_are_believed_and_never_compared(self, faces: Project) -> None:
        records = [r for r, _ in zip(sample_faces(), range(8), strict=False)]
        report = put(faces, records)
        assert sizes(faces) == [4, 4]
        assert report.subject_rules == ("names of people from own: 2 people, 8 faces",)
