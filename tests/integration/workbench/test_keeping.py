"""check, backup, restore and erase as a person types them, and what leaves a project otherwise."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from faceloop_datasets import Project
from faceloop_datasets.formats import get_writer, writable
from faceloop_datasets.sample import sample_dir
from faceloop_runtime import FaceModel
from faceloop_trainer.data.split import fingerprint

if TYPE_CHECKING:
    from .conftest import Run

GONE, STAYS = "sample-id001", "sample-id000"


def subjects(folder: Path) -> list[str]:
    with Project.open(folder) as project:
        return sorted({item.subject for item in project.items()})


class TestCheck:
    def test_sound_and_not_sound(self, faceloop: Run, small_project: Path) -> None:
        sound = faceloop("check", small_project, "--hashes")
        assert (sound.code, "Sound: 8 items, 8 revisions" in sound.out) == (0, True)
        for file in sorted((small_project / "media" / "sample").iterdir())[:5]:
            file.unlink()
        broken = faceloop("check", small_project)
        assert broken.code == 1
        words = " ".join(broken.out.split())
        assert "error 5" in words
        assert "and 2 more" in words
        assert "Find moved media" in words
        found = faceloop("check", small_project, "--json")
        assert found.code == 1
        assert len(found.json()["findings"]) == 5
        assert found.json()["sound"] is False


class TestBackup:
    def test_there_and_back(
        self,
        faceloop: Run,
        small_project: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        (tmp_path / "here").mkdir()
        monkeypatch.chdir(tmp_path / "here")
        plain = faceloop("backup", small_project)
        assert "Without 8 pictures and videos" in plain.err
        (file,) = (tmp_path / "here").iterdir()
        assert str(file.name) in plain.out
        whole = faceloop("backup", small_project, tmp_path / "b.zip", "--with-media", "--json")
        assert len(whole.json()["files"]) == 9
        restored = faceloop("restore", tmp_path / "b.zip", tmp_path / "again")
        assert "the project small as it was on" in restored.out
        assert faceloop("check", tmp_path / "again", "--hashes").code == 0
        again = faceloop("restore", tmp_path / "b.zip", tmp_path / "again")
        assert (again.code, "not empty" in again.err) == (1, True)
        bare = faceloop("restore", file, tmp_path / "bare", "--json").json()
        assert len(bare["missing"]) == 8

    @pytest.mark.parametrize("command", ["backup", "check", "erase"])
    def test_a_server_that_does_not_answer(self, faceloop: Run, command: str) -> None:
        options = ["--item", "1", "--yes"] if command == "erase" else []
        said = faceloop(command, "postgresql://ann:secret@localhost:1/faces", *options)
        assert said.code == 1
        assert "localhost/faces failed: the server cannot be reached" in said.err
        assert "keep it in ~/.pgpass" in said.err
        assert "secret" not in said.err


class TestErase:
    def test_it_asks_for_the_name(
        self, faceloop: Run, small_project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for answer, code in (("", 1), ("yes\n", 130), (f"{GONE}\n", 0)):
            monkeypatch.setattr("sys.stdin", io.StringIO(answer))
            said = faceloop("erase", small_project, "--subject", GONE)
            assert said.code == code
            assert "4 faces of 'sample-id001' with 4 saved annotations" in said.err
            assert subjects(small_project) == ([STAYS] if code == 0 else [STAYS, GONE])
        assert "nothing of it is left" in said.out
        assert "faceloop check" not in said.err

    def test_models_that_were_trained_on_it_are_named(
        self, faceloop: Run, small_project: Path, tmp_path: Path
    ) -> None:
        starter = FaceModel.starter()
        with Project.open(small_project) as project:
            for name, subject in (("ours", GONE), ("theirs", STAYS)):
                seen = {"training_subjects": [fingerprint(subject)]}
                replace(starter, provenance=seen).save(tmp_path / f"{name}.safetensors")
                project.add_model(tmp_path / f"{name}.safetensors", {})
            item = next(item for item in project.items() if item.subject == GONE)
        found = faceloop("erase", small_project, "--item", item.id, "--yes", "--json").json()
        assert (found["items"], found["models"], found["left"]) == ([item.name], ["ours"], [])
        said = faceloop("erase", small_project, "--subject", GONE, "--yes")
        assert "Trained on this subject: ours. " in said.out
        assert subjects(small_project) == [STAYS]

    def test_what_is_left_is_said(self, faceloop: Run, small_project: Path) -> None:
        with Project.open(small_project) as project:
            project.queue.add(project.items()[0].id, "manual", note=f"like {GONE}")
        said = faceloop("erase", small_project, "--subject", GONE, "--yes")
        assert said.code == 1
        assert f"the text {GONE!r} in project.db" in " ".join(said.out.split())

    def test_wrong_usage(self, faceloop: Run, small_project: Path) -> None:
        assert faceloop("erase", small_project, "--yes").code == 2
        assert faceloop("erase", small_project, "--item", 1, "--subject", GONE).code == 2
        assert faceloop("erase", small_project, "--item", 99, "--yes").code == 1


_LIBRARIES = {"nwb": "pynwb", "sleap": "sleap_io"}
"""Of formats that an extra brings."""


class TestPicturesStay:
    @pytest.mark.parametrize("target", writable())
    def test_no_export_holds_any(
        self, target: str, faceloop: Run, small_project: Path, tmp_path: Path
    ) -> None:
        if target in _LIBRARIES:
            pytest.importorskip(_LIBRARIES[target])
        dest = tmp_path / "out" / f"faces{get_writer(target).suffix}"
        assert faceloop("export", target, dest, "--project", small_project).code == 0
        written = b"".join(p.read_bytes() for p in dest.parent.rglob("*") if p.is_file())
        assert b"s0000" in written or target in {"ibug", "300vw"}  # in names only
        for picture in (small_project / "media" / "sample").iterdir():
            pixels = picture.read_bytes()
            assert not any(pixels[k : k + 16] in written for k in range(700, len(pixels), 4000))
        assert not [p for p in dest.parent.rglob("*") if p.suffix.lower() in (".jpg", ".png")]

    def test_they_are_not_copied_unless_asked(self, faceloop: Run, tmp_path: Path) -> None:
        folder = tmp_path / "pictures"
        folder.mkdir()
        for name in ("s0000.jpg", "s0001.jpg"):
            (folder / name).write_bytes((sample_dir() / "stills" / name).read_bytes())
        with Project.create(tmp_path / "faces", scheme="face70") as project:
            for name in ("s0000.jpg", "s0001.jpg"):
                project.add_item(project.add_media(folder / name))
            assert list((project.path / "media").iterdir()) == []
            assert [project.resolve(m).parent for m in project.media()] == [folder] * 2
        said = faceloop("backup", tmp_path / "faces", tmp_path / "b.zip", "--with-media")
        assert "2 pictures and videos lie outside" in said.err
        assert b"JFIF" not in (tmp_path / "b.zip").read_bytes()
