from __future__ import annotations

from pathlib import Path

import pytest

from faceloop_datasets import Cancelled, InputError, VideoWriter
from faceloop_datasets.files import as_file_name, atomic_path, is_file_name


def test_the_file_appears_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.csv"
    with atomic_path(target) as part:
        part.write_text("whole")
        assert not target.exists()
        assert part.suffix == ".csv"
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def fail(target: Path, error: BaseException) -> None:
    with atomic_path(target) as part:
        part.write_text("half")
        raise error


def fill(target: Path) -> None:
    with atomic_path(target) as part, Path("/dev/full").open("wb", buffering=0) as full:
        part.write_text("half")
        full.write(b"x")


@pytest.mark.parametrize("error", [Cancelled("stop"), KeyboardInterrupt(), ValueError("x")])
def test_a_failure_leaves_the_old_file_alone(error: BaseException, tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    target.write_text("old")
    with pytest.raises(type(error)):
        fail(target, error)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_full_disk_is_named(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    complaint = r"a\.csv cannot be written: the disk is full"
    with pytest.raises(InputError, match=complaint):
        fill(target)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", ["", ".", "/"])
def test_what_has_no_name_is_no_file_to_write(folder: str) -> None:
    with pytest.raises(InputError, match="is a folder"), atomic_path(Path(folder)):
        pass
    with pytest.raises(InputError, match="is a folder"):
        VideoWriter(folder, 25)


@pytest.mark.parametrize(
    "name",
    ["c:x.bin", "a\\b.bin", "a\nb.bin", "a\udcff.bin", "\x1b[2J.bin", "", ".", "..", "../../x"],
)
def test_a_name_that_some_system_takes_for_more_is_made_plain(name: str) -> None:
    assert not is_file_name(name)
    assert is_file_name(as_file_name(name))
    assert as_file_name("'; DROP TABLE models.bin") == "'; DROP TABLE models.bin"


@pytest.mark.parametrize("letter", ["n", "é", "🙂"])
def test_a_long_name_is_cut_and_stays_its_own(letter: str) -> None:
    one, other = (as_file_name(f"{letter * 199}{end}.mp4") for end in "xy")
    for name in (one, other):
        assert name.startswith(letter * 40)
        assert name.endswith(".mp4")
        assert len(name.encode()) <= 200
        assert is_file_name(name)
    assert one != other
    short = letter * (190 // len(letter.encode())) + ".mp4"
    assert as_file_name(short) == short
