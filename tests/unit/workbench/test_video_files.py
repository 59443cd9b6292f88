"""Which videos files, folders and patterns name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from faceloop_datasets import InputError
from faceloop_workbench.services.video_files import find_videos, names_one_file

FILES = (
    "a/talk.mp4", "a/deep/talk.MP4", "b/talk.mp4", "b/[1].mkv", "notes.txt", "a/p.jpg",
    "a/._talk.mp4", ".trash/old.mp4", "out/talk.mp4",
)  # fmt: skip


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_stands_for_all_videos_below_it(here: Path) -> None:
    found = find_videos([Path()], leave_out=Path("out"))
    assert found.videos == {
        here / name: name for name in ("a/talk.mp4", "a/deep/talk.MP4", "b/talk.mp4", "b/[1].mkv")
    }
    assert found.others == (here / "a/._talk.mp4", here / "a/p.jpg", here / "notes.txt")
    assert found.faults == {}


def test_names_do_not_change_when_videos_come(here: Path) -> None:
    (here / "b/talk.mp4").unlink()
    (here / "b/[1].mkv").unlink()
    assert find_videos([here / "a", here / "b"]).videos[here / "a/talk.mp4"] == "a/talk.mp4"
    (here / "a/talk.mp4").unlink()
    assert find_videos([here / "a"]).videos == {here / "a/deep/talk.MP4": "deep/talk.MP4"}


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("b/*.mp4", ["talk.mp4"]),
        ("**/talk.mp4", ["a/talk.mp4", "b/talk.mp4", "out/talk.mp4"]),
        ("[ab]", ["a/deep/talk.MP4", "a/talk.mp4", "b/[1].mkv", "b/talk.mp4"]),
        ("b/[1].mkv", ["[1].mkv"]),
        ("notes.txt", ["notes.txt"]),
        ("nowhere.mp4", ["nowhere.mp4"]),
    ],
)
def test_patterns_are_resolved_where_the_shell_does_not(
    here: Path, pattern: str, names: list[str]
) -> None:
    assert sorted(find_videos([Path(pattern)]).videos.values()) == names
    assert names_one_file([Path(pattern)]) == (pattern in {"b/[1].mkv", "notes.txt", "nowhere.mp4"})


def test_what_cannot_be_looked_at_is_told(here: Path) -> None:
    with pytest.raises(InputError, match=r"Nothing matches the pattern .*c.\*\.mp4"):
        find_videos([Path("a"), Path("c/*.mp4")])
    assert not names_one_file([Path("a"), Path("b")])
    if os.name == "posix" and os.geteuid():
        (here / "b").chmod(0)
        try:
            found = find_videos([here])
        finally:
            (here / "b").chmod(0o700)
        assert found.faults == {here / "b": "you are not allowed to"}


def test_a_video_that_is_named_twice_is_one(here: Path) -> None:
    (here / "a/TALK.mp4").write_bytes(b"x")
    found = find_videos([Path("a"), Path("a/talk.mp4"), Path("a/deep/../p.jpg")])
    if not (here / "A").exists():  # names of one folder that another system takes for the same
        assert {"TALK.mp4", "talk.mp4_2"} <= set(found.videos.values())
    assert len(found.videos) == 4
    assert found.others == (here / "a/._talk.mp4",)
