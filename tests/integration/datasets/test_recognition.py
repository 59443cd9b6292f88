"""A face that was imported before is known again, wherever it comes from; nothing else is."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.projects import make

from faceloop_datasets import Annotation, InputError, Project
from faceloop_datasets.formats.ibug import pts_text
from faceloop_datasets.media.video import write_video


def points(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 512, (68, 2)) / 8


def write(path: Path, number: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    face = Annotation("ibug68", points(number), np.zeros(68))
    path.write_text(pts_text(face), encoding="utf-8")
    return path


def picture(path: Path, number: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 255, (12, 16, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def face(path: Path, number: int) -> Path:
    picture(path.with_suffix(".bmp"), number)
    return write(path.with_suffix(".pts"), number)


def known(project: Project) -> list[tuple[int, int | None]]:
    """Which face the points are of, and which the picture shows; of each item in order."""
    found = []
    for one in project.faces():
        (number,) = [k for k in range(30) if (one.annotation.points[1:] == points(k)[1:]).all()]
        shown = None
        if one.media is not None:
            pixels = one.read_rgb()
            (shown,) = [
                k
                for k in range(30)
                if (
                    pixels == np.random.default_rng(k).integers(0, 255, (12, 16, 3), np.uint8)
                ).all()
            ]
        found.append((number, shown))
    return found


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "project", scheme="ibug68") as made:
        yield made


@pytest.fixture
def first(tmp_path: Path) -> Path:
    for number in range(4):
        face(tmp_path / "first" / f"f{number}", number)
    return tmp_path / "first"


def counts(project: Project, *sources: Path) -> tuple[int, int, int]:
    report = project.import_from("ibug", sources)
    return report.new, report.unchanged, report.updated


class TestKnownAgain:
    def test_a_second_folder_with_equal_names_adds_faces(
        self, project: Project, first: Path, tmp_path: Path
    ) -> None:
        for number in range(4):
            face(tmp_path / "second" / f"f{number}", 10 + number)
        assert counts(project, first) == (4, 0, 0)
        assert counts(project, tmp_path / "second") == (4, 0, 0)
        assert counts(project, tmp_path / "second", first) == (0, 8, 0)
        assert known(project) == [(k, k) for k in (0, 1, 2, 3, 10, 11, 12, 13)]

    def test_from_another_place_or_above_it_adds_nothing(
        self, project: Project, first: Path, tmp_path: Path
    ) -> None:
        counts(project, first)
        shutil.copytree(first, tmp_path / "copy")
        assert counts(project, tmp_path / "copy") == (0, 4, 0)
        assert counts(project, first / "f2.pts") == (0, 1, 0)
        shutil.rmtree(tmp_path / "copy")
        (tmp_path / "above").mkdir()
        first.rename(tmp_path / "above" / "moved")
        assert counts(project, tmp_path / "above") == (0, 4, 0)
        assert known(project) == [(k, k) for k in range(4)]

    def test_a_changed_file_updates_its_own_face(
        self, project: Project, first: Path, tmp_path: Path
    ) -> None:
        for number in range(4):
            face(tmp_path / "second" / f"f{number}", 10 + number)
        counts(project, first, tmp_path / "second")
        moved = points(12)
        moved[0] += 1
        changed = Annotation("ibug68", moved, np.zeros(68))
        (tmp_path / "second" / "f2.pts").write_text(pts_text(changed), encoding="utf-8")
        report = project.import_from("ibug", [first, tmp_path / "second"])
        assert (report.unchanged, report.updated_faces) == (7, ("second/f2",))
        assert [len(project.history(item.id)) for item in project.items()] == [1] * 6 + [2, 1]

    def test_a_corrected_copy_updates(self, project: Project, first: Path, tmp_path: Path) -> None:
        counts(project, first)
        shutil.copytree(first, tmp_path / "copy")
        moved = points(1)
        moved[0] += 1
        corrected = Annotation("ibug68", moved, np.zeros(68))
        (tmp_path / "copy" / "f1.pts").write_text(pts_text(corrected), encoding="utf-8")
        report = project.import_from("ibug", [tmp_path / "copy"])
        assert (report.new, report.unchanged, report.updated_faces) == (0, 3, ("copy/f1",))

    def test_an_older_copy_takes_nothing_back(
        self, project: Project, first: Path, tmp_path: Path
    ) -> None:
        counts(project, first)
        shutil.copytree(first, tmp_path / "copy")
        moved = points(1)
        moved[0] += 1
        corrected = Annotation("ibug68", moved, np.zeros(68))
        (first / "f1.pts").write_text(pts_text(corrected), encoding="utf-8")
        assert counts(project, first) == (0, 3, 1)
        assert counts(project, tmp_path / "copy") == (0, 4, 0)
        write(first / "f1.pts", 1)  # put back where it is
        assert counts(project, first) == (0, 3, 1)

    def test_another_annotator_of_the_same_pictures_adds_faces(
        self, project: Project, first: Path, tmp_path: Path
    ) -> None:
        counts(project, first)
        for number in range(4):
            picture(tmp_path / "other" / f"f{number}.bmp", number)
            write(tmp_path / "other" / f"f{number}.pts", 20 + number)
        assert counts(project, tmp_path / "other") == (4, 0, 0)
        assert len(project.media()) == 4
        assert known(project)[4:] == [(20 + k, k) for k in range(4)]

    def test_files_used_again_for_other_faces_add_them(self, project: Project, first: Path) -> None:
        counts(project, first)
        face(first / "f3", 9)
        assert counts(project, first) == (1, 3, 0)
        with pytest.raises(InputError, match="not the picture that was annotated"):
            project.faces()[3].read_gray()

    def test_points_whose_picture_was_exchanged_are_refused(
        self, project: Project, first: Path
    ) -> None:
        counts(project, first)
        picture(first / "f3.bmp", 8)
        (first / "f3.bmp").write_bytes((first / "f3.bmp").read_bytes() + b"longer")
        report = project.import_from("ibug", [first])
        assert (report.unchanged, len(report.refused)) == (3, 1)
        assert "not the picture that these points were imported with" in report.refused[0].reason

    def test_a_correction_by_a_person_stays(self, project: Project, first: Path) -> None:
        counts(project, first)
        head = project.annotation(project.items()[0].id)
        assert head is not None
        mine = Annotation("ibug68", head.annotation.points + 1, np.zeros(68))
        project.save(head.item_id, mine, head.id)
        assert counts(project, first) == (0, 4, 0)
        write(first / "f0.pts", 25)
        report = project.import_from("ibug", [first])
        assert (report.kept_aside, report.updated) == (1, 0)

    def test_pictures_come_later(self, project: Project, tmp_path: Path) -> None:
        for number in range(3):
            write(tmp_path / "set" / f"f{number}.pts", number)
        assert counts(project, tmp_path / "set") == (3, 0, 0)
        for number in range(3):
            picture(tmp_path / "set" / f"f{number}.bmp", number)
        assert counts(project, tmp_path / "set") == (0, 0, 3)
        assert known(project) == [(k, k) for k in range(3)]


class TestOlderProjects:
    """What version 2 imported had the last two parts of its path for its identity."""

    @pytest.fixture
    def old(self, tmp_path: Path) -> Path:
        (tmp_path / "project" / "media").mkdir(parents=True)
        shutil.copyfile(make.HERE / "v2-imported.db", tmp_path / "project" / "project.db")
        return tmp_path / "project"

    def test_imports_are_recognised(self, old: Path, tmp_path: Path) -> None:
        folders = make.labels(tmp_path / "elsewhere")
        with Project.open(old) as project:
            heads = [item.head for item in project.items()]
            assert counts(project, *folders) == (0, 4, 0)
            assert [item.head for item in project.items()] == heads
            assert {item.origin_root for item in project.items()} == {str(f) for f in folders}
            assert counts(project, tmp_path / "elsewhere") == (0, 4, 0)

    def test_pictures_of_equal_names_are_no_longer_one_person(self, old: Path) -> None:
        with Project.open(old) as project:
            assert [item.subject for item in project.items()] == [
                "ann/f1", "ann/f2", "bert/f1", "bert/f2",
            ]  # fmt: skip

    def test_of_two_folders_of_equal_names_the_right_one(self, old: Path, tmp_path: Path) -> None:
        make.labels(tmp_path / "elsewhere")
        face(tmp_path / "other" / "ann" / "f1", 3)
        with Project.open(old) as project:
            assert counts(project, tmp_path / "other") == (1, 0, 0)
            assert counts(project, tmp_path / "elsewhere") == (0, 4, 0)


class TestPictures:
    def test_by_the_longest_path_below_the_folder_of_images(
        self, project: Project, tmp_path: Path
    ) -> None:
        for number, folder in enumerate(("train", "test", "deep/train")):
            write(tmp_path / "labels" / folder / "f.pts", number)
            picture(tmp_path / "images" / folder / "f.bmp", number)
        project.import_from("ibug", [tmp_path / "labels"], images=tmp_path / "images")
        assert all(number == shown for number, shown in known(project))

    def test_by_a_name_that_is_there_once(self, project: Project, tmp_path: Path) -> None:
        write(tmp_path / "labels" / "set" / "f.pts", 1)
        picture(tmp_path / "images" / "other" / "F.BMP", 1)
        project.import_from("ibug", [tmp_path / "labels"], images=tmp_path / "images")
        assert known(project) == [(1, 1)]

    def test_a_name_alone_gives_no_picture_of_another_annotation(
        self, project: Project, tmp_path: Path
    ) -> None:
        write(tmp_path / "set" / "a" / "f.pts", 0)  # its picture is missing
        face(tmp_path / "set" / "b" / "f", 1)
        project.import_from("ibug", [tmp_path / "set"])
        assert known(project) == [(0, None), (1, 1)]

    def test_several_are_refused_and_listed(self, project: Project, tmp_path: Path) -> None:
        write(tmp_path / "labels" / "f.pts", 0)
        for folder in "ab":
            picture(tmp_path / "images" / folder / "f.bmp", ord(folder))
        report = project.import_from("ibug", [tmp_path / "labels"], images=tmp_path / "images")
        (refusal,) = report.refused
        assert report.faces == 0
        for folder in "ab":
            assert str(Path(folder) / "f.bmp") in refusal.reason

    def test_what_is_left_when_others_are_given_away_is_not_taken(
        self, project: Project, tmp_path: Path
    ) -> None:
        write(tmp_path / "labels" / "train" / "f.pts", 0)
        write(tmp_path / "labels" / "val" / "f.pts", 1)  # its picture is missing
        picture(tmp_path / "images" / "train" / "f.bmp", 0)
        picture(tmp_path / "images" / "test" / "f.bmp", 2)
        report = project.import_from("ibug", [tmp_path / "labels"], images=tmp_path / "images")
        assert "2 pictures could be meant" in report.refused[0].reason
        assert known(project) == [(0, 0)]

    def test_two_suffixes_of_one_picture_are_one(self, project: Project, tmp_path: Path) -> None:
        pixels = np.tile(np.arange(0, 240, 4, np.uint8), (60, 1))
        tmp_path.joinpath("set").mkdir()
        Image.fromarray(pixels).save(tmp_path / "set" / "f.png")
        Image.fromarray(pixels).save(tmp_path / "set" / "f.jpg", quality=90)
        write(tmp_path / "set" / "f.pts", 0)
        assert counts(project, tmp_path / "set") == (1, 0, 0)
        Image.fromarray(pixels[:, ::-1]).save(tmp_path / "set" / "g.png")
        Image.fromarray(pixels).save(tmp_path / "set" / "g.jpg")
        write(tmp_path / "set" / "g.pts", 1)
        assert len(project.import_from("ibug", [tmp_path / "set"]).refused) == 1

    def test_through_links(self, project: Project, tmp_path: Path) -> None:
        face(tmp_path / "store" / "f", 2)
        (tmp_path / "set").mkdir()
        (tmp_path / "set" / "link").symlink_to(tmp_path / "store", target_is_directory=True)
        (tmp_path / "set" / "again").symlink_to(tmp_path / "store", target_is_directory=True)
        (tmp_path / "store" / "circle").symlink_to(tmp_path / "set", target_is_directory=True)
        assert counts(project, tmp_path / "set") == (1, 0, 0)
        assert counts(project, tmp_path / "store") == (0, 1, 0)
        assert known(project) == [(2, 2)]

    def test_of_several_that_ask_by_name_alone_none_gets_it(
        self, project: Project, tmp_path: Path
    ) -> None:
        for number, folder in enumerate("ab"):
            write(tmp_path / "set" / folder / "labels" / "f.pts", number)
        picture(tmp_path / "set" / "b" / "pics" / "f.bmp", 1)
        report = project.import_from("ibug", [tmp_path / "set"])
        assert len(report.refused) == 2
        assert "has the name, but not the folder" in report.refused[0].reason

    def test_a_folder_that_is_there_and_lacks_it(self, project: Project, tmp_path: Path) -> None:
        write(tmp_path / "labels" / "test" / "x" / "f.pts", 0)
        picture(tmp_path / "images" / "test" / "x" / "other.bmp", 1)
        picture(tmp_path / "images" / "train" / "x" / "f.bmp", 2)
        project.import_from("ibug", [tmp_path / "labels"], images=tmp_path / "images")
        assert known(project) == [(0, None)]

    def test_dots_in_names(self, project: Project, tmp_path: Path) -> None:
        for number, name in enumerate(("john", "john.smith", "ann.1.2", "ann.1", "2024.01.00")):
            picture(tmp_path / "set" / f"{name}.bmp", number)
            write(tmp_path / "set" / f"{name}.pts", number)
        project.import_from("ibug", [tmp_path / "set"])
        assert sorted(known(project)) == [(k, k) for k in range(5)]

    def test_a_link_does_not_hide_the_file(self, project: Project, tmp_path: Path) -> None:
        face(tmp_path / "set" / "z" / "f", 1)
        (tmp_path / "set" / "alias.pts").symlink_to(tmp_path / "set" / "z" / "f.pts")
        project.import_from("ibug", [tmp_path / "set"])
        assert known(project) == [(1, 1)]

    def test_another_picture_of_as_many_bytes(self, project: Project, first: Path) -> None:
        counts(project, first)
        picture(first / "f1.bmp", 9)
        report = project.import_from("ibug", [first])
        assert (report.unchanged, len(report.refused)) == (3, 1)


class TestVideos:
    """The layout of 300-VW: NNN/annot/000001.pts with NNN/vid.avi or NNN/image/000001.jpg."""

    def make(self, folder: Path, first: int) -> Path:
        pixels = [np.full((48, 64, 3), 20 * k + first, np.uint8) for k in range(6)]
        folder.mkdir(parents=True)
        write_video(folder / "vid.mp4", pixels, 25.0)
        for number in (1, 3, 6):
            write(folder / "annot" / f"{number:06d}.pts", first + number)
        return folder

    def test_frames_of_two_videos(self, project: Project, tmp_path: Path) -> None:
        folders = [self.make(tmp_path / "300vw" / name, k) for k, name in ((0, "001"), (9, "002"))]
        assert counts(project, *folders) == (6, 0, 0)
        assert counts(project, tmp_path / "300vw") == (0, 6, 0)
        shown = [round(float(one.read_gray().mean())) for one in project.faces()]
        assert shown == pytest.approx([0, 40, 100, 9, 49, 109], abs=3)
        assert [one.frame for one in project.faces()] == [0, 2, 5] * 2
        subjects = [item.subject for item in project.items()]
        assert len(set(subjects)) == 2
        assert {item.subject_source for item in project.items()} == {"video"}

    def test_a_clip_takes_no_frame_of_another(self, project: Project, tmp_path: Path) -> None:
        self.make(tmp_path / "V" / "001", 0)
        for number in (1, 3):
            write(tmp_path / "V" / "002" / "annot" / f"{number:06d}.pts", 20 + number)
            picture(tmp_path / "V" / "002" / "image" / f"{number:06d}.bmp", 20 + number)
        write(tmp_path / "V" / "003" / "annot" / "000001.pts", 29)  # its frame is missing
        project.import_from("ibug", [tmp_path / "V"])
        found = {one.name: (one.frame, one.has_image) for one in project.faces()}
        assert found["V/001/annot/000001"] == (0, True)
        assert found["V/002/annot/000003"] == (None, True)
        assert found["V/003/annot/000001"] == (None, False)
        assert len({item.subject for item in project.items()}) == 3

    def test_frames_in_a_tree_of_their_own(self, project: Project, tmp_path: Path) -> None:
        for clip in (1, 2):
            for number in (1, 2):
                write(
                    tmp_path / "L" / f"{clip:03d}" / "annot" / f"{number:06d}.pts",
                    9 * clip + number,
                )
            picture(tmp_path / "I" / f"{clip:03d}" / "image" / "000001.bmp", 9 * clip + 1)
        picture(tmp_path / "I" / "001" / "image" / "000002.bmp", 11)
        project.import_from("ibug", [tmp_path / "L"], images=tmp_path / "I")
        assert sorted(known(project)) == [(10, 10), (11, 11), (19, 19), (20, None)]

    def test_a_frame_that_is_not_there(self, project: Project, tmp_path: Path) -> None:
        folder = self.make(tmp_path / "001", 0)
        write(folder / "annot" / "000007.pts", 7)
        report = project.import_from("ibug", [folder])
        (refusal,) = report.refused
        assert "has 6 frames; there is no frame 6" in refusal.reason
        assert [item.media_id is None for item in project.items()] == [False] * 3 + [True]
