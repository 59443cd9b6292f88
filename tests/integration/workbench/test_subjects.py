"""Subjects on the command line: rules of an import, list, set, merge, erase, and the words."""

from __future__ import annotations

import shutil
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pytest

from faceloop_datasets import Annotation, PointState, Project
from faceloop_datasets.formats.ibug import pts_text
from faceloop_datasets.sample import sample_faces
from faceloop_trainer import TrainingConfig
from faceloop_workbench.cli.training import show_trained
from faceloop_workbench.services.training import train_into

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Stills of three people of the sample in two folders, each with its .pts."""
    for name, record in zip(
        ("a/1", "a/2", "b/1"), islice(sample_faces(), 0, None, 4), strict=False
    ):
        file = tmp_path / "set" / f"{name}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        assert record.image is not None
        shutil.copy(record.image.path, file)
        points = record.annotation.points[:68]
        face = Annotation("ibug68", points, np.full(68, PointState.VISIBLE))
        file.with_suffix(".pts").write_text(pts_text(face))
    return tmp_path / "set"


@pytest.fixture
def imported(faceloop: Run, tree: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    Project.create(folder, "ibug68").close()
    assert faceloop("import", "ibug", tree, "--project", folder).code == 0
    return folder


def listed(faceloop: Run, project: Path) -> dict[str, list[int]]:
    found = faceloop("subjects", "list", "--project", project, "--json").json()["subjects"]
    return {one["subject"]: one["items"] for one in found}


class TestImport:
    def test_the_rule_is_printed_with_counts(
        self, faceloop: Run, tree: Path, tmp_path: Path
    ) -> None:
        folder = tmp_path / "project"
        Project.create(folder, "ibug68").close()
        command = ("import", "ibug", tree, "--project", folder, "--dry-run")
        assert (
            "Subjects: each picture its own (names of pictures, not of people): 3 pictures, 3 faces"
        ) in faceloop(*command).out
        said = faceloop(*command, "--subjects", "folder")
        assert "Subjects: the folder of each picture is one person: 2 people, 3 faces" in said.out
        values = faceloop(*command, "--subjects", r"(\d)\.jpg", "--json").json()
        assert values["subjects"] == 2
        assert "finds each person's name in the path: 2 people" in values["subject_rules"][0]

    def test_a_rule_asked_for_later(self, faceloop: Run, imported: Path, tree: Path) -> None:
        said = faceloop("import", "ibug", tree, "--project", imported, "--subjects", "folder")
        assert "3 faces that were here already got another subject." in said.out
        assert sorted(map(len, listed(faceloop, imported).values())) == [1, 2]

    @pytest.mark.parametrize(
        ("rule", "said"),
        [
            ("(", "is no regular expression"),
            ("people.csv", "cannot be read"),
            ("", "The rule for subjects is empty"),
        ],
    )
    def test_a_bad_rule_is_one_line(
        self, rule: str, said: str, faceloop: Run, imported: Path, tree: Path
    ) -> None:
        done = faceloop("import", "ibug", tree, "--project", imported, "--subjects", rule)
        assert done.code == 1
        assert said in done.err
        assert len(done.err.strip().splitlines()) == 1

    def test_who_has_no_row_is_listed(
        self, faceloop: Run, tree: Path, tmp_path: Path, imported: Path
    ) -> None:
        table = tmp_path / "people.csv"
        table.write_text("a/1.jpg;Anna\n1.jpg;Ben\n")
        said = faceloop("import", "ibug", tree, "--project", imported, "--subjects", table)
        assert "people.csv has no row for a/2.jpg" in " ".join(said.out.split())


class TestSubjects:
    def test_the_list(self, faceloop: Run, imported: Path) -> None:
        said = faceloop("subjects", "list", "--project", imported)
        assert "only the name of a picture" in " ".join(said.out.split())
        assert "3 faces of 3 pictures" in said.err
        values = faceloop("subjects", "list", "--project", imported, "--json").json()
        (one, *_) = values["subjects"]
        assert (one["faces"], one["pictures"], one["kind"]) == (1, 1, "picture")
        assert one["held_out"] is False

    def test_set_and_merge(self, faceloop: Run, imported: Path) -> None:
        said = faceloop("subjects", "set", "Anna", "--matching", "*a/*", "--project", imported)
        assert "2 faces show Anna now; 2 showed somebody else before." in said.out
        assert listed(faceloop, imported)["Anna"] == [1, 2]
        done = faceloop("subjects", "set", "Ben", "--item", 3, "-p", imported, "--json").json()
        assert (done["changed"], done["faces"][0]["item"]) == (1, 3)
        said = faceloop("subjects", "merge", "Anna", "Ben", "--into", "Carl", "-p", imported)
        assert "3 faces show Carl now" in said.out
        assert listed(faceloop, imported) == {"Carl": [1, 2, 3]}
        faceloop("subjects", "set", "Dora", "--regex", "b/1$", "-p", imported)
        assert listed(faceloop, imported)["Dora"] == [3]
        assert "3 faces of 2 people" in faceloop("subjects", "list", "-p", imported).err

    def test_a_rule_is_tried_used_and_taken_back(self, faceloop: Run, imported: Path) -> None:
        before = listed(faceloop, imported)
        pattern = ("subjects", "set", "--pattern", "{subject}/1.jpg", "-p", imported)
        said = faceloop(*pattern, "--dry-run")
        text = " ".join(said.out.split())
        assert "finds no name in a/2.jpg" in text
        assert "finds 2 subjects in 2 of 3 faces; 0 show them already, 2 would change." in text
        assert listed(faceloop, imported) == before
        done = faceloop(*pattern, "--json").json()
        assert (done["changed"], done["refused"], done["subjects"]) == (2, 1, {"a": 1, "b": 1})
        faceloop("subjects", "set", "--from-folder", "-p", imported)
        assert listed(faceloop, imported) == {"a": [1, 2], "b": [3]}
        said = faceloop("subjects", "undo", "-p", imported)
        assert "Taken back: 3 faces set by 'folder'. 1 face shows whom it did before" in said.out
        assert listed(faceloop, imported)["a"] == [1]
        assert faceloop("subjects", "undo", "-p", imported).code == 1
        said = faceloop("subjects", "set", "Eve", "--item", 3, "--dry-run", "-p", imported)
        assert "1 face would show Eve; 1 shows somebody else now." in said.out

    def test_who_is_held_out_is_chosen(self, faceloop: Run, imported: Path) -> None:
        def held(name: str) -> tuple[bool, bool]:
            values = faceloop("subjects", "list", "-p", imported, "--json").json()["subjects"]
            return next((v["held_out"], v["chosen"]) for v in values if v["subject"] == name)

        faceloop("subjects", "set", "--from-folder", "-p", imported)
        assert held("a") == (False, False)
        said = faceloop("subjects", "hold-out", "a", "-p", imported)
        assert "2 faces of a are held out from the next training on." in said.out
        assert held("a") == (True, True)
        faceloop("subjects", "hold-out", "a", "--side", "by-name", "-p", imported)
        assert held("a") == (False, False)
        assert faceloop("subjects", "hold-out", "b", "c", "-p", imported).code == 1

    @pytest.mark.parametrize(
        ("command", "code", "said"),
        [
            (("set", "Anna"), 2, "--item, --matching or --regex"),
            (("set",), 2, "Give a subject, --from-folder or --pattern: one of them"),
            (("set", "Anna", "--from-folder"), 2, "one of them"),
            (("set", "--pattern", "{person}_*"), 1, "placeholder {person}; expected {subject}"),
            (("undo",), 1, "no change of subjects that could be taken back"),
            (("set", "Anna", "--item", "9"), 1, "There is no item 9"),
            (
                ("set", "Anna", "--matching", "x*"),
                1,
                "No face of this project has a name like 'x*'",
            ),
            (("set", "Anna", "--regex", "("), 1, "is no regular expression"),
            (("set", " ", "--item", "1"), 1, "is empty"),
            (("merge", "nobody", "--into", "Anna"), 1, "has the subject 'nobody'"),
        ],
    )
    def test_what_cannot_be(
        self, command: tuple[str, ...], code: int, said: str, faceloop: Run, imported: Path
    ) -> None:
        done = faceloop("subjects", *command, "--project", imported)
        assert (done.code, len(listed(faceloop, imported))) == (code, 3)
        assert said in " ".join(done.err.split())


class TestErase:
    def test_all_that_goes_is_named_first(
        self, faceloop: Run, imported: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import io

        (subject, *_) = listed(faceloop, imported)
        monkeypatch.setattr("sys.stdin", io.StringIO("no\n"))
        said = faceloop("erase", imported, "--subject", subject)
        assert f"To be erased: 1 face of the picture {subject!r}" in said.err
        assert "(item 1)" in said.err
        assert "whom they show: only the name of a picture" in said.err
        faceloop("subjects", "set", "Anna", "--item", 1, "--item", 2, "-p", imported)
        done = faceloop("erase", imported, "--subject", "Anna", "--yes")
        assert "To be erased: 2 faces of 'Anna'" in done.err
        assert all(f"(item {k})" in done.err for k in (1, 2))
        assert len(listed(faceloop, imported)) == 1


def test_a_training_on_pictures_does_not_speak_of_people(
    faceloop: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Project.create(tmp_path / "faces") as project:
        from dataclasses import replace

        faces = [
            replace(record, subject=record.name, subject_source="picture")
            for record in islice(sample_faces(), 16)
        ]
        project.import_entries("sample", faces, scheme="face70")
    with Project.open(tmp_path / "faces") as project:
        trained = train_into(project, TrainingConfig(channels=("raw",), mirror=False, components=8))
    show_trained(trained)  # as the command `train` does
    said = capsys.readouterr()
    assert "Warning: Every picture is a subject of its own" in said.err
    assert "pictures" in said.out
    assert "people" not in said.out
    values = faceloop("evaluate", "--project", tmp_path / "faces", "--json").json()
    assert values["subject_kind"] == "picture"
    assert values["warnings"][0].startswith("Every picture is a subject of its own")
    with Project.open(tmp_path / "faces") as project:
        project.set_subject([item.id for item in project.items()], "Anna")
    again = faceloop("train", "--project", tmp_path / "faces")
    assert again.code == 1
    assert "16 usable faces of 1 person" in again.err
    assert "All 16 faces show one subject, 'Anna' (set by hand)" in again.err
