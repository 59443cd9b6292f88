"""Expressions on the command line and in the list of faces: list, set, import, choose."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import pytest

from faceloop_datasets import Project
from faceloop_datasets.sample import sample_faces
from faceloop_workbench.annotate.editor import FaceEditor
from faceloop_workbench.annotate.expression import FaceExpression
from faceloop_workbench.queue.review import Review
from faceloop_workbench.session import Session

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight faces of two people; the sample says what they express."""
    with Project.create(tmp_path / "faces") as project:
        project.import_entries("sample", islice(sample_faces(), 8), scheme="face70", copy=True)
        project.set_expression([1, 2, 3, 4], "open & wide")
        project.set_expression([5, 6], "smile")
        project.set_expression([7, 8], "")
    return tmp_path / "faces"


def said_of(folder: Path) -> list[str]:
    with Project.open(folder) as project:
        return [one.expression for one in project.overview()]


class TestCommands:
    def test_the_list(self, faceloop: Run, folder: Path) -> None:
        values = faceloop("expressions", "list", "-p", folder, "--json").json()
        assert values == {
            "faces": 8,
            "expressions": [
                {"expression": "open & wide", "faces": 4, "subjects": 1, "learned": False,
                 "items": [1, 2, 3, 4]},
                {"expression": "smile", "faces": 2, "subjects": 1, "learned": False,
                 "items": [5, 6]},
            ],
        }  # fmt: skip
        said = faceloop("expressions", "list", "-p", folder)
        assert "open & wide" in said.out
        assert said.out.count("too rare") == 2
        assert "6 of 8 faces have a label" in said.err

    def test_set_and_take_away(self, faceloop: Run, folder: Path) -> None:
        said = faceloop("expressions", "set", "wink", "--item", 1, "--item", 8, "-p", folder)
        assert "2 faces are labelled wink now; 2 were something else before." in said.out
        said = faceloop("expressions", "set", "", "--matching", "s000[12]", "-p", folder)
        assert "2 faces have no label now; 2 were something else before." in said.out
        said = faceloop("expressions", "set", "", "--item", 2, "-p", folder)
        assert "1 face has no label now; 0 were something else before." in said.out
        found = faceloop("expressions", "set", "x", "--regex", "s000[45]", "-p", folder, "--json")
        assert found.json() == {"expression": "x", "changed": 2, "items": [5, 6]}
        assert said_of(folder) == ["wink", "", "", "open & wide", "x", "x", "", "wink"]

    @pytest.mark.parametrize(
        ("command", "code", "said"),
        [
            (("set", "x"), 2, "--item, --matching or --regex"),
            (("set", "x", "--item", "9"), 1, "There is no item 9"),
            (("set", "  ", "--item", "1"), 2, "expected a word"),
            (("set", "x" * 41, "--item", "1"), 1, "expected at most 40"),
            (("import", "nothing.csv"), 1, "nothing.csv"),
        ],
    )
    def test_what_cannot_be(
        self, command: tuple[str, ...], code: int, said: str, faceloop: Run, folder: Path
    ) -> None:
        before = said_of(folder)
        done = faceloop("expressions", *command, "-p", folder)
        assert (done.code, said_of(folder)) == (code, before)
        assert said in " ".join(done.err.split())

    def test_a_table(self, faceloop: Run, folder: Path, tmp_path: Path) -> None:
        table = tmp_path / "labels.csv"
        table.write_text("image,expression\ns0000.jpg,one\ns0009.jpg,two\n", encoding="utf-8")
        said = faceloop("expressions", "import", table, "-p", folder)
        assert (said.code, said_of(folder)[0]) == (0, "one")
        assert (
            "1 face is labelled as labels.csv says: 0 had no label before, 1 had another one"
            in (" ".join(said.out.split()))
        )
        assert "1 row cannot be used" in said.err
        assert "s0009.jpg" in said.out
        table.write_text("image,expression\ns0009.jpg,two\n", encoding="utf-8")
        values = faceloop("expressions", "import", table, "-p", folder, "--json")
        assert (values.code, values.json()["refused"][0]["line"]) == (1, 2)

    def test_what_a_table_would_replace(self, faceloop: Run, folder: Path, tmp_path: Path) -> None:
        table, before = tmp_path / "labels.csv", said_of(folder)
        table.write_text("item,expression\n1,smile\n5,smile\n8,new\n2,\n", encoding="utf-8")
        trial = faceloop("expressions", "import", table, "--dry-run", "-p", folder, "--json").json()
        assert said_of(folder) == before
        assert (trial["faces"], trial["replaced"], trial["unchanged"]) == (3, 1, 1)
        said = " ".join(faceloop("expressions", "import", table, "-p", folder).out.split())
        assert "1 had no label before, 1 had another one, 1 had this one." in said
        assert said_of(folder) == ["smile", *before[1:7], "new"]

    def test_an_export_has_the_column(self, faceloop: Run, folder: Path, tmp_path: Path) -> None:
        import pandas as pd

        for file in (tmp_path / "faces.csv", tmp_path / "faces.parquet"):
            assert faceloop("export", file.suffix[1:], file, "-p", folder).code == 0
            read = pd.read_csv if file.suffix == ".csv" else pd.read_parquet
            table = read(file).groupby("face")["expression"].first().fillna("")
            assert table.tolist() == said_of(folder)


class TestList:
    def test_faces_of_an_expression(self, folder: Path) -> None:
        session = Session()
        review = Review(session, FaceEditor(session))
        session.open(Project.open(folder))
        assert review.expressions == {"open & wide": 4, "smile": 2, "": 2}
        review.select(expression="smile")
        assert review.rows == [5, 6]
        review.select(expression="")
        assert review.rows == [7, 8]
        session.close()

    def test_it_follows_what_is_labelled(self, folder: Path) -> None:
        session = Session()
        review, expression = Review(session, FaceEditor(session)), FaceExpression(session)
        session.open(Project.open(folder))
        review.select(expression="smile")
        review.go_to(5)
        shown: list[str] = []
        edits: list[tuple[str, str]] = []
        expression.shown.connect(shown.append)
        expression.edited.connect(lambda *both: edits.append(both))
        expression.set("  wink ")
        expression.set("wink")  # no change, and nothing to undo
        assert (shown[-1], edits) == ("wink", [("smile", "wink")])
        assert review.rows == [6]
        assert review.row(5).expression == "wink"
        assert expression.words() == ["smile", "open & wide", "wink"]
        expression.restore("smile")
        assert (review.rows, len(edits)) == ([5, 6], 1)
        session.close()

    def test_what_cannot_be_a_label_is_told(self, folder: Path) -> None:
        session = Session()
        expression, told = FaceExpression(session), []
        session.told.connect(lambda message: told.append((message.level, message.text)))
        session.open(Project.open(folder))
        session.show(session.need_project().item(5))
        expression.set("x" * 41)
        assert expression.label == "smile"
        assert told[0][0] == "error"
        assert "at most 40" in told[0][1]
        session.close()
