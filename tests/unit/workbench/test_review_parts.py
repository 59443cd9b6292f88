"""Parts of the tab Queue without a window: words, recent projects, thumbnails, intake."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from faceloop_datasets import (
    Annotation,
    Cancelled,
    Conversion,
    ImportReport,
    Monitor,
    PointState,
    Progress,
    Project,
    Scheme,
)
from faceloop_datasets.formats import Refusal, all_formats
from faceloop_datasets.sample import sample_clip
from faceloop_workbench.queue import claims, face_texts
from faceloop_workbench.queue.report_text import report_text
from faceloop_workbench.queue.thumbnails import NOTHING, SIZE, Thumbnails, cut_out
from faceloop_workbench.services import queue_reasons, recent_projects
from faceloop_workbench.services.add_files import Added, add_files, are_annotations
from faceloop_workbench.services.blind_rounds import choose_faces
from faceloop_workbench.services.conversion_text import conversion_text
from faceloop_workbench.services.progress_text import ProgressText

if TYPE_CHECKING:
    from collections.abc import Iterator

N = 70


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "project") as made:
        yield made


def picture(path: Path, colour: tuple[int, int, int] = (10, 20, 30)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (80, 60), colour).save(path)
    return path


class TestWords:
    def test_missing_points_are_named_up_to_three(self) -> None:
        names = ["a", "b", "c", "d", "e"]
        assert face_texts.missing_text([0, 0, 0, 0, 0], names, 3) == ""
        assert face_texts.missing_text([0, 3, 0, 0, 0], names, 3) == "1 point is missing: b"
        assert face_texts.missing_text([3, 3, 3, 3, 3], names, 3) == (
            "5 points are missing: a, b, c and 2 more"
        )

    def test_a_label_says_what_is_left(self, project: Project) -> None:
        item = project.add_item(None).id
        assert face_texts.label_text(project.summary(item)) == "not labelled"
        states = np.zeros(N, dtype=np.uint8)
        states[:2], states[2:3] = PointState.ESTIMATED, PointState.MISSING
        points = np.full((N, 2), 5.0)
        first = project.save(item, Annotation("face70", points, states, "import:muct"), None)
        row = project.summary(item)
        assert face_texts.label_text(row) == "labelled, 2 to confirm, 1 missing"
        project.save(item, Annotation("face70", points, states, "manual"), first.id)
        row = project.summary(item)
        assert face_texts.label_of(row) == "half"
        assert face_texts.label_text(row).startswith("half corrected, 2")

    def test_an_entry_says_why_and_what_became_of_it(self, project: Project) -> None:
        item = project.add_item(None).id
        entry = project.queue.add(item, "poor-fit", predicted_error=0.123)
        row = project.summary(item)
        said = (
            face_texts.reason_text(row),
            queue_reasons.predicted_error_text(row),
            face_texts.status_text(row),
        )
        assert said == ("poor fit", "0.123 IOD", "")
        project.queue.claim(entry.id, "ann@host:1.1")
        assert face_texts.status_text(project.summary(item)) == "in work by ann"
        project.queue.skip(entry.id, "no face")
        assert face_texts.status_text(project.summary(item)) == "skipped: no face"

    def test_all_reasons_are_told_with_their_sentences(self, project: Project) -> None:
        item = project.add_item(None).id
        project.queue.add(item, "poor-fit", predicted_error=0.05, note="")
        entry = project.queue.add(item, "label-check", note="Nose <b> lies low.", points=(61,))
        project.queue.add(item, "manual")
        row = project.summary(item)
        assert face_texts.reason_text(row) == "put here by hand, label looks wrong, poor fit"
        assert face_texts.sentence_text(row) == "Nose <b> lies low."
        assert queue_reasons.reason_lines(row.reasons) == [
            "Put here by hand",
            "Label looks wrong: Nose <b> lies low.",
            "Poor fit: predicted error 0.050 IOD",
        ]
        project.queue.add(item, "manual", note="found in the picture, predicted error 0.050")
        lines = queue_reasons.reason_lines(project.summary(item).reasons)
        assert lines[0] == "Found in the picture, predicted error 0.050"
        assert face_texts.reason_text(project.summary(item)).startswith("found in the picture, ")
        project.queue.skip(entry.id)
        row = project.summary(item)
        # A reason is no word of the person who skipped it.
        assert (face_texts.status_text(row), face_texts.sentence_text(row)) == ("skipped", "")

    def test_points_to_confirm_are_said_of_any_face(self, project: Project) -> None:
        item = project.add_item(None).id
        assert not face_texts.is_labelled(project.summary(item), "estimated")
        states = np.zeros(N, dtype=np.uint8)
        states[33] = PointState.ESTIMATED
        first = project.save(item, Annotation("face70", np.zeros((N, 2)), states, "import:x"), None)
        row = project.summary(item)
        assert [key for key in face_texts.LABELS if face_texts.is_labelled(row, key)] == [
            "labelled", "estimated",
        ]  # fmt: skip
        project.save(item, Annotation("face70", np.zeros((N, 2)), states, "manual"), first.id)
        row = project.summary(item)
        assert [key for key in face_texts.LABELS if face_texts.is_labelled(row, key)] == [
            "half",
            "estimated",
        ]

    def test_every_format_is_explained(self) -> None:
        for one in all_formats().values():
            assert one.title
            assert one.explanation.endswith(".")
            assert one.patterns


class TestClaims:
    def test_two_windows_of_one_program_have_two_names(self) -> None:
        one, two = claims.window_name(), claims.window_name()
        assert one != two
        assert claims.person(one) == claims.person(two)

    def test_what_a_running_program_has_is_not_abandoned(self, project: Project) -> None:
        entry = project.queue.add(project.add_item(None).id, "manual")
        project.queue.claim(entry.id, claims.window_name())
        assert claims.abandoned(project.overview()) == []

    def test_other_computers_are_not_judged(self, project: Project) -> None:
        entry = project.queue.add(project.add_item(None).id, "manual")
        project.queue.claim(entry.id, "ann@elsewhere:999999999.1")
        assert claims.abandoned(project.overview()) == []


class TestRecent:
    @pytest.fixture(autouse=True)
    def _own_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FACELOOP_CONFIG", str(tmp_path / "config"))

    def test_the_last_one_comes_first_and_only_once(self, tmp_path: Path) -> None:
        assert recent_projects.recent_projects() == []
        folders = [str(tmp_path / name) for name in ("a", 'b "quoted" ü', "c")]
        for folder in folders:
            Project.create(folder).close()
            recent_projects.remember(folder)
        recent_projects.remember(folders[0])
        assert recent_projects.recent_projects() == [folders[0], folders[2], folders[1]]

    def test_one_on_a_server_is_among_them(self) -> None:
        place = "postgresql://ann@server.example/faces?folder=/mnt/team/faces"
        recent_projects.remember(place)
        assert recent_projects.recent_projects() == [place]
        assert recent_projects.title_of_place(place) == ("faces", "ann@server.example")

    def test_one_that_is_gone_is_not_offered(self, tmp_path: Path) -> None:
        Project.create(tmp_path / "a").close()
        recent_projects.remember(str(tmp_path / "a"))
        shutil.rmtree(tmp_path / "a")
        assert recent_projects.recent_projects() == []

    @pytest.mark.parametrize("text", ["not toml [", "projects = 3", "projects = [1, 2]"])
    def test_a_damaged_list_is_an_empty_one(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "config").mkdir()
        (tmp_path / "config" / "recent.toml").write_text(text)
        assert recent_projects.recent_projects() == []


class TestCutOut:
    def test_the_square_is_round_the_points(self) -> None:
        pixels = np.zeros((200, 300, 3), dtype=np.uint8)
        pixels[40:80, 200:240] = 255
        points = np.array([[200.0, 40.0], [239.0, 79.0], [np.nan, np.nan]])
        square = cut_out(pixels, points)
        assert square.shape == (SIZE, SIZE, 3)
        assert square[SIZE // 2, SIZE // 2].tolist() == [255, 255, 255]
        assert square[2, 2].tolist() == [0, 0, 0]
        # 40 pixels of 40 and 30 % on each side: the face takes 62 % of the width.
        assert (square[SIZE // 2, :, 0] > 127).mean() == pytest.approx(0.62, abs=0.03)

    def test_a_face_at_the_edge_stays_in_the_picture(self) -> None:
        pixels = np.full((50, 50, 3), 9, dtype=np.uint8)
        points = np.array([[-10.0, -10.0], [20.0, 20.0]])
        assert (cut_out(pixels, points) == 9).all()

    def test_without_points_it_is_the_middle(self) -> None:
        pixels = np.zeros((100, 300, 3), dtype=np.uint8)
        pixels[:, 100:200] = 200
        assert (cut_out(pixels, None) == 200).all()


class TestThumbnails:
    def test_they_are_made_when_asked_for(self, project: Project, tmp_path: Path) -> None:
        good = project.add_item(project.add_media(picture(tmp_path / "a.png", (0, 200, 0)))).id
        lost = project.add_media(picture(tmp_path / "b.png", (1, 1, 1)))
        bad = project.add_item(lost).id
        (tmp_path / "b.png").unlink()
        made, told = threading.Semaphore(0), list[int]()
        thumbnails = Thumbnails(project.path)
        thumbnails.made.connect(lambda number: (told.append(number), made.release()))
        rows = {row.item_id: row for row in project.overview()}
        assert thumbnails.get(rows[good]) is None
        assert made.acquire(timeout=10)
        assert thumbnails.get(rows[bad]) is None
        assert made.acquire(timeout=10)
        assert told == [good, bad]
        pixels = thumbnails.get(rows[good])
        assert pixels is not None
        assert pixels[0, 0].tolist() == [0, 200, 0]
        assert thumbnails.get(rows[bad]) is NOTHING
        thumbnails.forget()
        assert thumbnails.get(rows[good]) is None
        thumbnails.close()


class TestIntake:
    def test_folders_are_looked_through(self, project: Project, tmp_path: Path) -> None:
        folder = tmp_path / "in"
        picture(folder / "a.jpg", (1, 2, 3))
        picture(folder / "deep" / "b.PNG", (4, 5, 6))
        shutil.copy(sample_clip(), folder)
        (folder / "notes.txt").write_text("not asked for")
        (folder / "broken.jpg").write_text("no picture")
        added = add_files(project, [folder], Monitor())
        assert (added.pictures, added.videos, added.known) == (2, 1, 0)
        assert len(added.refused) == 1
        assert "broken.jpg" in added.refused[0]
        assert [item.name for item in project.items()] == ["a.jpg", "b.PNG"]
        again = add_files(project, [folder], Monitor())
        assert (again.pictures, again.videos, again.known) == (0, 0, 3)

    def test_stopping_keeps_what_was_added(self, project: Project, tmp_path: Path) -> None:
        paths = [picture(tmp_path / f"{k}.png", (k, 0, 0)) for k in range(3)]
        told: list[Progress] = []
        with pytest.raises(Cancelled):
            add_files(project, paths, Monitor(told.append, lambda: len(told) == 2))
        assert len(project.items()) == 2

    def test_it_says_what_it_did(self) -> None:
        assert str(Added()) == "There is no picture and no video among these files."
        assert str(Added(pictures=1)) == "1 picture added."
        assert str(Added(pictures=2, known=3)) == "2 pictures added. 3 were here already."

    def test_annotations_are_known_by_their_names(self, tmp_path: Path) -> None:
        (tmp_path / "a.pts").touch()
        assert are_annotations([tmp_path])
        assert are_annotations([tmp_path / "a.pts"])
        (tmp_path / "x.tar.gz").touch()
        assert are_annotations([tmp_path / "x.tar.gz"])
        (tmp_path / "b").mkdir()
        assert not are_annotations([tmp_path / "b"])
        (tmp_path / "b" / "notes.txt").write_text("of the first day", encoding="utf-8")
        (tmp_path / "b" / "settings.json").write_text("{}", encoding="utf-8")
        assert not are_annotations([tmp_path / "b"])


class TestTimeLeft:
    def test_it_is_told_after_a_while_and_for_each_stage_anew(self) -> None:
        now = [0.0]
        left = ProgressText(lambda: now[0])
        assert left.text(Progress(0, 100, "reading a")) == "reading a, 0 of 100"
        now[0] = 1.0
        assert left.text(Progress(10, 100, "reading b")) == "reading b, 10 of 100"
        now[0] = 5.0
        assert left.text(Progress(20, 100, "reading c")).endswith("20 of 100, about 20 s left")
        assert left.text(Progress(0, 9, "writing")) == "writing, 0 of 9"
        now[0] = 300.0
        assert left.text(Progress(3, 9, "writing")).endswith("about 10 min left")
        now[0] = 304.0
        assert left.text(Progress(9, 9, "writing")).endswith("a few seconds left")
        assert left.text(Progress(3, None, "solving")) == "solving"


def test_a_report_names_conversions_lines_and_pictures() -> None:
    report = ImportReport(
        "muct",
        faces=3,
        new=2,
        unchanged=1,
        points=210,
        points_estimated=3,
        shape_only=1,
        images_not_found=("gone.jpg",),
        refused=(Refusal(Path("faces.csv"), 7, "the name is empty"),),
        skipped={"a variant": 4},
        dry_run=True,
    )
    text = report_text(
        report, conversion_text(Conversion.load("muct76", "face70"), Scheme.load("face70"))
    )
    assert text.startswith("This import would add 2 faces. Nothing is written yet.")
    for part in (
        "faces.csv, line 7: the name is empty",
        "gone.jpg",
        "4 rows are left out: a variant.",
        "muct76 becomes face70: 69 of 70 points are the same marks; 1 estimated (",
        "  here already       1",
    ):
        assert part in text


def test_faces_of_a_round_are_drawn_from_all_subjects(project: Project, tmp_path: Path) -> None:
    """Each subject once before any comes twice, and who it is depends on the seed."""
    of: dict[int, str] = {}
    for number in range(20):
        media = project.add_media(picture(tmp_path / f"{number}.png", (number, 0, 0)))
        item = project.add_item(media)
        of[item.id] = f"person {number % 10}"
        project.set_subject([item.id], of[item.id])
    three = [{of[k] for k in choose_faces(project, 3, seed)} for seed in range(8)]
    assert all(len(one) == 3 for one in three)
    assert len(set.union(*three)) > 6
    all_but_three = [of[k] for k in choose_faces(project, 17)]
    assert len(set(all_but_three[:10])) == 10
    assert len(set(all_but_three[10:])) == 7
    assert choose_faces(project, 5, 3) == choose_faces(project, 5, 3)
