"""Subjects that people see and set, and the words for them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from faceloop_datasets import InputError, Project, ProjectError, write_video
from faceloop_datasets.care.erasure import erase, find_erasure_target, plan_erasure
from faceloop_datasets.face import snapshot_hash
from faceloop_datasets.review.frames import FrameCandidate
from faceloop_datasets.sample import sample_faces
from faceloop_datasets.store import settings
from faceloop_datasets.store.subjects import change
from faceloop_datasets.subjects import (
    HOW_KNOWN,
    SubjectSource,
    count_of,
    distinct_name,
    how_known,
    kind_of,
    plural,
    singular,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("subjects") / "project"
    with Project.create(folder) as project:
        project.import_entries("sample", islice(sample_faces(), 8), scheme="face70")
    return folder


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Iterator[Project]:
    shutil.copytree(template, tmp_path / "project")
    with Project.open(tmp_path / "project") as project:
        yield project


def picture(path: Path, value: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((24, 32), value, np.uint8)).save(path)
    return path


def video(path: Path, value: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, [np.full((32, 48, 3), value + k, np.uint8) for k in range(3)], 25)
    return path


class TestWords:
    @pytest.mark.parametrize(
        ("sources", "word"),
        [
            ([], "0 people"),
            (["picture"], "0 pictures"),
            (["video"], "0 clips"),
            (["format", "rule", "person", "person"], "0 people"),
            (["picture", "person"], "0 subjects"),
            (["picture", "video"], "0 subjects"),
            (["something else"], "0 subjects"),
        ],
    )
    def test_what_subjects_are(self, sources: list[str], word: str) -> None:
        assert count_of(0, kind_of(sources)) == word

    def test_one_and_many(self) -> None:
        kinds = ("person", "picture", "clip", "subject")
        assert [count_of(1, kind) for kind in kinds] == [f"1 {kind}" for kind in kinds]
        assert (plural("what a stranger wrote"), singular("<b>")) == ("subjects", "subject")

    def test_every_source_has_words(self) -> None:
        assert set(HOW_KNOWN) == set(SubjectSource.__args__)  # type: ignore[attr-defined]
        assert how_known(["person", "picture", "person"]) == (
            "set by hand; only the name of a picture"
        )


class TestSetAndMerge:
    def test_subjects_are_listed(self, project: Project) -> None:
        first, second = project.subjects()
        assert (first.name, len(first.items), first.pictures) == ("sample-id000", 4, 4)
        assert (first.kind, first.how) == ("person", HOW_KNOWN["format"])
        assert {*first.items, *second.items} == {item.id for item in project.items()}

    def test_setting_touches_no_revision(self, project: Project) -> None:
        before = [project.history(item.id) for item in project.items()]
        ids = [item.id for item in project.items()][2:6]
        assert project.set_subject(ids, "  Anna ") == 4
        assert project.set_subject(ids[:1], "Anna") == 0
        found = {one.name: one for one in project.subjects()}
        assert {name: len(one.items) for name, one in found.items()} == {
            "sample-id000": 2,
            "Anna": 4,
            "sample-id001": 2,
        }
        assert found["Anna"].sources == ("person",)
        after = [project.history(item.id) for item in project.items()]
        assert [[r.id for r in h] for h in after] == [[r.id for r in h] for h in before]

    def test_merging(self, project: Project) -> None:
        assert project.merge_subjects(["sample-id000", "sample-id001"], "sample-id001") == 4
        (all_of_them,) = project.subjects()
        assert (all_of_them.name, all_of_them.sources) == ("sample-id001", ("person",))

    def test_what_is_not_there_changes_nothing(self, project: Project) -> None:
        with pytest.raises(ProjectError, match=r"no item 99 .*Nothing was changed"):
            project.set_subject([1, 99], "Anna")
        with pytest.raises(ProjectError, match=r"'sample-id00'\. Did you mean 'sample-id00"):
            project.merge_subjects(["sample-id000", "sample-id00"], "Anna")
        with pytest.raises(InputError, match="is empty"):
            project.set_subject([1], " ")
        with pytest.raises(InputError, match="201 characters"):
            project.merge_subjects(["sample-id000"], "x" * 201)
        assert {one.sources for one in project.subjects()} == {("format",)}

    def test_what_a_person_sets_during_an_import_stays(self, project: Project) -> None:
        """An import decides before it writes; meanwhile somebody may have spoken."""
        project.set_subject([1], "Anna")
        with project._database.write() as connection:
            change(connection, {1: ("x", "video"), 2: ("x", "video")}, keep_named_by_person=True)
        assert [project.item(k).subject for k in (1, 2)] == ["Anna", "x"]

    def test_faces_know_how_their_subject_is_known(self, project: Project) -> None:
        project.set_subject([1], "Anna")
        assert [face.subject_source for face in project.faces()[:2]] == ["person", "format"]


class TestUndo:
    def test_the_last_change_is_taken_back_where_nobody_went_on(self, project: Project) -> None:
        ids = [item.id for item in project.items()]
        before = [(item.subject, item.subject_source) for item in project.items()]
        assert project.last_subject_change() is None
        assert project.undo_subjects() is None
        project.merge_subjects(["sample-id000", "sample-id001"], "Anna")
        project.set_subject([], "nobody")  # which changes nothing, and so is no last change
        assert project.last_subject_change().action.endswith("merged into 'Anna'")
        with project._database.write() as connection:
            change(connection, {ids[1]: ("Ben", "person")})
        taken = project.undo_subjects()
        assert taken is not None
        assert sorted(taken.before) == [ids[0], *ids[2:]]
        after = [(item.subject, item.subject_source) for item in project.items()]
        assert after == [before[0], ("Ben", "person"), *before[2:]]
        assert project.undo_subjects() is None

    def test_an_erasure_leaves_no_name_to_go_back_to(self, project: Project) -> None:
        project.set_subject([1, 2], "Anna")
        folder = project.path
        project.close()
        erase(folder, plan_erasure(folder, find_erasure_target(folder, item=1)))
        with Project.open(folder) as opened:
            assert opened.last_subject_change() is None
        assert b"last-subjects" not in (folder / "project.db").read_bytes()

    @pytest.mark.parametrize(
        "stored",
        ["", "[]", '{"items": [[1, "a", "picture", "b"]]}', '{"action": "x", "items": [[1]]}',
         '{"action": 1, "items": []}', '{"action": "x", "items": [["1", "a", "picture", "b"]]}',
         '{"action": "x", "items": [[1, "a", "guess", "b"]]}', "[" * 100_000],
    )  # fmt: skip
    def test_what_somebody_else_wrote_there_is_one_line(
        self, project: Project, stored: str
    ) -> None:
        with project._database.write() as connection:
            settings.put(connection, "last-subjects", stored)
        with pytest.raises(ProjectError, match="the last subjects is damaged"):
            project.undo_subjects()


class TestPlan:
    @pytest.fixture
    def photos(self, tmp_path: Path) -> Iterator[Project]:
        """Pictures of two people in folders, one beside them, and one copied into the project."""
        with Project.create(tmp_path / "project") as project:
            for k, name in enumerate(("anna/day1/1.png", "anna/2.png", "ben/1.png", "lone.png")):
                project.add_item(project.add_media(picture(tmp_path / "set" / name, 9 * k)))
            copied = picture(tmp_path / "else" / "eve.png", 200)
            project.add_item(project.add_media(copied, copy=True), name="eve/eve")
            yield project

    def test_folders_are_looked_at_before_anything_is_written(self, photos: Project) -> None:
        before = [item.subject for item in photos.items()]
        plan = photos.plan_subjects("folder")
        assert [face.path for face in plan.faces] == [
            "anna/day1/1.png", "anna/2.png", "ben/1.png", "lone.png", "eve/eve",
        ]  # fmt: skip
        assert plan.subjects == {"anna/day1": 1, "anna": 1, "ben": 1, "eve": 1}
        assert [face.item_id for face in plan.refused] == [4]
        assert "lies in no folder" in plan.refused[0].why_not
        assert len(plan.changed) == 4
        assert [item.subject for item in photos.items()] == before
        photos.set_subject([3], "Benjamin")  # somebody spoke meanwhile
        assert photos.apply_subjects(plan) == 3
        now = [(item.subject, item.subject_source) for item in photos.items()]
        assert now == [
            ("anna/day1", "person"), ("anna", "person"), ("Benjamin", "person"),
            ("lone.png", "picture"), ("eve", "person"),
        ]  # fmt: skip
        assert photos.undo_subjects().action == "3 faces set by 'folder'"
        assert [item.subject for item in photos.items()] == [
            *before[:2], "Benjamin", *before[3:]
        ]  # fmt: skip

    def test_a_pattern_asks_for_some_faces_only(self, photos: Project) -> None:
        plan = photos.plan_subjects("{subject}/*.png", [1, 2, 4])
        assert [(face.item_id, face.after) for face in plan.found] == [(1, "day1"), (2, "anna")]
        assert plan.refused[0].why_not == "'{subject}/*.png' finds no name in lone.png"
        long = photos.plan_subjects("(.*)", [photos.add_item(None, name="x" * 300).id])
        assert "300 characters" in long.refused[0].why_not
        with pytest.raises(ProjectError, match="no item 99"):
            photos.plan_subjects("folder", [99])


class TestSides:
    def test_a_chosen_side_goes_with_the_faces_and_with_an_erasure(self, project: Project) -> None:
        assert project.chosen_sides() == {}
        plain = snapshot_hash(project.faces())
        project.choose_side([1, 2, 5], "held out")
        project.choose_side([2, 6], "training")
        assert project.chosen_sides() == {
            1: "held out",
            5: "held out",
            2: "training",
            6: "training",
        }
        sides = [face.side for face in project.faces()]
        assert sides == ["held out", "training", "", "", "held out", "training", "", ""]
        assert snapshot_hash(project.faces()) != plain  # another training comes of it
        project.choose_side([1, 6], None)
        with pytest.raises(ProjectError, match=r"no item 99 .*Nothing was changed"):
            project.choose_side([2, 99], None)
        folder = project.path
        project.close()
        erase(folder, plan_erasure(folder, find_erasure_target(folder, item=5)))
        with Project.open(folder) as opened:
            assert opened.chosen_sides() == {2: "training"}
            opened.choose_side([2], None)
            assert snapshot_hash(opened.faces()) == snapshot_hash(
                [replace(face, side="") for face in opened.faces()]
            )

    @pytest.mark.parametrize(
        "stored", ["", "[]", "{}", '{"held out": [1]}', '{"held out": ["1"], "training": []}',
                   '{"held out": [-1], "training": []}', '{"held out": 1, "training": []}']
    )  # fmt: skip
    def test_what_somebody_else_wrote_there_is_one_line(
        self, project: Project, stored: str
    ) -> None:
        with project._database.write() as connection:
            settings.put(connection, "chosen-sides", stored)
        with pytest.raises(ProjectError, match="who is held out is damaged"):
            project.faces()


class TestByHand:
    def test_files_of_equal_names_are_two_subjects(self, project: Project, tmp_path: Path) -> None:
        for folder, value in (("one", 10), ("two", 90)):
            still = project.add_media(picture(tmp_path / folder / "a.png", value))
            clip = project.add_media(video(tmp_path / folder / "v.mp4", value))
            for item in (
                project.add_item(still),
                project.add_item(still),
                project.add_item(clip, 0),
                project.add_item(clip, 2),
            ):
                assert item.subject_source == ("picture" if item.frame is None else "video")
        own = {one.name: len(one.items) for one in project.subjects()[2:]}
        assert own == {"a.png": 2, "v.mp4": 2, "two/a.png": 2, "two/v.mp4": 2}

    def test_new_frames_are_of_whom_the_video_shows(self, project: Project, tmp_path: Path) -> None:
        clip = project.add_media(video(tmp_path / "v.mp4", 10))
        project.set_subject([project.add_item(clip, 0).id], "Anna")
        item = project.add_item(clip, 1)
        lost = FrameCandidate(2, 0.08, None, None)
        (entry,) = project.queue.add_frames(clip, [lost])
        for found in (item, project.item(entry.item_id)):
            assert (found.subject, found.subject_source) == ("Anna", "person")

    def test_shapes_without_a_picture_are_nobody_together(self, project: Project) -> None:
        items = [project.add_item(None) for _ in range(3)]
        assert len({item.subject for item in items}) == 3


def test_a_name_of_its_own() -> None:
    taken: set[str] = set()
    made = []
    for _ in range(6):
        made.append(distinct_name("a.png", "/data/one", taken))
        taken.add(made[-1])
    assert made[:4] == ["a.png", "one/a.png", "data/one/a.png", "one/a.png (2)"], made
    assert len(set(made)) == 6
    assert distinct_name("x", "", {"x"}) == "x (2)"
