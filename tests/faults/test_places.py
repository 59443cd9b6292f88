"""A project's folder that goes away while it is open, and a clock that is set back."""

from __future__ import annotations

import itertools
import random
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scenes import check_kept, check_sound, fresh
from victims import digest, scribble

from faceloop_datasets import Project, ProjectError
from faceloop_workbench.annotate.editor import FaceEditor
from faceloop_workbench.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows lets nobody move a folder with open files"
)


@pytest.fixture
def place(template: Path, tmp_path: Path) -> Path:
    return fresh(template, tmp_path / "copy")


@pytest.fixture
def session(place: Path) -> Iterator[Session]:
    session = Session()
    session.open(Project.open(place))
    yield session
    session.close()


def save(project: Project, seed: int, item_id: int = 1) -> dict[str, object]:
    mine = scribble(random.Random(seed))  # noqa: S311 - repeatable
    saved = project.save(item_id, mine, project.item(item_id).head, "ann")
    return {"item": item_id, "revision": saved.id, "digest": digest(mine)}


def test_a_moved_folder_is_told_and_what_was_not_saved_is_saved_when_it_is_back(
    place: Path, session: Session
) -> None:
    project, editor, said = session.need_project(), FaceEditor(session), []
    session.saved.connect(
        lambda r: said.append({"item": r.item_id, "revision": r.id, "digest": digest(r.annotation)})
    )
    session.show(project.items()[0])
    editor.select([3])
    assert editor.remove() is not None
    place.rename(place.with_name("elsewhere"))
    editor.select([4])
    assert editor.remove() is None
    assert editor.save_status.kind == "unsaved"
    assert "was moved, replaced or deleted" in editor.save_status.why
    for do in (lambda: save(project, 1), lambda: project.queue.add(1, "manual")):
        with pytest.raises(ProjectError, match=r"Nothing was written|cannot be opened"):
            do()
    assert not place.exists()
    place.with_name("elsewhere").rename(place)
    editor.synchronise()
    assert editor.save_status.kind == "saved"
    assert len(said) == 2
    check_kept(place, said)
    check_sound(place)


def test_a_deleted_folder_takes_no_save_for_saved(place: Path, session: Session) -> None:
    project = session.need_project()
    save(project, 1)
    shutil.rmtree(place)
    for seed in (2, 3):  # not the second time either
        with pytest.raises(ProjectError, match=r"deleted|cannot be opened"):
            save(project, seed)
    assert not place.exists()


def test_another_project_in_its_place_is_not_written_to_unseen(
    place: Path, template: Path, session: Session
) -> None:
    project = session.need_project()
    save(project, 1)
    head = project.item(1).head
    place.rename(place.with_name("elsewhere"))
    shutil.copytree(template / "project", place)
    mine = scribble(random.Random(2))  # noqa: S311 - repeatable
    with pytest.raises(ProjectError, match="another file is there"):
        project.save(1, mine, head)
    with Project.open(place) as other:
        assert len(other.history(1)) == 1


def test_the_clock_is_set_back(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jumps = itertools.cycle((0, -7200, 3600, -(10**8), 5))

    def now() -> str:
        return (datetime.now(UTC) + timedelta(seconds=next(jumps))).isoformat()

    for module in ("items", "models"):
        monkeypatch.setattr(f"faceloop_datasets.store.{module}.now", now)
    with Project.open(place) as project:
        said = [save(project, seed) for seed in range(12)]
        history = project.history(1)
        created = [r.created for r in history]
        assert created != sorted(created), "the clock has really gone back"
        assert [r.id for r in history[-12:]] == [line["revision"] for line in said]
        assert history[-1].is_head
        files = sorted((place.parent / "outside").glob("models-*/*.safetensors"))
        records = [project.add_model(file, {}) for file in files]
        assert [m.id for m in project.models()] == [m.id for m in records]
    check_kept(place, said)
    check_sound(place)
