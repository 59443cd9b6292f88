from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from faceloop_datasets import Cancelled, InputError
from faceloop_datasets.archive import extract_members, is_archive, list_members, read_member

CONTENT = {"jpg/a.jpg": b"a" * 5000, "jpg/b.jpg": bytes(range(256)) * 50, "notes.txt": b"hello"}


def make(path: Path, content: dict[str, bytes], extra: tarfile.TarInfo | None = None) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        folder = tarfile.TarInfo("jpg")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, data in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        if extra is not None:
            tar.addfile(extra)
    return path


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return make(tmp_path / "a.tar.gz", CONTENT)


def test_list_and_read(archive: Path, tmp_path: Path) -> None:
    assert is_archive(archive)
    assert not is_archive(tmp_path)
    assert list_members(archive) == tuple(CONTENT)
    assert read_member(archive, "notes.txt") == b"hello"
    with pytest.raises(InputError, match=r"has no file absent\.txt"):
        read_member(archive, "absent.txt")


def test_listing_follows_the_file(archive: Path) -> None:
    list_members(archive)
    make(archive, {"other": b"123456789"})
    assert list_members(archive) == ("other",)


def test_extract(archive: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    files = extract_members(
        archive, ["jpg/b.jpg", "jpg/a.jpg"], tmp_path / "out", lambda *p: seen.append(p)
    )
    assert {name: file.read_bytes() for name, file in files.items()} == {
        name: CONTENT[name] for name in ("jpg/a.jpg", "jpg/b.jpg")
    }
    assert seen == [(1, 2), (2, 2)]
    written = sorted(p for p in (tmp_path / "out").rglob("*") if p.is_file())
    assert written == sorted(files.values())


def test_cancel_leaves_whole_files_only(archive: Path, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise Cancelled("stop")

    with pytest.raises(Cancelled):
        extract_members(archive, ["jpg/a.jpg", "jpg/b.jpg"], tmp_path / "out", stop)
    assert [p.name for p in (tmp_path / "out").rglob("*.*")] == ["a.jpg"]
    extract_members(archive, ["jpg/a.jpg", "jpg/b.jpg"], tmp_path / "out")
    assert len(list((tmp_path / "out").rglob("*.jpg"))) == 2


def test_a_file_of_another_size_is_replaced(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"hel")
    extract_members(archive, ["notes.txt"], tmp_path)
    assert (tmp_path / "notes.txt").read_bytes() == b"hello"


def test_absent_member(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no file jpg/c\.jpg"):
        extract_members(archive, ["jpg/c.jpg"], tmp_path / "out")


def link(name: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = "/etc/passwd"
    return info


@pytest.mark.parametrize(
    "bad",
    [
        tarfile.TarInfo("../evil"),
        tarfile.TarInfo("jpg/../../evil"),
        tarfile.TarInfo("/evil"),
        tarfile.TarInfo("..\\evil"),
        tarfile.TarInfo("C:evil"),
        link("soft", tarfile.SYMTYPE),
        link("hard", tarfile.LNKTYPE),
        link("pipe", tarfile.FIFOTYPE),
        link("device", tarfile.CHRTYPE),
    ],
    ids=lambda info: info.name,
)
def test_unsafe_archive_gives_nothing(bad: tarfile.TarInfo, tmp_path: Path) -> None:
    path = make(tmp_path / "bad.tar.gz", CONTENT, bad)
    with pytest.raises(InputError, match=r"leads outside|a link or a device"):
        list_members(path)
    with pytest.raises(InputError):
        extract_members(path, ["notes.txt"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("part", [0.0, 0.05, 0.3, 0.6, 0.9, 0.98])
def test_truncated(part: float, archive: Path, tmp_path: Path) -> None:
    data = archive.read_bytes()
    archive.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(InputError, match=r"a\.tar\.gz is truncated or damaged"):
        list_members(archive)
    with pytest.raises(InputError):
        extract_members(archive, ["jpg/a.jpg"], tmp_path / "out")


def test_a_missing_checksum_is_noticed(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-4])
    with pytest.raises(InputError, match="truncated or damaged"):
        list_members(archive)


def test_a_wrong_checksum_is_noticed(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-8] + b"12345678")
    with pytest.raises(InputError, match="truncated or damaged"):
        list_members(archive)


def test_no_archive(tmp_path: Path) -> None:
    (tmp_path / "x.tar.gz").write_bytes(b"this is text" * 100)
    with pytest.raises(InputError, match="truncated or damaged"):
        list_members(tmp_path / "x.tar.gz")


def test_unwritable_destination(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file where a folder should be")
    with pytest.raises(InputError, match="cannot be written"):
        extract_members(archive, ["notes.txt"], tmp_path / "out")
