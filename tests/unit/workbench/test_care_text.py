"""What a backup, a check and an erasure say."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from faceloop_datasets.care import (
    Backup,
    BackupReport,
    CheckReport,
    Erasure,
    ErasureTarget,
    Finding,
)
from faceloop_datasets.care.bundle import Member
from faceloop_workbench.services.care_text import (
    OUT_OF_REACH,
    after_erasing_text,
    backup_text,
    before_erasing_text,
    check_text,
    erased_text,
    grouped_findings,
    shorten,
)

ANNA = Erasure(
    target=ErasureTarget("anna"),
    items=("a", "b"),
    revisions=1,
    entries=1,
    files=tuple(Path("media", f"{k}.jpg") for k in range(7)),
    shared=("media/group.jpg",),
    elsewhere=("/elsewhere/c.jpg",),
    backups=(Path("backups/x.zip"), Path("backups/y.zip")),
    reports=(Path("reports/m"),),
)


def finding(severity, where, what="Gone"):
    return Finding(severity, what, where, "Put it back.")


class TestCheck:
    def test_findings_of_a_kind_are_together_and_the_worst_come_first(self):
        report = CheckReport(
            (finding("error", "a"), finding("error", "b"), finding("note", "c")), {"items": 3}
        )
        assert [kind.places for kind in grouped_findings(report.findings)] == [("a", "b"), ("c",)]
        text = check_text(report)
        assert text.startswith("Not sound: 3 items.\n\nERRORS\n\nGone (2):\n    a\n    b\n")
        assert text.endswith("NOTES\n\nGone (1):\n    c\nWhat to do: Put it back.")
        assert "WARNINGS" not in text

    def test_a_heading_comes_once_for_several_kinds(self):
        found = (finding("warning", "a"), finding("warning", "b", "Changed"))
        assert check_text(CheckReport(found, {})).count("WARNINGS") == 1

    def test_very_many_are_counted(self):
        found = tuple(finding("error", str(number)) for number in range(103))
        assert "    99\n    and 3 more\n" in check_text(CheckReport(found, {}))

    def test_a_sound_project(self):
        assert check_text(CheckReport((), {"items": 2})) == "Sound: 2 items.\nNothing is wrong."


class TestBackup:
    def test_the_file_its_size_and_what_is_not_in_it(self):
        members = (Member("project.db", 1_500_000, ""), Member("models/m", 700_000, ""))
        made = Backup(Path("/b/f.zip"), "f", datetime.now(UTC), 2, "", members)
        assert backup_text(BackupReport(made, (), 0, 0)) == "Wrote /b/f.zip, 2.2 MB."
        said = backup_text(BackupReport(made, ("models/x",), 1, 4))
        assert "missing from the project: models/x." in said
        assert "Without the 1 picture or video in" in said
        assert "outside the project's folder: 4 pictures and videos." in said


class TestErasure:
    def test_what_goes_and_what_stays(self):
        said = before_erasing_text(ANNA, ["first", "second"])
        assert "2 faces of anna, with 1 saved annotation and 1 entry of the queue" in said
        assert "7 pictures and videos in the project: 0.jpg, " in said
        assert "4.jpg and 2 more\n" in said
        assert "all of it in 2 backups" in said
        assert "all reports in the project's folder, since they name people: m;" in said
        assert "other faces are in it: media/group.jpg." in said
        assert "yours to delete: /elsewhere/c.jpg." in said
        assert "Trained on this subject: first, second. " in said
        assert OUT_OF_REACH in said

    def test_nothing_is_said_of_what_there_is_not(self):
        said = before_erasing_text(Erasure(ErasureTarget("anna"), ("a",), 0, 0, (), (), (), ()), [])
        assert not {"picture", "backup ", "reports", "Stays", "Trained"} & set(said.split())

    def test_what_is_left_is_said(self):
        done = {**vars(ANNA), "searched": (3, 2_000_000)}
        assert "Searched 3 files, 2.0 MB: nothing of it is left." in after_erasing_text(
            Erasure(**done), []
        )
        said = after_erasing_text(Erasure(**{**done, "left": ("the text 'anna' in x",)}), [])
        assert "this is still there:\n  •  the text 'anna' in x\n" in said
        assert "nothing of it" not in said

    def test_all_faces_are_named_and_a_picture_is_no_person(self):
        names = tuple(f"face {k}" for k in range(30))
        known = {"numbers": tuple(range(30)), "sources": ("picture",)}
        planned = Erasure(ErasureTarget("img_1"), names, 0, 0, (), (), (), (), **known)
        assert erased_text(planned) == "all 30 faces of the picture img_1"
        said = before_erasing_text(planned, [])
        assert all(f"face {k} (item {k})" in said for k in range(30))
        assert "How it is known whom they show: only the name of a picture." in said

    def test_whom(self):
        assert erased_text(ANNA) == "all 2 faces of anna"
        one = Erasure(ErasureTarget("anna", 1, "x" * 300), ("x",), 0, 0, (), (), (), ())
        assert erased_text(one) == f"only this face, {shorten('x' * 300)}"
        assert len(erased_text(one)) < 80
