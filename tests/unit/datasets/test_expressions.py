"""What faces express: words of a project's own, kept with their history."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets import Annotation, InputError, Project, ProjectError, RevisionConflict
from faceloop_datasets.expressions import LONGEST, check_expression
from faceloop_datasets.face import snapshot_hash
from faceloop_datasets.sample import sample_faces


@pytest.fixture
def project(tmp_path: Path):  # type: ignore[no-untyped-def]
    """Eight faces of two people, as the sample calls their expressions."""
    with Project.create(tmp_path / "project") as made:
        made.import_entries("sample", islice(sample_faces(), 8), scheme="face70", copy=True)
        yield made


def labels(project: Project) -> dict[int, str]:
    return {one.item_id: one.expression for one in project.overview()}


class TestLabel:
    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("  smile\t", "smile"),
            ("", ""),
            ("  ", ""),
            ("großes Lächeln", "großes Lächeln"),
            ("Ko\u0308nig", "König"),
        ],
    )
    def test_blanks_around_it_go(self, given: str, kept: str) -> None:
        assert check_expression(given) == kept

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ("x" * (LONGEST + 1), "has 41 characters; expected at most 40"),
            ("two\nlines", "cannot be shown on one line"),
            ("half \ud800", "cannot be shown on one line"),
            ("bell \a", "cannot be shown on one line"),
        ],
    )
    def test_what_cannot_be(self, given: str, said: str) -> None:
        with pytest.raises(InputError, match=said):
            check_expression(given)

    @given(st.text(max_size=60))
    def test_what_is_taken_stays_as_it_is(self, text: str) -> None:
        try:
            kept = check_expression(text)
        except InputError:
            return
        assert check_expression(kept) == kept
        assert len(kept) <= LONGEST


class TestProject:
    def test_a_label_is_given_changed_and_taken_away(self, project: Project) -> None:
        assert project.set_expression([1, 2], " big grin ") == 2
        assert project.set_expression([1, 2, 3], "big grin") == 1
        assert labels(project)[3] == project.summary(3).expression == "big grin"
        assert project.set_expression([1], "", "ann") == 1
        assert (project.expression(1), project.expression(2)) == ("", "big grin")
        assert [(s.label, s.author) for s in project.expression_history(1)][1:] == [
            ("big grin", project.expression_history(2)[1].author),
            ("", "ann"),
        ]

    def test_the_vocabulary(self, project: Project) -> None:
        project.set_expression([1, 5], "b")
        project.set_expression([2, 3, 4], "a")
        project.set_expression([6, 7, 8], "")
        found = [(one.label, one.items, one.subjects) for one in project.expressions()]
        assert found == [("b", (1, 5), 2), ("a", (2, 3, 4), 1)]  # as they were first given

    def test_a_face_has_it_and_no_revision_changes(self, project: Project) -> None:
        before = [face.revision_id for face in project.faces()]
        project.set_expression([2], "mine")
        now = project.faces()
        assert [face.revision_id for face in now] == before
        assert now[1].expression == "mine"
        assert now[0].expression == next(iter(sample_faces())).expression
        then = project.faces_as_of(max(before), [])
        assert [face.expression for face in then] == [face.expression for face in now]

    def test_all_or_nothing(self, project: Project) -> None:
        before = labels(project)
        with pytest.raises(ProjectError, match=r"no item 99 .* Nothing was changed"):
            project.set_expression([1, 99], "x")
        with pytest.raises(InputError, match="at most 40"):
            project.set_expressions({1: "fine", 2: "x" * 41})
        assert labels(project) == before

    def test_a_face_without_points_or_label(self, project: Project) -> None:
        item = project.add_item(None)
        assert project.summary(item.id).expression == ""
        assert project.expression_history(item.id) == []
        project.set_expression([item.id], "x")
        assert project.expression(item.id) == "x"

    def test_the_identity_of_faces_follows_it(self, project: Project) -> None:
        before = snapshot_hash(project.faces())
        project.set_expression([1], "other")
        assert snapshot_hash(project.faces()) != before

    @pytest.mark.parametrize(
        "statement", ["UPDATE expressions SET label = 'x'", "DELETE FROM expressions"]
    )
    def test_the_database_keeps_what_was_said(self, statement: str, project: Project) -> None:
        with (
            pytest.raises(ProjectError, match="never changed or deleted"),
            project._database.write() as connection,
        ):
            connection.exec_driver_sql(statement)

    def test_a_conflict_of_points_is_none_of_labels(self, project: Project) -> None:
        head = project.annotation(1)
        assert head is not None
        project.set_expression([1], "x")
        moved = Annotation("face70", head.annotation.points + 1, head.annotation.states)
        saved = project.save(1, moved, head.id)
        with pytest.raises(RevisionConflict):
            project.save(1, head.annotation, head.id)
        assert saved.is_head
        assert project.expression(1) == "x"


class TestImport:
    def test_the_sample_brings_its_own(self, project: Project) -> None:
        said = [face.expression for face in islice(sample_faces(), 8)]
        assert list(labels(project).values()) == said
        assert {s.author for k in labels(project) for s in project.expression_history(k)} == {
            "import:sample"
        }

    def test_again_it_changes_its_own_labels_only(self, project: Project) -> None:
        from dataclasses import replace

        project.set_expression([1], "mine")
        project.set_expression([2], "")
        again = [replace(face, expression="theirs") for face in islice(sample_faces(), 8)]
        report = project.import_entries("sample", again, scheme="face70", copy=True)
        assert (report.unchanged, report.expressions) == (8, 8)
        assert list(labels(project).values()) == ["mine", "", *["theirs"] * 6]
        silent = [replace(face, expression="") for face in islice(sample_faces(), 8)]
        report = project.import_entries("sample", silent, scheme="face70", copy=True)
        assert report.expressions == 0
        assert list(labels(project).values()) == ["mine", "", *["theirs"] * 6]


class TestTable:
    def write(self, folder: Path, *lines: str) -> Path:
        file = folder / "labels.csv"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return file

    def test_faces_by_number_name_and_picture(self, project: Project, tmp_path: Path) -> None:
        table = self.write(
            tmp_path,
            "Expression;item;face;image",
            "one;1;;",
            "two;;s0001;",
            "three;;;s0002.jpg",
            "four;4;s0003;sample\\s0003.jpg",
            ";5;;",
            "'=six;6;;",
        )
        before = labels(project)
        said = project.import_expressions(table)
        assert said.refused == ()
        assert list(labels(project).values()) == [
            "one", "two", "three", "four", before[5], "=six", before[7], before[8],
        ]  # fmt: skip

    def test_frames_of_a_video(self, tmp_path: Path) -> None:
        from faceloop_datasets.sample import sample_clip

        with Project.create(tmp_path / "p") as project:
            clip = project.add_media(sample_clip())
            for frame in (3, 4):
                project.add_item(clip, frame)
            table = self.write(tmp_path, "image,frame,expression", "clip.mp4,4,talk", "clip.mp4,,x")
            said = project.import_expressions(table)
            assert list(labels(project).values()) == ["", "talk"]
            (refused,) = said.refused
            assert refused.line == 3
            assert "2 faces have image 'clip.mp4'" in refused.reason

    def test_rows_that_cannot_be_used(self, project: Project, tmp_path: Path) -> None:
        table = self.write(
            tmp_path, "item,face,expression", "1,,a", "1,,b", "99,,c", "2,s0009,d", f"3,,{'x' * 41}"
        )
        said = project.import_expressions(table)
        assert said.labels == {1: "a"}
        assert [(r.line, r.reason[:30]) for r in said.refused] == [
            (3, "Line 2 calls the same face 'a'"),
            (4, "No face of this project has it"),
            (5, "No face of this project has it"),
            (6, "The expression 'xxxxxxxxxxxxxx"),
        ]

    @pytest.mark.parametrize("head", ["item,label", "expression", "", "image,exp"])
    def test_columns_that_are_missing(self, head: str, project: Project, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="expected expression, and one or more of item"):
            project.import_expressions(self.write(tmp_path, head, "1,2"))

    @pytest.mark.parametrize("lines", [['"item,expression'], ["item,expression", '1,"smile']])
    def test_a_quote_without_an_end(
        self, lines: list[str], project: Project, tmp_path: Path
    ) -> None:
        with pytest.raises(InputError, match="is no table that can be read"):
            project.import_expressions(self.write(tmp_path, *lines))

    def test_what_was_exported_comes_back(self, project: Project, tmp_path: Path) -> None:
        from faceloop_workbench.services.exporting import export_faces

        expected = labels(project)
        export_faces(project, "csv", tmp_path / "faces.csv")
        assert np.isin(["smile", "talk"], list(expected.values())).all()
        project.set_expression(expected, "forgotten")
        said = project.import_expressions(tmp_path / "faces.csv")
        assert said.refused == ()
        assert labels(project) == expected
