from __future__ import annotations

import re
from pathlib import Path
from typing import IO

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets import Cancelled, InputError, VideoWriter, files
from faceloop_datasets.faults import in_words
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


# From Microsoft's "Naming Files, Paths, and Namespaces", written the slow way.
DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{n}{k}" for n in ("COM", "LPT") for k in "0123456789")}
WORDS = st.sampled_from(
    [*DEVICES, "con", "Aux ", "nul.", ".", " ", ":", "?", "\\", "a", "é", ".txt"]
)


@given(st.lists(WORDS | st.text(max_size=3), max_size=5).map("".join))
def test_windows_takes_every_name_for_what_it_is(name: str) -> None:
    made = as_file_name(name)
    assert is_file_name(made)
    assert not set(made) & set('<>:"/\\|?*')
    assert made == made.rstrip(". ")
    assert made.split(".")[0].rstrip().upper() not in DEVICES
    assert as_file_name(made) == made


def test_a_name_that_every_system_takes_stays() -> None:
    for name in ("Zoë 2 (best).safetensors", "console.mp4", "com.csv", ".hidden", "a.b..c", "漢"):
        assert as_file_name(name) == name


class HeldFile:
    """Windows' rule on any system: a file that is open in this process gets no other name."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, reader: IO[str], closed_after: int) -> None:
        self.tries, self._reader, self._closed_after = 0, reader, closed_after
        self._real = Path.replace
        monkeypatch.setattr(Path, "replace", lambda *paths: self.replace(*paths))  # noqa: PLW0108
        monkeypatch.setattr(files, "_PAUSES", (0.0,) * 3)

    def replace(self, source: Path, target: Path) -> Path:
        self.tries += 1
        if self.tries > self._closed_after:
            self._reader.close()
        if str(target) in {file.path for file in psutil.Process().open_files()}:
            raise PermissionError(13, "in use", str(target))
        return self._real(source, target)


@pytest.mark.parametrize("closed_after", [1, 3, 4])
def test_a_file_that_is_read_for_a_moment_is_waited_for(
    closed_after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part, target = tmp_path / "part", tmp_path / "target"
    part.write_text("new")
    target.write_text("old")
    with target.open() as reader:
        held = HeldFile(monkeypatch, reader, closed_after)
        if closed_after == 4:
            with pytest.raises(PermissionError):
                files._replace(part, target, held=True)
        else:
            files._replace(part, target, held=True)
            assert held.tries == closed_after + 1
    assert target.read_text() == ("old" if closed_after == 4 else "new")


def test_elsewhere_nothing_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part, target = tmp_path / "part", tmp_path / "target"
    part.write_text("new")
    target.write_text("old")
    with target.open() as reader:
        held = HeldFile(monkeypatch, reader, closed_after=1)
        with pytest.raises(PermissionError):
            files._replace(part, target, held=False)
    assert held.tries == 1


@pytest.mark.parametrize(
    ("number", "words"), [(32, "another program"), (206, "too long"), (5, "not allowed")]
)
def test_windows_tells_more_than_its_error(number: int, words: str) -> None:
    error = PermissionError(13, "Permission denied")
    error.winerror = number  # what it has on Windows
    assert re.search(words, in_words(error))
